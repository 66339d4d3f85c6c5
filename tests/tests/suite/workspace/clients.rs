//! What clients and operators see of the files of scripts, in the program.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use exuvia_config::{FileAccess, WorkspaceShare};
use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{
    AdminApi, Daemon, Folder, KeyClient, SampleGateway, Served, Settings, direct_fake, echo_table, key_table,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A daemon whose scripts have files, with two keys.
async fn served(share: &str, more: &str) -> (Folder, Daemon) {
    let keys = ["one", "two"].map(|key| key_table(key, "user")).concat();
    let text = format!(
        "workspace = 'files'\n{}[workspaces.files]\nshare = '{share}'\n{more}\n[roles.user]\ntools = ['*.*']\n{keys}",
        echo_table()
    );
    let folder = Folder::new(&text);
    let daemon = folder.serve(&[]).await;
    (folder, daemon)
}

fn directories(daemon: &Daemon) -> PathBuf {
    daemon.data().as_path().join("exuvia/workspaces/files")
}

fn uris(answer: &Value) -> Vec<&str> {
    let items = answer["result"]["resources"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().filter_map(|item| item["uri"].as_str()).collect()
}

async fn ask(client: &mut KeyClient, method: &str, params: Value) -> Value {
    client.ask(method, params).await.message()
}

async fn read(client: &mut KeyClient, uri: &str) -> Value {
    ask(client, "resources/read", json!({"uri": uri})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_lists_and_reads_the_files_of_its_own_scripts() {
    let (_folder, daemon) = served("key", "").await;
    std::fs::create_dir_all(directories(&daemon)).expect("made");
    std::fs::write(directories(&daemon).join("secret"), "outside").expect("written");
    let mut one = KeyClient::of(daemon.address(), "one").await;
    let discovered = ask(&mut one, "server/discover", json!({})).await;
    assert!(discovered["result"]["capabilities"]["resources"].is_object(), "{discovered}");
    assert!(uris(&ask(&mut one, "resources/list", json!({})).await).is_empty());
    assert!(!directories(&daemon).join("key-one").exists(), "whoever looks makes nothing");
    let source = "
import os
os.makedirs('reports/é')
open('reports/orders.csv', 'w').write('id,total\\n1,51.40\\n')
open('reports/é/a b?.bin', 'wb').write(bytes([255, 0, 1]))
open('large.txt', 'w').write('0123456789' * 200_000)
result = 1";
    assert!(one.run(source).await.contains('1'));
    let listed = ask(&mut one, "resources/list", json!({})).await;
    let expected = [
        "exuvia-workspace://files/large.txt",
        "exuvia-workspace://files/reports/orders.csv",
        "exuvia-workspace://files/reports/%C3%A9/a%20b%3F.bin",
    ];
    assert_eq!(uris(&listed), expected);
    let csv = &listed["result"]["resources"][1];
    assert_eq!((&csv["size"], &csv["mimeType"], &csv["name"]), (&json!(17), &json!("text/csv"), &json!("orders.csv")));
    let content = |answer: &Value| answer["result"]["contents"][0].clone();
    assert_eq!(content(&read(&mut one, expected[1]).await)["text"], "id,total\n1,51.40\n");
    assert_eq!(content(&read(&mut one, expected[2]).await)["blob"], BASE64.encode([255, 0, 1]));
    let large = read(&mut one, expected[0]).await;
    assert!(large["error"]["message"].as_str().is_some_and(|text| text.contains("?offset=0&length=")), "{large}");
    let part = format!("{}?offset=1999995&length=100", expected[0]);
    assert_eq!(content(&read(&mut one, &part).await)["text"], "56789");
    let templates = ask(&mut one, "resources/templates/list", json!({})).await;
    let template = &templates["result"]["resourceTemplates"][0]["uriTemplate"];
    assert_eq!(template, "exuvia-workspace://files/{+path}{?offset,length}");
    for wrong in [
        "exuvia-workspace://files/none",
        "exuvia-workspace://files/reports",
        "exuvia-workspace://other/large.txt",
        "exuvia-workspace://files/../secret",
        "exuvia-workspace://files/..%2Fsecret",
        "exuvia-workspace://files//etc/passwd",
        "file:///etc/passwd",
    ] {
        let answer = read(&mut one, wrong).await;
        assert_eq!(answer["error"]["data"]["uri"], wrong, "{answer}");
    }
    // Another key has other files, and what is not its own does not exist for it.
    let mut two = KeyClient::of(daemon.address(), "two").await;
    assert!(uris(&ask(&mut two, "resources/list", json!({})).await).is_empty());
    assert_eq!(read(&mut two, expected[1]).await["error"]["data"]["uri"], expected[1]);
    assert!(!two.seen().contains("51.40"));
    let api = AdminApi::of(&daemon).await;
    // What was queued before is written with it.
    one.run("result = 1").await;
    let read_calls = api.get("/runs?server=exuvia:workspace&principal=key:one").await;
    assert!(read_calls["items"].as_array().is_some_and(|items| items.len() >= 3), "{read_calls}");
    // A session of the older era, too.
    let session = one.session().await;
    let message = json!({"jsonrpc": "2.0", "id": 9, "method": "resources/read", "params": {"uri": expected[1]}});
    let answer = one.in_session(&session, &message).await.message();
    assert_eq!(answer["result"]["contents"][0]["text"], "id,total\n1,51.40\n", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_come_in_pages() {
    let (_folder, daemon) = served("key", "").await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    let source = "
import os
for d in range(6):
    os.mkdir(f'd{d}')
    for n in range(200):
        open(f'd{d}/{n:03}', 'w').close()
result = 1";
    assert!(client.run(source).await.contains('1'));
    let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let params = cursor.map_or_else(|| json!({}), |cursor: Value| json!({"cursor": cursor}));
        let answer = ask(&mut client, "resources/list", params).await;
        found.extend(uris(&answer).into_iter().map(str::to_owned));
        pages += 1;
        cursor = answer["result"].get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
        if cursor.is_none() {
            break;
        }
    }
    assert!((3..10).contains(&pages), "{pages}");
    assert_eq!(found.len(), 1_200);
    assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_workspace_there_are_no_resources() {
    let folder = Folder::new(&format!("{}[roles.user]\ntools = ['*.*']\n{}", echo_table(), key_table("one", "user")));
    let daemon = folder.serve(&[]).await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    let discovered = ask(&mut client, "server/discover", json!({})).await;
    assert!(discovered["result"]["capabilities"].get("resources").is_none(), "{discovered}");
    for (method, params) in
        [("resources/list", json!({})), ("resources/read", json!({"uri": "exuvia-workspace://files/a"}))]
    {
        assert_eq!(ask(&mut client, method, params).await["error"]["code"], -32601, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_session_are_its_own_and_go_with_it() {
    let (_folder, mut daemon) = served("session", "").await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    let (a, b) = (client.session().await, client.session().await);
    let mut id = 10;
    let mut run = async |client: &mut KeyClient, session: &str, code: &str| {
        id += 1;
        let arguments = json!({"name": "executeToolCode", "arguments": {"code": code}});
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": arguments});
        let answer = client.in_session(session, &message).await.message();
        answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    };
    run(&mut client, &a, "open('mine', 'w').write('of a')\nresult = 1").await;
    run(&mut client, &b, "open('other', 'w').write('of b')\nresult = 1").await;
    let listing = "import os\nresult = sorted(os.listdir())";
    assert!(run(&mut client, &a, listing).await.contains("[\"mine\"]"));
    assert!(run(&mut client, &b, listing).await.contains("[\"other\"]"));
    let count = || std::fs::read_dir(directories(&daemon)).expect("it is there").count();
    assert_eq!(count(), 2);
    assert_eq!(client.send("DELETE", "/mcp", &[("mcp-session-id", &a)], "").await.status, 204);
    let begun = Instant::now();
    while count() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the files of the session are still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(run(&mut client, &b, "result = open('other').read()").await.contains("of b"));
    // Those of the others go with the program.
    let place = directories(&daemon);
    daemon.signal(Signal::SIGTERM);
    daemon.ends_within(Duration::from_secs(20)).await;
    assert_eq!(std::fs::read_dir(place).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_look_into_workspaces_and_remove_what_is_in_them() {
    let (_folder, daemon) = served("key", "bytes = '1 MiB'").await;
    let api = AdminApi::of(&daemon).await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    let source = "import os\nos.makedirs('d/e')\nopen('d/e/a.txt', 'w').write('one é')\nopen('b.bin', 'wb').write(bytes([255] * 900_000))";
    client.run(source).await;
    let workspaces = api.get("/workspaces").await;
    let files = &workspaces["items"][0];
    assert_eq!((&files["name"], &files["share"], &files["bytes"]), (&json!("files"), &json!("key"), &json!(1 << 20)));
    assert_eq!(files["directories"], json!(["key-one"]));
    let base = "/workspaces/files/key-one";
    let listed = api.get(&format!("{base}/files")).await;
    let names: Vec<_> =
        listed["items"].as_array().expect("items").iter().map(|item| (&item["name"], &item["kind"])).collect();
    assert_eq!(names, [(&json!("b.bin"), &json!("file")), (&json!("d"), &json!("directory"))]);
    assert_eq!((&listed["used_bytes"], &listed["used_files"]), (&json!(900_006), &json!(4)));
    let next = api.get(&format!("{base}/files?limit=1")).await["next"].clone();
    assert_eq!(
        api.get(&format!("{base}/files?before={}", next.as_str().expect("a name"))).await["items"][0]["name"],
        "d"
    );
    assert_eq!(api.get(&format!("{base}/file?path=d/e/a.txt")).await["text"], "one é");
    let part = api.get(&format!("{base}/file?path=b.bin")).await;
    assert_eq!((&part["next_offset"], &part["text"]), (&json!(256 << 10), &Value::Null));
    for (path, status) in [
        ("/workspaces/none/key-one/files", 404),
        ("/workspaces/files/key-two/files", 404),
        ("/workspaces/files/../files", 404),
        ("/workspaces/files/%2E%2E/files", 404),
        ("/workspaces/files/key-one/files?path=../key-one", 400),
        ("/workspaces/files/key-one/files?path=none", 404),
        ("/workspaces/files/key-one/file?path=d", 400),
        ("/workspaces/files/key-one/files?limit=0", 400),
    ] {
        assert_eq!(api.ask("GET", path, None).await.status, status, "{path}");
    }
    // The quota knows at once what an operator removed.
    let full = client.run("open('c', 'wb').write(b'x' * 500_000)").await;
    assert!(full.contains("the workspace may be full"), "{full}");
    api.post(&format!("{base}/remove"), &json!({"path": "b.bin"})).await;
    assert!(!client.run("open('c', 'wb').write(b'x' * 500_000)\nresult = 1").await.contains("full"));
    api.post(&format!("{base}/remove"), &json!({"path": "d"})).await;
    assert!(!directories(&daemon).join("key-one/d").exists());
    let actions = api.get("/runs?kind=admin&tool=workspace.remove").await;
    assert_eq!(actions["items"].as_array().map(Vec::len), Some(2), "{actions}");
    // A key has no way there.
    assert_ne!(client.send("GET", "/api/v1/workspaces", &[], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_cannot_list_or_answer_what_is_a_file_of_scripts() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let results = folder.path().join("results.json");
    let forged = "exuvia-workspace://files/forged";
    let said = json!({
        "resources/list": {"resources": [{"uri": forged, "name": "f"}, {"uri": "x://a", "name": "a"}]},
        "resources/templates/list": {"resourceTemplates": [{"uriTemplate": "exuvia-workspace://{x}", "name": "t"}]},
        "resources/read": {"contents": [{"uri": forged, "text": "from the server"}]},
    });
    std::fs::write(&results, said.to_string()).expect("a file");
    let servers =
        vec![SampleGateway::echo_server(&[]), direct_fake("fake", &["--results", &results.display().to_string()])];
    let modes = [("echo".to_owned(), Mode::Code), ("fake".to_owned(), Mode::Direct)];
    let default = Profile::new(modes).with_files(Some(FileAccess::ReadWrite));
    let workspaces = super::files_for_everybody(WorkspaceShare::Key);
    let settings = Settings {
        profiles: Some(Profiles { default, named: Default::default() }),
        workspaces: Some((folder.path().join("workspaces"), workspaces)),
        ..Settings::default()
    };
    let served = Served::over(servers, HttpConfig::default(), Limits::default(), settings).await;
    let mut client = served.client().await;
    let mut ask = async |method: &str, params: Value| client.ask("/mcp", method, params, json!({})).await.message();
    let arguments =
        json!({"name": "executeToolCode", "arguments": {"code": "open('a', 'w').write('mine')\nresult = 1"}});
    ask("tools/call", arguments).await;
    let listed = ask("resources/list", json!({})).await;
    assert_eq!(uris(&listed), ["exuvia-workspace://files/a", "x://a"], "{listed}");
    let templates = ask("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"].as_array().map(Vec::len), Some(1), "{templates}");
    let answer = ask("resources/read", json!({"uri": forged})).await;
    assert!(!answer.to_string().contains("from the server") && answer["error"].is_object(), "{answer}");
    assert_eq!(
        ask("resources/read", json!({"uri": "x://a"})).await["result"]["contents"][0]["text"],
        "from the server"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_cannot_be_opened_is_told_in_words_and_logged_by_its_path() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("file");
    std::fs::write(&file, "").expect("written");
    let (_folder, daemon) = served("all", &format!("path = {file:?}")).await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    let told = client.run("result = 1").await;
    assert!(told.contains("not run: the workspace cannot be opened") && !told.contains("retry"), "{told}");
    assert!(!told.contains(place.path().to_str().expect("UTF-8")), "{told}");
    daemon.says(file.to_str().expect("UTF-8"), 1).await;
}

/// So many lines of 16 bytes, all different.
fn lines(count: u64) -> String {
    (0..count).map(|number| format!("{number:015}\n")).collect()
}

/// The newest run.
async fn latest(api: &AdminApi) -> String {
    api.get("/runs?limit=1").await["items"][0]["id"].as_str().expect("a run").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_read_is_stored_once_replayed_and_bounded() {
    let (_folder, daemon) = served("key", "").await;
    let api = AdminApi::of(&daemon).await;
    let mut client = KeyClient::of(daemon.address(), "one").await;
    assert!(client.run("open('first', 'w').close()\nresult = 1").await.contains('1'));
    let files = directories(&daemon).join("key-one");
    std::fs::write(files.join("orders"), lines(2 << 20)).expect("written");
    std::fs::write(files.join("large"), lines((66 << 20) / 16)).expect("written");
    let sum = |name: &str| {
        format!(
            "import hashlib\nwith open('{name}', 'rb') as file:\n    result = hashlib.file_digest(file, 'sha256').hexdigest()"
        )
    };
    let mut runs = Vec::new();
    for name in ["orders", "orders", "large"] {
        assert!(!client.run(&sum(name)).await.contains("Error"));
        runs.push(latest(&api).await);
    }
    let replay = async |run: &String| api.post(&format!("/runs/{run}/replay"), &json!({})).await;
    for run in &runs[..2] {
        let replayed = replay(run).await;
        assert_eq!((&replayed["verdict"], &replayed["changed_files"]), (&json!("same"), &json!([])), "{replayed}");
    }
    let bounded = replay(&runs[2]).await;
    assert_eq!(bounded["verdict"], "not-replayable", "{bounded}");
    assert!(bounded["message"].as_str().is_some_and(|text| text.contains("64 MiB of different data")), "{bounded}");
    let shown = api.get(&format!("/runs/{}", runs[2])).await;
    assert_eq!((&shown["replayable"], &shown["not_replayable_why"]), (&json!(false), &bounded["message"]));
    std::fs::write(files.join("orders"), lines((2 << 20) - 1)).expect("written");
    assert_eq!(replay(&runs[0]).await["changed_files"], json!(["orders"]));
    let journal = walkdir(daemon.data().as_path()).into_iter().find(|path| path.ends_with("journal.db"));
    let database = rusqlite::Connection::open(journal.expect("a journal")).expect("opened");
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let (once, often) =
        ("SELECT count(*) FROM file_blocks WHERE uses = 1", "SELECT count(*) FROM file_blocks WHERE uses = 3");
    assert!(count(often) >= 100 && count(once) >= 100, "{} {}", count(often), count(once));
    // What is erased is gone with its last reader.
    for run in &runs {
        assert_eq!(api.ask("DELETE", &format!("/runs/{run}"), None).await.status, 200);
    }
    assert_eq!(count("SELECT count(*) FROM file_blocks"), 0);
}

/// All files below a folder.
fn walkdir(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).flat_map(|path| if path.is_dir() { walkdir(&path) } else { vec![path] }).collect()
}
