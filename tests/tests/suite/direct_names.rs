//! How clients name the tools of direct servers.

use exuvia_tests::{Daemon, Folder, HttpClient, built};
use serde_json::{Value, json};

/// Tables of servers that have these tools.
fn servers(folder: &Folder, all: &[(&str, &[&str])]) -> String {
    let mut tables = String::new();
    for (number, (name, tools)) in all.iter().enumerate() {
        let tool = |name: &&str| json!({"name": name, "description": "told", "inputSchema": {"type": "object"}, "_meta": {"own": 1}});
        let tools: Vec<Value> = tools.iter().map(tool).collect();
        let file = format!("{number}.json");
        folder.write(&file, &json!(tools).to_string());
        tables.push_str(&format!(
            "[servers.{name:?}]\ncommand = {:?}\nargs = [\"--tools\", {:?}]\nmode = \"direct\"\nauto_execute = [\"*\"]\n",
            built("exuvia-fake-upstream"),
            folder.text(&file)
        ));
    }
    tables
}

async fn daemon(folder: &Folder, text: &str) -> Daemon {
    folder.write("exuvia.toml", text);
    folder.serve(&[]).await
}

/// The tools at this path that have an original: their names, and the originals.
async fn tools(daemon: &Daemon, path: &str) -> Vec<(String, Value)> {
    let mut client = HttpClient::connect(daemon.address()).await;
    let listed = client.ask(path, "tools/list", json!({}), json!({})).await.message();
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let metas = ["listToolFiles", "readToolFile", "getToolDocs"];
    let direct = tools
        .iter()
        .filter(|tool| tool["description"] == "told" || !metas.contains(&tool["name"].as_str().unwrap_or("")));
    direct.map(|tool| (tool["name"].as_str().expect("a name").to_owned(), tool["_meta"].clone())).collect()
}

fn names(tools: &[(String, Value)]) -> Vec<&str> {
    tools.iter().map(|(name, _)| name.as_str()).collect()
}

