//! Conversations with `exuvia serve`.

use std::net::SocketAddr;
use std::process::Command;

use exuvia_tests::{Daemon, HttpClient, PATIENCE, built, events};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use super::conversation::{Conversation, Step, world};

/// Holds a conversation again: what came back this time.
pub(super) async fn held(text: &str) -> String {
    let (arguments, variables) = world();
    let mut command = Command::new(built("exuvia"));
    command.envs(variables);
    let daemon = Daemon::start_by(command, &arguments.each_ref().map(String::as_str));
    daemon.ready().await;
    let mut conversation = Conversation::read(text);
    let mut open = Vec::new();
    while let Some((step, until)) = conversation.next() {
        match step {
            Step::Close => drop(open.pop().expect("an open connection")),
            Step::Send(head) => {
                let body = match head.starts_with("POST ").then(|| conversation.next()) {
                    Some(Some((Step::Send(body), until))) => (body, until),
                    _ => (String::new(), until),
                };
                let until = exchanged(daemon.address(), &head, body, &mut conversation, &mut open).await;
                read(&mut conversation, &mut open, until.as_deref()).await;
            }
        }
    }
    conversation.end()
}

/// A response whose events go on, and how many were read.
struct Stream {
    body: Incoming,
    text: String,
    read: usize,
    /// Where the connection is closed with it.
    _client: HttpClient,
}

/// Sends a request and notes its response, but for events: those are still open.
async fn exchanged(
    address: SocketAddr,
    head: &str,
    (body, until): (String, Option<String>),
    conversation: &mut Conversation,
    open: &mut Vec<Stream>,
) -> Option<String> {
    let mut words = head.split(' ');
    let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
    let mut headers: Vec<(&str, &str)> = words.map(|word| word.split_once('=').expect("NAME=VALUE")).collect();
    if method == "POST" && !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", "application/json"));
    }
    headers.push(("accept", "application/json, text/event-stream"));
    let mut client = HttpClient::connect(address).await;
    let response = timeout(PATIENCE, client.begin(method, path, &headers, &body)).await.expect("in time");
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = header("content-type").to_owned();
    conversation.note_head(response.status().as_u16(), &kind, header("mcp-session-id"));
    let body = response.into_body();
    if kind == "text/event-stream" {
        open.push(Stream { body, text: String::new(), read: 0, _client: client });
        return until;
    }
    let text = body.collect().await.expect("a body").to_bytes();
    match serde_json::from_slice(&text) {
        Ok(message) => conversation.note(message),
        Err(_) => conversation.note_text(&String::from_utf8_lossy(&text)),
    }
    until
}

/// Reads the stream that was opened last, and those before it, up to their ends, or a request, or a message of this method.
async fn read(conversation: &mut Conversation, open: &mut Vec<Stream>, until: Option<&str>) {
    while let Some(stream) = open.last_mut() {
        let Some(message) = timeout(PATIENCE, stream.next()).await.expect("in time") else {
            open.pop();
            continue;
        };
        let (method, has_id) = (message["method"].as_str().map(str::to_owned), !message["id"].is_null());
        conversation.note(message);
        if method.is_some() && (has_id || method.as_deref() == until) {
            return;
        }
    }
}

impl Stream {
    /// The next message. None: there is none any more.
    async fn next(&mut self) -> Option<Value> {
        loop {
            // An event is whole once an empty line follows.
            let whole = self.text.rfind("\n\n").map_or("", |end| &self.text[..end]);
            if let Some(message) = events(whole).into_iter().nth(self.read) {
                self.read += 1;
                return Some(message);
            }
            let frame = self.body.frame().await?.ok()?;
            self.text += &String::from_utf8_lossy(frame.data_ref()?).replace("\r\n", "\n");
        }
    }
}
