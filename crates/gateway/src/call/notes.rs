//! What the author of a script should know of its calls, although the script went on: failures, and answers that read as an
//! error. Each tool is reported once, with a bounded first line of its text.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use exuvia_text::quoted;
use exuvia_tool::{CallError, CallId, Json, ToolName, ToolOutcome, raw};
use indexmap::IndexMap;

/// The most tools that are noted. The first ones are.
const TOOLS: usize = 20;
/// The most that are reported.
const MAX_NOTES: usize = 3;
/// How much of a text is quoted, in characters.
const QUOTED: usize = 120;
/// The longest answer that is looked into for members, in bytes. An error is short.
const SHORT_BYTES: usize = 8 << 10;
/// How many members of it are looked at.
const MEMBERS: usize = 12;

/// How texts that report an error begin, in lower case.
const BEGINNINGS: [&str; 20] = [
    "error:",
    "error -",
    "error (",
    "mcp error",
    "input validation error",
    "validation error",
    "an error occurred",
    "failed to",
    "failure:",
    "exception:",
    "traceback (most recent",
    "database error",
    "internal error",
    "invalid request",
    "unauthorized",
    "permission denied",
    "access denied",
    "rate limit exceeded",
    "http error",
    "request failed",
];
/// What follows the word "error" in a report of one: `Error fetching x`, `Error 404`, `Error in line 3`; but not in `Error rate: 0`.
const BEHIND_ERROR: [&str; 10] = ["at", "code", "during", "from", "in", "message", "occurred", "on", "when", "while"];
/// Words on errors in general.
const ABOUT_ERRORS: [&str; 5] = ["handling", "logging", "monitoring", "reporting", "tracking"];
/// What stands behind the status of an HTTP response that is an error, in lower case.
const REASONS: [&str; 17] = [
    "bad gateway",
    "bad request",
    "client error",
    "conflict",
    "forbidden",
    "gateway time",
    "gone",
    "internal server error",
    "method not allowed",
    "not found",
    "payment required",
    "request timeout",
    "server error",
    "service unavailable",
    "too many requests",
    "unauthorized",
    "unprocessable",
];

/// The notes on the calls of one run, which are made at one time or another.
#[derive(Debug, Default)]
pub(crate) struct CallNotes {
    tools: Mutex<IndexMap<ToolName, ToolNote>>,
    /// How often calls were made again.
    retries: Mutex<HashMap<CallId, u32>>,
}

#[derive(Debug, Default)]
struct ToolNote {
    failed: Occurrences,
    answered: Occurrences,
}

/// How often something came, and what it said first.
#[derive(Debug, Default)]
struct Occurrences {
    count: u64,
    first: String,
}

impl CallNotes {
    /// A call came to this.
    pub(crate) fn note(&self, name: &ToolName, outcome: &ToolOutcome) {
        let (is_failure, text) = match outcome {
            Ok(value) => match error_in(value) {
                Some(text) => (false, text),
                None => return,
            },
            Err(error) => (true, said(error)),
        };
        let mut notes = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == TOOLS && !notes.contains_key(name) {
            return;
        }
        let note = notes.entry(name.clone()).or_default();
        let occurrences = if is_failure { &mut note.failed } else { &mut note.answered };
        occurrences.count += 1;
        if occurrences.count == 1 {
            occurrences.first = text;
        }
    }

    /// A call is made again.
    pub(crate) fn retried(&self, id: CallId) {
        *self.retries.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
    }

    /// How often a call was made again.
    pub(crate) fn retries_of(&self, id: CallId) -> u32 {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or_default()
    }

