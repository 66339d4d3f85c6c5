//! What the admin API says of saved functions, and what it does to them.

use std::time::{Duration, Instant};

use exuvia_tests::{AdminApi, Daemon, Folder, KeyClient, echo_table};
use serde_json::{Value, json};

const SHOUT: &str = "def shout(text: str) -> str:\n    \"\"\"Says it loudly.\"\"\"\n    \
    return echo.echo(value=text)['value'].upper()\n";

/// A daemon with a directory of functions, of which nothing is promoted.
async fn served() -> (Folder, Daemon, AdminApi) {
    let config = "auto_execute = ['functions.*']\n[functions]\ndir = 'functions'\npropose = true\n";
    let folder = Folder::new(&(config.to_owned() + &echo_table()));
    std::fs::create_dir(folder.path("functions")).expect("a folder");
    folder.write("functions/shout.py", SHOUT);
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    (folder, daemon, api)
}

/// Names and states.
async fn states(api: &AdminApi) -> Vec<String> {
    let listed = api.get("/functions").await;
    let text = |one: &Value| format!("{} {}", one["name"].as_str().unwrap_or(""), one["state"].as_str().unwrap_or(""));
    listed["items"].as_array().expect("items").iter().map(text).collect()
}

async fn digest(api: &AdminApi, name: &str) -> String {
    api.get(&format!("/functions/{name}")).await["sha256"].as_str().expect("a digest").to_owned()
}

