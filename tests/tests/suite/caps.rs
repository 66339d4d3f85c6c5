//! Bounds that no `limits.*` names are met: of sessions, of lists, of questions, of scripts at a time.

use std::fs;
use std::time::Duration;

use exuvia_config::ServerConfig;
use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{
    Folder, HttpClient, PATIENCE, SampleGateway, Served, Settings, direct_fake, events, initialize, measured,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

/// The fake server alone, whose clients call it themselves.
async fn direct(arguments: &[&str], limits: Limits) -> Served {
    let fake = direct_fake("fake", arguments);
    let profile = Profile::new([("fake".to_owned(), Mode::Direct)]).with_bare_names();
    let settings =
        Settings { profiles: Some(Profiles { default: profile, ..Profiles::default() }), ..Settings::default() };
    Served::over(vec![fake], HttpConfig::default(), limits, settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_which_nothing_happens_is_closed_and_makes_room() {
    let config = HttpConfig { sessions: 1, session_idle: Duration::from_secs(3), ..HttpConfig::default() };
    let served =
        Served::over(vec![SampleGateway::echo_server(&[])], config, Limits::default(), Settings::default()).await;
    let mut client = served.client().await;
    let session = client.session("/mcp", json!({})).await;
    let ping = json!({"jsonrpc": "2.0", "id": 3, "method": "ping"});
    let headers = [("mcp-session-id", session.as_str())];
    // What happens in it keeps it.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(client.post(&headers, &ping).await.status, 200);
        assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 503);
    }
    let room = async {
        while client.post(&[], &initialize(json!({}))).await.status == 503 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, room).await.expect("room in time");
    assert_eq!(client.post(&headers, &ping).await.status, 404);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_never_ends_is_cut_at_its_pages_and_at_its_bytes() {
    let folder = TempDir::new().expect("a folder");
    let results = folder.path().join("results.json");
    let filler = "x".repeat(3_000);
    // Another page each time; then the same one, which ends the list.
    for (place, call_result_bytes, items) in [("$N", 1 << 20, 100), ("$N", 10_000, 4), ("a", 1 << 20, 1)] {
        let uri = format!("x://{place}");
        let page = json!({"resources": [{"uri": uri, "name": "a", "description": filler}], "nextCursor": place});
        fs::write(&results, json!({"resources/list": page}).to_string()).expect("a file");
        let limits = Limits { call_result_bytes, ..Limits::default() };
        let served = direct(&["--results", results.to_str().expect("UTF-8")], limits).await;
        let mut client = served.client().await;
        let listed = timeout(PATIENCE, client.ask("/mcp", "resources/list", json!({}), json!({}))).await;
        let listed = listed.expect("an answer in time").message();
        assert_eq!(listed["result"]["resources"].as_array().map(Vec::len), Some(items), "{call_result_bytes}");
        served.end().await;
    }
}

/// The next message of a stream of events, after those that were read before.
async fn next(stream: &mut Incoming, read: &mut String, seen: &mut usize) -> Value {
    let told = async {
        loop {
            if let Some(event) = events(read).get(*seen) {
                *seen += 1;
                return event.clone();
            }
            let frame = stream.frame().await.expect("the stream goes on").expect("no error");
            read.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        }
    };
    timeout(PATIENCE, told).await.expect("a message in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_ever_is_answered_ten_times() {
    let served = direct(&["--era", "modern"], Limits::default()).await;
    let (mut client, mut aside) = (served.client().await, served.client().await);
    let session = client.session("/mcp", json!({"elicitation": {}})).await;
    let question = json!({"method": "elicitation/create", "params": {
        "message": "who?", "requestedSchema": {"type": "object", "properties": {}},
    }});
    let asks = json!({"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "s"});
    let message = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
        "params": {"name": "answer", "arguments": {"result": asks}}});
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let mut stream = client.begin("POST", "/mcp", &headers, &message.to_string()).await.into_body();
    let (mut read, mut seen, mut questions) = (String::new(), 0, 0);
    let answer = loop {
        let event = next(&mut stream, &mut read, &mut seen).await;
        if event["method"] != "elicitation/create" {
            break event;
        }
        questions += 1;
        assert!(questions <= 10, "{event}");
        let said = json!({"jsonrpc": "2.0", "id": event["id"], "result": {"action": "accept", "content": {}}});
        assert_eq!(aside.post(&headers[..1], &said).await.status, 202);
    };
    assert_eq!((questions, &answer["id"], &answer["result"]["isError"]), (10, &json!(5), &json!(true)), "{answer}");
    served.end().await;
}

/// Sends a script as a client of 2026-07-28, which is a client of its own on each connection.
async fn execute(mut client: HttpClient, code: &str) -> String {
    let params = json!({"name": "executeToolCode", "arguments": {"code": code}});
    let answer =
        timeout(PATIENCE, client.ask("/mcp", "tools/call", params, json!({}))).await.expect("in time").message();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_execute_as_many_at_a_time_as_configured_and_the_rest_waits_or_is_sent_away() {
    let record = TempDir::new().expect("a folder");
    let file = record.path().join("received").display().to_string();
    let program = exuvia_tests::built("exuvia-fake-upstream");
    let folder = Folder::new(&format!(
        "[runs]\nconcurrent = 1\nwaiting = 1\n\
         [servers.fake]\ncommand = {program:?}\nargs = [\"--record\", {file:?}]\nauto_execute = [\"*\"]\n"
    ));
    let daemon = folder.serve(&[]).await;
    let code = "import time\nfake.echo(value='begin')\ntime.sleep(1.5)\nfake.echo(value='end')";
    let connect = || HttpClient::connect(daemon.address());
    let (first, second) = (execute(connect().await, code), execute(connect().await, code));
    let third = async {
        let mut client = connect().await;
        let full = async {
            while measured(&client.send("GET", "/metrics", &[], "").await.text, "exuvia_runs_in_flight") != Some(2) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, full).await.expect("two scripts in time");
        execute(client, "result = 'third'").await
    };
    let (_, _, third) = tokio::join!(first, second, third);
    assert!(third.starts_with("too many scripts are running or waiting"), "{third}");
    let received = fs::read_to_string(&file).expect("a record");
    let order: Vec<&str> =
        received.lines().map(|line| if line.contains("\"begin\"") { "begin" } else { "end" }).collect();
    assert_eq!(order, ["begin", "end", "begin", "end"], "one at a time");
    assert_eq!(execute(connect().await, "result = 'fourth'").await, "\"fourth\"");
}
