//! A client over a pipe: its messages, sifted and read, and ours to it.
//!
//! rmcp's own transport answers what it cannot read with an error that names no request, or not at all, and a client that waits
//! for an answer to its request goes on waiting. Here whatever is a request is answered by its id.

use std::sync::Arc;
use std::time::Duration;

use exuvia_tool::raw;
use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::lines::{Line, Lines, id_of};
use crate::sift::{Past, Sifted, Unread, sift};

/// Refusals on their way to a client that does not read. It is not told of further ones.
const ANSWERS: usize = 64;
/// Requests of a batch that are answered, each by itself.
const BATCH: usize = 64;
/// How long the last refusals may take to get to a client that has closed its end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The messages of one client, and the way back.
pub(crate) struct Pipe<R, W: AsyncWrite> {
    lines: Lines<R>,
    past: Arc<Past>,
    /// What writes. It reads nothing.
    output: AsyncRwTransport<RoleServer, Empty, W>,
    refusals: JoinSet<()>,
    /// Whether the operator was told of lines that are no JSON.
    is_told: bool,
}

/// Why a message is not taken, and whose request that concerns.
#[derive(Debug, PartialEq)]
struct Refusal {
    id: Option<RequestId>,
    why: String,
}

/// What comes of a line.
enum Read {
    Message(Box<ClientJsonRpcMessage>),
    Refused(Vec<Refusal>),
    /// Not even JSON: an answer could be read as another such line by whoever sends it.
    NoJson,
    Nothing,
}

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// Reads lines of at most `line_bytes`. Arguments that go past rmcp are put into `past`.
    pub(crate) fn new(input: R, output: W, past: Arc<Past>, line_bytes: usize) -> Self {
        let output = AsyncRwTransport::new_server(tokio::io::empty(), output);
        Self { lines: Lines::new(input, line_bytes), past, output, refusals: JoinSet::new(), is_told: false }
    }

    fn refuse(&mut self, Refusal { id, why }: Refusal) {
        tracing::warn!(%why, "a message of the client was refused");
        while self.refusals.try_join_next().is_some() {}
        if self.refusals.len() < ANSWERS {
            let error = ServerJsonRpcMessage::error(ErrorData::invalid_request(why, None), id);
            let sent = self.output.send(error);
            // A client that is gone is met where it is read from.
            self.refusals.spawn(async move { drop(sent.await) });
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
                Ok(Line::Whole(line)) => read(line, &self.past),
                Ok(Line::TooLong(id)) => {
                    let why = "the message is longer than this server takes (16 MiB)".to_owned();
                    Read::Refused(vec![Refusal { id, why }])
                }
                Ok(Line::End) => break,
                Err(error) => {
                    tracing::warn!(%error, "the client cannot be read");
                    break;
                }
            };
            match read {
                Read::Message(message) => return Some(*message),
                Read::Refused(refusals) => refusals.into_iter().for_each(|refusal| self.refuse(refusal)),
                Read::NoJson if !std::mem::replace(&mut self.is_told, true) => {
                    tracing::warn!("the client sends lines that are no JSON; they are passed over");
                }
                Read::NoJson | Read::Nothing => {}
            }
        }
        let told = async { while self.refusals.join_next().await.is_some() {} };
        let _ = timeout(LAST_ANSWERS, told).await;
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.output.close().await
    }
}

fn read(line: Vec<u8>, past: &Past) -> Read {
    let Ok(text) = std::str::from_utf8(&line) else { return Read::NoJson };
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        None => return Read::Nothing,
        Some(b'{') => {}
        Some(b'[') if is_json(text) => return Read::Refused(batch(text)),
        Some(_) if is_json(text) => return refused(None, "a message must be a JSON object"),
        Some(_) => return Read::NoJson,
    }
    let id = id_of(text);
    let Sifted { message, arguments } = match sift(text.as_bytes().to_vec()) {
        Ok(sifted) => sifted,
        Err(Unread::NoJson) => return Read::NoJson,
        Err(unread) => return refused(id, &unread.to_string()),
    };
    let message = match serde_json::from_slice(&message) {
        Ok(message) => message,
        Err(_) => return unread(text, id),
    };
    if let Some(arguments) = arguments
        && !id.clone().is_some_and(|id| past.put(id, arguments))
    {
        return refused(id, "too many long calls at the same time, or two of one id; send it again later");
    }
    Read::Message(message)
}

