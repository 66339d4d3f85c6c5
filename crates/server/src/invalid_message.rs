//! Invalid messages of clients: the request each belongs to, and what is wrong with it.

use std::borrow::Cow;

use exuvia_tool::raw;
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, RequestId, ServerJsonRpcMessage};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::large_arguments::Unread;
use crate::lines::{id_at_end, id_of};

/// Requests of a batch that are answered, each by itself.
const BATCH: usize = 64;
/// How far from the place of a fault in JSON the word is looked for that causes it, in bytes.
const AROUND: usize = 10;

/// Why a message is not taken, and whose request that concerns.
#[derive(Debug, PartialEq)]
pub(crate) struct InvalidMessage {
    pub(crate) id: Option<RequestId>,
    pub(crate) error: ErrorData,
}

impl InvalidMessage {
    /// Of what is JSON, but no message.
    pub(crate) fn invalid(id: Option<RequestId>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { id, error: ErrorData::invalid_request(why, None) }
    }

    /// Of a request that rmcp's types would not have.
    pub(crate) fn unread(text: &[u8], unread: Unread) -> Self {
        let text = str::from_utf8(text).unwrap_or_default();
        Self::invalid(id_of(text), unread.to_string())
    }

    /// As sent to the client. Without an id where there is none: MCP knows no `null` there.
    pub(crate) fn into_message(self) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::error(self.error, self.id)
    }
}

/// The text of a message, without a byte order mark and what surrounds it, if it is JSON.
///
/// # Errors
///
/// It is none. The words say where.
pub(crate) fn json(message: &[u8]) -> Result<&str, Box<InvalidMessage>> {
    let text = str::from_utf8(message).map_err(|error| {
        let begun = str::from_utf8(&message[..error.valid_up_to()]).unwrap_or_default();
        let end = String::from_utf8_lossy(&message[message.len().saturating_sub(AROUND * 32)..]);
        no_json(begun, &end, format!("byte {} is not UTF-8", error.valid_up_to() + 1))
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let place = offset(text, error.line(), error.column());
        return Err(no_json(text, text, format!("{error}{}", hint(text, place))));
    }
    if (text.contains("\\ud") || text.contains("\\uD"))
        && let Err(error) = serde_json::from_str::<Characters>(text)
        && error.to_string().contains("hex escape")
    {
        let why = format!("{error}: unpaired surrogate, write both halves or \\ufffd");
        return Err(no_json(text, text, why));
    }
    Ok(text)
}

fn no_json(begun: &str, end: &str, why: String) -> Box<InvalidMessage> {
    // An answer of the client has the id of a request of ours, under which it waits for nothing.
    let is_answer = raw::member(begun, "method").is_none()
        && ["\"result\"", "\"error\""].iter().any(|member| begun.contains(member));
    let id = if is_answer { None } else { id_of(begun).or_else(|| id_at_end(end)) };
    Box::new(InvalidMessage { id, error: ErrorData::parse_error(format!("the message is invalid JSON: {why}"), None) })
}

/// Where a place of a text is, in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + column
}

fn hint(text: &str, place: usize) -> &'static str {
    let around = &text.as_bytes()[place.saturating_sub(AROUND).min(text.len())..(place + AROUND).min(text.len())];
    let has = |word: &[u8]| around.windows(word.len()).any(|part| part == word);
    if has(b"NaN") || has(b"Infinity") { " (JSON has no NaN and no Infinity: send null, or a string)" } else { "" }
}

/// What is wrong with a JSON text that rmcp does not read as a message. None: it expects no response.
pub(crate) fn explained(text: &str) -> Option<InvalidMessage> {
    let has = |name| raw::member(text, name).is_some();
    if !text.starts_with('{') {
        return Some(InvalidMessage::invalid(None, "a message must be a JSON object"));
    }
    if has("method") && !has("id") || has("result") || has("error") {
        return None;
    }
    let id = id_of(text);
    let why = if raw::member(text, "jsonrpc") != Some("\"2.0\"") {
        "a message must have \"jsonrpc\": \"2.0\""
    } else if !has("method") {
        "a message must have a `method`, a `result` or an `error`"
    } else if id.is_none() {
        "the `id` of a request must be a string or an integer"
    } else {
        "the request nests too deep, or a member has the wrong type"
    };
    Some(InvalidMessage::invalid(id, why))
}

