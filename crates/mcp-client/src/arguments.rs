//! The arguments of a call as sent: the text that was permitted, without rmcp's trees.
//!
//! rmcp's request holds a tree of the arguments. Here it holds an outline of them at most, and the text travels beside it, to
//! be put in its place when the request is written.

use std::sync::Arc;

use exuvia_tool::{Json, raw};
use rmcp::model::{ClientJsonRpcMessage, GetExtensions, JsonRpcMessage};
use serde::ser::Error as _;

/// Travels with a request through rmcp.
#[derive(Debug, Clone)]
pub(crate) struct Sent(Arc<Json>);

impl Sent {
    pub(crate) fn new(arguments: Json) -> Self {
        Self(Arc::new(arguments))
    }
}

/// A message as it is sent, on one line.
///
/// # Errors
///
/// rmcp does not write a request as it did.
pub(crate) fn written(message: &ClientJsonRpcMessage) -> serde_json::Result<Vec<u8>> {
    let text = serde_json::to_string(message)?;
    let JsonRpcMessage::Request(request) = message else { return Ok(text.into_bytes()) };
    let Some(Sent(arguments)) = request.request.extensions().get() else { return Ok(text.into_bytes()) };
    let outline = raw::member(&text, "params").and_then(|params| raw::member(params, "arguments"));
    let place = outline.map(|outline| raw::place(&text, outline));
    let place = place.ok_or_else(|| serde_json::Error::custom("a call without a place for its arguments"))?;
    let mut line = Vec::with_capacity(text.len() + arguments.size_bytes() + 1);
    line.extend_from_slice(&text.as_bytes()[..place.start]);
    // In JSON a newline stands between values alone. In the middle of a message it would end it.
    line.extend(arguments.as_str().bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    line.extend_from_slice(&text.as_bytes()[place.end..]);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use exuvia_tool::Arguments;
    use rmcp::model::{ClientRequest, RequestId};

    use super::*;
    use crate::connection::call;
    use crate::relay::Input;

    fn line(arguments: &str, has_outline: bool) -> String {
        let request: ClientRequest =
            call("t".to_owned(), Arguments::parse(arguments).unwrap(), has_outline, Input::default());
        let message = ClientJsonRpcMessage::request(request, RequestId::Number(7));
        String::from_utf8(written(&message).unwrap()).unwrap()
    }

    #[test]
    fn arguments_are_sent_as_they_were_written() {
        for arguments in [r#"{"n":12345678901234567890123,"x":1.50}"#, "{}", r#"{"arguments":{"a":"\"params\":{}"}}"#] {
            for has_outline in [false, true] {
                let expected = format!(
                    r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}"#
                );
                assert_eq!(line(arguments, has_outline), expected);
            }
        }
    }

    #[test]
    fn a_message_stays_one_line() {
        let sent = line("{\n\"a\":\r\n\"x\\n\"}\n", true);
        assert!(!sent.contains(['\n', '\r']) && sent.contains(r#""x\n""#), "{sent}");
    }
}
