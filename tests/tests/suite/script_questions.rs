//! Questions of servers in the middle of scripts' calls: in both eras on either side.

use std::fs;
use std::time::Duration;

use exuvia_config::ServerConfig;
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{Served, Settings, fake};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::direct_questions::{LONG, Session, accept};

const ASKS: &str =
    "result = fake.ask(params={'message': 'which?', 'requestedSchema': {'type': 'object', 'properties': {}}})";

async fn served(era: &str, question_timeout: Duration, limits: Limits, more: &[&str]) -> Served {
    let server = ServerConfig { question_timeout, ..fake("fake", &[&["--era", era], more].concat()) };
    Served::over(vec![server], HttpConfig::default(), limits, Settings::default()).await
}

fn call(code: &str) -> Value {
    json!({"name": "executeToolCode", "arguments": {"code": code}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asks_the_client_of_the_script_and_the_script_goes_on_with_the_answer() {
    let served = served("legacy", LONG, Limits::default(), &[]).await;
    let session = Session::new(&served, json!({})).await;
    let mut of_old = session.call("executeToolCode", json!({"code": ASKS})).await;
    let question = of_old.question().await;
    assert_eq!(question["params"]["message"], "fake asks:\n  which?");
    session.answer(&question, accept("of old")).await;
    let said = of_old.said().await;
    assert!(said.contains("of old"), "{said}");

    let mut client = served.client().await;
    let mut ask =
        async |params: Value| client.ask("/mcp", "tools/call", params, json!({"elicitation": {}})).await.message();
    let mut asked = ask(call(ASKS)).await;
    if asked["result"]["resultType"] != "input_required" {
        // On a connection that others use as well, whose question it is cannot be told: from then on it has its own.
        asked = ask(call(ASKS)).await;
    }
    let mut back = call(ASKS);
    back["requestState"] = asked["result"]["requestState"].clone();
    back["inputResponses"] = json!({"question-1": accept("of new")});
    let answer = ask(back).await;
    assert!(
        answer["result"]["content"][0]["text"].as_str().is_some_and(|text| text.contains("of new")),
        "{asked} {answer}"
    );
    served.end().await;
}

/// Nor does the time of the run, nor that of the call.
#[tokio::test(flavor = "multi_thread")]
async fn no_time_runs_while_a_person_is_asked() {
    let limits = Limits { call_timeout_ms: 400, wall_ms: 1_500, ..Limits::default() };
    let served = served("legacy", LONG, limits, &[]).await;
    let session = Session::new(&served, json!({})).await;
    let code = format!(
        "import asyncio\nasync def one():\n    async with asyncio.timeout(0.3):\n        return await {}\nresult = await one()",
        ASKS.trim_start_matches("result = ")
    );
    let mut call = session.call("executeToolCode", json!({"code": code})).await;
    let question = call.question().await;
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    session.answer(&question, accept("slowly")).await;
    let said = call.said().await;
    assert!(said.contains("slowly"), "{said}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_ends_by_its_clock() {
    let served = served("legacy", Duration::from_millis(300), Limits::default(), &[]).await;
    let session = Session::new(&served, json!({})).await;
    let mut call = session.call("executeToolCode", json!({"code": ASKS})).await;
    call.question().await;
    let said = call.said().await;
    assert!(said.contains("cancel"), "{said}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_be_asked_is_not() {
    let served = served("legacy", LONG, Limits::default(), &[]).await;
    let mut client = served.client().await;
    let answer = client.ask("/mcp", "tools/call", call(ASKS), json!({})).await.message();
    let text = answer["result"]["content"][0]["text"].as_str().expect("a text");
    assert!(text.contains("asked the user for input before it answers, and got no answer"), "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_newer_era_is_sent_the_call_again_with_the_answer_and_its_state() {
    let folder = TempDir::new().expect("a folder");
    let record = folder.path().join("calls").display().to_string();
    let served = served("modern", LONG, Limits::default(), &["--record", &record]).await;
    let session = Session::new(&served, json!({})).await;
    let code = "asks = {'resultType': 'input_required', 'requestState': 'its state', 'inputRequests': {'q': {'method': \
        'elicitation/create', 'params': {'message': 'which?', 'requestedSchema': {'type': 'object', 'properties': {}}}}}}\n\
        result = fake.answer(result=asks)";
    let mut call = session.call("executeToolCode", json!({"code": code})).await;
    for n in 0..9 {
        let question = call.question().await;
        session.answer(&question, accept(&n.to_string())).await;
    }
    let said = call.said().await;
    assert!(said.contains("asked the user for input"), "it asks on and on: {said}");
    let calls = fs::read_to_string(&record).expect("calls");
    let calls: Vec<Value> = calls.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let brought = |call: &Value| (call["params"]["requestState"].clone(), call["params"]["inputResponses"].clone());
    assert_eq!(brought(&calls[0]), (Value::Null, Value::Null));
    assert_eq!(brought(&calls[1]), (json!("its state"), json!({"q": accept("0")})));
    assert_eq!(calls.len(), 10);
    served.end().await;
}
