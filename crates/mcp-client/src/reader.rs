//! The reader of server messages, for all transports.
//!
//! rmcp implements the protocol: eras, request ids, sessions, cancellation. Messages of servers are read here, for three
//! reasons. A message is bounded, and an oversized one becomes the answer of its request (rmcp drops it, and the request times
//! out). Results of calls and lists stay as written: rmcp's types would reject a whole list for one bad tool, and lose unknown
//! members. And unneeded notifications never become tasks.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exuvia_tool::{BoxFuture, Extent, Json, raw};
use rmcp::model::{
    ErrorData, ListToolsResult, NumberOrString, ProgressToken, RequestId, ServerJsonRpcMessage, ServerResult, Tool,
};

use crate::error_code::{INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::exchange::{Exchange, RawSlice, Recipient, RequestKind, ServerAnswer, Slot};
use crate::failure::CallFailure;
use crate::lines::{Subject, at_head, at_tail, number};
use crate::message::{Body, Message, ParsedMessage, Source, not_text, read};
use crate::notifications::NotificationListeners;
use crate::question::{Question, UNCERTAIN};
use crate::repair::{halves, numbers, without_mark};

/// The longest answer to the handshake: rmcp keeps it.
const HANDSHAKE_BYTES: usize = 1 << 20;
/// The memory of a tree, and of the part that rmcp receives of one tool: it makes several trees.
const TREE_BYTES: usize = 8 << 20;
/// The same of all tools of a page.
const TOOLS_TREE_BYTES: usize = 32 << 20;
/// The longest question to a client. One that is longer is declined.
const QUESTION_BYTES: usize = 1 << 20;
/// The longest news of progress. What is longer is lost.
const PROGRESS_BYTES: usize = 64 * 1024;
/// Replies to one batch of messages; a server that asks more at once gets no more.
const REPLIES: usize = 64;

/// What an answer is that breaks off or is written wrongly.
const NO_JSON: &str = "text that is not JSON";

/// Reads the messages of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    exchange: Arc<Exchange>,
    notes: NotificationListeners,
    server: Arc<str>,
    source: Source,
    warned: Arc<WarnedOnce>,
    /// How long a client may take to answer.
    patience: Duration,
}

/// Warnings of a connection that were logged. Each is logged once, however often its cause repeats.
#[derive(Debug, Default)]
struct WarnedOnce {
    /// Of numbers that are none.
    nulls: AtomicBool,
    /// Of an answer that names no request.
    nameless: AtomicBool,
    /// Of a message over the limit.
    long: AtomicBool,
}

fn is_first(warned: &AtomicBool) -> bool {
    !warned.swap(true, Ordering::Relaxed)
}

/// What follows from a message.
#[derive(Default)]
pub(crate) struct Inbound {
    /// For rmcp.
    pub(crate) messages: Vec<ServerJsonRpcMessage>,
    /// For the server.
    pub(crate) replies: Vec<Reply>,
}

/// A reply to a server, a JSON text.
pub(crate) enum Reply {
    /// The reply is known.
    Now(String),
    /// The reply is not known yet. Completes at the latest with its request.
    Later(BoxFuture<'static, String>),
}

impl Reply {
    /// Sends the reply as soon as it is known.
    pub(crate) fn deliver_with(self, say: impl FnOnce(String) + Send + 'static) {
        match self {
            Self::Now(reply) => say(reply),
            Self::Later(reply) => {
                tokio::spawn(async move { say(reply.await) });
            }
        }
    }
}

impl Reader {
    /// A reader for the requests of this exchange.
    pub(crate) fn new(
        exchange: Arc<Exchange>,
        notes: NotificationListeners,
        server: &str,
        source: Source,
        patience: Duration,
    ) -> Self {
        Self { exchange, notes, server: server.into(), source, warned: Arc::default(), patience }
    }

    /// The requests whose answers it looks for.
    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Reads a message, or a batch of them. `on` is the request on whose stream it came, if the transport knows.
    pub(crate) fn message(&self, text: Vec<u8>, on: Option<i64>) -> Inbound {
        let mut inbound = Inbound::default();
        match String::from_utf8(without_mark(text)) {
            Ok(batch) if batch.trim_start().starts_with('[') => self.batch(batch, on, &mut inbound),
            Ok(text) => self.one(text, on, &mut inbound),
            Err(error) => {
                let message = not_text(error.as_bytes());
                self.dispatch(ParsedMessage { text: String::new(), message, nulls: 0 }, on, &mut inbound);
            }
        }
        inbound
    }

    fn batch(&self, batch: String, on: Option<i64>, inbound: &mut Inbound) {
        let mut messages = raw::elements(&batch);
        messages.by_ref().count();
        let repaired = if messages.is_whole() { None } else { numbers(&batch) };
        for message in raw::elements(repaired.as_ref().map_or(&batch, |(repaired, _)| repaired)) {
            self.one(message.to_owned(), on, inbound);
        }
    }

