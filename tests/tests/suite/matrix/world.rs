//! Two keys, servers of which each sees its own, and servers that both see.

use std::process::Command;

use exuvia_tests::{Answer, Daemon, DataHome, Ended, Folder, KeyClient, Program, built, key_table};
use serde_json::{Value, json};

use super::functions;

/// Words that stand in everything that only one of the keys sees: names of servers, tools, prompts, resources and profiles, and texts.
pub(super) const OF_ADA: [&str; 4] = ["ruby", "garnet", "crimson", "scarlet"];
pub(super) const OF_BOB: [&str; 4] = ["azure", "cobalt", "navy", "marine"];

/// A budget of each key, of which its name and its numbers are its own.
const BUDGETS: &str = "[budgets.crimson-day]\nkeys = ['ada']\nperiod = 'month'\ncalls = 73_519\nruns = 73_519\n\
                       [budgets.navy-day]\nkeys = ['bob']\nperiod = 'month'\ncalls = 84_623\nruns = 84_623\n";

/// A daemon with both keys.
pub(super) struct World {
    daemon: Daemon,
    data: DataHome,
    folder: Folder,
}

/// What a direct server answers beside calls, with this word in everything.
fn results(word: &str) -> Value {
    let task = json!({"resultType": "complete", "taskId": "t", "status": "working", "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null});
    json!({
        "resources/list": {"resources": [{"uri": format!("{word}://ledger"), "name": word}]},
        "resources/templates/list": {"resourceTemplates": [{"uriTemplate": format!("{word}://page/{{n}}"), "name": word}]},
        "resources/read": {"contents": [{"uri": format!("{word}://ledger"), "text": format!("{word} text")}],
            "ttlMs": 60_000, "cacheScope": "public"},
        "prompts/list": {"prompts": [{"name": format!("{word}_brief"), "description": word}]},
        "prompts/get": {"messages": [{"role": "user", "content": {"type": "text", "text": word}}]},
        "completion/complete": {"completion": {"values": [word]}},
        "tasks/get": task,
        "tasks/update": {"resultType": "complete"},
        "tasks/cancel": {"resultType": "complete"},
    })
}

fn tools(names: &[&str]) -> Value {
    let tool =
        |name: &&str| json!({"name": name, "description": format!("Does {name}."), "inputSchema": {"type": "object"}});
    names.iter().map(tool).collect()
}

fn configuration(folder: &Folder) -> String {
    let fake = built("exuvia-fake-upstream");
    let server = |name: &str, word: &str, direct: bool, own: &[&str], arguments: &str| {
        let (listed, answers) = (format!("{name}.tools.json"), format!("{name}.answers.json"));
        let names = [&["echo", "answer", "ask", "work", "hang", "seen", "touch"], own].concat();
        folder.write(&listed, &tools(&names).to_string());
        let secret = json!({"content": [], "structuredContent": {format!("{word}_total"): 7}});
        folder.write(
            &answers,
            &own.iter().map(|name| ((*name).to_owned(), secret.clone())).collect::<Value>().to_string(),
        );
        folder.write(&format!("{name}.results.json"), &results(word).to_string());
        let results = folder.text(&format!("{name}.results.json"));
        let mode = if direct { "direct" } else { "code" };
        let (listed, answers) = (folder.text(&listed), folder.text(&answers));
        format!(
            "[servers.{name}]\ncommand = {fake:?}\nmode = '{mode}'\nauto_execute = ['*']\nargs = ['--tools', '{listed}', \
             '--answers', '{answers}', '--results', '{results}', '--subscribe'{arguments}]\n"
        )
    };
    let servers = [
        server("ruby", "crimson", false, &["crimson_ledger"], ""),
        server("azure", "navy", false, &["navy_ledger"], ""),
        server("common", "shared", false, &["crimson_report", "navy_report"], ""),
        server("garnet", "crimson", true, &["crimson_desk"], ""),
        server("cobalt", "navy", true, &["navy_desk"], ""),
        server("plaza", "square", true, &["crimson_stall", "navy_stall"], ", '--era', 'legacy'"),
        server("forum", "meeting", true, &[], ", '--era', 'modern'"),
    ];
    // Each sees its own servers, and of those that both see all but what has the word of the other.
    let role = |name: &str, own: &[&str], word: &str| {
        let shared = ["common", "plaza"].iter().flat_map(|server| {
            let plain = ["echo", "answer", "ask", "work", "hang", "seen", "touch"].map(str::to_owned);
            let reads = ["resources/*", "prompts/*", "completion/*", "tasks/*"].map(str::to_owned);
            let own = [format!("{word}_*")];
            plain.into_iter().chain(reads).chain(own).map(move |tool| format!("'{server}.{tool}'"))
        });
        let own = own.iter().chain(&["forum"]).map(|server| format!("'{server}.*'"));
        let tools: Vec<String> = own.chain(shared).chain(functions::tools(word)).collect();
        format!("[roles.{name}]\ntools = [{}]\n", tools.join(", "))
    };
    let roles = role("red", &["ruby", "garnet"], "crimson") + &role("blue", &["azure", "cobalt"], "navy");
    let monitor = "[roles.monitor]\ntools = []\nmetrics = true\n";
    let profiles = "[profiles.scarlet]\nservers = ['ruby']\n[profiles.marine]\nservers = ['azure']\n";
    let keys = [key_table("ada", "red"), key_table("bob", "blue"), key_table("mon", "monitor")].concat();
    format!("{}{}{roles}{monitor}{profiles}{keys}", functions::CONFIGURATION, servers.concat())
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(BUDGETS).await
    }

    /// With these tables of budgets.
    pub(super) async fn with(budgets: &str) -> Self {
        let (folder, data) = (Folder::new(""), DataHome::shared());
        folder.write("exuvia.toml", &(configuration(&folder) + budgets));
        functions::save(&folder, &data).await;
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &data);
        let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
        daemon.ready().await;
        Self { daemon, data, folder }
    }

    /// Runs the program to its end, with the same configuration and data.
    pub(super) async fn does(&self, arguments: &[&str]) -> Ended {
        let (config, data) = (self.folder.text("exuvia.toml"), self.data.as_path().display().to_string());
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let work = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--config", &config]).collect();
            Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end()
        };
        tokio::task::spawn_blocking(work).await.expect("no panic")
    }

    pub(super) async fn client(&self, key: &str) -> KeyClient {
        KeyClient::of(self.daemon.address(), key).await
    }

    pub(super) fn daemon(&self) -> &Daemon {
        &self.daemon
    }
}

