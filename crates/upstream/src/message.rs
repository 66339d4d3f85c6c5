//! One message of a server, read as far as it must be to know what it is.

use std::ops::Range;

use exuvia_tool::Json;

use crate::lines::{Subject, at_head, at_tail, number};
use crate::raw;

/// The longest id of a server's request that is given back, and the longest name of a method.
const NAME_BYTES: usize = 256;

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// An answer. Without an id it does not say to what.
    Answer { id: Option<i64>, body: Body },
    /// The server asks us. The id is kept as written.
    Request { id: String, method: String, params: Option<Range<usize>> },
    /// The server tells us something.
    Notification { method: String, params: Option<Range<usize>> },
    /// Bytes that are not UTF-8 and tell nothing.
    NotText,
    /// No message. The words say what it is.
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
}

/// Reads a message. The text comes back for whoever wants the part of it that the message points at.
pub(crate) fn read(text: Vec<u8>) -> (String, Message) {
    match String::from_utf8(text) {
        Ok(text) => {
            let message = message(&text);
            (text, message)
        }
        Err(error) => match (at_head(error.as_bytes()), at_tail(error.as_bytes())) {
            (Subject::Answer(id), _) | (Subject::Unknown, Subject::Answer(id)) => {
                (String::new(), Message::Answer { id: Some(id), body: Body::NotText })
            }
            _ => (String::new(), Message::NotText),
        },
    }
}

fn message(text: &str) -> Message {
    let (mut id, mut method, mut params, mut result, mut error) = (None, None, None, None, None);
    let place = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    };
    for (key, value) in raw::members(text.trim_start_matches('\u{feff}')) {
        match key.as_str() {
            "id" => id = Some(value).filter(|&id| id != "null"),
            "method" => method = Some(value),
            "params" => params = Some(place(value)),
            "result" => result = Some(value),
            "error" => error = Some(value).filter(|&error| error != "null"),
            _ => {}
        }
    }
    if let Some(method) = method {
        let Some(method) = name(method) else { return Message::Garbage("no method name") };
        return match id {
            Some(id) if id.len() <= NAME_BYTES => Message::Request { id: id.to_owned(), method, params },
            Some(_) => Message::Garbage("a request with a huge id"),
            None => Message::Notification { method, params },
        };
    }
    let body = match (result, error) {
        (_, Some(error)) => failure(error),
        (Some(result), None) => Body::Result(place(result)),
        (None, None) => return Message::Garbage("neither request nor answer"),
    };
    match id.map(number) {
        Some(None) => Message::Garbage("an answer with an id that is not ours"),
        id => Message::Answer { id: id.flatten(), body },
    }
}

fn name(method: &str) -> Option<String> {
    serde_json::from_str(method).ok().filter(|name: &String| name.len() <= NAME_BYTES)
}

fn failure(error: &str) -> Body {
    let code = raw::member(error, "code").and_then(number).unwrap_or_default();
    let message = raw::member(error, "message").and_then(|raw| serde_json::from_str::<String>(raw).ok());
    let data = raw::member(error, "data").filter(|&raw| raw != "null" && !raw::too_deep(raw));
    Body::Error {
        code,
        message: message.unwrap_or_else(|| "an error without a message".to_owned()),
        data: data.and_then(|raw| Json::parse(raw).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Message {
        read(line.as_bytes().to_vec()).1
    }

    #[test]
    fn an_answer_points_at_its_result() {
        let (line, message) = read(br#"{"jsonrpc":"2.0","id":7,"result":{"n":12345678901234567890123}}"#.to_vec());
        let Message::Answer { id: Some(7), body: Body::Result(part) } = message else { panic!("{message:?}") };
        assert_eq!(&line[part], r#"{"n":12345678901234567890123}"#);
    }

    #[test]
    fn ids_may_be_strings_or_missing_but_not_foreign() {
        let id = |line: &str| match of(line) {
            Message::Answer { id, .. } => Ok(id),
            other => Err(other),
        };
        assert_eq!(id(r#"{"id":"7","result":{}}"#), Ok(Some(7)));
        assert_eq!(id(r#"{"id":null,"error":{"code":-32700,"message":"?"}}"#), Ok(None));
        assert!(id(r#"{"id":"abc","result":{}}"#).is_err());
        assert!(id(r#"{"id":1.5,"result":{}}"#).is_err());
    }

    #[test]
    fn what_is_no_message_is_garbage() {
        for line in ["", "Listening on stdio", "[]", "{}", "{\"jsonrpc\":\"2.0\"}", "\u{0}", "null", "{\"id\":7"] {
            assert!(matches!(of(line), Message::Garbage(_)), "{line}: {:?}", of(line));
        }
        assert_eq!(read(vec![0xff, 0xfe]).1, Message::NotText);
    }

    #[test]
    fn requests_and_notifications_are_told_apart() {
        let request = Message::Request { id: "\"a\"".into(), method: "ping".into(), params: None };
        assert_eq!(of(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#), request);
        let told = Message::Notification { method: "x".into(), params: Some(23..25) };
        assert_eq!(of(r#"{"method":"x","params":{}}"#), told);
    }
}
