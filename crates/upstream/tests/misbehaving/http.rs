//! What only a server over HTTP can do.

use std::net::TcpListener;

use exuvia_tool::CallError;
use serde_json::json;

use super::{ANSWER, Fake, Over, Plan};

pub(crate) fn does_not_let_a_session_end(over: Over) {
    let plan = Plan::new(over, "--era legacy --hang-at end");
    plan.run(async |fake: &Fake| fake.works().await);
}

/// Lets the tool `http` write a response.
async fn respond(fake: &Fake, bytes: &str, says: &str) {
    fake.unavailable("http", &json!({"bytes": bytes}).to_string(), says).await;
    fake.works().await;
}

pub(crate) fn redirects_to_another_origin(over: Over) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let to = format!("http://{}/mcp", elsewhere.local_addr().unwrap());
    let plan = Plan::new(over, &format!("--redirect {to}"));
    plan.run(async |fake: &Fake| {
        assert!(fake.failed().unwrap().contains(&format!("it redirects to {to}")), "{:?}", fake.failed());
    });
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
            let head = format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nConnection: close\r\n\r\n");
            respond(fake, &head, "redirects to another address, which is not followed; fake.http was not").await;
        }
    });
    assert!(elsewhere.accept().is_err(), "nothing was sent there");
}

pub(crate) fn redirects_for_ever(over: Over) {
    let plan = Plan::new(over, "--redirect /mcp");
    plan.run(async |fake: &Fake| {
        assert!(fake.failed().unwrap().contains("redirects more than"), "{:?}", fake.failed());
    });
}

pub(crate) fn answers_with_the_wrong_content(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for head in ["Content-Type: text/html\r\nContent-Length: 2", "Content-Length: 2", "Content-Type: \u{1}"] {
            let says = if head.contains('\u{1}') { "took effect is unknown" } else { "invalid MCP message" };
            respond(fake, &format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n\r\nhi"), says).await;
        }
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\nhi";
        respond(fake, json, "a message that is not the response").await;
        respond(fake, "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "invalid MCP message")
            .await;
        respond(fake, "what?\r\n\r\n", "took effect is unknown").await;
    });
}

pub(crate) fn answers_with_less_than_announced(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{\"jsonrpc\"";
        respond(fake, head, "sent an incomplete response; whether fake.http took effect is unknown").await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n40\r\ndata";
        respond(fake, head, "sent an incomplete response").await;
    });
}

pub(crate) fn answers_slowly(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for kind in ["application/json", "text/event-stream"] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\ndata: ");
            let arguments = json!({"bytes": head, "repeat": "x", "pause_ms": 5}).to_string();
            assert_eq!(fake.call("http", &arguments, 200).await, Err(CallError::TimedOut(200)));
        }
        fake.works().await;
    });
}

pub(crate) fn never_ends_a_stream(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        let notification = r#"data: {"jsonrpc":"2.0","method":"notifications/message"}"#;
        for part in [": on and on\n\n".to_owned(), format!("{notification}\n\n"), "data\n".into(), "\n".into()] {
            let arguments = json!({"bytes": head, "repeat": part.repeat(500)}).to_string();
            assert_eq!(fake.call("http", &arguments, 200).await, Err(CallError::TimedOut(200)), "{part}");
        }
        fake.works().await;
    });
}

pub(crate) fn never_ends_a_body(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[";
        let arguments = json!({"bytes": head, "repeat": "7,".repeat(50_000)}).to_string();
        let outcome = fake.try_call("http", &arguments).await;
        assert!(matches!(outcome, Err(CallError::LimitReached { .. })), "{outcome:.200?}");
        fake.works().await;
    });
}

pub(crate) fn never_ends_its_headers(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let arguments = json!({"bytes": "HTTP/1.1 200 OK\r\n", "repeat": "X-More: and more\r\n".repeat(50)});
        fake.unavailable("http", &arguments.to_string(), "took effect is unknown").await;
        fake.works().await;
    });
}

pub(crate) fn answers_with_error_statuses(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for (head, says) in [
            ("500 A\r\n", "server fake answered with HTTP 500; whether fake.http took effect is unknown"),
            ("503 B\r\nRetry-After: 7\r\n", "answered with HTTP 503 (retry after 7 s); whether"),
            ("429 C\r\nRetry-After: 30\r\n", "answered with HTTP 429 (retry after 30 s); fake.http was not called"),
            ("404 D\r\n", "answered with HTTP 404; fake.http was not called"),
            ("401 E\r\n", "requires authorization that the gateway does not have; fake.http was not called"),
            ("403 F\r\n", "requires authorization that the gateway does not have"),
            ("999 G\r\n", "answered with HTTP 999"),
        ] {
            respond(fake, &format!("HTTP/1.1 {head}Connection: close\r\n\r\n"), says).await;
        }
        let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"full"}}"#;
        let head = "HTTP/1.1 500 A\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".to_owned();
        let outcome = fake.try_call("http", &json!({"bytes": head + error}).to_string()).await;
        assert_eq!(outcome.unwrap_err().to_string(), "full");
    });
}

pub(crate) fn closes_within_an_event(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        respond(fake, &format!("{head}data: {ANSWER}\n"), "sent an incomplete response; whether").await;
        respond(fake, head, "sent an incomplete response").await;
        respond(fake, "HTTP/1.1 200 OK\r\nContent-Ty", "sent an incomplete response").await;
        respond(fake, "", "sent an incomplete response").await;
    });
}

pub(crate) fn resumes_for_ever(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 7\nretry: 0\ndata\n\n";
        let outcome = fake.call("http", &json!({"bytes": head}).to_string(), 700).await;
        assert!(matches!(outcome, Err(CallError::TimedOut(_) | CallError::UpstreamUnavailable(_))), "{outcome:?}");
        fake.works().await;
    });
}
