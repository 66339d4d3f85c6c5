//! All servers together.

use std::collections::HashMap;
use std::sync::Arc;

use exuvia_policy::Permit;
use exuvia_tool::{BoxFuture, CallError, RunId, ToolDescriptor, ToolOutcome};
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::server::Server;
use crate::stdio::Reaper;
use crate::{CallLimits, ServerConfig, UpstreamLimits};

/// Which of the two forms of the protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28 and later: stateless, `server/discover`.
    Modern,
    /// Up to 2025-11-25: `initialize`, a session.
    Legacy,
}

/// On whose behalf calls are made: who may share which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The virtual key of the client; none for the operator.
    pub key: Option<Arc<str>>,
    /// The run.
    pub run: RunId,
}

/// How a server's start ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It answered the handshake and listed its tools.
    Ready {
        /// How it speaks.
        era: Era,
    },
    /// It did not come up. Calls to it end as `upstream-unavailable`.
    Failed {
        /// Why, for the operator: may hold its command and the end of its stderr.
        message: String,
    },
}

/// A server as it was when it started.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// How its start ended.
    pub state: ServerState,
    /// Its tools, in its order.
    pub tools: Vec<ToolDescriptor>,
    /// What was left out of its tool list, for the operator.
    pub warnings: Vec<String>,
}

/// The upstream servers of a gateway, started together and ended together.
///
/// Dropping it kills what still runs, once no call holds on to it; [`shutdown`](Self::shutdown) ends it in good order. If
/// this process dies without either, `/bin/sh` clears up behind it within about a second.
#[derive(Debug)]
pub struct Upstreams {
    servers: HashMap<String, Arc<Server>>,
    statuses: Vec<ServerStatus>,
}

impl Upstreams {
    /// Starts all servers side by side and waits until each is ready or has failed: at most the longest `start_timeout`.
    ///
    /// Must run on a tokio runtime that lives as long as the servers. Of two servers with one name the second fails.
    pub async fn start(configs: Vec<ServerConfig>, limits: UpstreamLimits) -> Self {
        let reaper = Arc::new(Reaper::new());
        let mut servers = HashMap::new();
        let mut starting = JoinSet::new();
        let mut statuses: Vec<Option<ServerStatus>> = Vec::new();
        for (place, config) in configs.into_iter().enumerate() {
            let name = config.name.clone();
            statuses.push(None);
            if servers.contains_key(&name) {
                statuses[place] = Some(failed(name, "another server has this name"));
                continue;
            }
            let server = Arc::new(Server::new(config, limits, reaper.clone()));
            servers.insert(name.clone(), server.clone());
            statuses[place] = Some(failed(name, "its start was broken off"));
            let start = async move { (place, server.start().await) };
            starting.spawn(start.in_current_span());
        }
        while let Some(started) = starting.join_next().await {
            if let Ok((place, status)) = started {
                statuses[place] = Some(status);
            }
        }
        Self { servers, statuses: statuses.into_iter().flatten().collect() }
    }

    /// The servers in the order of their configuration, as their starts ended.
    #[must_use]
    pub fn servers(&self) -> &[ServerStatus] {
        &self.statuses
    }

    /// Makes the call that is permitted: the only way to call a tool.
    ///
    /// Dropping the future cancels the call and tells the server. A server that has ended is started again first. No call
    /// is ever sent twice.
    ///
    /// ```compile_fail
    /// # use exuvia_tool::{CallId, Json, ToolCall, ToolName};
    /// # use exuvia_upstream::{CallLimits, Caller, Upstreams};
    /// fn without_a_permit(upstreams: &Upstreams, call: ToolCall, caller: &Caller, limits: CallLimits) {
    ///     upstreams.call(call, caller, limits);
    /// }
    /// ```
    #[must_use]
    pub fn call(&self, permit: Permit, caller: &Caller, limits: CallLimits) -> BoxFuture<'static, ToolOutcome> {
        let _ = caller;
        let name = permit.call().name.clone();
        let span = tracing::info_span!(
            "upstream.call",
            server.name = %name.server,
            tool.name = %name.tool,
            call.id = permit.call().id.0,
            outcome = tracing::field::Empty,
        );
        let Some(server) = self.servers.get(&name.server).cloned() else {
            return Box::pin(async move { Err(CallError::UnknownTool(format!("there is no server {}", name.server))) });
        };
        let call = async move {
            let outcome = server.call(permit, limits).await;
            let code = outcome.as_ref().err().map_or("ok", CallError::code);
            tracing::Span::current().record("outcome", code);
            outcome
        };
        Box::pin(call.instrument(span))
    }

    /// A run is over: what belonged to it alone ends.
    pub fn run_ended(&self, run: &RunId) {
        let _ = run;
    }

    /// Ends all servers side by side: closes their inputs, waits, sends SIGTERM, then SIGKILL to their process groups. Takes
    /// 6 s at most. Calls that are on their way break off.
    pub async fn shutdown(&self) {
        let mut ending = JoinSet::new();
        for server in self.servers.values() {
            let server = Arc::clone(server);
            ending.spawn(async move { server.shut_down().await });
        }
        while ending.join_next().await.is_some() {}
    }
}

fn failed(name: String, message: &str) -> ServerStatus {
    let state = ServerState::Failed { message: message.to_owned() };
    ServerStatus { name, state, tools: Vec::new(), warnings: Vec::new() }
}
