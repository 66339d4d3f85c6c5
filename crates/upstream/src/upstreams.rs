//! All servers together.

use std::collections::HashMap;
use std::sync::Arc;

use exuvia_policy::Permit;
use exuvia_tool::{BoxFuture, CallError, RunId, ToolName, ToolOutcome};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::server::{EndedRuns, Server};
use crate::status::Board;
use crate::stdio::Reaper;
use crate::{CallLimits, Query, RelayOptions, Relayed, ServerConfig, ServerStatus, UpstreamLimits};

/// On whose behalf calls are made: who may share which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The virtual key of the client; none for the operator.
    pub key: Option<Arc<str>>,
    /// The run.
    pub run: RunId,
}

/// The upstream servers of a gateway, started together and ended together.
///
/// Dropping it kills what still runs, once no call holds on to it; [`shutdown`](Self::shutdown) ends it in good order. If
/// this process dies without either, `/bin/sh` clears up behind it within about a second.
#[derive(Debug)]
pub struct Upstreams {
    servers: HashMap<String, Arc<Server>>,
    board: Arc<Board>,
    ended: Arc<EndedRuns>,
    /// Ends with this.
    _upkeep: JoinSet<()>,
}

impl Upstreams {
    /// Starts all servers side by side and waits until each is ready or has failed: at most the longest `start_timeout`. One
    /// that has failed is tried again in the background.
    ///
    /// Must run on a tokio runtime that lives as long as the servers. Of two servers with one name the second fails for good.
    pub async fn start(configs: Vec<ServerConfig>, limits: UpstreamLimits) -> Self {
        let (reaper, ended) = (Arc::new(Reaper::new()), Arc::new(EndedRuns::default()));
        let pending = configs.iter().map(|config| ServerStatus::failed(&config.name, "its start was broken off"));
        let board = Arc::new(Board::new(pending.collect()));
        let mut servers = HashMap::new();
        let mut starting = JoinSet::new();
        for (place, config) in configs.into_iter().enumerate() {
            let name = config.name.clone();
            if servers.contains_key(&name) {
                board.post(place, ServerStatus::failed(&name, "another server has this name"));
                continue;
            }
            let server = Server::new(config, limits, reaper.clone(), ended.clone(), board.clone(), place);
            let server = Arc::new(server);
            servers.insert(name, server.clone());
            let start = async move {
                let schedule = server.start().await;
                (server, schedule)
            };
            starting.spawn(start.in_current_span());
        }
        let mut upkeep = JoinSet::new();
        while let Some(started) = starting.join_next().await {
            if let Ok((server, schedule)) = started {
                upkeep.spawn(server.upkeep(schedule));
            }
        }
        Self { servers, board, ended, _upkeep: upkeep }
    }

    /// The servers in the order of their configuration, as they are now.
    #[must_use]
    pub fn servers(&self) -> Arc<[ServerStatus]> {
        self.board.read()
    }

    /// What [`servers`](Self::servers) gives, and a tick when a server has come up or its tools are others than before. Bursts
    /// are one tick; a server causes at most one tick in 5 s, and one more for its first change.
    ///
    /// ```no_run
    /// # async fn example(upstreams: exuvia_upstream::Upstreams) {
    /// let mut changes = upstreams.changes();
    /// while changes.changed().await.is_ok() {
    ///     let servers = changes.borrow_and_update().clone();
    ///     println!("{} tools", servers.iter().map(|server| server.tools.len()).sum::<usize>());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<[ServerStatus]>> {
        self.board.follow()
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
        let name = permit.call().name.clone();
        let span = call_span(&name, permit.call().id.0);
        let Some(server) = self.servers.get(&name.server).cloned() else { return no_server(name.server) };
        let caller = caller.clone();
        let call = async move {
            let outcome = server.call(permit, &caller, limits).await;
            let code = outcome.as_ref().err().map_or("ok", CallError::code);
            tracing::Span::current().record("outcome", code);
            outcome
        };
        Box::pin(call.instrument(span))
    }

    /// Makes the call that is permitted for a client that speaks with the server itself: gives the answer as it was written,
    /// and hands through what the server says and asks meanwhile. The server's own `call_timeout` counts.
    ///
    /// Dropping the future cancels the call and tells the server.
    #[must_use]
    pub fn relay(
        &self,
        permit: Permit,
        caller: &Caller,
        limits: CallLimits,
        options: RelayOptions,
    ) -> BoxFuture<'static, Result<Relayed, CallError>> {
        let name = permit.call().name.clone();
        let span = call_span(&name, permit.call().id.0);
        let Some(server) = self.servers.get(&name.server).cloned() else { return no_server(name.server) };
        let caller = caller.clone();
        Box::pin(async move { server.relay(permit, &caller, limits, options).await }.instrument(span))
    }

    /// Asks a server for something that is no call, and gives the answer as it was written.
    #[must_use]
    pub fn query(
        &self,
        server: &str,
        query: Query,
        caller: &Caller,
        limits: CallLimits,
        options: RelayOptions,
    ) -> BoxFuture<'static, Result<Relayed, CallError>> {
        let Some(server) = self.servers.get(server).cloned() else { return no_server(server.to_owned()) };
        let caller = caller.clone();
        Box::pin(async move { server.query(&query, &caller, limits, options).await })
    }

    /// A run is over: connections that belonged to it alone end in the background, and calls of it fail from now on.
    ///
    /// Cheap, may be called on any thread and more than once. Of the last 4,096 runs it is remembered that they are over.
    pub fn run_ended(&self, run: &RunId) {
        if self.ended.insert(run) {
            self.servers.values().for_each(|server| server.run_ended(run));
        }
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

fn call_span(name: &ToolName, id: u64) -> tracing::Span {
    tracing::info_span!(
        "upstream.call",
        server.name = %name.server,
        tool.name = %name.tool,
        call.id = id,
        outcome = tracing::field::Empty,
    )
}

fn no_server<T: Send + 'static>(server: String) -> BoxFuture<'static, Result<T, CallError>> {
    Box::pin(async move { Err(CallError::UnknownTool(format!("there is no server {server}"))) })
}
