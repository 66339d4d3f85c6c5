//! A client over a pipe: reading and answering its messages.
//!
//! rmcp's own transport answers an unreadable message with an error without an id, or not at all, so that the client waits for
//! ever. Here every request is answered under its id.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::invalid_message::{InvalidMessage, batch, explained, json};
use crate::large_arguments::{BypassedArguments, SplitMessage, split_message};
use crate::lines::{Line, Lines, id_of};
use crate::mcp_handler::beforehand;
use crate::mistakes::Mistakes;

/// Queued rejections for a client that does not read. Further ones are dropped.
const ANSWERS: usize = 64;
/// How long the last refusals may take to get to a client that has closed its end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The messages of one client, and the way back.
pub(crate) struct Pipe<R, W: AsyncWrite> {
    lines: Lines<R>,
    bypassed: Arc<BypassedArguments>,
    /// What writes. It reads nothing.
    output: AsyncRwTransport<RoleServer, Empty, W>,
    rejections: JoinSet<()>,
    mistakes: Arc<Mistakes>,
}

/// What comes of a line.
enum Read {
    Message(Box<ClientJsonRpcMessage>),
    Refused(Vec<InvalidMessage>),
    Nothing,
}

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// Reads lines of at most `line_bytes`. Arguments that go past rmcp are put into `past`.
    pub(crate) fn new(
        input: R,
        output: W,
        bypassed: Arc<BypassedArguments>,
        mistakes: Arc<Mistakes>,
        line_bytes: usize,
    ) -> Self {
        let output = AsyncRwTransport::new_server(tokio::io::empty(), output);
        Self { lines: Lines::new(input, line_bytes), bypassed, output, rejections: JoinSet::new(), mistakes }
    }

    fn refuse(&mut self, refusal: InvalidMessage) {
        self.mistakes.note(&refusal.error);
        while self.rejections.try_join_next().is_some() {}
        if self.rejections.len() < ANSWERS {
            let sent = self.output.send(refusal.into_message());
            // A disconnect is handled where input is read.
            self.rejections.spawn(async move { drop(sent.await) });
        }
    }
}

impl<R, W> Transport<RoleServer> for Pipe<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = std::io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.output.send(message)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let read = match self.lines.next().await {
                Ok(Line::Whole(line)) => read(line, &self.bypassed),
                Ok(Line::TooLong(id)) => {
                    refused(InvalidMessage::invalid(id, "the message is longer than this server takes (16 MiB)"))
                }
                Ok(Line::End) => break,
                Err(error) => {
                    tracing::warn!(%error, "reading from the client failed");
                    break;
                }
            };
            match read {
                Read::Message(message) => return Some(*message),
                Read::Refused(rejections) => rejections.into_iter().for_each(|refusal| self.refuse(refusal)),
                Read::Nothing => {}
            }
        }
        let told = async { while self.rejections.join_next().await.is_some() {} };
        let _ = timeout(LAST_ANSWERS, told).await;
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.output.close().await
    }
}

fn read(line: Vec<u8>, bypassed: &BypassedArguments) -> Read {
    if line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).iter().all(u8::is_ascii_whitespace) {
        return Read::Nothing;
    }
    let text = match json(&line) {
        Ok(text) if text.starts_with('{') => text,
        Ok(text) if text.starts_with('[') => return Read::Refused(batch(text)),
        Ok(text) => return unread(text),
        Err(refusal) => return refused(*refusal),
    };
    if let Some(refusal) = beforehand(text) {
        return refused(refusal);
    }
    let SplitMessage { message, arguments } = match split_message(text.as_bytes().to_vec()) {
        Ok(sifted) => sifted,
        Err(why) => return refused(InvalidMessage::unread(text.as_bytes(), why)),
    };
    let message = match serde_json::from_slice(&message) {
        Ok(message) => message,
        Err(_) => return unread(text),
    };
    let id = id_of(text);
    if let Some(arguments) = arguments
        && !id.clone().is_some_and(|id| bypassed.put(id, arguments))
    {
        let why = "too many large calls at the same time, or a duplicate id; send it again later";
        return refused(InvalidMessage::invalid(id, why));
    }
    Read::Message(Box::new(message))
}

/// The answer to a text that rmcp does not read as a message.
fn unread(text: &str) -> Read {
    let Some(refusal) = explained(text) else {
        tracing::debug!("unreadable notification or response from the client");
        return Read::Nothing;
    };
    refused(refusal)
}

