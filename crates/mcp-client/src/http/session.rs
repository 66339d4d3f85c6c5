//! Whether an error response means that the server has lost the session.
//!
//! The protocol's status for that is 404. Many servers take a session from before their restart for a missing one and answer
//! 400, as the official examples do, or fail with 500; some use the id `"server-error"`. A request is sent again only if the
//! server has certainly not accepted it: when the error names the session, or rejects the request without an id. Where the
//! error may have another cause, a `ping` in the same session decides.

use std::time::Duration;

use exuvia_tool::raw;
use http::{Method, StatusCode};

use super::body::{ERROR_BYTES, Message, message};
use super::client::HttpRequest;
use super::streamable::Streamable;
use crate::lines::number;

/// How long the answer to a `ping` may take. A server that does not answer it has not lost its sessions.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
const PING: &str = r#"{"jsonrpc":"2.0","id":"exuvia-session","method":"ping"}"#;

/// What an error response means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing.
    None,
    /// The server has lost it, and did not take the request.
    Certain,
    /// It may have. `refused`: if so, it did not take the request.
    Possible { refused: bool },
}

/// What the refusal of this request says.
pub(super) fn loss(status: StatusCode, body: &str, id: i64) -> Loss {
    let is_error = raw::member(body, "error").is_some();
    let is_of_request = is_error && raw::member(body, "id").and_then(number) == Some(id);
    match status.as_u16() {
        // Some servers answer a call with it that found nothing.
        404 | 410 if is_of_request => return Loss::Possible { refused: speaks_of_session(body) },
        404 | 410 => return Loss::Certain,
        400 | 422 | 500 | 503 => {}
        _ => return Loss::None,
    }
    match (speaks_of_session(body), is_error) {
        (true, true) if !is_of_request => Loss::Certain,
        // Servers of browsers and databases have sessions of their own.
        (true, true) => Loss::Possible { refused: false },
        (false, true) if is_of_request => Loss::None,
        (false, false) => Loss::None,
        _ => Loss::Possible { refused: status.is_client_error() },
    }
}

fn speaks_of_session(body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    ["session", "initializ", "initialis"].iter().any(|word| body.contains(word))
}

impl Streamable {
    /// Whether the server refuses anything in the session of this request.
    pub(super) async fn refuses_session(&self, request: &HttpRequest) -> bool {
        let mut ping = HttpRequest { method: Method::POST, body: PING.into(), ..request.clone() };
        ping.headers.remove("mcp-method");
        ping.headers.remove("mcp-name");
        let refuses = async {
            let response = self.client.send(ping).await.ok()?;
            let status = response.status();
            let Ok(Message::Whole(body)) = message(response, ERROR_BYTES).await else { return None };
            Some(loss(status, &String::from_utf8_lossy(&body), 0) != Loss::None)
        };
        tokio::time::timeout(PING_TIMEOUT, refuses).await.ok().flatten().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Loss {
        loss(StatusCode::from_u16(status).unwrap(), body, 7)
    }

    #[test]
    fn a_lost_session_is_recognized_in_many_forms() {
        let python = r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: No valid session ID provided"}}"#;
        let typescript =
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#;
        for status in [400, 404, 410, 422, 500, 503] {
            for body in [python, typescript] {
                assert_eq!(of(status, body), Loss::Certain, "{status} {body}");
            }
        }
        assert_eq!(of(404, ""), Loss::Certain);
        let found_nothing = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32004,"message":"no such contact"}}"#;
        let own = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32001,"message":"Session not found"}}"#;
        for status in [404, 410] {
            assert_eq!(of(status, found_nothing), Loss::Possible { refused: false });
            assert_eq!(of(status, own), Loss::Possible { refused: true });
        }
    }

    #[test]
    fn an_ambiguous_refusal_is_checked_with_a_ping() {
        let other = r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal server error"},"id":null}"#;
        assert_eq!(of(500, other), Loss::Possible { refused: false });
        assert_eq!(of(400, other), Loss::Possible { refused: true });
        let own = r#"{"jsonrpc":"2.0","error":{"code":1,"message":"no such browser session"},"id":7}"#;
        assert_eq!(of(400, "Invalid session ID\n"), Loss::Possible { refused: true });
        assert_eq!(of(503, "<p>Your session is gone"), Loss::Possible { refused: false });
        assert_eq!(of(400, own), Loss::Possible { refused: false });
        assert_eq!(of(400, r#"{"jsonrpc":"2.0","error":{"code":1,"message":"no"},"id":7}"#), Loss::None);
        for (status, body) in [(400, "what?"), (503, ""), (429, other), (401, "session"), (502, "session")] {
            assert_eq!(of(status, body), Loss::None, "{status} {body}");
        }
    }
}
