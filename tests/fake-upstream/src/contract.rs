//! The calls of one case of the contract suite (`tests/contract`), answered as it says.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::out::{Later, Out};
use crate::server::Reply;

/// The calls that are expected, and which of them have come.
#[derive(Default)]
pub(crate) struct Contract(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    /// Each until it has come.
    expected: Vec<Option<Value>>,
    come: u64,
    /// Answers for when so many calls have come.
    waiting: Vec<(u64, Later, String)>,
}

impl Contract {
    /// Reads the calls: an array of `{"tool", "arguments", "result", "after_ms", "after_calls"}`; without `result` there is no answer.
    pub(crate) fn read(file: &str) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let expected: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        Self(Mutex::new(Calls { expected: expected.into_iter().map(Some).collect(), ..Calls::default() }))
    }

    pub(crate) fn call(&self, id: &Value, params: &Value, out: &mut dyn Out) -> Reply {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.come += 1;
        let come = calls.come;
        calls.waiting.retain(|(after, way, message)| *after > come || !way(message.as_bytes()));
        let is_it = |call: &Value| call["tool"] == params["name"] && call["arguments"] == params["arguments"];
        let found = calls.expected.iter_mut().find(|call| call.as_ref().is_some_and(is_it)).and_then(Option::take);
        let Some(call) = found else {
            let text = format!("the case expects no call {params}");
            return Reply::Result(json!({"content": [{"type": "text", "text": text}], "isError": true}));
        };
        let Some(result) = call.get("result") else { return Reply::Nothing };
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let after = call["after_calls"].as_u64().unwrap_or(0);
        if after > come {
            calls.waiting.push((after, out.later(), message));
            return Reply::Nothing;
        }
        if let Some(ms) = call["after_ms"].as_u64() {
            let way = out.later();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(ms));
                way(message.as_bytes())
            });
            return Reply::Nothing;
        }
        Reply::Result(result.clone())
    }
}