    /// A sentence for each tool, under the name that `shown` gives it. `has_failed`: the run itself failed, and lists the
    /// calls that did: an error that left the script is not reported twice.
    pub(crate) fn sentences(&self, has_failed: bool, shown: impl Fn(&ToolName) -> String) -> Vec<String> {
        let notes = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        for (name, ToolNote { failed, answered }) in &*notes {
            if failed.count > 0 && !has_failed {
                all.push(format!("{} failed{}: {}", shown(name), times(failed.count), failed.first));
            }
            if answered.count > 0 {
                all.push(format!("{} answered{} {}", shown(name), times(answered.count), answered.first));
            }
        }
        let more = all.len().saturating_sub(MAX_NOTES);
        all.truncate(MAX_NOTES);
        if more > 0 {
            all.push(format!("{more} more of this kind"));
        }
        all
    }
}

fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(" {count} times") }
}

/// What a failed call says, in one quoted line.
fn said(error: &CallError) -> String {
    first_line(&match error {
        CallError::ToolFailed { message, .. } => message.clone(),
        other => other.to_string(),
    })
}

fn first_line(text: &str) -> String {
    quoted(text.trim().lines().next().unwrap_or_default(), QUOTED)
}

/// What an answer says that reads as an error: a text that begins like one, or an object that says so in a member of its own.
fn error_in(value: &Json) -> Option<String> {
    let json = value.value_str().trim_start();
    if json.starts_with('"') {
        let head = &json[..json.floor_char_boundary(SHORT_BYTES)];
        return error_in_text(head, json.len()).then(|| first_line(&decoded(head)));
    }
    if !json.starts_with('{') || json.len() > SHORT_BYTES {
        return None;
    }
    // A text in the box that servers put around one.
    let is_boxed = |value: &&str| value.starts_with('"') && raw::members(json).take(2).count() == 1;
    if let Some(boxed) = raw::member(json, "result").filter(is_boxed) {
        return error_in_text(boxed, boxed.len()).then(|| first_line(&decoded(boxed)));
    }
    let (mut is_failure, mut text) = (false, None);
    // A payment that failed is no call that did.
    let is_record = raw::member(json, "id").is_some();
    for (name, value) in raw::members(json).take(MEMBERS) {
        let is_empty = matches!(value, "null" | "false" | "\"\"" | "[]" | "{}" | "0");
        match name.to_ascii_lowercase().as_str() {
            "error" | "errors" | "error_message" | "errormessage" if !is_empty => {
                is_failure = true;
                text = text.or(Some(value));
            }
            "success" | "ok" if value == "false" => is_failure = true,
            "iserror" | "is_error" if value == "true" => is_failure = true,
            "status" if !is_record && matches!(value, "\"error\"" | "\"failed\"" | "\"failure\"") => is_failure = true,
            "message" | "detail" | "reason" if value.starts_with('"') => text = text.or(Some(value)),
            _ => {}
        }
    }
    is_failure.then(|| match text {
        Some(text) if text.starts_with('"') => first_line(&decoded(text)),
        Some(other) => first_line(other),
        None => first_line(json),
    })
}

/// Whether a text begins like a report of an error. A long one is a document about errors.
fn error_in_text(json: &str, length: usize) -> bool {
    let head: String = json.chars().skip(1).take(40).collect::<String>().trim_start().to_ascii_lowercase();
    let head = head.trim_start_matches(['[', '*', '#', '❌', '⚠', '\u{fe0f}', ' ']);
    length < SHORT_BYTES
        && (BEGINNINGS.iter().any(|beginning| head.starts_with(beginning))
            || head.strip_prefix("error ").is_some_and(reports_error)
            || is_status(head))
}

/// Whether what stands behind the word "error" makes it the report of one.
fn reports_error(behind: &str) -> bool {
    let word = behind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_code = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_code || BEHIND_ERROR.contains(&word) || (word.ends_with("ing") && !ABOUT_ERRORS.contains(&word))
}

/// Whether a text begins like `404 Not Found` or `HTTP 500: Internal Server Error`.
fn is_status(head: &str) -> bool {
    let head = head.trim_start_matches("http/1.1 ").trim_start_matches("http ");
    let Some((code, reason)) = head.split_at_checked(3) else { return false };
    let is_code = code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    let reason = reason.trim_start_matches([' ', ':', '-']);
    is_code && REASONS.iter().any(|beginning| reason.starts_with(beginning))
}