    fn one(&self, mut text: String, on: Option<i64>, inbound: &mut Inbound) {
        halves(&mut text);
        let told = read(text, self.source);
        if told.nulls > 0 {
            self.note(told.nulls);
        }
        self.dispatch(told, on, inbound);
    }

    fn note(&self, nulls: usize) {
        let server = &self.server;
        match is_first(&self.warned.nulls) {
            true => {
                tracing::warn!(server.name = %server, nulls, "response contains NaN or Infinity, read as null")
            }
            false => tracing::debug!(server.name = %server, nulls, "a response of the server contains NaN or Infinity"),
        }
    }

    fn dispatch(&self, ParsedMessage { text, message, nulls }: ParsedMessage, on: Option<i64>, inbound: &mut Inbound) {
        match message {
            Message::Answer { id, body } => match id.or(on).or_else(|| self.exchange.only()) {
                Some(id) => inbound.messages.extend(self.deliver(id, body, text, nulls)),
                None if is_first(&self.warned.nameless) => {
                    tracing::warn!(server.name = %self.server, "response has an unknown request id");
                }
                None => tracing::debug!(server.name = %self.server, "response has an unknown request id"),
            },
            Message::Request { id, method, params } if inbound.replies.len() < REPLIES => {
                inbound.replies.push(self.reply(id, &method, part(&text, params), on));
            }
            Message::Request { .. } => {}
            Message::Notification { method, params } => {
                match method.as_str() {
                    "notifications/tools/list_changed" => self.notes.list_changed.notify_one(),
                    "notifications/resources/updated" => self.notes.resources.updated(part(&text, params)),
                    "notifications/subscriptions/acknowledged" => {
                        self.notes.resources.acknowledged(part(&text, params));
                    }
                    "notifications/progress" => self.progress(part(&text, params)),
                    _ => {}
                }
                tracing::trace!(server.name = %self.server, "notification");
            }
            Message::NotText => inbound.messages.extend(on.and_then(|id| self.deliver(id, Body::NotText, text, 0))),
            Message::Garbage(what) => {
                tracing::debug!(server.name = %self.server, what, "the server sent an invalid message");
            }
        }
    }

    /// The beginning of an oversized message. `None` while its request is unknown.
    pub(crate) fn long(&self, head: &[u8], bytes: u64, on: Option<i64>) -> Option<Inbound> {
        match is_first(&self.warned.long) {
            true => tracing::warn!(server.name = %self.server, bytes, "upstream message too large"),
            false => tracing::debug!(server.name = %self.server, bytes, "upstream message too large"),
        }
        let id = match at_head(head) {
            Subject::Other => return Some(Inbound::default()),
            Subject::Answer(id) => Some(id),
            Subject::Unknown => on.or_else(|| self.exchange.only()),
        };
        Some(self.oversized(&[id?], bytes))
    }

    /// The end of a message beyond the limit whose beginning identified no request. If its end does not either, it may be for
    /// anybody.
    pub(crate) fn long_ended(&self, tail: &[u8], bytes: u64) -> Inbound {
        match at_tail(tail) {
            Subject::Answer(id) => self.oversized(&[id], bytes),
            Subject::Other | Subject::Unknown => self.oversized(&self.exchange.all(), bytes),
        }
    }

    fn oversized(&self, ids: &[i64], bytes: u64) -> Inbound {
        let settle = |&id| match self.exchange.answered(id)? {
            Recipient::Slot(slot) => {
                slot.fill(ServerAnswer::Oversized { bytes });
                Some(settled(id))
            }
            Recipient::Handshake => Some(unreadable(id)),
        };
        Inbound { messages: ids.iter().filter_map(settle).collect(), replies: Vec::new() }
    }

    fn deliver(&self, id: i64, body: Body, text: String, nulls: usize) -> Option<ServerJsonRpcMessage> {
        let Some(recipient) = self.exchange.answered(id) else {
            tracing::debug!(server.name = %self.server, id, "late or duplicate response");
            return None;
        };
        Some(match recipient {
            Recipient::Slot(slot) => {
                let message = match &body {
                    Body::Result(part) => settled_with(id, &slot, &text[part.clone()]),
                    _ => settled(id),
                };
                slot.fill(match body {
                    Body::Result(part) => ServerAnswer::Result(RawSlice::new(text, part, nulls)),
                    Body::Error { code, message, data } => ServerAnswer::Error { code, message, data },
                    Body::NotText => ServerAnswer::Unreadable("bytes that are not UTF-8"),
                    Body::Broken if slot.kind() == RequestKind::List => ServerAnswer::Unreadable(NO_JSON),
                    Body::Broken => ServerAnswer::Failed(CallFailure::maybe_taken(format!("answered with {NO_JSON}"))),
                });
                message
            }
            Recipient::Handshake if text.len() > HANDSHAKE_BYTES || tree_bytes(&text) > TREE_BYTES => unreadable(id),
            // From the text, never through a `Value`: from a tree rmcp's types refuse integers beyond 64 bits.
            Recipient::Handshake => serde_json::from_str(&under(id, text)).unwrap_or_else(|_| unreadable(id)),
        })
    }

