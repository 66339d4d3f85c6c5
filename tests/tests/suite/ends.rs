//! How scripts end when their clients go away, cancel, or outlive the server.

use std::pin::pin;
use std::time::Duration;

use exuvia_gateway::OnDisconnect;
use exuvia_runtime::Limits;
use exuvia_server::http::{HttpConfig, Shutdown};
use exuvia_tests::{PATIENCE, Served, Settings, initialize, modern_meta};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::serve::{busy, idle, modern, run, run_modern, session, text};

/// Waits until a call has come back.
async fn called(served: &Served) {
    let called = async {
        while !served.gateway.gateway().metrics().contains("exuvia_calls_total{server=\"echo\",outcome=\"ok\"}") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, called).await.expect("a call ends in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_client_a_cancellation_and_the_end_of_a_session_cancel_the_run() {
    let served = Served::plain().await;
    let forever = "while True:\n    echo.sleep(ms=100)";
    // A client without a session that goes away.
    let mut lost = served.client().await;
    let mut message = run(forever);
    message["params"]["_meta"] = modern_meta();
    let headers = [
        modern().as_slice(),
        &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")],
    ]
    .concat();
    let message = message.to_string();
    tokio::select! {
        _ = lost.begin("POST", "/mcp", &headers, &message) => panic!("the script does not end"),
        () = busy(&served) => {}
    }
    drop(lost);
    idle(&served).await;
    // A session that cancels, and one that is ended.
    for is_cancelled in [true, false] {
        let (mut client, mut aside) = (served.client().await, served.client().await);
        let session = session(&mut client).await;
        let headers = [("mcp-session-id", session.as_str())];
        let message = run(forever);
        let end = async {
            busy(&served).await;
            if is_cancelled {
                let cancelled =
                    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
                assert_eq!(aside.post(&headers, &cancelled).await.status, 202);
            } else {
                assert_eq!(aside.send("DELETE", "/mcp", &headers, "").await.status / 100, 2);
            }
            idle(&served).await;
        };
        tokio::select! {
            // Its stream ends, with or without an answer.
            _ = client.post(&headers, &message) => idle(&served).await,
            () = end => {}
        }
    }
    assert_eq!(served.end().await, Shutdown::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_outlives_its_client_comes_to_its_end_unless_it_is_cancelled() {
    let settings = Settings { on_disconnect: OnDisconnect::Finish, ..Settings::default() };
    let served = Served::over_echo(HttpConfig::default(), Limits::default(), settings).await;
    let mut lost = served.client().await;
    tokio::select! {
        _ = run_modern(&mut lost, "echo.sleep(ms=1)\necho.sleep(ms=800)\nresult = 'whole'") => panic!("it sleeps"),
        // One whose client is gone before it begins does not outlive it.
        () = called(&served) => {}
    }
    drop(lost);
    idle(&served).await;
    let counted = served.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_runs_total{outcome=\"returned\"} 1\n"), "{counted}");
    // Who is still there can cancel it: by its own id, and not that of another session.
    let (mut client, mut other) = (served.client().await, served.client().await);
    let (session, others) = (session(&mut client).await, session(&mut other).await);
    let message = run("while True:\n    echo.sleep(ms=100)");
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let headers = [("mcp-session-id", session.as_str())];
    let mut posted = pin!(client.post(&headers, &message));
    let meddling = async {
        busy(&served).await;
        assert_eq!(other.post(&[("mcp-session-id", &others)], &cancelled).await.status, 202);
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    tokio::select! {
        answer = &mut posted => panic!("cancelled by another session: {answer:?}"),
        () = meddling => {}
    }
    assert_eq!(served.gateway.gateway().runs(), 1);
    let mut other = served.client().await;
    assert_eq!(other.post(&headers, &cancelled).await.status, 202);
    idle(&served).await;
    // A session that is ended by its client takes its scripts with it.
    let (mut client, mut other) = (served.client().await, served.client().await);
    let ending = async {
        busy(&served).await;
        assert_eq!(other.send("DELETE", "/mcp", &headers, "").await.status / 100, 2);
        idle(&served).await;
    };
    tokio::select! {
        _ = client.post(&headers, &message) => idle(&served).await,
        () = ending => {}
    }
    let counted = served.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_runs_total{outcome=\"cancelled\"} 2\n"), "{counted}");
    assert_eq!(served.end().await, Shutdown::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_loses_its_stream_keeps_its_run_and_a_stop_waits_for_it() {
    let served = Served::plain().await;
    let (mut client, mut lost) = (served.client().await, served.client().await);
    let session = session(&mut client).await;
    let headers = [("mcp-session-id", session.as_str())];
    let message = run("echo.sleep(ms=1200)\nresult = 'whole'");
    tokio::select! {
        _ = lost.post(&headers, &message) => panic!("it sleeps"),
        () = busy(&served) => {}
    }
    drop(lost);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let gateway = served.gateway.gateway().clone();
    assert_eq!(gateway.runs(), 1);
    assert_eq!(served.end().await, Shutdown::Clean);
    let counted = gateway.metrics();
    assert!(counted.contains("exuvia_runs_total{outcome=\"returned\"} 1\n"), "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_runs_come_to_its_end_and_a_second_one_cancels_it() {
    for insists in [false, true] {
        let served = Served::plain().await;
        let (mut client, mut listener) = (served.client().await, served.client().await);
        let session = session(&mut listener).await;
        // Somebody only listens: that is not waited for.
        let listening =
            listener.begin("GET", "/mcp", &[("accept", "text/event-stream"), ("mcp-session-id", &session)], "").await;
        let code = if insists { "while True:\n    echo.sleep(ms=10)" } else { "echo.sleep(ms=1500)\nresult = 'whole'" };
        let running = tokio::spawn(async move { run_modern(&mut client, code).await });
        busy(&served).await;
        if insists {
            called(&served).await;
        }
        let (mut late, mut watcher) = (served.client().await, served.client().await);
        for client in [&mut late, &mut watcher] {
            assert_eq!(client.send("GET", "/readyz", &[], "").await.status, 200);
        }
        served.stop.ask();
        let draining = watcher.send("GET", "/readyz", &[], "").await;
        assert!(draining.status == 503 && draining.text.starts_with("{\"status\":\"shutting_down\","), "{draining:?}");
        let refused = late.post(&[], &initialize(json!({}))).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        if insists {
            served.stop.ask();
        }
        let answer = running.await.expect("no panic");
        let expected = if insists { "cancelled\ncalls made: echo.sleep" } else { "\"whole\"" };
        assert!(text(&answer).starts_with(expected), "{answer:?}");
        let drained = timeout(PATIENCE, served.drained).await.expect("an end in time").expect("no panic");
        assert_eq!(drained, if insists { Shutdown::Cancelled { runs: 1 } } else { Shutdown::Clean });
        let _ = timeout(PATIENCE, listening.into_body().collect()).await.expect("the stream ends");
        assert!(TcpStream::connect(served.address).await.is_err());
        served.gateway.stop().await;
    }
}
