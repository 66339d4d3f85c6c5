//! Clients up to 2025-11-25: a session for a while, in which they are asked in the middle of their calls.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{DirectLoad, Seat, accept, asking};
use crate::{HttpClient, events};

/// The longest that a call may take: its own clock, and that of the question in it.
const CALL: Duration = Duration::from_secs(30);

/// Does this and that until it is over.
pub(super) async fn client(address: SocketAddr, mut seat: Seat, over: &CancellationToken) -> DirectLoad {
    while !over.is_cancelled() {
        let mut http = HttpClient::connect(address).await;
        let session = http.session("/mcp", json!({"elicitation": {}})).await;
        for _ in 0..=seat.dice.below(15) {
            if over.is_cancelled() {
                break;
            }
            match seat.dice.below(10) {
                0 => leave_a_call(address, &session, &mut seat).await,
                1 | 2 => list(&mut http, &session, &mut seat).await,
                3..=6 => be_asked(address, &session, &mut seat).await,
                _ => call(&mut http, &session, &mut seat).await,
            }
        }
        let ended = http.send("DELETE", "/mcp", &[("mcp-session-id", &session)], "").await;
        assert_eq!(ended.status, 204, "{ended:?}");
    }
    seat.seen
}

/// A request. Of one that a client left it may still be asked something: each has a number of its own.
fn message(seat: &mut Seat, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": seat.number_of_request(), "method": method, "params": params})
}

async fn call(http: &mut HttpClient, session: &str, seat: &mut Seat) {
    let tag = seat.tag();
    let (name, arguments, has_tag) = seat.plain_call(&tag);
    let message = message(seat, "tools/call", &json!({"name": name, "arguments": arguments}));
    let answer = timeout(CALL, http.post(&[("mcp-session-id", session)], &message)).await.expect("an answer in time");
    seat.look(&answer.text);
    seat.answered(&tag, has_tag, &answer.message());
}

async fn list(http: &mut HttpClient, session: &str, seat: &mut Seat) {
    let method = ["tools/list", "resources/list", "prompts/list"][seat.dice.below(3)];
    let message = message(seat, method, &json!({}));
    let answer = timeout(CALL, http.post(&[("mcp-session-id", session)], &message)).await.expect("a list in time");
    seat.look(&answer.text);
    assert!(answer.message().get("result").is_some(), "{answer:?}");
    seat.seen.answers += 1;
}

/// Begins a call on a connection of its own. Gives the stream of its answer.
async fn begin(address: SocketAddr, session: &str, seat: &mut Seat, name: &str, arguments: &Value) -> Incoming {
    let message = message(seat, "tools/call", &json!({"name": name, "arguments": arguments})).to_string();
    let headers = [
        ("mcp-session-id", session),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    HttpClient::connect(address).await.begin("POST", "/mcp", &headers, &message).await.into_body()
}

/// Goes away in the middle of a call.
async fn leave_a_call(address: SocketAddr, session: &str, seat: &mut Seat) {
    let (tag, server) = (seat.tag(), seat.server());
    let tool = ["hang", "ask"][seat.dice.below(2)];
    let mut stream = begin(address, session, seat, &format!("{server}__{tool}"), &asking(&tag)).await;
    let until = Instant::now() + Duration::from_millis(seat.dice.below(300) as u64);
    while let Ok(Some(Ok(frame))) = timeout_at(until, stream.frame()).await {
        seat.look(&String::from_utf8_lossy(frame.data_ref().unwrap_or(&bytes::Bytes::new())));
    }
}

/// Makes a call of a tool that asks, and answers, or does not.
async fn be_asked(address: SocketAddr, session: &str, seat: &mut Seat) {
    let (tag, server, answers) = (seat.tag(), seat.server(), seat.dice.below(5) > 0);
    let mut stream = begin(address, session, seat, &format!("{server}__ask"), &asking(&tag)).await;
    let (mut text, mut read, until) = (String::new(), 0, Instant::now() + CALL);
    loop {
        while let Some(event) = events(&text).into_iter().nth(read) {
            read += 1;
            if event["method"] == "elicitation/create" {
                seat.asked(&tag, server, &event["params"]);
                if answers {
                    let said = json!({"jsonrpc": "2.0", "id": event["id"], "result": accept(&tag)});
                    let mut aside = HttpClient::connect(address).await;
                    aside.post(&[("mcp-session-id", session)], &said).await;
                }
            } else if event.get("result").is_some() || event.get("error").is_some() {
                seat.said(&tag, &event);
                return;
            }
        }
        let frame = timeout_at(until, stream.frame()).await.expect("an answer in time");
        let frame = frame.unwrap_or_else(|| panic!("client {} has no answer: {text}", seat.number));
        text += &String::from_utf8_lossy(frame.expect("a frame").data_ref().expect("data"));
        seat.look(&text);
    }
}
