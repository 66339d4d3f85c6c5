//! Tools that change after they were first seen: reported, withheld from everybody, accepted. `kanarie` stands for all that a server
//! says: none of it is in the log.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use exuvia_access::secret_hash;
use exuvia_tests::{Daemon, Ended, Folder, HttpClient, NOWHERE, Program, built};
use serde_json::{Value, json};

const CHANGED: &str = "tool changed since it was accepted";
const PINNED: &str = "tools pinned at first sight";
const WITHHELD: &str = "is withheld";
/// What scripts are answered by every tool.
const ANSWER: &str = "\"7351\"";
const LINE: &str = "\"7351\"\n";
const SOON: Duration = Duration::from_secs(20);

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

/// Servers whose tools are in files, a configuration of them, and a data directory that processes share.
struct World(Folder);

impl World {
    /// `crm` is called by scripts and `web` by clients, each with the settings given for it, below settings for all.
    fn new(all: &str, each: &str) -> Self {
        let world = Self(Folder::new(""));
        let answer = json!({"content": [{"type": "text", "text": "7351"}]});
        let names = ["get_contact", "get_order", "get_new", "get_page", "get_image"];
        let answers: serde_json::Map<String, Value> =
            names.iter().map(|&name| (name.to_owned(), answer.clone())).collect();
        world.0.write("answers.json", &json!(answers).to_string());
        world.lists("crm", &[tool("get_contact", "Gets a contact."), tool("get_order", "Gets an order.")]);
        world.lists("web", &[tool("get_page", "Gets a page."), tool("get_image", "Gets an image.")]);
        world.0.write(
            "exuvia.toml",
            &[all, &world.server("crm", each), &world.server("web", &format!("{each}mode = 'direct'\n"))].concat(),
        );
        world
    }

    fn server(&self, name: &str, settings: &str) -> String {
        let fake = built("exuvia-fake-upstream");
        let tools = self.0.text(&format!("{name}.json"));
        let arguments = json!(["--tools", tools, "--answers", self.0.text("answers.json"), "--change-every", "200"]);
        format!("[servers.{name}]\ncommand = {fake:?}\nargs = {arguments}\nauto_execute = ['*']\n{settings}")
    }

    fn lists(&self, server: &str, tools: &[Value]) {
        self.0.write(&format!("{server}.json"), &json!(tools).to_string());
    }

    /// One tool of each server says something else.
    fn change(&self) {
        self.lists("crm", &[tool("get_contact", "Gets a kanarie."), tool("get_order", "Gets an order.")]);
        self.lists("web", &[tool("get_page", "Gets a kanarie."), tool("get_image", "Gets an image.")]);
    }

    fn data(&self) -> PathBuf {
        self.0.path("data")
    }

