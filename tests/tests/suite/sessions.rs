//! Sessions of clients up to 2025-11-25: how many there are, whose they are, and where they end.

use std::time::Duration;

use exuvia_gateway::{Mode, Profile, Profiles, QueueLimits};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{PATIENCE, Served, Settings, initialize, modern_meta};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::serve::{busy, idle, modern, run, session, text};

async fn served(sessions: usize) -> Served {
    let config = HttpConfig { sessions, ..HttpConfig::default() };
    Served::over_echo(config, Limits::default(), Settings::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_counted_whatever_version_its_headers_name() {
    let served = served(2).await;
    let mut client = served.client().await;
    let mut opened = Vec::new();
    for version in ["2026-07-28", "2025-11-25", "2026-07-28", "2026-07-28", "2099-01-01"] {
        let mut hello = initialize(json!({}));
        hello["params"]["protocolVersion"] = json!(version);
        let answer = client.post(&[("mcp-protocol-version", version)], &hello).await;
        match answer.status {
            200 => opened.push(answer.header("mcp-session-id").to_owned()),
            503 => assert_eq!(answer.header("retry-after"), "1", "{answer:?}"),
            // A version that rmcp does not know opens nothing.
            _ => assert_eq!((answer.status, version), (400, "2099-01-01"), "{answer:?}"),
        }
    }
    assert_eq!(opened.len(), 2);
    // A place comes back with the end of a session.
    assert_eq!(client.send("DELETE", "/mcp", &[("mcp-session-id", &opened[0])], "").await.status, 204);
    session(&mut client).await;
    assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 503);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_arrive_together_open_no_more_sessions_than_there_may_be() {
    let served = served(3).await;
    let body = initialize(json!({})).to_string();
    let (begins, ends) = body.split_at(20);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{begins}",
        served.address,
        body.len()
    );
    let mut clients = Vec::new();
    for _ in 0..12 {
        let mut client = TcpStream::connect(served.address).await.expect("somebody listens");
        client.write_all(head.as_bytes()).await.expect("a beginning");
        clients.push(client);
    }
    // All of them have been let in, and there is no session yet.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut answers = Vec::new();
    for client in &mut clients {
        client.write_all(ends.as_bytes()).await.expect("an end");
    }
    for client in &mut clients {
        let mut answer = String::new();
        timeout(PATIENCE, client.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
        answers.push(answer);
    }
    let opened = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 200")).count();
    let refused = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 503")).count();
    assert_eq!((opened, refused), (3, 9), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.contains("mcp-session-id") || answer.contains("retry-after: 1")));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_open_one_session_too_many_is_rejected_before_it_is_read() {
    let served = served(1).await;
    session(&mut served.client().await).await;
    let mut client = TcpStream::connect(served.address).await.expect("somebody listens");
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: 9000\r\n\r\n", served.address);
    client.write_all(head.as_bytes()).await.expect("a head");
    let mut answer = [0; 12];
    // The time in which a body has to arrive is longer.
    timeout(PATIENCE, client.read_exact(&mut answer)).await.expect("in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 503");
    drop(client);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_idle_from_the_end_of_its_last_request_on() {
    let grace = Duration::from_millis(800);
    let config = HttpConfig { sessions: 1, session_grace: grace, ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let mut client = served.client().await;
    let session = session(&mut client).await;
    let answer = client.post(&[("mcp-session-id", &session)], &run("echo.sleep(ms=1600)\nresult = 'whole'")).await;
    assert_eq!(text(&answer), "\"whole\"");
    assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 503);
    tokio::time::sleep(grace * 2).await;
    assert_eq!(client.post(&[], &initialize(json!({}))).await.status, 200);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_which_nothing_happens_ends_by_itself() {
    let config = HttpConfig { session_idle: Duration::from_secs(1), ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let mut client = served.client().await;
    let session = session(&mut client).await;
    let gone = async {
        while !client.send("GET", "/metrics", &[], "").await.text.contains("exuvia_http_sessions 0\n") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it ends in time");
    assert_eq!(client.post(&[("mcp-session-id", &session)], &run("result = 1")).await.status, 404);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_ended_only_where_it_began() {
    let both = Profile::new([("echo".to_owned(), Mode::Code)]);
    let named = [("other".to_owned(), both.clone())].into();
    let settings = Settings { profiles: Some(Profiles { default: both, named }), ..Settings::default() };
    let served = Served::over_echo(HttpConfig::default(), Limits::default(), settings).await;
    let (mut client, mut other) = (served.client().await, served.client().await);
    let session = session(&mut client).await;
    let headers = [("mcp-session-id", session.as_str())];
    let message = run("echo.sleep(ms=1500)\nresult = 'whole'");
    let meddling = async {
        busy(&served).await;
        for headers in [headers, [("mcp-session-id", "nobody's")]] {
            let answer = other.send("DELETE", "/mcp/other", &headers, "").await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        assert_eq!(other.send("DELETE", "/mcp", &[("mcp-session-id", "nobody's")], "").await.status, 404);
    };
    let (answer, ()) = tokio::join!(client.post(&headers, &message), meddling);
    assert_eq!(text(&answer), "\"whole\"");
    assert_eq!(other.send("DELETE", "/mcp", &headers, "").await.status, 204);
    assert_eq!(client.post(&headers, &run("result = 1")).await.status, 404);
    served.end().await;
}

/// In the modern era nobody checks the header, so it must not say who asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_session_is_not_counted_for_the_session_that_it_names() {
    let settings = Settings { queue: QueueLimits { runs: 9, runs_per_client: 1 }, ..Settings::default() };
    let served = Served::over_echo(HttpConfig::default(), Limits::default(), settings).await;
    let (mut client, mut other) = (served.client().await, served.client().await);
    let session = session(&mut client).await;
    let names = ("mcp-session-id", session.as_str());
    let mut message = run("echo.sleep(ms=2000)\nresult = 'whole'");
    message["params"]["_meta"] = modern_meta();
    let headers = [modern().as_slice(), &[names]].concat();
    let own = async {
        busy(&served).await;
        let answer = client.post(&[names], &run("result = 1")).await;
        assert_eq!(text(&answer), "1", "there is room for the session's own script");
        // Nor does the end of that session end it.
        assert_eq!(client.send("DELETE", "/mcp", &[names], "").await.status, 204);
    };
    let (answer, ()) = tokio::join!(other.post(&headers, &message), own);
    assert_eq!(text(&answer), "\"whole\"");
    idle(&served).await;
    served.end().await;
}