fn refused(refusal: InvalidMessage) -> Read {
    Read::Refused(vec![refusal])
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What rmcp is given, as JSON, and what is refused.
    async fn received(input: &str, bypassed: &Arc<BypassedArguments>) -> (Vec<String>, Vec<Value>) {
        of_bytes(input.as_bytes(), bypassed).await
    }

    async fn of_bytes(input: &[u8], bypassed: &Arc<BypassedArguments>) -> (Vec<String>, Vec<Value>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let mut pipe = Pipe::new(input, ours, Arc::clone(bypassed), Arc::default(), 1_000_000);
        let mut messages = Vec::new();
        while let Some(message) = pipe.receive().await {
            messages.push(serde_json::to_string(&message).unwrap());
        }
        drop(pipe);
        let mut output = String::new();
        tokio::io::BufReader::new(theirs).read_to_string(&mut output).await.unwrap();
        (messages, output.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn call(id: &str, arguments: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}{}"#,
            '\n'
        )
    }

    fn ids(messages: &[String]) -> Vec<Value> {
        messages.iter().map(|message| serde_json::from_str::<Value>(message).unwrap()["id"].clone()).collect()
    }

    #[tokio::test]
    async fn long_arguments_bypass_rmcp_and_everything_else_goes_to_it() {
        let bypassed = Arc::new(BypassedArguments::default());
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let input = [call("1", "{}"), call("7", &list), "\n\r\n".into(), call("\"s\"", &list)];
        let (messages, rejections) = received(&input.concat(), &bypassed).await;
        assert_eq!((ids(&messages), rejections), (vec![json!(1), json!(7), json!("s")], vec![]));
        assert!(messages.iter().all(|message| message.len() < 500));
        for id in [RequestId::Number(7), RequestId::String("s".into())] {
            assert_eq!(bypassed.take(&id).unwrap().0.as_str(), list);
        }
        assert!(bypassed.take(&RequestId::Number(1)).is_none());
    }

    #[tokio::test]
    async fn requests_that_are_not_taken_are_answered_by_their_ids() {
        let bypassed = Arc::new(BypassedArguments::default());
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        let cases = [
            (r#"{"id":1,"method":"tools/list"}"#.to_owned(), vec![json!(1)]),
            (r#"{"jsonrpc":"1.0","id":"x","method":"tools/list"}"#.to_owned(), vec![json!("x")]),
            (r#"{"jsonrpc":"2.0","id":2,"method":7}"#.to_owned(), vec![json!(2)]),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#.to_owned(), vec![Value::Null]),
            (
                r#"[{"jsonrpc":"2.0","id":3,"method":"ping"},{"method":"n"},{"id":4,"method":"a"}]"#.to_owned(),
                vec![json!(3), json!(4)],
            ),
            ("[]".to_owned(), vec![Value::Null]),
            ("7".to_owned(), vec![Value::Null]),
            (r#"{"jsonrpc":"2.0"}"#.to_owned(), vec![Value::Null]),
            (call("5", &deep), vec![json!(5)]),
            ([call("6", &list), call("6", &list)].concat(), vec![json!(6)]),
            (
                format!(r#"{{"jsonrpc":"2.0","id":8,"method":"ping","params":{{"a":[{}1]}}}}"#, "1,".repeat(400_000)),
                vec![json!(8)],
            ),
            (call("9", &format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000))), vec![json!(9)]),
        ];
        for (input, expected) in cases {
            let (_, rejections) = received(&format!("{input}\n"), &bypassed).await;
            let found: Vec<Value> = rejections.iter().map(|refusal| refusal["id"].clone()).collect();
            let input: String = input.chars().take(80).collect();
            assert_eq!(found, expected, "{input}");
            assert!(rejections.iter().all(|refusal| refusal["error"]["code"] == -32600), "{input}: {rejections:?}");
        }
    }

    #[tokio::test]
    async fn invalid_json_is_answered_with_its_position() {
        let bypassed = Arc::new(BypassedArguments::default());
        let head = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{"a":"#;
        let cases = [
            (format!("{head}NaN}}}}}}"), json!(3)),
            (head.to_owned(), json!(3)),
            (format!("{head}\"\\ud83d\"}}}}}}"), json!(3)),
            ("garbage".to_owned(), Value::Null),
            ("{".to_owned(), Value::Null),
        ];
        for (line, id) in cases {
            let (messages, rejections) = received(&format!("{line}\n"), &bypassed).await;
            assert_eq!((messages.len(), rejections.len()), (0, 1), "{line}");
            assert_eq!((&rejections[0]["id"], &rejections[0]["error"]["code"]), (&id, &json!(-32700)), "{line}");
        }
        let (_, rejections) = of_bytes(&[head.as_bytes(), b"\"\xff\"}}}\n"].concat(), &bypassed).await;
        assert_eq!((&rejections[0]["id"], &rejections[0]["error"]["code"]), (&json!(3), &json!(-32700)));
    }

    #[tokio::test]
    async fn a_handshake_with_wrong_parameters_does_not_end_the_connection() {
        let bypassed = Arc::new(BypassedArguments::default());
        let wrong = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
        let (messages, rejections) = received(&format!("{wrong}\n{}", call("2", "{}")), &bypassed).await;
        assert_eq!(ids(&messages), [json!(2)]);
        assert_eq!((&rejections[0]["id"], &rejections[0]["error"]["code"]), (&json!(1), &json!(-32602)));
    }

    #[tokio::test]
    async fn messages_that_expect_no_response_get_none() {
        let bypassed = Arc::new(BypassedArguments::default());
        let lines = [r#"{"method":"notifications/fly"}"#, r#"{"id":1,"result":{}}"#, "", "\u{feff}"];
        let (messages, rejections) = received(&lines.map(|line| format!("{line}\n")).concat(), &bypassed).await;
        assert_eq!((messages, rejections), (vec![], vec![]));
        let (messages, _) = received(&format!("\u{feff}{}", call("1", "{}").trim()), &bypassed).await;
        assert_eq!(ids(&messages), [json!(1)], "a mark at the beginning, and no end of the line");
    }
}
