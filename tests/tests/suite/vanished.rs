//! Clients up to 2025-11-25 that go away over HTTP without a word: what they asked for, and the sessions that they leave.

use std::time::Duration;

use exuvia_gateway::{Mode, OnDisconnect, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{HttpClient, PATIENCE, SampleGateway, Served, Settings, direct_fake, events, initialize};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::serve::{busy, idle, run, session, text};

const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const GRACE: Duration = Duration::from_millis(400);

/// `echo` for scripts, `fake` for clients.
async fn served(on_disconnect: OnDisconnect, config: HttpConfig) -> Served {
    let fake = direct_fake("fake", &[]);
    let both = Profile::new([("fake".to_owned(), Mode::Direct), ("echo".to_owned(), Mode::Code)]);
    let profiles = Some(Profiles { default: both, named: Default::default() });
    let settings = Settings { profiles, on_disconnect, ..Settings::default() };
    Served::over(vec![fake, SampleGateway::echo_server(&[])], config, Limits::default(), settings).await
}

fn short() -> HttpConfig {
    HttpConfig { session_grace: GRACE, ..HttpConfig::default() }
}

fn call(id: u64, tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": {}}})
}

/// Sends a request of a session on a connection of its own, whose end comes when both are dropped.
async fn begin(served: &Served, session: &str, message: &Value) -> (HttpClient, Incoming) {
    let mut client = served.client().await;
    let headers = [ACCEPT, ("content-type", "application/json"), ("mcp-session-id", session)];
    let answer = client.begin("POST", "/mcp", &headers, &message.to_string()).await;
    assert_eq!(answer.status(), 200);
    (client, answer.into_body())
}

/// Waits until `fake` received the cancellation of a call.
async fn cancelled(client: &mut HttpClient, session: &str) {
    let told = async {
        loop {
            let seen = client.post(&[("mcp-session-id", session)], &call(99, "fake__seen")).await.message();
            if seen["result"]["structuredContent"]["seen"].to_string().contains("cancelled") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("the server hears of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_vanished_client_are_cancelled_and_no_others() {
    let served = served(OnDisconnect::Cancel, short()).await;
    let (mut client, mut other) = (served.client().await, served.client().await);
    let (lost, kept) = (session(&mut client).await, session(&mut other).await);
    let script = begin(&served, &lost, &run("while True:\n    echo.sleep(ms=50)")).await;
    busy(&served).await;
    let direct = begin(&served, &lost, &call(2, "fake__hang")).await;
    let stays = begin(&served, &kept, &run("echo.sleep(ms=3000)\nresult = 'whole'")).await;
    // One of two streams: the client is there.
    drop(script);
    tokio::time::sleep(GRACE * 2).await;
    assert_eq!(served.gateway.gateway().runs(), 2);
    drop(direct);
    cancelled(&mut other, &kept).await;
    let rest = timeout(PATIENCE, stays.1.collect()).await.expect("in time").expect("a body").to_bytes();
    let answer = events(&String::from_utf8_lossy(&rest)).pop().expect("an answer");
    assert_eq!(answer["result"]["content"][0]["text"], "\"whole\"", "{answer}");
    idle(&served).await;
    // The session itself is still there for a client that comes back late.
    assert_eq!(text(&client.post(&[("mcp-session-id", &lost)], &run("result = 1")).await), "1");
    let counted = served.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_runs_total{outcome=\"cancelled\"} 1\n"), "{counted}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_of_a_client_that_vanished_is_over() {
    let served = served(OnDisconnect::Cancel, short()).await;
    let mut other = served.client().await;
    let kept = session(&mut other).await;
    let lost = served.client().await.session("/mcp", json!({"elicitation": {}})).await;
    let (client, mut stream) = begin(&served, &lost, &call(2, "fake__ask")).await;
    let mut asked = String::new();
    while !asked.contains("elicitation/create") {
        let frame = timeout(PATIENCE, stream.frame()).await.expect("in time").expect("a frame").expect("no error");
        asked += &String::from_utf8_lossy(frame.data_ref().expect("data"));
    }
    let counts = |metrics: &str| {
        ["exuvia_questions_open 1\n", "exuvia_direct_requests_in_flight 1\n", "exuvia_http_sessions 2\n"]
            .map(|line| metrics.contains(line))
    };
    assert_eq!(counts(&other.send("GET", "/metrics", &[], "").await.text), [true; 3]);
    drop((client, stream));
    cancelled(&mut other, &kept).await;
    let over = async {
        while counts(&other.send("GET", "/metrics", &[], "").await.text) != [false, false, true] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, over).await.expect("nothing of it is open");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_outlives_its_client_goes_on_and_its_direct_call_does_not() {
    let served = served(OnDisconnect::Finish, short()).await;
    let (mut client, mut other) = (served.client().await, served.client().await);
    let (lost, kept) = (session(&mut client).await, session(&mut other).await);
    let script = begin(&served, &lost, &run("echo.sleep(ms=2500)\nresult = 'whole'")).await;
    let direct = begin(&served, &lost, &call(2, "fake__hang")).await;
    busy(&served).await;
    drop((script, direct, client));
    cancelled(&mut other, &kept).await;
    assert_eq!(served.gateway.gateway().runs(), 1);
    idle(&served).await;
    let counted = served.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_runs_total{outcome=\"returned\"} 1\n"), "{counted}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_in_time_finds_what_it_asked_for() {
    let grace = Duration::from_secs(3);
    let served = served(OnDisconnect::Cancel, HttpConfig { session_grace: grace, ..HttpConfig::default() }).await;
    let mut client = served.client().await;
    let session = session(&mut client).await;
    let (lost, mut stream) = begin(&served, &session, &run("echo.sleep(ms=7000)\nresult = 'whole'")).await;
    busy(&served).await;
    // What the stream begins with says under which name it goes on.
    let first = timeout(PATIENCE, stream.frame()).await.expect("in time").expect("a frame").expect("no error");
    let first = String::from_utf8_lossy(first.data_ref().expect("data")).into_owned();
    let id = first.lines().find_map(|line| line.strip_prefix("id:")).expect("an id").trim().to_owned();
    drop((lost, stream));
    tokio::time::sleep(grace / 3).await;
    let headers = [ACCEPT, ("mcp-session-id", session.as_str()), ("last-event-id", id.as_str())];
    // Whoever comes back and loses the stream again has all of its time again.
    drop(served.client().await.begin("GET", "/mcp", &headers, "").await);
    tokio::time::sleep(grace * 7 / 9).await;
    let resumed = client.begin("GET", "/mcp", &headers, "").await.into_body();
    let rest = timeout(PATIENCE, resumed.collect()).await.expect("in time").expect("a body").to_bytes();
    let answer = events(&String::from_utf8_lossy(&rest)).pop().expect("an answer");
    assert_eq!(answer["result"]["content"][0]["text"], "\"whole\"", "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_script_goes_on_without_it_makes_no_room() {
    let served = served(OnDisconnect::Finish, HttpConfig { sessions: 1, ..short() }).await;
    let mut client = served.client().await;
    let lost = session(&mut client).await;
    let running = begin(&served, &lost, &run("echo.sleep(ms=3000)\nresult = 1")).await;
    busy(&served).await;
    drop(running);
    tokio::time::sleep(GRACE * 2).await;
    assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 503);
    assert_eq!(served.gateway.gateway().runs(), 1);
    idle(&served).await;
    session(&mut client).await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_was_idle_longest_makes_room_and_none_that_is_used() {
    let served = served(OnDisconnect::Cancel, HttpConfig { sessions: 4, ..short() }).await;
    let mut client = served.client().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(session(&mut client).await);
    }
    // All of them were used a moment ago.
    assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 503);
    let headers = [ACCEPT, ("mcp-session-id", sessions[0].as_str())];
    let mut listener = served.client().await;
    let listening = listener.begin("GET", "/mcp", &headers, "").await;
    let running = begin(&served, &sessions[1], &run("while True:\n    echo.sleep(ms=50)")).await;
    busy(&served).await;
    tokio::time::sleep(GRACE / 2).await;
    assert_eq!(text(&client.post(&[("mcp-session-id", &sessions[2])], &run("result = 1")).await), "1");
    tokio::time::sleep(GRACE + GRACE / 2).await;
    let status = |answer: &exuvia_tests::Answer| answer.status;
    // The fourth was idle longest, then the third; the others have a stream.
    for (gone, stay) in [(3, 2), (2, 1)] {
        session(&mut client).await;
        let answer = client.post(&[("mcp-session-id", &sessions[gone])], &run("result = 1")).await;
        assert_eq!(status(&answer), 404, "{gone}");
        assert_eq!(served.gateway.gateway().runs(), 1, "{stay}");
    }
    let full = client.post(&[], &initialize(json!({}))).await;
    assert_eq!((full.status, full.header("retry-after")), (503, "1"), "{full:?}");
    for used in [0, 1] {
        let answer = client.post(&[("mcp-session-id", &sessions[used])], &call(7, "fake__seen")).await;
        assert_eq!(status(&answer), 200, "{used}");
    }
    drop((listening, running));
    idle(&served).await;
    served.end().await;
}
