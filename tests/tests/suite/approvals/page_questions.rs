//! Questions of servers in the middle of scripts' calls that a person answers by the page, the API or the command line.

use exuvia_tests::{AdminApi, Daemon, EventReader, Folder, HttpClient, Program, built};
use serde_json::Value;

use super::*;

const FORM: &str = "{'message': 'which\u{202e}?', 'requestedSchema': {'type': 'object', 'required': ['size'], 'properties': \
     {'size': {'type': 'string', 'enum': ['s', 'l']}, 'count': {'type': 'integer', 'minimum': 1}}}}";

/// Whose question it is that comes on a connection of several clients cannot be told: then the tool is called again, on one of its own. The
/// server says what it was answered as an error.
fn asks(params: &str) -> String {
    format!(
        "for attempt in range(2):\n    try:\n        result = fake.ask(params={params})\n    except ToolError as error:\n        \
         result = error.message\n    if 'call the tool again' not in str(result):\n        break\nresult"
    )
}

async fn daemon(more: &str) -> (Folder, Daemon, AdminApi) {
    let fake = built("exuvia-fake-upstream");
    let folder = Folder::new(&format!("[servers.fake]\ncommand = {fake:?}\nauto_execute = ['*']\n{more}"));
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    (folder, daemon, api)
}