/// A refusal for each request of a batch, or one for all of it.
pub(crate) fn batch(text: &str) -> Vec<InvalidMessage> {
    let refusal = |id| InvalidMessage::invalid(id, "batches are not supported: send each message separately");
    let requests = raw::elements(text).filter(|message| raw::member(message, "method").is_some());
    let refusals: Vec<InvalidMessage> = requests.filter_map(id_of).take(BATCH).map(|id| refusal(Some(id))).collect();
    if refusals.is_empty() { vec![refusal(None)] } else { refusals }
}

/// What the count of mistakes calls an error of this code, if it is one that a client makes.
pub(crate) fn kind(code: ErrorCode) -> Option<usize> {
    CODES.iter().position(|(known, _)| *known == code)
}

/// The errors that clients make, and their names in the metrics.
pub(crate) const CODES: [(ErrorCode, &str); 4] = [
    (ErrorCode::PARSE_ERROR, "parse-error"),
    (ErrorCode::INVALID_REQUEST, "invalid-request"),
    (ErrorCode::METHOD_NOT_FOUND, "method-not-found"),
    (ErrorCode::INVALID_PARAMS, "invalid-params"),
];

/// A JSON text all of whose strings are of whole characters. Who skips them does not look.
struct Characters;

impl<'de> Deserialize<'de> for Characters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Characters {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &[u8]) -> (Option<RequestId>, String) {
        let InvalidMessage { id, error } = *json(message).unwrap_err();
        assert_eq!(error.code, ErrorCode::PARSE_ERROR);
        (id, error.message.into_owned())
    }

    #[test]
    fn invalid_json_is_an_error_with_its_position_under_the_readable_id() {
        let seven = Some(RequestId::Number(7));
        let head = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":"#;
        for (rest, words) in [
            (r#"{"a":NaN}}"#, "line 1 column 61 (JSON has no NaN"),
            (r#"{"a":-Infinity}}"#, "(JSON has no NaN"),
            (r#"{"a":"#, "EOF while parsing a value at line 1 column 60"),
            (r#"{"a":"\ud83d"}}"#, ": unpaired surrogate"),
            (r#"{"\uDE00":1}}"#, "unpaired surrogate"),
            (r#"{'a':1}}"#, "key must be a string at line 1 column 57"),
        ] {
            let (id, why) = told(format!("{head}{rest}").as_bytes());
            assert_eq!(id, seven, "{rest}");
            assert!(why.contains(words), "{rest}: {why}");
        }
        let (id, why) = told(&[head.as_bytes(), b"\"\xff\"}"].concat());
        assert_eq!((id, why.contains("byte 57 is not UTF-8")), (seven.clone(), true), "{why}");
        // Some write the id last.
        assert_eq!(told(br#"{"method":"m","params":{"a":NaN},"id":7}"#).0, seven);
        assert_eq!(told(b"{\"method\":\"m\",\"params\":\"\xff\",\"id\":7}").0, seven);
        assert_eq!(told(b"garbage").0, None);
    }

    #[test]
    fn an_answer_that_is_no_json_is_no_request_of_that_id() {
        assert_eq!(told(br#"{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}"#).0, None);
        assert_eq!(told(br#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"#).0, None);
    }

    #[test]
    fn whole_characters_and_marks_are_taken() {
        for good in [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d"}"#, "\u{feff}[1,-2.5e7,null,true]\r"] {
            assert!(json(good.as_bytes()).is_ok(), "{good}");
        }
    }
}
