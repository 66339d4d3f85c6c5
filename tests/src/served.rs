//! A server over HTTP in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::ServerConfig;
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::Limits;
use exuvia_server::PendingGateway;
use exuvia_server::http::{HttpConfig, HttpServer, Shutdown, ShutdownSignal};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Answer, HttpClient, SampleGateway, Settings, modern_meta};

/// How long anything may take that is not about time.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose clients may call everything of its servers.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it serves.
    pub gateway: SampleGateway,
    /// Ends it.
    pub stop: ShutdownSignal,
    /// How it ended.
    pub drained: JoinHandle<Shutdown>,
}

impl Served {
    /// Over the bundled echo server, with the defaults.
    pub async fn plain() -> Self {
        Self::over_echo(HttpConfig::default(), Limits::default(), Settings::default()).await
    }

    /// Over the bundled echo server.
    pub async fn over_echo(config: HttpConfig, limits: Limits, settings: Settings) -> Self {
        Self::over(vec![SampleGateway::echo_server(&[])], config, limits, settings).await
    }

    /// Over any servers.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn over(servers: Vec<ServerConfig>, config: HttpConfig, limits: Limits, mut settings: Settings) -> Self {
        let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
        let (profiles, access) = (settings.profiles_of(&names), Arc::clone(&settings.access));
        settings.profiles = Some(profiles.clone());
        let gateway = SampleGateway::with(servers, limits, settings).await;
        let source = PolicySource { auto_execute: vec!["*.*".to_owned()], ..PolicySource::default() };
        let policy = Policy::compile(source, names.iter().map(String::as_str)).expect("a policy");
        gateway.gateway().set_policy(policy);
        let server = HttpServer::bind("127.0.0.1:0".parse().expect("an address"), config).await.expect("a port");
        let (address, stop) = (server.address(), ShutdownSignal::default());
        let shared = gateway.gateway().clone();
        let serving = server.serve(PendingGateway::start(profiles, access, async { shared }), stop.clone());
        let drained = tokio::spawn(serving);
        Self { address, gateway, stop, drained }
    }

    /// A connection.
    pub async fn client(&self) -> HttpClient {
        HttpClient::connect(self.address).await
    }

    /// Stops it and waits for its end.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub async fn end(self) -> Shutdown {
        self.stop.ask();
        let drained = timeout(PATIENCE, self.drained).await.expect("an end in time").expect("no panic");
        self.gateway.stop().await;
        drained
    }
}

/// The first message of a client up to 2025-11-25 that can do this.
#[must_use]
pub fn initialize(capabilities: Value) -> Value {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"},
    });
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

impl HttpClient {
    /// Opens a session at `path` as a client up to 2025-11-25 that can do this. Gives its id.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn session(&mut self, path: &str, capabilities: Value) -> String {
        let answer = self.post_to(path, &[], &initialize(capabilities)).await;
        assert_eq!(answer.message()["result"]["protocolVersion"], "2025-11-25", "{answer:?}");
        let session = answer.header("mcp-session-id").to_owned();
        let noted = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.post_to(path, &[("mcp-session-id", &session)], &noted).await.status, 202);
        session
    }

    /// Sends a request to `path` as a client of 2026-07-28 that can do this: without a session.
    ///
    /// # Panics
    ///
    /// No answer comes.
    pub async fn ask(&mut self, path: &str, method: &str, mut params: Value, capabilities: Value) -> Answer {
        let mut meta = modern_meta();
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        for (key, value) in params["_meta"].as_object().cloned().unwrap_or_default() {
            meta[key] = value;
        }
        params["_meta"] = meta;
        let name = ["name", "uri", "taskId"].iter().find_map(|key| params[key].as_str().map(str::to_owned));
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
        self.post_to(path, &headers, &message).await
    }
}