/// The answer to something that is hidden is that to something that does not exist, byte for byte but for the name.
#[track_caller]
pub(super) fn same(hidden: &Answer, unknown: &Answer, (word, other): (&str, &str)) {
    assert_eq!(word.len(), other.len(), "else lengths differ");
    let (hidden, unknown) = (plain(hidden), plain(unknown));
    assert!(hidden.contains(word) || !unknown.contains(other), "it is about the name: {hidden}");
    assert_eq!(hidden.replace(word, other), unknown);
}

/// Status, headers and body, without the time and without what was used.
pub(super) fn plain(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    headers.remove("content-length");
    headers.remove("mcp-session-id");
    let text = match serde_json::from_str::<Value>(&answer.text) {
        Ok(mut message) => {
            if let Some(meta) = message.pointer_mut("/result/_meta").and_then(Value::as_object_mut) {
                meta.remove("exuvia/usage");
            }
            message.to_string()
        }
        Err(_) => answer.text.clone(),
    };
    format!("{} {headers:?} {}", answer.status, without_runs(&text))
}

/// A text without the names of runs.
pub(super) fn without_runs(text: &str) -> String {
    let is_run = |word: &&str| exuvia_tests::is_ulid(word);
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_run);
    runs.fold(text.to_owned(), |text, run| text.replace(run, "RUN"))
}

/// The name of the run that an answer offers.
pub(super) fn run_of(answer: &str) -> String {
    let mut words = answer.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| exuvia_tests::is_ulid(word)).unwrap_or_else(|| panic!("no run in {answer}")).to_owned()
}