/// What is said of an object that rmcp does not read as a message.
fn unread(text: &str, id: Option<RequestId>) -> Read {
    if !is_json(text) {
        return Read::NoJson;
    }
    let has = |name| raw::member(text, name).is_some();
    if has("method") && !has("id") || has("result") || has("error") {
        // A notification or an answer, which nobody waits to be answered.
        tracing::debug!("a notification or an answer of the client cannot be read");
        return Read::Nothing;
    }
    let why = if raw::member(text, "jsonrpc") != Some("\"2.0\"") {
        "a message must have \"jsonrpc\": \"2.0\""
    } else if !has("method") {
        "a message must have a `method`, a `result` or an `error`"
    } else if id.is_none() {
        "the `id` of a request must be a string or a whole number"
    } else {
        "the request nests too deep, or its members are not of their types"
    };
    refused(id, why)
}

fn refused(id: Option<RequestId>, why: &str) -> Read {
    Read::Refused(vec![Refusal { id, why: why.to_owned() }])
}

/// A refusal for each request of a batch, or one for all of it.
fn batch(text: &str) -> Vec<Refusal> {
    let why = || "batches of messages are not taken: send each message in a line of its own".to_owned();
    let requests = raw::elements(text).filter(|message| raw::member(message, "method").is_some());
    let refusals = requests.filter_map(id_of).take(BATCH).map(|id| Refusal { id: Some(id), why: why() });
    let refusals: Vec<Refusal> = refusals.collect();
    if refusals.is_empty() { vec![Refusal { id: None, why: why() }] } else { refusals }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What rmcp is given, as JSON, and what is refused.
    async fn received(input: &str, past: &Arc<Past>) -> (Vec<String>, Vec<Value>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let mut pipe = Pipe::new(input.as_bytes(), ours, Arc::clone(past), 1_000_000);
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
    async fn long_arguments_go_past_and_everything_else_goes_on() {
        let past = Arc::new(Past::default());
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let input = [call("1", "{}"), call("7", &list), "\n\r\n".into(), call("\"s\"", &list)];
        let (messages, refusals) = received(&input.concat(), &past).await;
        assert_eq!((ids(&messages), refusals), (vec![json!(1), json!(7), json!("s")], vec![]));
        assert!(messages.iter().all(|message| message.len() < 500));
        for id in [RequestId::Number(7), RequestId::String("s".into())] {
            assert_eq!(past.take(&id).unwrap().0.as_str(), list);
        }
        assert!(past.take(&RequestId::Number(1)).is_none());
    }

    #[tokio::test]
    async fn requests_that_are_not_taken_are_answered_by_their_ids() {
        let past = Arc::new(Past::default());
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
            let (_, refusals) = received(&format!("{input}\n"), &past).await;
            let found: Vec<Value> = refusals.iter().map(|refusal| refusal["id"].clone()).collect();
            let input: String = input.chars().take(80).collect();
            assert_eq!(found, expected, "{input}");
            assert!(refusals.iter().all(|refusal| refusal["error"]["code"] == -32600), "{input}: {refusals:?}");
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_answered() {
        let past = Arc::new(Past::default());
        let lines = ["garbage", "{", r#"{"method":"notifications/fly"}"#, r#"{"id":1,"result":{}}"#, "", "\u{feff}"];
        let (messages, refusals) = received(&lines.map(|line| format!("{line}\n")).concat(), &past).await;
        assert_eq!((messages, refusals), (vec![], vec![]));
        let (messages, _) = received(&format!("\u{feff}{}", call("1", "{}").trim()), &past).await;
        assert_eq!(ids(&messages), [json!(1)], "a mark at the beginning, and no end of the line");
    }
}
