//! Messages validated before rmcp sees them, and the JSON-RPC errors for those that are rejected.

use bytes::Bytes;
use exuvia_tool::raw;
use http::{Response, StatusCode};

use super::bodies::BodyError;
use super::rejections::RejectionCounters;
use super::tracked_body::{TrackedBody, later, line, with_body};
use crate::invalid_message::{InvalidMessage, batch, explained, json};
use crate::large_arguments::{self, SplitMessage, Unread};
use crate::mcp_handler::beforehand;

/// A message that is refused, and the status of that.
pub(super) type RejectedMessage = (StatusCode, Box<InvalidMessage>);

/// Reads a body as far as it must be before rmcp has it. Gives as well what is wrong with it if rmcp cannot read it.
///
/// # Errors
///
/// It is no JSON, no single message, or rmcp must not see it.
pub(super) fn checked(mut body: Vec<u8>) -> Result<(SplitMessage, Option<InvalidMessage>), RejectedMessage> {
    let text = json(&body).map_err(|refusal| (StatusCode::BAD_REQUEST, refusal))?;
    if text.starts_with('[') {
        return Err(bad(batch(text).swap_remove(0)));
    }
    if let Some(refusal) = beforehand(text) {
        return Err(bad(refusal));
    }
    let explained = explained(text);
    let place = raw::place(std::str::from_utf8(&body).unwrap_or_default(), text);
    body.truncate(place.end);
    body.drain(..place.start);
    let refusal =
        |unread| InvalidMessage::invalid(explained.as_ref().and_then(|known| known.id.clone()), unread_words(unread));
    let sifted = large_arguments::split_message(body)
        .map_err(|unread| (StatusCode::PAYLOAD_TOO_LARGE, Box::new(refusal(unread))))?;
    Ok((sifted, explained))
}

fn unread_words(unread: Unread) -> String {
    format!("request rejected: {unread}")
}

fn bad(refusal: InvalidMessage) -> RejectedMessage {
    (StatusCode::BAD_REQUEST, Box::new(refusal))
}

/// The answer to a message that is refused.
pub(super) fn answer((status, refusal): RejectedMessage, rejections: &RejectionCounters) -> Response<TrackedBody> {
    rejections.mistakes.note(&refusal.error);
    let body = serde_json::to_vec(&refusal.into_message()).unwrap_or_default();
    with_body(status, "application/json", Bytes::from(body))
}

/// The answer to a request whose body is not read to its end.
pub(super) fn unread_body(error: BodyError) -> Response<TrackedBody> {
    match error {
        BodyError::TooLarge => line(StatusCode::PAYLOAD_TOO_LARGE, "request body too large\n"),
        BodyError::NoRoom => later("too many large requests at the same time, retry\n"),
        BodyError::BrokenOff => line(StatusCode::BAD_REQUEST, "request body incomplete\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_invalid_message_is_rejected_with_a_json_rpc_error() {
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        for (body, status, id, code) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}"#.to_owned(), 400, json!(7), -32700),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping""#.to_owned(), 400, json!(7), -32700),
            (r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#.to_owned(), 400, json!(7), -32600),
            (r#"{"jsonrpc":"2.0","id":7,"method":"initialize"}"#.to_owned(), 400, json!(7), -32602),
            (String::new(), 400, Value::Null, -32700),
            (format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{deep}}}"#), 413, json!(7), -32600),
        ] {
            let (told, refusal) = checked(body.clone().into_bytes()).unwrap_err();
            let message = serde_json::to_value(refusal.into_message()).unwrap();
            let body: String = body.chars().take(80).collect();
            assert_eq!((told.as_u16(), &message["id"]), (status, &id), "{body}");
            assert_eq!(message["error"]["code"], code, "{body}");
        }
    }

    #[test]
    fn a_message_that_rmcp_rejects_gets_an_explanation() {
        let (sifted, refusal) = checked(b"\xef\xbb\xbf {\"id\":7,\"method\":\"ping\"}\n".to_vec()).unwrap();
        assert_eq!(sifted.message, br#"{"id":7,"method":"ping"}"#);
        assert!(refusal.unwrap().error.message.contains("jsonrpc"));
        assert!(checked(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_vec()).unwrap().1.is_none());
    }
}