/// Runs a script until its answer has a word: a daemon follows its store.
async fn says(daemon: &Daemon, code: &str, word: &str) {
    let begun = Instant::now();
    loop {
        let answer = daemon.run(code).await;
        if answer.contains(word) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{word}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn functions_are_shown_compared_promoted_and_retired() {
    let (folder, daemon, api) = served().await;
    folder.write("functions/wrong.py", "def wrong(x):\n    'Wrong.'\n");
    assert_eq!(states(&api).await, ["shout new", "wrong invalid"]);
    let shown = api.get("/functions/shout").await;
    assert_eq!((&shown["source"], &shown["description"]), (&json!(SHOUT), &json!("Says it loudly.")), "{shown}");
    assert_eq!((&shown["grants"], &shown["tools"]), (&json!(["echo.echo"]), &Value::Null), "{shown}");
    assert_eq!(shown["input_schema"]["required"], json!(["text"]), "{shown}");
    assert_eq!((&shown["is_file"], &shown["version"], &shown["versions"]), (&json!(true), &Value::Null, &json!([])));
    let diff = api.get("/functions/shout/diff").await;
    assert!(diff["before"].is_null() && diff["diff"].as_str().is_some_and(|text| text.contains("+def shout(")));

    let first = digest(&api, "shout").await;
    let promoted = api.post("/functions/shout/promote", &json!({"sha256": first})).await;
    assert_eq!(promoted, json!({"version": 1, "sha256": first}));
    assert_eq!(states(&api).await[0], "shout promoted");
    says(&daemon, "functions.shout(text='abc')", "ABC").await;
    assert_eq!(api.get("/functions/shout/diff").await["diff"], "");

    let quiet = SHOUT.replace("upper", "lower");
    folder.write("functions/shout.py", &quiet);
    assert_eq!(states(&api).await[..2], ["shout changed", "shout promoted"]);
    let diff = api.get("/functions/shout/diff").await;
    assert_eq!((&diff["before"]["source"], &diff["after"]["source"]), (&json!(SHOUT), &json!(quiet)), "{diff}");
    assert_eq!((&diff["before"]["version"], &diff["after"]["version"]), (&json!(1), &Value::Null), "{diff}");
    let old = api.get(&format!("/functions/shout?sha256={}", &first[..8])).await;
    assert_eq!((&old["source"], &old["state"]), (&json!(SHOUT), &json!("promoted")), "{old}");
    let second = digest(&api, "shout").await;
    assert_eq!(api.post("/functions/shout/promote", &json!({"sha256": second})).await["version"], 2);
    let versions = api.get("/functions/shout").await["versions"].clone();
    let told: Vec<_> =
        versions.as_array().expect("versions").iter().map(|one| (&one["version"], &one["state"])).collect();
    assert_eq!(told, [(&json!(2), &json!("promoted")), (&json!(1), &json!("retired"))], "{versions}");
    assert_eq!(versions[0]["promoted"]["by"], "operator", "{versions}");
    says(&daemon, "functions.shout(text='ABC')", "abc").await;

    api.post("/functions/shout/retire", &json!({})).await;
    assert_eq!(states(&api).await, ["shout new", "shout retired", "wrong invalid"]);
    says(&daemon, "functions.shout(text='ABC')", "has no tool 'shout'").await;
    let actions = api.get("/runs?kind=admin").await;
    assert_eq!(actions["items"].as_array().map(Vec::len), Some(3), "{actions}");
    let id = actions["items"][2]["id"].as_str().expect("an id");
    assert_eq!(api.get(&format!("/runs/{id}")).await["calls"][0]["tool"], "function.promote");
    let target = api.get(&format!("/runs/{id}/calls/0")).await["arguments"].clone();
    assert_eq!(target, json!(format!(r#"{{"target":"shout {first}","way":"api"}}"#)));
}

#[tokio::test]
async fn exactly_what_was_shown_is_promoted_and_by_nobody_but_the_operator() {
    let (folder, daemon, api) = served().await;
    let shown = digest(&api, "shout").await;
    // It changes between the look and the answer.
    folder.write("functions/shout.py", &SHOUT.replace("upper", "lower"));
    folder.write("functions/wrong.py", "def wrong(x):\n    'Wrong.'\n");
    let digits = "0".repeat(64);
    for (path, body, status) in [
        ("/functions/shout/promote", json!({"sha256": shown}), 404),
        ("/functions/shout/promote", json!({"sha256": &shown[..12]}), 400),
        ("/functions/shout/promote", json!({}), 400),
        ("/functions/shout/promote", json!({"sha256": "x".repeat(64)}), 400),
        ("/functions/shout/promote", json!({"sha256": "A".repeat(64)}), 400),
        ("/functions/none/promote", json!({"sha256": digits}), 404),
        ("/functions/No%20name/promote", json!({"sha256": digits}), 400),
        ("/functions/No%20name/retire", json!({}), 400),
        ("/functions/shout/retire", json!({"sha256": "é".repeat(32)}), 400),
        ("/functions/wrong/promote", json!({"sha256": digits}), 404),
        ("/functions/shout/retire", json!({}), 404),
        ("/functions/shout/retire", json!({"sha256": "00"}), 400),
        ("/functions/shout/retire", json!({"nonsense": 1}), 400),
    ] {
        let answer = api.ask("POST", path, Some(&body)).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(!answer.text.contains("exuvia functions"), "no command: {answer:?}");
    }
    for (path, status) in [
        ("/functions/none", 404),
        ("/functions/none/diff", 404),
        ("/functions/wrong", 409),
        ("/functions/wrong/diff", 409),
        ("/functions/shout?sha256=00", 404),
        ("/functions/shout?sha256=", 400),
        ("/functions/shout?sha256=0x", 400),
        ("/functions/shout?nonsense=1", 400),
    ] {
        assert_eq!(api.ask("GET", path, None).await.status, status, "{path}");
    }
    assert_eq!(states(&api).await, ["shout new", "wrong invalid"]);
    for target in api.get("/runs?kind=admin").await["items"].as_array().expect("items") {
        let call = api.get(&format!("/runs/{}/calls/0", target["id"].as_str().expect("an id"))).await;
        let target = call["arguments"].as_str().expect("a target");
        assert!(target.contains("shout"), "only what can be a function is recorded: {target}");
        assert!(!["xx", "AA", "é"].iter().any(|wrong| target.contains(wrong)), "{target}");
    }
    let mut client = KeyClient::of(daemon.address(), "ci").await;
    for path in ["/api/v1/functions", "/api/v1/functions/shout"] {
        assert_ne!(client.send("GET", path, &[], "").await.status, 200);
    }
    assert_eq!(api.send("GET", "/functions", &[], None).await.status, 401);
}

#[tokio::test]
async fn what_a_script_proposed_is_promoted_or_rejected() {
    let (_folder, daemon, api) = served().await;
    for n in 1..=2 {
        let code = format!("def one() -> int:\n    'One.'\n    return {n}\n");
        says(&daemon, &format!("functions.propose(name='one', code={})", json!(code)), "proposed").await;
    }
    let listed = api.get("/functions").await;
    let proposed: Vec<_> =
        listed["items"].as_array().expect("items").iter().filter(|one| one["name"] == "one").collect();
    assert!(proposed.len() == 2 && proposed.iter().all(|one| one["state"] == "proposed"), "{listed}");
    // Which of them is to be said.
    let told = api.ask("GET", "/functions/one", None).await;
    assert!(told.status == 409 && told.text.contains("2 texts of one are proposed"), "{told:?}");
    assert!(!told.text.contains("--") && !told.text.contains("choose"), "no option of a command: {told:?}");
    let digests: Vec<&str> = proposed.iter().filter_map(|one| one["sha256"].as_str()).collect();
    api.post("/functions/one/retire", &json!({"sha256": digests[0]})).await;
    let left = api.get("/functions/one").await;
    assert_eq!((&left["sha256"], &left["grants"]), (&json!(digests[1]), &json!([])), "{left}");
    let run = left["versions"][0]["proposed"]["run"].as_str().expect("a run");
    assert_eq!(api.get(&format!("/runs/{run}")).await["outcome"], "returned");
    api.post("/functions/one/promote", &json!({"sha256": digests[1]})).await;
    assert_eq!(api.get("/functions/one").await["state"], "promoted");
}

#[tokio::test]
async fn without_functions_there_is_nothing_to_list() {
    let folder = Folder::new(&echo_table());
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    assert_eq!(api.get("/functions").await, json!({"items": [], "next": null}));
    let told = api.ask("GET", "/functions/shout", None).await;
    assert!(told.status == 404 && told.text.contains("add [functions]"), "{told:?}");
}
