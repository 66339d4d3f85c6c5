//! Clients of 2026-07-28: asked by answers, on whatever connection they come back.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DirectLoad, Seat, accept, asking};
use crate::{Answer, HttpClient};

/// The longest that a call may take.
const CALL: Duration = Duration::from_secs(30);
/// Names of waiting requests of all clients, for those who try what is not theirs.
static STATES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How many of them are kept.
const KEPT: usize = 64;

/// Does this and that until it is over.
pub(super) async fn client(address: SocketAddr, mut seat: Seat, over: &CancellationToken) -> DirectLoad {
    while !over.is_cancelled() {
        let mut http = HttpClient::connect(address).await;
        for _ in 0..=seat.dice.below(15) {
            if over.is_cancelled() {
                break;
            }
            match seat.dice.below(10) {
                0 => leave_a_call(address, &mut seat).await,
                1 => list(&mut http, &mut seat).await,
                2 => be_a_task(&mut http, &mut seat).await,
                3 => try_what_is_not_ours(&mut http, &mut seat).await,
                4..=6 => be_asked(address, &mut http, &mut seat).await,
                _ => call(&mut http, &mut seat).await,
            }
        }
    }
    seat.seen
}

async fn ask(http: &mut HttpClient, method: &str, params: Value) -> Answer {
    let can = json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
    timeout(CALL, http.ask("/mcp", method, params, can)).await.expect("an answer in time")
}

async fn call(http: &mut HttpClient, seat: &mut Seat) {
    let tag = seat.tag();
    let (name, arguments, has_tag) = seat.plain_call(&tag);
    let answer = ask(http, "tools/call", json!({"name": name, "arguments": arguments})).await;
    seat.look(&answer.text);
    seat.answered(&tag, has_tag, &answer.message());
}

async fn list(http: &mut HttpClient, seat: &mut Seat) {
    let method = ["tools/list", "resources/list", "prompts/list"][seat.dice.below(3)];
    let answer = ask(http, method, json!({})).await;
    seat.look(&answer.text);
    assert!(answer.message().get("result").is_some(), "{answer:?}");
    seat.seen.answers += 1;
}

/// Goes away in the middle of a call.
async fn leave_a_call(address: SocketAddr, seat: &mut Seat) {
    let server = seat.server();
    let params = json!({"name": format!("{server}__hang"), "arguments": {"tag": seat.tag()}});
    let mut http = HttpClient::connect(address).await;
    let patience = Duration::from_millis(seat.dice.below(300) as u64);
    if let Ok(answer) = timeout(patience, ask(&mut http, "tools/call", params)).await {
        seat.look(&answer.text);
    }
}

/// Starts a task, whose own name nobody is told and nobody can use.
async fn be_a_task(http: &mut HttpClient, seat: &mut Seat) {
    let own = format!("{}own", seat.tag());
    let now = "2026-07-28T00:00:00Z";
    let task = json!({"resultType": "task", "taskId": own, "status": "working", "createdAt": now, "lastUpdatedAt": now,
        "ttlMs": null});
    let server = ["new", "webnew"][seat.dice.below(2)];
    let params = json!({"name": format!("{server}__answer"), "arguments": {"result": task}});
    let answer = ask(http, "tools/call", params).await;
    seat.look(&answer.text);
    seat.seen.answers += 1;
    let answer = answer.message();
    let Some(name) = answer["result"]["taskId"].as_str() else { return };
    assert!(!answer.to_string().contains(&own), "{answer}");
    // The server has no method for tasks: it is asked all the same, under its own name of it alone.
    for (name, code) in [(name, -32601), (own.as_str(), -32602)] {
        let answer = ask(http, "tasks/get", json!({"taskId": name})).await.message();
        let said = answer["error"]["code"].as_i64();
        assert!(said == Some(code) || (code == -32601 && said == Some(-32603)), "{name}: {answer}");
    }
}

/// Tries the name of a waiting request that is another client's.
async fn try_what_is_not_ours(http: &mut HttpClient, seat: &mut Seat) {
    let states = STATES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if states.is_empty() {
        return;
    }
    let (state, tag, server) = (&states[seat.dice.below(states.len())], seat.tag(), seat.server());
    let params = json!({"name": format!("{server}__ask"), "arguments": asking(&tag), "requestState": state,
        "inputResponses": {"question": accept(&tag)}});
    let answer = ask(http, "tools/call", params).await;
    seat.look(&answer.text);
    assert_eq!(answer.message()["error"]["code"], -32602, "{answer:?}");
}

/// Makes a call of a tool that asks, and comes back with an answer, or does not.
async fn be_asked(address: SocketAddr, http: &mut HttpClient, seat: &mut Seat) {
    let (tag, server) = (seat.tag(), seat.server());
    let mut params = json!({"name": format!("{server}__ask"), "arguments": asking(&tag)});
    let answer = ask(http, "tools/call", params.clone()).await;
    seat.look(&answer.text);
    let asked = answer.message();
    let requests = asked["result"]["inputRequests"].as_object().cloned().unwrap_or_default();
    let Some((name, request)) = requests.iter().next() else { return seat.said(&tag, &asked) };
    seat.asked(&tag, server, &request["params"]);
    {
        let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
        let state = asked["result"]["requestState"].as_str().expect("a name").to_owned();
        let place = seat.dice.below(KEPT);
        if states.len() < KEPT { states.push(state) } else { states[place] = state }
    }
    if seat.dice.below(5) == 0 {
        return;
    }
    params["requestState"] = asked["result"]["requestState"].clone();
    params["inputResponses"] = json!({name: accept(&tag)});
    let answer = match seat.dice.below(2) {
        0 => ask(http, "tools/call", params).await,
        _ => ask(&mut HttpClient::connect(address).await, "tools/call", params).await,
    };
    seat.look(&answer.text);
    seat.said(&tag, &answer.message());
}
