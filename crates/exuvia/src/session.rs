//! Servers started, engine mapped, gateway ready: what every command but `demo` stands on.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use exuvia_gateway::{Gateway, GatewayConfig};
use exuvia_journal::MemoryJournal;
use exuvia_runtime::{Engine, EngineConfig, Limits};
use exuvia_upstream::{ServerConfig, ServerState, UpstreamLimits, Upstreams};

use crate::terminal::Terminal;

/// The most that a model is shown of one answer, in bytes: about 16,000 tokens.
const ANSWER_BYTES: usize = 64 << 10;

/// What the record of runs and calls may take, in bytes.
const JOURNAL_BYTES: usize = 64 << 20;

/// A gateway and the servers behind it.
pub(crate) struct Session {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstreams: Arc<Upstreams>,
}

impl Session {
    /// Starts all servers side by side, beside the engine. A server that does not come up is told to the terminal; the
    /// others work.
    pub(crate) async fn start(servers: Vec<ServerConfig>, limits: Limits, terminal: &Terminal) -> Result<Self> {
        terminal.doing(format!("starting {} servers", servers.len()));
        let engine = tokio::task::spawn_blocking(|| Engine::new(&EngineConfig::default()));
        let upstreams = Arc::new(Upstreams::start(servers, UpstreamLimits::default()).await);
        for server in upstreams.servers() {
            if let ServerState::Failed { message } = &server.state {
                terminal.say(&format!("{} did not start: {message}", server.name));
            }
            for warning in &server.warnings {
                terminal.say(&format!("{}: {warning}", server.name));
            }
        }
        let gateway = Gateway::new(GatewayConfig {
            engine: engine.await.context("mapping the guest")??,
            upstreams: Arc::clone(&upstreams),
            journal: Arc::new(MemoryJournal::new(JOURNAL_BYTES)),
            limits,
            answer_bytes: ANSWER_BYTES,
        })?;
        Ok(Self { gateway: Arc::new(gateway), upstreams })
    }
}
