//! A client over HTTP that has a key, and remembers all that it was answered.

use std::net::SocketAddr;

use exuvia_access::secret_hash;
use http::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{Answer, HttpClient, initialize, modern_meta};

/// `[keys.NAME]` with the name itself as its secret.
#[must_use]
pub fn key_table(name: &str, role: &str) -> String {
    let hash: String = secret_hash(name).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("[keys.{name}]\nrole = '{role}'\nhash = 'sha256:{hash}'\n")
}

/// One connection of a key.
pub struct KeyClient {
    http: HttpClient,
    address: SocketAddr,
    bearer: String,
    seen: String,
}

impl KeyClient {
    /// Connects with this secret.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    pub async fn of(address: SocketAddr, secret: &str) -> Self {
        let (http, bearer) = (HttpClient::connect(address).await, format!("Bearer {secret}"));
        Self { http, address, bearer, seen: String::new() }
    }

    /// Another connection of the same key.
    pub async fn again(&self) -> Self {
        let http = HttpClient::connect(self.address).await;
        Self { http, address: self.address, bearer: self.bearer.clone(), seen: String::new() }
    }

    /// All that it was answered: statuses, headers and bodies.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// Sends a request with the key and these headers, and reads the whole answer.
    ///
    /// # Panics
    ///
    /// None comes.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let bearer = self.bearer.clone();
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let answer = self.http.send(method, path, &headers, body).await;
        self.seen += &format!("{method} {path}: {} {:?}\n{}\n", answer.status, answer.headers, answer.text);
        answer
    }

    /// Sends a request on a connection of its own, and gives back the answer as it begins.
    ///
    /// # Panics
    ///
    /// None comes.
    pub async fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Incoming> {
        let headers = [&[("authorization", self.bearer.as_str())], headers].concat();
        HttpClient::connect(self.address).await.begin(method, path, &headers, body).await
    }

    /// Sends a message to `path`, as clients of MCP do.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.send("POST", path, &[MCP, headers].concat(), &message.to_string()).await
    }

    /// A request of the modern era to `/mcp`, of a client that can do everything.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn ask(&mut self, method: &str, params: Value) -> Answer {
        self.ask_at("/mcp", method, params).await
    }

    /// The same to this path.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn ask_at(&mut self, path: &str, method: &str, params: Value) -> Answer {
        let message = modern(1, method, params);
        let name = ["name", "uri", "taskId"].iter().find_map(|key| message["params"][key].as_str().map(str::to_owned));
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
        self.post(path, &headers, &message).await
    }

    /// The text that a meta-tool answers.
    ///
    /// # Panics
    ///
    /// It is rejected.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.message()["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer to a script.
    ///
    /// # Panics
    ///
    /// It is rejected.
    pub async fn run(&mut self, code: &str) -> String {
        self.call("executeToolCode", json!({"code": code})).await
    }

    /// Opens a session as a client up to 2025-11-25 that can be asked. Gives its id.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn session(&mut self) -> String {
        let opened = self.post("/mcp", &[], &initialize(json!({"elicitation": {}}))).await;
        let session = opened.header("mcp-session-id").to_owned();
        assert!(opened.status == 200 && !session.is_empty(), "{opened:?}");
        let noted = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.in_session(&session, &noted).await.status, 202);
        session
    }

    /// Sends a message in a session.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn in_session(&mut self, session: &str, message: &Value) -> Answer {
        self.post("/mcp", &[("mcp-session-id", session)], message).await
    }

    /// Listens in a session: the answer as it begins.
    ///
    /// # Panics
    ///
    /// None comes.
    pub async fn listen(&self, session: &str) -> Response<Incoming> {
        self.begin("GET", "/mcp", &[("accept", "text/event-stream"), ("mcp-session-id", session)], "").await
    }
}

/// A request of the modern era, of a client that can do everything.
#[must_use]
pub fn modern(id: u64, method: &str, mut params: Value) -> Value {
    let mut meta = modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] =
        json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
    for (key, value) in params["_meta"].as_object().cloned().unwrap_or_default() {
        meta[key] = value;
    }
    params["_meta"] = meta;
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// What every client of `/mcp` sends.
const MCP: &[(&str, &str)] = &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
