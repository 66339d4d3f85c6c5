//! The same task without code mode: every tool in the context, every call and every answer through it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::conversation::{Conversation, Counter, Turn};
use super::session::ServerCall;

/// The definitions of tools as a client hands them to its model.
#[must_use]
pub fn definitions(tools: &[Value]) -> String {
    let definition = |tool: &Value| json!({"name": tool["name"], "description": tool["description"], "inputSchema": tool["inputSchema"]});
    Value::Array(tools.iter().map(definition).collect()).to_string()
}

/// The conversation in which a model makes these calls itself. `definitions` are the tokens of all tools; `script` made the calls.
pub(super) fn conversation(
    counter: &Counter,
    definitions: u64,
    prompt: &str,
    script: &str,
    calls: &[ServerCall],
) -> Conversation {
    let mut made = HashSet::new();
    let mut new = Vec::new();
    for call in calls {
        if made.insert((&*call.server, &*call.tool, Value::from(call.arguments.clone()).to_string())) {
            new.push(call);
        }
    }
    let mut turns: Vec<Turn> = Vec::new();
    for (call, turn) in new.iter().zip(turns_of(&new, prompt, script)) {
        turns.resize(turns.len().max(turn + 1), Turn::default());
        let arguments = Value::from(call.arguments.clone()).to_string();
        turns[turn].written += counter.count(&call.tool) + counter.count(&arguments);
        turns[turn].read += counter.count(&call.text);
    }
    Conversation { definitions, prompt: counter.count(prompt), turns }
}

/// In which turn a model can make each call: as early as it has read what it needs, any number of calls at once.
///
/// An argument that the prompt has, or that the script states, needs nothing. One that an answer has needs the first such answer.
/// One that nothing has was computed, and needs all answers before it. Numbers by which one tool is asked page by page need
/// nothing either. No call is made before one that the script made earlier.
fn turns_of(calls: &[&ServerCall], prompt: &str, script: &str) -> Vec<usize> {
    let mut turns: Vec<usize> = Vec::new();
    let mut known: HashMap<(&str, Scalar), Option<usize>> = HashMap::new();
    let mut earliest = 0;
    for (place, call) in calls.iter().enumerate() {
        let is_repeated = calls[..place].iter().rev().any(|before| before.tool == call.tool);
        for value in call.arguments.values().flat_map(scalars) {
            if value.text.is_empty() || has(prompt, &value.text) || has(script, &value.text) {
                continue;
            }
            let is_number = value.is_number;
            let from = *known.entry((&call.tool, value.clone())).or_insert_with(|| {
                let other = |before: &usize| !is_number || calls[*before].tool != call.tool;
                let found = (0..place).filter(other).find(|&before| has(&calls[before].text, &value.text));
                found.map(|before| turns[before])
            });
            match from {
                Some(turn) => earliest = earliest.max(turn + 1),
                None if is_number && is_repeated => {}
                None => earliest = turns.last().map_or(0, |turn| turn + 1),
            }
        }
        turns.push(earliest);
    }
    turns
}

/// A text or a number in an argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Scalar {
    text: String,
    is_number: bool,
}

fn scalars(value: &Value) -> Vec<Scalar> {
    match value {
        Value::String(text) => vec![Scalar { text: text.clone(), is_number: false }],
        Value::Number(number) => vec![Scalar { text: number.to_string(), is_number: true }],
        Value::Array(items) => items.iter().flat_map(scalars).collect(),
        Value::Object(fields) => fields.values().flat_map(scalars).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Whether `value` stands in `text`, not within a longer word or number. JSON has it escaped.
fn has(text: &str, value: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric();
    text.match_indices(value).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = text[place + value.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tool: &str, arguments: Value, text: &str) -> ServerCall {
        let arguments = arguments.as_object().unwrap().clone();
        ServerCall { server: "crm".into(), tool: tool.into(), arguments, text: text.into() }
    }

    #[test]
    fn calls_that_need_no_answer_are_made_at_once_and_others_a_turn_later() {
        let calls = [
            call("list", json!({"limit": 100}), r#"{"ids": [17, 18]}"#),
            call("get", json!({"id": 17}), r#"{"total": 5}"#),
            call("get", json!({"id": 18}), r#"{"total": 7}"#),
            call("note", json!({"text": "sum: 12"}), "ok"),
        ];
        let calls: Vec<&ServerCall> = calls.iter().collect();
        assert_eq!(turns_of(&calls, "the 100 latest", ""), [0, 1, 1, 2]);
        assert_eq!(turns_of(&calls, "", "list(limit=100)"), [0, 1, 1, 2]);
    }

    #[test]
    fn pages_are_asked_for_at_once_but_not_by_cursors() {
        let page = |arguments: Value| call("list", arguments, r#"{"rows": [2000, 4000], "next": "c7"}"#);
        let pages = [page(json!({"offset": 0})), page(json!({"offset": 2000})), page(json!({"offset": 4000}))];
        assert_eq!(turns_of(&pages.iter().collect::<Vec<_>>(), "", "range(0, 5000, 1000)"), [0, 0, 0]);
        let pages = [page(json!({})), page(json!({"cursor": "c7"}))];
        assert_eq!(turns_of(&pages.iter().collect::<Vec<_>>(), "", ""), [0, 1]);
    }

    #[test]
    fn a_number_within_a_longer_one_is_not_it() {
        assert!(has("[17]", "17") && !has("[171]", "17") && !has("a17", "17"));
    }
}