const BARE: &str =
    "[profiles.bare]\nservers = [\"one\", \"two\"]\nprefix = false\n[profiles.alone]\nservers = [\"one\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_further_server_renames_no_tool() {
    let folder = Folder::new("");
    let one = servers(&folder, &[("one", &["search", "get"])]);
    let alone = daemon(&folder, &one).await;
    let before = tools(&alone, "/mcp").await;
    assert_eq!(names(&before), ["one__search", "one__get"]);
    let both = servers(&folder, &[("one", &["search", "get"]), ("two", &["search"])]);
    let both = daemon(&folder, &both).await;
    let after = tools(&both, "/mcp").await;
    assert_eq!(names(&after), ["one__search", "one__get", "two__search"]);
    assert_eq!(after[..2], before[..]);
    // Whose it is and what it is called there stands beside what the server wrote.
    assert_eq!(after[0].1, json!({"own": 1, "exuvia/original": {"server": "one", "tool": "search"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_of_letters_digits_and_few_signs_and_all_can_be_called() {
    let long = "x".repeat(120);
    let folder = Folder::new("");
    let all = servers(
        &folder,
        &[("my files", &["read/file", "\u{43f}\u{43e}\u{438}\u{441}\u{43a}", &long, "executeToolCode"])],
    );
    let daemon = daemon(&folder, &all).await;
    let found = tools(&daemon, "/mcp").await;
    assert_eq!(found.len(), 4, "{found:?}");
    let mut client = HttpClient::connect(daemon.address()).await;
    for (name, meta) in &found {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(name.len() <= 64 && name.chars().all(is_plain), "{name}");
        assert_eq!(meta["exuvia/original"]["server"], "my files", "{meta}");
        // The server is asked for its own name of it, which it says it does not have.
        let answer =
            client.ask("/mcp", "tools/call", json!({"name": name, "arguments": {}}), json!({})).await.message();
        let own = meta["exuvia/original"]["tool"].as_str().expect("a name");
        assert!(!answer.to_string().contains("did you mean"), "{own}: {answer}");
    }
    assert!(names(&found).contains(&"my_files__read_file"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_one_name_get_different_names_and_the_operator_is_warned() {
    let folder = Folder::new("");
    let all = servers(&folder, &[("one", &["search", "executeToolCode"]), ("two", &["search", "only"])]);
    let scripts = format!("[servers.code]\ncommand = {:?}\n", built("exuvia-fake-upstream"));
    let bare = BARE.replace("[\"one\", \"two\"]", "[\"one\", \"two\", \"code\"]");
    let daemon = daemon(&folder, &[all, scripts, bare].concat()).await;
    let found: Vec<String> = names(&tools(&daemon, "/mcp/bare").await).into_iter().map(str::to_owned).collect();
    assert_eq!(found, ["executeToolCode", "search", "one__executeToolCode", "two__search", "only"]);
    assert_eq!(names(&tools(&daemon, "/mcp/alone").await), ["one__search", "one__executeToolCode"]);
    daemon.says("tool renamed: its public name is taken", 2).await;
}

/// Whatever the other one lists today: a name that a client has allowed must not come to mean a tool of another server.
#[tokio::test]
async fn a_name_that_begins_like_those_of_another_server_is_not_given_away() {
    let folder = Folder::new("");
    let daemon = daemon(&folder, &servers(&folder, &[("a", &["b__c", "x"]), ("a__b", &["d"])])).await;
    let found = tools(&daemon, "/mcp").await;
    let found = names(&found);
    assert!(found.contains(&"a__x") && found.contains(&"a__b__d"), "{found:?}");
    assert!(!found.contains(&"a__b__c") && found.iter().any(|name| name.starts_with("a__b__c_")), "{found:?}");
}

/// A client has allowed a name for the tool of one server. Whatever is listed, configured or withheld later, the name stays that tool's.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_never_comes_to_mean_the_tool_of_another_server() {
    let folder = Folder::new("");
    let bare = "[profiles.bare]\nservers = [\"one\", \"two\"]\nprefix = false\n";
    let one = servers(&folder, &[("one", &["search", "get"])]);
    let two = || {
        let fake = built("exuvia-fake-upstream");
        let tools = json!([{"name": "search", "description": "told", "inputSchema": {"type": "object"}}]);
        folder.write("two.json", &tools.to_string());
        format!(
            "[servers.two]\ncommand = {fake:?}\nargs = [\"--tools\", {:?}]\nmode = \"direct\"\n",
            folder.text("two.json")
        )
    };
    let text = |change: &str| [&one, &two(), change].concat();
    let daemon = daemon(&folder, &text(bare)).await;
    let found = tools(&daemon, "/mcp/bare").await;
    assert_eq!(names(&found), ["search", "get", "two__search"]);
    // The order of the profile is another one.
    folder.write("exuvia.toml", &text(&bare.replace("[\"one\", \"two\"]", "[\"two\", \"one\"]")));
    daemon.says("the new configuration is active", 1).await;
    assert_eq!(names(&tools(&daemon, "/mcp/bare").await), ["two__search", "search", "get"]);
    // The owner of the name hides it.
    let hidden = one.replace("auto_execute", "tools = [\"get\"]\nauto_execute");
    folder.write("exuvia.toml", &[&hidden, &two(), bare].concat());
    daemon.says("the new configuration is active", 2).await;
    assert_eq!(names(&tools(&daemon, "/mcp/bare").await), ["get", "two__search"]);
    // The owner of the name is gone, and comes back.
    folder.write("exuvia.toml", &[&two(), "[profiles.bare]\nservers = [\"two\"]\nprefix = false\n"].concat());
    daemon.says("the new configuration is active", 3).await;
    assert_eq!(names(&tools(&daemon, "/mcp/bare").await), ["two__search"]);
    folder.write("exuvia.toml", &text(bare));
    daemon.says("the new configuration is active", 4).await;
    assert_eq!(names(&tools(&daemon, "/mcp/bare").await), ["search", "get", "two__search"]);
}

/// The same where the names of servers come to the same, as `my.files` and `my_files` do.
#[tokio::test(flavor = "multi_thread")]
async fn a_further_server_whose_name_comes_to_the_same_takes_no_name() {
    let folder = Folder::new("");
    let first = servers(&folder, &[("my.files", &["read", "Read", "ｒｅａｄ"])]);
    let daemon = daemon(&folder, &first).await;
    let before = tools(&daemon, "/mcp").await;
    assert_eq!(names(&before)[..2], ["my_files__read", "my_files__Read"], "{before:?}");
    let owner = |tools: &[(String, Value)], name: &str| {
        let (_, meta) = tools.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name}: {tools:?}"));
        meta["exuvia/original"].clone()
    };
    // It is before the other one in the file.
    let second = servers(&folder, &[("my_files", &["read"]), ("my.files", &["read", "Read", "ｒｅａｄ"])]);
    folder.write("exuvia.toml", &second);
    daemon.says("the new configuration is active", 1).await;
    let after = tools(&daemon, "/mcp").await;
    assert_eq!(after.len(), 4, "{after:?}");
    for (name, meta) in &before {
        assert_eq!(owner(&after, name), meta["exuvia/original"], "{name}");
    }
    let own: std::collections::BTreeSet<String> =
        after.iter().map(|(_, meta)| meta["exuvia/original"].to_string()).collect();
    assert_eq!(own.len(), 4, "{after:?}");
}

/// A tool that is withheld, and one that its server does not list any more, keep their names, also over a restart.
#[tokio::test(flavor = "multi_thread")]
async fn pinned_tools_keep_their_names() {
    let folder = Folder::new("");
    let text = || {
        let bare = "pin = \"enforce\"\n[profiles.bare]\nservers = [\"one\", \"two\"]\nprefix = false\n";
        [bare, &servers(&folder, &[("one", &["search", "get"]), ("two", &["search", "get"])])].concat()
    };
    folder.write("exuvia.toml", &text());
    let serve = || async {
        let mut command = std::process::Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", folder.path("data"));
        let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    };
    let all = ["search", "get", "two__search", "two__get"];
    assert_eq!(names(&tools(&serve().await, "/mcp/bare").await), all);
    let changed = json!([{"name": "search", "description": "told otherwise", "inputSchema": {"type": "object"}}]);
    folder.write("0.json", &changed.to_string());
    let daemon = serve().await;
    // Neither `search`, which changed, nor `get`, which is gone, is another server's.
    assert_eq!(names(&tools(&daemon, "/mcp/bare").await), ["two__search", "two__get"]);
    let mut client = HttpClient::connect(daemon.address()).await;
    let call = json!({"name": "search", "arguments": {}});
    let answer = client.ask("/mcp/bare", "tools/call", call, json!({})).await.message();
    assert!(answer.to_string().contains("one.search is withheld"), "{answer}");
    let call = json!({"name": "get", "arguments": {}});
    let answer = client.ask("/mcp/bare", "tools/call", call, json!({})).await.message();
    assert!(
        answer["error"]["message"].as_str().is_some_and(|text| text.starts_with("unknown tool \"get\"")),
        "{answer}"
    );
}
