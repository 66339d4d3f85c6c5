//! A client that speaks HTTP and knows nothing of MCP: what it sends is written out.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One connection.
pub struct HttpClient {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub text: String,
}

impl Answer {
    /// The answer to a JSON-RPC request, as JSON or as the last event.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    pub fn message(&self) -> Value {
        match events(&self.text).pop() {
            Some(message) => message,
            None => serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}")),
        }
    }

    /// A header, as text; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The messages in a stream of events.
#[must_use]
pub fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

impl HttpClient {
    /// Connects.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Self { address, sender }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    ///
    /// None comes.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    /// The same, for a server that may refuse a body before it has read it all, and closes the connection.
    ///
    /// # Errors
    ///
    /// The connection was closed before the answer was read.
    ///
    /// # Panics
    ///
    /// The connection is not open, or the answer is not UTF-8.
    pub async fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Result<Answer> {
        let (head, body) = self.try_begin(method, path, headers, body).await?.into_parts();
        let text = String::from_utf8(body.collect().await?.to_bytes().to_vec()).expect("UTF-8");
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, text })
    }

    /// Sends a request and gives back the answer as it begins.
    ///
    /// # Panics
    ///
    /// None comes.
    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> http::Response<Incoming> {
        self.try_begin(method, path, headers, body).await.expect("an answer")
    }

    async fn try_begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Result<http::Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request");
        if self.sender.ready().await.is_err() {
            // It was idle for longer than a head may take. Nothing of this request has been sent.
            *self = Self::connect(self.address).await;
            self.sender.ready().await?;
        }
        self.sender.send_request(request).await
    }

    /// Sends a JSON-RPC message to `/mcp` as a client does.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn post(&mut self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.post_to("/mcp", headers, message).await
    }

    /// Sends a JSON-RPC message to this path as a client does.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn post_to(&mut self, path: &str, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.send("POST", path, &[MCP, headers].concat(), &message.to_string()).await
    }
}

/// What every client of `/mcp` sends.
const MCP: &[(&str, &str)] = &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