/// The text that a string of JSON is, as far as it is there.
fn decoded(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Option<String> {
        error_in(&Json::parse(json).expect("JSON"))
    }

    #[test]
    fn answers_that_read_as_an_error_are_found() {
        for (json, expected) in [
            (r#""Database error: no such table: x\nat line 1""#, r#""Database error: no such table: x""#),
            (r#""❌ Error: no access""#, r#""❌ Error: no access""#),
            (r#"{"error":"not found","id":7}"#, r#""not found""#),
            (r#"{"success":false,"message":"quota"}"#, r#""quota""#),
            (r#"{"status":"error","code":3}"#, r#""{\"status\":\"error\",\"code\":3}""#),
            (r#""404 Not Found""#, r#""404 Not Found""#),
            (r#""HTTP 500: Internal Server Error""#, r#""HTTP 500: Internal Server Error""#),
            (r#""MCP error -32602: bad""#, r#""MCP error -32602: bad""#),
            (r#""Input validation error: x""#, r#""Input validation error: x""#),
            (r#""Error fetching page""#, r#""Error fetching page""#),
            (r#""Error 17""#, r#""Error 17""#),
            (r#"{"result":"Error: a"}"#, r#""Error: a""#),
            (r#"{"errors":[{"a":1}]}"#, r#""[{\"a\":1}]""#),
        ] {
            assert_eq!(found(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn other_answers_are_no_errors() {
        for json in [
            r#""Errors of the last week were few""#,
            r#""errors: 0""#,
            r#""Error rate: 0""#,
            r#""Error handling in Rust""#,
            r#""404 Main Street""#,
            r#""500 results""#,
            r#"{"result":"Errors were few"}"#,
            r#"{"error":null,"data":[1]}"#,
            r#"{"errors":[],"ok":true}"#,
            r#"{"success":true,"error":""}"#,
            r#"[{"error":"in a row"}]"#,
            r#"{"data":{"error":"further down"}}"#,
            r#"{"status":"failing over","message":"x"}"#,
            r#"{"id":"pay_7","status":"failed","amount":12}"#,
            "null",
            "7",
        ] {
            assert_eq!(found(json), None, "{json}");
        }
        let document = format!("\"Error: handling\\n{}\"", "text ".repeat(3_000));
        assert_eq!(found(&document), None);
    }

    #[test]
    fn each_tool_is_told_once_and_few_are() {
        let notes = CallNotes::default();
        let name = |tool: &str| ToolName::new("db", tool);
        let failed =
            |message: &str| -> ToolOutcome { Err(CallError::ToolFailed { message: message.to_owned(), data: None }) };
        for message in ["no such table\nmore", "other"] {
            notes.note(&name("write"), &failed(message));
        }
        notes.note(&name("read"), &Json::parse(r#""Error: locked""#).map_err(|_| CallError::Denied(String::new())));
        notes.note(&name("fine"), &Ok(Json::parse("[1]").expect("JSON")));
        notes.note(&name("bad"), &Err(CallError::InvalidArguments("x".into())));
        let shown = |name: &ToolName| format!("x.{}", name.tool);
        let expected =
            ["x.write failed 2 times: \"no such table\"", "x.read answered \"Error: locked\"", "x.bad failed: \"x\""];
        assert_eq!(notes.sentences(false, shown), expected);
        assert_eq!(notes.sentences(true, shown), expected[1..2]);
        for tool in 0..30 {
            notes.note(&name(&tool.to_string()), &failed("x"));
        }
        assert_eq!(notes.sentences(false, shown).len(), MAX_NOTES + 1);
        assert_eq!(notes.sentences(false, shown)[MAX_NOTES], "17 more of this kind");
    }
}
