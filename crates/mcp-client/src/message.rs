//! One message of a server, parsed as far as needed to classify it.

use std::ops::Range;

use exuvia_tool::{Json, raw};

use crate::lines::{Subject, at_head, at_tail, number};
use crate::repair::numbers;

/// The longest id of a server's request that is echoed, and the longest name of a method.
const NAME_BYTES: usize = 256;

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// An answer. Without an id it does not say to what.
    Answer { id: Option<i64>, body: Body },
    /// The server asks us. The id is kept as written.
    Request { id: String, method: String, params: Option<Range<usize>> },
    /// A notification.
    Notification { method: String, params: Option<Range<usize>> },
    /// Bytes that are not UTF-8 and name no request.
    NotText,
    /// Not a message, with a description.
    Garbage(&'static str),
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A result, at this place of the text.
    Result(Range<usize>),
    /// An error.
    Error { code: i64, message: String, data: Option<Json> },
    /// The text is not UTF-8.
    NotText,
    /// The text is no JSON.
    Broken,
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A pipe, into which a server may also write its log.
    Pipe,
    /// HTTP, where everything is a message.
    Http,
}

/// A message, and the text that its ranges point into.
#[derive(Debug)]
pub(crate) struct ParsedMessage {
    pub(crate) text: String,
    pub(crate) message: Message,
    /// How many numbers in it are none: `null` stands in their place.
    pub(crate) nulls: usize,
}

/// Reads a message, which is repaired where it is no JSON.
pub(crate) fn read(text: String, source: Source) -> ParsedMessage {
    let (message, is_whole) = message(&text, source);
    if is_whole || !text.trim_start().starts_with('{') {
        return ParsedMessage { text, message, nulls: 0 };
    }
    if let Some((text, nulls)) = numbers(&text)
        && let (message, true) = self::message(&text, source)
    {
        return ParsedMessage { text, message, nulls };
    }
    ParsedMessage { message: broken(&text, message), text, nulls: 0 }
}

/// What bytes are that are no text.
pub(crate) fn not_text(bytes: &[u8]) -> Message {
    match (at_head(bytes), at_tail(bytes)) {
        (Subject::Answer(id), _) | (Subject::Unknown, Subject::Answer(id)) => {
            Message::Answer { id: Some(id), body: Body::NotText }
        }
        _ => Message::NotText,
    }
}

/// A message that is invalid JSON but names the request that it answers.
fn broken(text: &str, message: Message) -> Message {
    let is_message = raw::member(text, "jsonrpc").is_some_and(is_version);
    match (message, raw::member(text, "id").and_then(number)) {
        (Message::Garbage(_), Some(id)) if is_message && raw::member(text, "method").is_none() => {
            Message::Answer { id: Some(id), body: Body::Broken }
        }
        (message, _) => message,
    }
}

fn is_version(value: &str) -> bool {
    matches!(value, "\"2.0\"" | "2.0" | "\"2\"" | "2")
}

/// What a text says, and whether it is an object and nothing else.
fn message(text: &str, source: Source) -> (Message, bool) {
    let mut found = Found::default();
    let (mut is_message, mut is_result) = (source == Source::Http, false);
    let mut members = raw::members(text);
    for (key, value) in members.by_ref() {
        match key.as_str() {
            "jsonrpc" => is_message |= is_version(value),
            "id" => found.id = Some(value).filter(|&id| id != "null"),
            "method" => found.method = Some(value),
            "params" => found.params = Some(raw::place(text, value)),
            "result" => found.result = Some(value),
            "error" if value == "null" => found.no_error = Some(raw::place(text, value)),
            "error" => found.error = Some(value),
            "content" | "structuredContent" | "toolResult" => is_result = source == Source::Http,
            _ => {}
        }
    }
    let is_whole = members.is_whole();
    if is_result && is_whole {
        // Without an envelope: over HTTP it is known what it answers.
        found.result.get_or_insert(text.trim());
    }
    let message = if is_message { found.message(text) } else { Message::Garbage("not JSON-RPC 2.0") };
    (message, is_whole)
}