/// The question that waits.
async fn question(api: &AdminApi) -> Value {
    let begun = Instant::now();
    loop {
        let found = api.get("/questions").await;
        if let Some(question) = found["items"].get(0) {
            return question.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_answered_by_the_api_once_and_only_as_it_asks() {
    let (_folder, daemon, api) = daemon("").await;
    let authorization = format!("Bearer {}", api.token);
    let mut client = HttpClient::connect(api.address).await;
    let headers = [("authorization", authorization.as_str())];
    let mut events = EventReader::of(client.begin("GET", "/api/v1/approvals/events", &headers, "").await);
    let script = tokio::spawn(daemon.run(&asks(FORM)));
    let asked = question(&api).await;
    let id = asked["id"].as_str().expect("an id");
    assert_eq!(events.next("question-asked").await["question"], id);
    assert_eq!(
        (&asked["server"], &asked["tool"], &asked["mode"], &asked["line"]),
        (&json!("fake"), &json!("ask"), &json!("form"), &json!(3))
    );
    assert_eq!(asked["message"], "fake asks:\n  which\\u{202e}?", "{asked}");
    assert_eq!(asked["schema"]["properties"]["size"]["enum"], json!(["s", "l"]));
    let answer = async |body: Value| {
        let answer = api.ask("POST", &format!("/questions/{id}/answer"), Some(&body)).await;
        (answer.status, answer.text)
    };
    for (content, why) in [
        (json!({}), "size: must be filled in"),
        (json!({"size": "m"}), "must be one of: s, l"),
        (json!({"size": "s", "count": 0}), "at least 1"),
        (json!({"size": "s", "other": 1}), "has no field"),
    ] {
        let (status, said) = answer(json!({"action": "accept", "content": content})).await;
        assert!(status == 400 && said.contains(why), "{content}: {said}");
    }
    assert_eq!(answer(json!({"action": "decline", "content": {"size": "s"}})).await.0, 400);
    assert_eq!(answer(json!({"action": "accept", "content": {"size": "l", "count": 2}})).await.0, 200);
    assert_eq!(events.next("question-over").await["question"], id);
    let said = script.await.expect("an answer");
    assert!(said.contains("accept") && said.contains("\\\"size\\\": \\\"l\\\"") || said.contains("size"), "{said}");
    assert_eq!(answer(json!({"action": "decline"})).await.0, 404, "once");
    // Who answered, and how, is recorded; what was filled in is not.
    let actions = api.get("/runs?kind=admin&tool=question.answer&server=exuvia:admin").await;
    let target = api.get(&format!("/runs/{}/calls/0", actions["items"][0]["id"].as_str().expect("an action"))).await;
    let arguments = target["arguments"].as_str().expect("arguments");
    assert!(arguments.contains(&format!("accept {id}")) && arguments.contains("\"api\""), "{target}");
    assert!(!arguments.contains("size"), "{target}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_shown_whole_and_declined_by_the_command_line() {
    let (folder, daemon, api) = daemon("").await;
    let visit = "{'mode': 'url', 'message': 'log in', 'url': 'https://login.example/a?b=c', 'elicitationId': '7'}";
    let script = tokio::spawn(daemon.run(&asks(visit)));
    let asked = question(&api).await;
    assert_eq!(
        (&asked["mode"], &asked["url"], &asked["schema"]),
        (&json!("url"), &json!("https://login.example/a?b=c"), &json!(null))
    );
    let (data, config) = (daemon.data().as_path().display().to_string(), folder.text("exuvia.toml"));
    let exuvia = |arguments: &[&str]| {
        let arguments = [&["approvals"], arguments, &["--config", &config]].concat();
        Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end()
    };
    let listed = exuvia(&["questions"]).stdout;
    let id = asked["id"].as_str().expect("an id");
    assert!(listed.starts_with("QUESTION") && listed.contains(id) && listed.contains("fake.ask"), "{listed}");
    let refused = exuvia(&["answer", id, "--decline"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("--yes"), "{refused:?}");
    let declined = exuvia(&["answer", id, "--decline", "--yes"]);
    assert!(
        declined.stdout.contains("visit      https://login.example/a?b=c")
            && declined.stdout.contains(&format!("decline: {id}")),
        "{declined:?}"
    );
    assert!(script.await.expect("an answer").contains("decline"));
    let over = exuvia(&["answer", id, "--yes"]);
    assert!(over.status == Some(2) && over.stderr.contains("no question"), "{over:?}");
    // A form is filled in by fields.
    let script = tokio::spawn(daemon.run(&asks(FORM)));
    let id = question(&api).await["id"].as_str().expect("an id").to_owned();
    let answered = exuvia(&["answer", &id, "--field", "size=s", "--field", "count=3", "--yes"]);
    assert_eq!(answered.status, Some(0), "{answered:?}");
    let said = script.await.expect("an answer");
    assert!(said.contains("count") && said.contains('3'), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_runs_while_a_person_looks_at_the_page_and_a_question_ends_with_its_time_or_its_run() {
    let limits = "question_timeout_ms = 3_000\ncall_timeout_ms = 700\n[limits]\nwall_ms = 1_500\n";
    let (_folder, daemon, api) = daemon(limits).await;
    let script = tokio::spawn(daemon.run(&asks(FORM)));
    let id = question(&api).await["id"].as_str().expect("an id").to_owned();
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let body = json!({"action": "accept", "content": {"size": "s"}});
    assert_eq!(api.ask("POST", &format!("/questions/{id}/answer"), Some(&body)).await.status, 200);
    let said = script.await.expect("an answer");
    assert!(said.contains("size"), "{said}");
    // Nobody answers.
    let said = daemon.run(&asks(FORM)).await;
    assert!(said.contains("cancel"), "{said}");
    assert_eq!(api.get("/questions").await["items"], json!([]));
    // The run is cancelled.
    let script = tokio::spawn(daemon.run(&asks(FORM)));
    let run = question(&api).await["run"].as_str().expect("a run").to_owned();
    api.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert!(script.await.expect("an answer").contains("cancelled"));
    assert_eq!(api.get("/questions").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_can_be_asked_is_asked_in_place_of_the_page() {
    let (_folder, daemon, api) = daemon("").await;
    let mut client = HttpClient::connect(daemon.address()).await;
    let params = json!({"name": "executeToolCode", "arguments": {"code": asks(FORM)}});
    let mut ask =
        async |params: Value| client.ask("/mcp", "tools/call", params, json!({"elicitation": {}})).await.message();
    let asked = ask(params).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(api.get("/questions").await["items"], json!([]));
}

/// No command finds the process of one client: its log says where the question is answered, and the link answers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_a_client_without_forms_is_said_in_its_log_and_answered_by_its_link() {
    let fake = format!("fake={}", built("exuvia-fake-upstream").display());
    let (mut client, log) = exuvia_tests::Client::with_log(&["--server", &fake]);
    client.send_line(
        &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"},
        }})
        .to_string(),
    );
    client.answer(0);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let asked = client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": asks(FORM)}}));
    let mut seen = Vec::new();
    let link = loop {
        let line = log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing is said: {seen:?}"));
        if let Some((_, rest)) = line.split_once("answer at http://") {
            assert!(line.contains("fake.ask asks a person, until 20"), "{line}");
            break rest.split_whitespace().next().expect("an address").trim_end_matches('"').to_owned();
        }
        seen.push(line);
    };
    let (page, token) = link.split_once("#t=").expect("a token");
    let (address, path) = page.split_once('/').expect("a path");
    let mut browser = HttpClient::connect(address.parse().expect("an address")).await;
    let shown = browser.send("GET", &format!("/{path}"), &[], "").await;
    assert!(shown.status == 200 && shown.text.contains("<html"), "{shown:?}");
    let id = path.strip_prefix("question/").expect("a question");
    let json_type = ("content-type", "application/json");
    let login = json!({"code": token}).to_string();
    let session = browser.send("POST", "/api/v1/session", &[json_type], &login).await;
    let cookie = session.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let csrf = session.message()["csrf"].as_str().expect("a value").to_owned();
    let body = json!({"action": "accept", "content": {"size": "l"}}).to_string();
    let headers = [json_type, ("cookie", &cookie), ("x-exuvia-csrf", &csrf)];
    let answered = browser.send("POST", &format!("/api/v1/questions/{id}/answer"), &headers, &body).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    let answer = client.answer(asked);
    assert!(answer.to_string().contains("size"), "{answer}");
}
