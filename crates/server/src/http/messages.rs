//! Messages on their way to rmcp, and the errors of JSON-RPC for those that do not get there.

use bytes::Bytes;
use exuvia_tool::raw;
use http::{Response, StatusCode};

use super::answered::{Answered, with_body};
use super::refusals::Refusals;
use crate::face::beforehand;
use crate::refused::{Refusal, batch, explained, json};
use crate::sift::{self, Sifted, Unread};

/// A message that is refused, and the status of that.
pub(super) type Refused = (StatusCode, Box<Refusal>);

/// Reads a body as far as it must be before rmcp has it. Gives as well what is wrong with it if rmcp cannot read it.
///
/// # Errors
///
/// It is no JSON, no single message, or rmcp must not see it.
pub(super) fn checked(mut body: Vec<u8>) -> Result<(Sifted, Option<Refusal>), Refused> {
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
        |unread| Refusal::invalid(explained.as_ref().and_then(|known| known.id.clone()), unread_words(unread));
    let sifted = sift::sift(body).map_err(|unread| (StatusCode::PAYLOAD_TOO_LARGE, Box::new(refusal(unread))))?;
    Ok((sifted, explained))
}

fn unread_words(unread: Unread) -> String {
    format!("request rejected: {unread}")
}

fn bad(refusal: Refusal) -> Refused {
    (StatusCode::BAD_REQUEST, Box::new(refusal))
}

/// The answer to a message that is refused.
pub(super) fn answer((status, refusal): Refused, refusals: &Refusals) -> Response<Answered> {
    refusals.mistakes.note(&refusal.error);
    let body = serde_json::to_vec(&refusal.into_message()).unwrap_or_default();
    with_body(status, "application/json", Bytes::from(body))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_no_message_is_refused_with_an_error_of_json_rpc() {
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
    fn what_rmcp_does_not_read_is_explained() {
        let (sifted, refusal) = checked(b"\xef\xbb\xbf {\"id\":7,\"method\":\"ping\"}\n".to_vec()).unwrap();
        assert_eq!(sifted.message, br#"{"id":7,"method":"ping"}"#);
        assert!(refusal.unwrap().error.message.contains("jsonrpc"));
        assert!(checked(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_vec()).unwrap().1.is_none());
    }
}