/// The members of a message, as written.
#[derive(Default)]
struct Found<'a> {
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<Range<usize>>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    /// Where it says that there is no error.
    no_error: Option<Range<usize>>,
}

impl Found<'_> {
    fn message(self, text: &str) -> Message {
        let Self { id, method, params, result, error, no_error } = self;
        if let Some(method) = method {
            return request(id, method, params);
        }
        // What some languages write for no error.
        let error = error.filter(|&error| result.is_none() || !matches!(error, "\"\"" | "false" | "{}"));
        let body = match (result, error) {
            (_, Some(error)) => failure(error),
            (Some(result), None) => Body::Result(raw::place(text, result)),
            // Languages that write out no member that is undefined leave this of a result that is nothing.
            (None, None) if no_error.is_some() && id.is_some() => Body::Result(no_error.unwrap_or_default()),
            (None, None) => return Message::Garbage("neither request nor response"),
        };
        match id.map(number) {
            // Servers that could not read a request, or have lost its session, cannot name it: some say null, some "server-error".
            Some(None) if matches!(body, Body::Error { .. }) => Message::Answer { id: None, body },
            Some(None) => Message::Garbage("a response with an unknown id"),
            id => Message::Answer { id: id.flatten(), body },
        }
    }
}

fn request(id: Option<&str>, method: &str, params: Option<Range<usize>>) -> Message {
    let Some(method) = name(method) else { return Message::Garbage("no method name") };
    match id {
        Some(id) if id.len() <= NAME_BYTES => Message::Request { id: id.to_owned(), method, params },
        Some(_) => Message::Garbage("a request with a huge id"),
        None => Message::Notification { method, params },
    }
}

fn name(method: &str) -> Option<String> {
    serde_json::from_str(method).ok().filter(|name: &String| name.len() <= NAME_BYTES)
}

fn failure(error: &str) -> Body {
    let code = raw::member(error, "code").and_then(number).unwrap_or_default();
    // Some say only a text, or put something else where the text belongs.
    let said = if error.starts_with('{') { raw::member(error, "message") } else { Some(error) };
    let data = raw::member(error, "data").filter(|&raw| raw != "null" && !raw::too_deep(raw));
    Body::Error {
        code,
        message: said.map_or_else(|| "an error without a message".to_owned(), text),
        data: data.and_then(|raw| Json::parse(raw).ok()),
    }
}