    async fn serve(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", self.data());
        let daemon = Daemon::start_by(command, &["--config", &self.0.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    /// `exuvia` with these arguments; where they are about servers, with the configuration.
    fn exuvia(&self, arguments: &[&str]) -> Ended {
        let (data, file) = (self.data().display().to_string(), self.0.text("exuvia.toml"));
        let config: &[&str] = if matches!(arguments, ["tools", "accept" | "unpin", ..] | ["replay", ..]) {
            &[]
        } else {
            &["--config", &file]
        };
        Program::start(&[arguments, config].concat(), &[("XDG_DATA_HOME", &data)]).end()
    }

    fn pin_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data().join("exuvia/pins")).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        files
    }
}

async fn meta(daemon: &Daemon, tool: &str, arguments: Value) -> String {
    let mut client = HttpClient::connect(daemon.address()).await;
    let params = json!({"name": tool, "arguments": arguments});
    let answer = client.ask("/mcp", "tools/call", params, json!({})).await.message();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The tools that clients call themselves.
async fn direct_tools(daemon: &Daemon) -> Vec<String> {
    let mut client = HttpClient::connect(daemon.address()).await;
    let listed = client.ask("/mcp", "tools/list", json!({}), json!({})).await.message();
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let names = tools.iter().filter_map(|tool| tool["name"].as_str());
    names.filter(|name| name.contains("__")).map(str::to_owned).collect()
}

/// Waits until the daemon answers so.
async fn until(daemon: &Daemon, code: &str, answer: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let found = daemon.run(code).await;
        if found.contains(answer) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < SOON, "{found}\n{}", daemon.said().join("\n"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const GET: &str = "result = crm.get_contact()";
/// Calls one tool again and again until it is denied, then another one.
const UNTIL_DENIED: &str = "import time\nwhile True:\n    try:\n        crm.get_contact()\n        time.sleep(0.02)\n    \
    except ToolDenied as denied:\n        why = str(denied)\n        break\nresult = [why, crm.get_order()]";
/// A name that the analysis does not see.
const UNSEEN: &str = "result = dir(crm), crm.get_order()\ntry:\n    getattr(crm, 'get_' + 'contact')()\nexcept ToolDenied as denied:\n    \
    result = [str(denied), *result]";

#[tokio::test(flavor = "multi_thread")]
async fn an_enforced_pin_withholds_a_changed_tool_from_everybody_until_it_is_accepted() {
    let world = World::new("pin = 'enforce'\n", "");
    let daemon = world.serve().await;
    daemon.says(PINNED, 2).await;
    assert_eq!(daemon.run(GET).await, ANSWER);
    assert_eq!(direct_tools(&daemon).await, ["web__get_page", "web__get_image"]);
    let running = tokio::spawn(daemon.run(UNTIL_DENIED));
    while !daemon.metrics().await.contains("exuvia_calls_total{server=\"crm\",outcome=\"ok\"}") {
        assert!(!running.is_finished());
    }
    world.change();
    daemon.says(CHANGED, 2).await;
    let ended = tokio::time::timeout(SOON, running).await.expect("an end in time").expect("no panic");
    assert!(
        ended.contains("crm.get_contact is withheld")
            && ended.contains("exuvia tools accept")
            && ended.contains("7351"),
        "{ended}"
    );

    // Scripts: not before they run, and not by a name that nobody foresees.
    let refused = daemon.run(GET).await;
    assert!(
        refused.contains("the script was not run") && refused.contains(WITHHELD) && !refused.contains("kanarie"),
        "{refused}"
    );
    let unseen = daemon.run(UNSEEN).await;
    assert!(unseen.contains(WITHHELD) && unseen.contains("[\"get_order\"]") && unseen.contains("7351"), "{unseen}");
    let help = daemon
        .run("help(getattr(crm, 'get_' + 'contact'))\nprint(mcp.search('get a contact'))\nprint(crm.__doc__)")
        .await;
    assert!(help.contains(WITHHELD) && !help.contains("kanarie"), "{help}");
    // The four meta-tools.
    let listed = meta(&daemon, "listToolFiles", json!({})).await;
    let found = meta(&daemon, "listToolFiles", json!({"query": "get a contact kanarie"})).await;
    let stub = meta(&daemon, "readToolFile", json!({"fileName": "crm.pyi"})).await;
    for text in [listed, found, stub] {
        assert!(!text.contains("get_contact") && !text.contains("kanarie"), "{text}");
    }
    for (tool, arguments) in
        [("readToolFile", json!({"fileName": "crm.get_contact"})), ("getToolDocs", json!({"tool": "crm.get_contact"}))]
    {
        let text = meta(&daemon, tool, arguments).await;
        assert!(text.contains(WITHHELD) && !text.contains("kanarie"), "{text}");
    }
    // Clients of the direct server.
    assert_eq!(direct_tools(&daemon).await, ["web__get_image"]);
    let denied = meta(&daemon, "web__get_page", json!({})).await;
    assert!(
        denied.contains("web.get_page is withheld") && denied.contains("exuvia tools accept web.get_page"),
        "{denied}"
    );
    assert_eq!(meta(&daemon, "web__get_image", json!({})).await, "7351");
    assert!(daemon.metrics().await.contains("exuvia_server_tools_withheld{server=\"crm\"} 1"));

    // The operator.
    let listed = world.exuvia(&["tools", "list"]).stdout;
    assert!(
        listed.contains("get_contact  changed: description, withheld (digest ")
            && listed.contains("get_order    pinned 20"),
        "{listed}"
    );
    let accepted = world.exuvia(&["tools", "accept", "crm.get_contact"]);
    assert!(accepted.stdout.starts_with("crm.get_contact accepted: description (digest "), "{accepted:?}");
    let took = until(&daemon, GET, "7351").await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(meta(&daemon, "getToolDocs", json!({"tool": "crm.get_contact"})).await.contains("kanarie"));
    assert_eq!(direct_tools(&daemon).await, ["web__get_image"], "of another server");
    assert_eq!(world.exuvia(&["tools", "accept", "web"]).status, Some(0));
    let begun = Instant::now();
    while direct_tools(&daemon).await.len() < 2 {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.exuvia(&["tools", "accept", "web"]).status, Some(2), "nothing is left to accept");
    // The list was read again since, and says the same.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let said = daemon.said().join("\n");
    assert_eq!(said.matches(CHANGED).count(), 2, "{said}");
    assert!(said.contains("changed=\"description\"") && !said.contains("kanarie"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_pin_reports_a_change_and_withholds_nothing() {
    let world = World::new("", "");
    let daemon = world.serve().await;
    daemon.says(PINNED, 2).await;
    let more = tool("get_new", "Gets something new.");
    world.lists("crm", &[tool("get_contact", "Gets a kanarie."), tool("get_order", "Gets an order."), more]);
    daemon.says(CHANGED, 1).await;
    daemon.says("new tool pinned", 1).await;
    assert_eq!(until(&daemon, "result = [crm.get_contact(), crm.get_new()]", "[\"7351\",\"7351\"]").await.as_secs(), 0);
    let listed = world.exuvia(&["tools", "list", "--json"]).json();
    let states: Vec<_> =
        listed["servers"][0]["tools"].as_array().expect("tools").iter().map(|tool| tool["state"].clone()).collect();
    assert_eq!(
        (&listed["servers"][0]["pin"], states),
        (&json!("record"), vec![json!("changed"), json!("pinned"), json!("pinned")])
    );
    // Another process does not report it again, but for how many they are.
    let again = world.serve().await;
    again.says("tools differ from their pins", 1).await;
    assert!(!again.said().join("\n").contains(CHANGED));
    // A tool that goes keeps its pin, and comes back as something else.
    world.lists("crm", &[tool("get_contact", "Gets a contact.")]);
    let listed = world.exuvia(&["tools", "list"]).stdout;
    assert!(listed.contains("get_contact  pinned") && listed.contains(", not listed"), "{listed}");
    world.lists("crm", &[tool("get_order", "Gets a kanarie.")]);
    let listed = world.exuvia(&["tools", "list"]).stdout;
    assert!(listed.contains("get_order    changed: description (digest"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_survive_a_restart_and_new_tools_of_a_known_server_wait() {
    let world = World::new("", "pin = 'enforce'\n");
    let daemon = world.serve().await;
    daemon.says(PINNED, 2).await;
    drop(daemon);
    let [contact, order] = [tool("get_contact", "Gets a kanarie."), tool("get_order", "Gets an order.")];
    world.lists("crm", &[contact.clone(), order.clone(), tool("get_new", "Gets something new.")]);
    let daemon = world.serve().await;
    daemon.says("new tool withheld", 1).await;
    let listed = meta(&daemon, "readToolFile", json!({"fileName": "crm.pyi"})).await;
    assert!(listed.contains("get_order") && !listed.contains("get_contact") && !listed.contains("get_new"), "{listed}");
    let refused = daemon.run("crm.get_new()").await;
    assert!(refused.contains("crm.get_new is withheld: it is new on its server"), "{refused}");
    drop(daemon);
    // What was reported is summed up.
    let daemon = world.serve().await;
    daemon.says("tools withheld; see `exuvia tools list`", 1).await;
    assert!(!daemon.said().join("\n").contains(CHANGED));
    // By digest, and for all processes.
    let other = world.serve().await;
    let listed = world.exuvia(&["tools", "list", "--json"]).json();
    let digest = listed["servers"][0]["tools"][2]["digest"].as_str().expect("a digest")[..12].to_owned();
    assert_eq!(world.exuvia(&["tools", "accept", "crm", "--digest", "000000"]).status, Some(2));
    let accepted = world.exuvia(&["tools", "accept", "crm", "--digest", &digest]).stdout;
    assert_eq!(accepted, format!("crm.get_new accepted: new (digest {digest})\n"));
    for daemon in [&daemon, &other] {
        until(daemon, "result = crm.get_new()", "7351").await;
        assert!(daemon.run(GET).await.contains(WITHHELD));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_see_a_server_first_pin_the_same() {
    let world = World::new("pin = 'enforce'\n", "");
    let (one, other) = tokio::join!(world.serve(), world.serve());
    let pinned = |daemon: &Daemon| daemon.said().iter().filter(|line| line.contains(PINNED)).count();
    let begun = Instant::now();
    while pinned(&one) + pinned(&other) < 2 {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for daemon in [&one, &other] {
        assert_eq!(daemon.run(GET).await, ANSWER);
    }
    assert_eq!((world.pin_files().len(), pinned(&one) + pinned(&other)), (2, 2));
    world.change();
    one.says("tool", 1).await;
    for daemon in [&one, &other] {
        until(daemon, GET, WITHHELD).await;
    }
    let reported =
        |daemon: &Daemon| daemon.said().iter().filter(|line| line.contains(CHANGED) && line.contains("crm")).count();
    assert_eq!(reported(&one) + reported(&other), 1, "once for both");
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_that_cannot_be_read_are_an_error_and_are_never_made_again() {
    let world = World::new("pin = 'enforce'\n", "");
    drop(world.serve().await);
    let files = world.pin_files();
    let kept = fs::read_to_string(&files[0]).expect("pins");
    assert!(files[0].display().to_string().contains("/crm-") && kept.contains("get_contact"), "{files:?}");
    fs::write(&files[0], &kept[..kept.len() / 2]).expect("written");
    let daemon = world.serve().await;
    daemon.says("pins of tools unavailable", 1).await;
    let said = daemon.said().join("\n");
    assert!(said.contains("ERROR") && said.contains("/crm-") && said.contains("delete it"), "{said}");
    let refused = daemon.run("crm.get_order()").await;
    assert!(refused.contains("crm.get_order is withheld: what the operator accepted"), "{refused}");
    assert_eq!(meta(&daemon, "web__get_page", json!({})).await, "7351", "another server is not affected");
    assert_eq!(fs::read_to_string(&files[0]).expect("there"), kept[..kept.len() / 2]);
    let listed = world.exuvia(&["tools", "list"]).stdout;
    assert!(listed.contains("pins cannot be read: ") && listed.contains("delete it"), "{listed}");
    assert_eq!(world.exuvia(&["tools", "accept", "crm"]).status, Some(2));
    // A copy that is put back holds again.
    world.0.write("data/exuvia/pins/copy", &kept);
    fs::rename(world.data().join("exuvia/pins/copy"), &files[0]).expect("in place");
    until(&daemon, GET, "7351").await;
    drop(daemon);

    // Where nothing is enforced, tools are there and the error is the same.
    fs::write(&files[0], "{}").expect("written");
    world.0.write("exuvia.toml", &world.server("crm", ""));
    let daemon = world.serve().await;
    daemon.says("pins of tools unavailable", 1).await;
    assert_eq!(daemon.run(GET).await, ANSWER);
    assert_eq!(fs::read_to_string(&files[0]).expect("there"), "{}");
    assert_eq!(world.exuvia(&["tools", "audit"]).status, Some(0), "the trouble is not severe");
    fs::remove_file(&files[0]).expect("removed");
    daemon.says(PINNED, 1).await;
}

#[test]
fn nothing_is_pinned_where_the_operator_says_so_and_for_servers_of_the_command_line() {
    let world = World::new("pin = 'off'\n", "");
    let run = |arguments: &[&str]| world.exuvia(&[&["run", "-c", GET], arguments].concat());
    assert_eq!(run(&[]).stdout, LINE);
    let server = format!(
        "crm={} --tools {} --answers {}",
        built("exuvia-fake-upstream").display(),
        world.0.text("crm.json"),
        world.0.text("answers.json")
    );
    world.0.write("exuvia.toml", "");
    assert_eq!(run(&["--server", &server]).stdout, LINE);
    assert!(world.pin_files().is_empty());
    assert!(world.exuvia(&["tools", "list", "--server", &server]).stdout.contains("get_contact  not pinned"));
    world.0.write("exuvia.toml", "pin = 'record'\n");
    assert_eq!(run(&["--server", &server]).stdout, LINE);
    assert_eq!(world.pin_files().len(), 1);
}

#[test]
fn where_nothing_can_be_kept_what_is_enforced_is_withheld_and_what_is_recorded_is_not() {
    let world = World::new("", "");
    let file = world.0.text("exuvia.toml");
    let run = || Program::start(&["run", "--config", &file, "-c", GET], &[("XDG_DATA_HOME", NOWHERE)]).end();
    let ended = run();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), LINE), "{ended:?}");
    assert!(!ended.stderr.contains("pins"), "{ended:?}");
    world.0.write("exuvia.toml", &world.server("crm", "pin = 'enforce'\n"));
    let ended = run();
    assert!(ended.status != Some(0) && ended.stderr.contains("pins of tools unavailable"), "{ended:?}");
}

#[test]
fn tools_that_are_unpinned_are_pinned_again_as_they_are_listed() {
    let world = World::new("pin = 'enforce'\n", "");
    let run = || world.exuvia(&["run", "-c", GET]);
    assert_eq!(run().stdout, LINE);
    world.change();
    let ended = run();
    assert!(ended.status == Some(1) && ended.stdout.is_empty() && ended.stderr.contains(CHANGED), "{ended:?}");
    assert!(!ended.stderr.contains("kanarie"), "{ended:?}");
    assert_eq!(world.exuvia(&["tools", "unpin", "crm.get_contact"]).stdout, "crm.get_contact: not pinned\n");
    // It is new then, and its server is known.
    assert!(run().stderr.contains("new tool withheld"));
    assert_eq!(world.exuvia(&["tools", "unpin", "crm"]).stdout, "crm: no tool is pinned\n");
    assert_eq!(run().stdout, LINE);
    assert_eq!(world.exuvia(&["tools", "unpin", "nobody"]).status, Some(2));
}

#[test]
fn a_run_that_named_a_withheld_tool_is_replayed() {
    let world = World::new("pin = 'enforce'\n", "");
    assert_eq!(world.exuvia(&["run", "-c", GET]).stdout, LINE);
    world.change();
    let ended = world.exuvia(&["run", "-c", UNSEEN]);
    assert!(ended.stdout.contains(WITHHELD), "{ended:?}");
    let replayed = world.exuvia(&["replay", "--last", "1"]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains("reproduced"), "{replayed:?}");
}

/// Runs a script with a key.
async fn run_as(daemon: &Daemon, secret: &str, code: &str) -> String {
    let bearer = format!("Bearer {secret}");
    let mut params = json!({"name": "executeToolCode", "arguments": {"code": code}});
    params["_meta"] = exuvia_tests::modern_meta();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "executeToolCode"),
    ];
    let answer = HttpClient::connect(daemon.address()).await.post(&headers, &message).await;
    answer.message()["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_told_of_a_withheld_tool_that_its_role_shows_and_of_no_other() {
    let world = World::new("", "");
    let key = |name: &str, tools: &str| {
        let hash: String = secret_hash(name).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("[roles.{name}]\ntools = [{tools}]\n[keys.{name}]\nrole = '{name}'\nhash = 'sha256:{hash}'\n")
    };
    let keys = [key("ada", "'crm.*'"), key("bob", "'crm.get_order'")].concat();
    world.0.write("exuvia.toml", &["pin = 'enforce'\n", &world.server("crm", ""), &keys].concat());
    let daemon = world.serve().await;
    daemon.says(PINNED, 1).await;
    assert_eq!(run_as(&daemon, "ada", GET).await, ANSWER);
    world.change();
    daemon.says(CHANGED, 1).await;
    let begun = Instant::now();
    while !run_as(&daemon, "ada", GET).await.contains("crm.get_contact is withheld") {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let unseen = "try:\n    getattr(crm, 'get_' + 'contact')()\nexcept Exception as error:\n    result = str(error)";
    assert!(run_as(&daemon, "ada", unseen).await.contains(WITHHELD));
    for code in [GET, unseen, "result = crm.get_contact.__doc__"] {
        let unknown = run_as(&daemon, "bob", code).await;
        assert!(unknown.contains("has no tool 'get_contact'") && !unknown.contains(WITHHELD), "{unknown}");
    }
    assert_eq!(run_as(&daemon, "bob", "result = crm.get_order()").await, ANSWER);
    assert_eq!(world.exuvia(&["tools", "accept", "crm"]).status, Some(0));
    let begun = Instant::now();
    while run_as(&daemon, "ada", GET).await != ANSWER {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