    /// The server asks us. We have nothing to offer but a sign of life, and the client of a call that is handed through.
    fn reply(&self, id: String, method: &str, params: &str, on: Option<i64>) -> Reply {
        if method == "ping" {
            return Reply::Now(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        }
        if !matches!(method, "elicitation/create" | "sampling/createMessage") {
            return Reply::Now(declined(&id));
        }
        let Some(slot) = self.exchange.asked(method, on) else {
            let is_uncertain = on.is_none() && !self.exchange.all().is_empty();
            return Reply::Now(if is_uncertain { refused(&id, INTERNAL_ERROR, UNCERTAIN) } else { declined(&id) });
        };
        if params.len() > QUESTION_BYTES {
            return Reply::Now(declined(&id));
        }
        let Ok(params) = Json::parse(params) else { return Reply::Now(declined(&id)) };
        let is_elicitation = method == "elicitation/create";
        let (question, answered) = Question::new(method, params, self.patience);
        if !slot.ask(question) {
            return Reply::Now(declined(&id));
        }
        Reply::Later(Box::pin(async move {
            match answered.await {
                Ok(result) => {
                    slot.answered();
                    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, result.as_str())
                }
                Err(_) if is_elicitation => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"decline"}}}}"#),
                Err(_) => declined(&id),
            }
        }))
    }

    fn progress(&self, params: &str) {
        if params.len() > PROGRESS_BYTES {
            return;
        }
        // Ours are numbers, and written back as freely as ids are.
        let token = raw::member(params, "progressToken").and_then(number);
        let token = token.map(|token| ProgressToken(NumberOrString::Number(token)));
        if let Some(slot) = token.and_then(|token| self.exchange.progressed(&token)) {
            slot.progressed(params);
        }
    }
}

/// An answer under the id that we gave its request, however the server writes it.
fn under(id: i64, text: String) -> String {
    match raw::member(&text, "id").map(|written| raw::place(&text, written)) {
        Some(place) => [&text[..place.start], &id.to_string(), &text[place.end..]].concat(),
        None => text,
    }
}

/// The parameters of a message, which may have none.
fn part(text: &str, place: Option<Range<usize>>) -> &str {
    place.map_or("{}", |place| &text[place])
}

fn declined(id: &str) -> String {
    refused(id, METHOD_NOT_FOUND, "not offered by this client")
}

fn refused(id: &str, code: i64, why: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{why}"}}}}"#)
}

/// What rmcp is given for a response that went to a slot.
pub(crate) fn settled(id: i64) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
}

/// The same for a result. Of a tool list rmcp is also given the tools with parameters that go into headers (SEP-2243): its
/// HTTP transport sets these headers in calls, and cannot know the parameters otherwise.
fn settled_with(id: i64, slot: &Slot, result: &str) -> ServerJsonRpcMessage {
    if slot.kind() != RequestKind::List || !result.contains("x-mcp-header") {
        return settled(id);
    }
    let mut left = TOOLS_TREE_BYTES;
    let tools = raw::elements(raw::member(result, "tools").unwrap_or("[]"))
        .filter(|tool| tool.contains("x-mcp-header"))
        .filter_map(|tool| {
            let bytes = tree_bytes(tool);
            if bytes > TREE_BYTES.min(left) {
                return None;
            }
            left -= bytes;
            serde_json::from_str::<Tool>(tool).ok()
        })
        .collect();
    let tools = ListToolsResult::with_all_items(tools);
    ServerJsonRpcMessage::response(ServerResult::ListToolsResult(tools), RequestId::Number(id))
}

/// The memory that a tree of a text takes, and too much of one that nests too deep.
fn tree_bytes(text: &str) -> usize {
    Extent::of(text).map_or(usize::MAX, |extent| extent.tree_bytes)
}

/// What rmcp is given for an invalid handshake response.
pub(crate) fn unreadable(id: i64) -> ServerJsonRpcMessage {
    let error = ErrorData::internal_error("the answer cannot be read", None);
    ServerJsonRpcMessage::error(error, Some(RequestId::Number(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rmcp_meets_its_request_by_the_number_that_it_has() {
        for id in ["7", "7.0", "\"7\"", "\"server-error\"", "null"] {
            let text = under(7, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"id":1.0}}}}"#));
            assert_eq!(text, r#"{"jsonrpc":"2.0","id":7,"result":{"id":1.0}}"#);
        }
        assert_eq!(under(7, r#"{"result":{}}"#.to_owned()), r#"{"result":{}}"#);
    }
}