/// The text that a value is, or that it is written as.
fn text(value: &str) -> String {
    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Message {
        read(line.to_owned(), Source::Http).message
    }

    fn piped(line: &str) -> Message {
        read(line.to_owned(), Source::Pipe).message
    }

    fn result(line: &str) -> (String, usize) {
        let ParsedMessage { text, message, nulls } = read(line.to_owned(), Source::Pipe);
        let Message::Answer { id: Some(7), body: Body::Result(part) } = message else { panic!("{message:?}") };
        (text[part].to_owned(), nulls)
    }

    #[test]
    fn an_answer_points_at_its_result() {
        let line = r#"{"jsonrpc":"2.0","id":7,"result":{"n":12345678901234567890123}}"#;
        assert_eq!(result(line), (r#"{"n":12345678901234567890123}"#.to_owned(), 0));
    }

    #[test]
    fn ids_may_be_strings_or_missing_but_not_foreign() {
        let id = |line: &str| match of(line) {
            Message::Answer { id, .. } => Ok(id),
            other => Err(other),
        };
        assert_eq!(id(r#"{"id":"7","result":{}}"#), Ok(Some(7)));
        assert_eq!(id(r#"{"id":7.0,"result":{}}"#), Ok(Some(7)));
        assert_eq!(id(r#"{"id":null,"error":{"code":-32700,"message":"?"}}"#), Ok(None));
        assert_eq!(id(r#"{"id":"server-error","error":{"code":-32600,"message":"?"}}"#), Ok(None));
        assert!(id(r#"{"id":"abc","result":{}}"#).is_err());
        assert!(id(r#"{"id":1.5,"result":{}}"#).is_err());
    }

    #[test]
    fn a_line_that_is_not_json_rpc_is_garbage() {
        for line in ["", "Listening on stdio", "[]", "{}", "{\"jsonrpc\":\"2.0\"}", "\u{0}", "null", "{\"id\":7"] {
            assert!(matches!(of(line), Message::Garbage(_)), "{line}: {:?}", of(line));
        }
        assert_eq!(not_text(&[0xff, 0xfe]), Message::NotText);
    }

    #[test]
    fn a_line_of_a_log_is_no_message() {
        for line in [
            r#"{"level":"info","id":7,"result":"ok"}"#,
            r#"{"id":7,"error":"slow"}"#,
            r#"{"method":"GET","id":1}"#,
            r#"{"jsonrpc":"1.0","id":7,"result":{}}"#,
        ] {
            assert_eq!(piped(line), Message::Garbage("not JSON-RPC 2.0"), "{line}");
        }
    }

    #[test]
    fn numbers_that_are_none_cost_only_themselves() {
        let line = r#"{"jsonrpc":"2.0","id":7,"result":{"mean":NaN,"n":"NaN","max":[Infinity,-Infinity]}}"#;
        assert_eq!(result(line), (r#"{"mean":null,"n":"NaN","max":[null,null]}"#.to_owned(), 3));
    }

    #[test]
    fn a_message_that_is_no_json_answers_whom_it_names() {
        let broken = Message::Answer { id: Some(7), body: Body::Broken };
        assert_eq!(piped(r#"{"jsonrpc":"2.0","id":7,"result":{'a':1}}"#), broken);
        for line in [r#"{"id":7,"result":{'a':1}}"#, r#"{"jsonrpc":"2.0","method":"x","id":7,"params":{'a'}}"#, "{x}"] {
            assert!(!matches!(piped(line), Message::Answer { .. }), "{line}");
        }
    }

    #[test]
    fn an_error_may_be_a_text() {
        let says = |line: &str| match of(line) {
            Message::Answer { body: Body::Error { code, message, .. }, .. } => (code, message),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(says(r#"{"id":7,"error":"no \"such\""}"#), (0, "no \"such\"".to_owned()));
        assert_eq!(says(r#"{"id":7,"error":{"code":"-3","message":{"a":1}}}"#), (-3, r#"{"a":1}"#.to_owned()));
        assert_eq!(says(r#"{"id":7,"error":{}}"#), (0, "an error without a message".to_owned()));
        assert_eq!(says(r#"{"id":7,"error":true}"#), (0, "true".to_owned()));
        for none in ["\"\"", "false", "{}", "null"] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":7,"result":1,"error":{none}}}"#);
            assert_eq!(result(&line).0, "1");
        }
    }

    #[test]
    fn no_error_is_a_result_and_an_id_alone_is_nothing() {
        assert_eq!(result(r#"{"jsonrpc":"2.0","id":7,"error":null}"#).0, "null");
        // A line of a log may have an id as well, and the answer may follow.
        let alone = r#"{"jsonrpc":"2.0","id":7}"#;
        for none in
            [alone, r#"{"jsonrpc":"2.0","error":null}"#, r#"{"jsonrpc":"2.0","id":"x"}"#, r#"{"id":7,"error":null}"#]
        {
            assert!(matches!(piped(none), Message::Garbage(_)), "{none}");
        }
    }

    #[test]
    fn over_http_a_result_may_be_the_whole_body() {
        let Message::Answer { id: None, body: Body::Result(part) } = of(r#"{"content":"x"}"#) else { panic!() };
        assert_eq!(part, 0..15);
        assert!(matches!(piped(r#"{"jsonrpc":"2.0","content":"x"}"#), Message::Garbage(_)));
    }

    #[test]
    fn requests_and_notifications_are_distinguished() {
        let request = Message::Request { id: "\"a\"".into(), method: "ping".into(), params: None };
        assert_eq!(of(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#), request);
        let told = Message::Notification { method: "x".into(), params: Some(23..25) };
        assert_eq!(of(r#"{"method":"x","params":{}}"#), told);
    }
}
