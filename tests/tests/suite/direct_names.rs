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
