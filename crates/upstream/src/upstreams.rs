//! The set of configured upstream servers and their life cycle.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_mcp_client::Reaper;
use exuvia_policy::Permit;
use exuvia_tool::{BoxFuture, CallContext, Origin, ToolOutcome};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::limits::CallLimits;
use crate::retiring_servers::RetiringServers;
use crate::routes::{Route, Routes};
use crate::server::{EndedCallers, UpstreamServer};
use crate::status::{Failing, LaneCounts, ServerStatus, StatusBoard, StatusCell};

/// The servers at one moment: what they list, and the ways to them. The two belong together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpstreamSnapshot {
    /// In the order of their configuration.
    pub servers: Arc<[ServerStatus]>,
    /// By name.
    pub routes: Routes,
}

/// The upstream servers of a gateway, started together and ended together.
///
/// Dropping it kills the processes once no call is in flight and no [`Routes`] exist; [`shutdown`](Self::shutdown) ends them in
/// good order. If this process dies without either, `/bin/sh` ends them within about a second.
#[derive(Debug)]
pub struct Upstreams {
    /// Changes together with the board.
    current: RwLock<Routes>,
    board: Arc<StatusBoard>,
    ended: Arc<EndedCallers>,
    reaper: Arc<Reaper>,
    pub(crate) retiring: RetiringServers,
    /// Held while the servers are changed.
    pub(crate) turn: Mutex<()>,
    pub(crate) over: CancellationToken,
}

impl Upstreams {
    /// No servers.
    pub(crate) fn none(over: CancellationToken) -> Self {
        let ended = Arc::new(EndedCallers::default());
        Self {
            current: RwLock::new(Routes::new(HashMap::new(), Arc::clone(&ended))),
            board: Arc::default(),
            ended,
            reaper: Arc::new(Reaper::new()),
            retiring: RetiringServers::new(over.clone()),
            turn: Mutex::default(),
            over,
        }
    }

    /// Waits until no server is starting any more, or everything is over.
    pub async fn settled(&self) {
        let mut changes = self.changes();
        let settled = changes.wait_for(|servers| !servers.iter().any(ServerStatus::is_starting));
        // The board is there for as long as this.
        let _ = self.over.run_until_cancelled(settled).await;
    }

    /// The servers in the order of their configuration, as they are now.
    #[must_use]
    pub fn servers(&self) -> Arc<[ServerStatus]> {
        self.board.read()
    }

    /// The ways to them, as they are now.
    #[must_use]
    pub fn routes(&self) -> Routes {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Both, of one moment.
    #[must_use]
    pub fn snapshot(&self) -> UpstreamSnapshot {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        UpstreamSnapshot { servers: self.board.read(), routes: current.clone() }
    }

    /// The connections to each server beside the one that all share, by name.
    #[must_use]
    pub fn lanes(&self) -> BTreeMap<String, LaneCounts> {
        self.routes().iter().map(|(name, route)| (name.clone(), route.server().lane_counts())).collect()
    }

    /// The servers whose every call fails at the moment, and why, by name. A connection of a key, or of another credential than the
    /// gateway's, is none of it: [`lanes`](Self::lanes) counts those.
    #[must_use]
    pub fn failing(&self) -> BTreeMap<String, Failing> {
        let routes = self.routes();
        routes.iter().filter_map(|(name, route)| Some((name.clone(), route.server().failing()?))).collect()
    }

    /// The last lines that the processes of a server wrote to standard error, the newest last: at most so many. None: there is no such server.
    #[must_use]
    pub fn log(&self, server: &str, lines: usize) -> Option<Vec<String>> {
        Some(self.routes().get(server)?.server().log(lines))
    }

    /// Closes the connection to a server that all share, and opens another one: a server that did not start is tried at once. Calls in flight
    /// on it break off. Whether there is such a server.
    pub fn reconnect(&self, server: &str) -> bool {
        self.routes().get(server).map(|route| route.server().reconnect()).is_some()
    }

    /// The names of servers that were replaced or removed and have not ended. One that left more than once is there as often.
    #[must_use]
    pub fn retiring(&self) -> Vec<String> {
        self.retiring.names()
    }

    /// What [`servers`](Self::servers) gives, and a tick when servers were added, removed or started, or their tools changed. Bursts are one tick; a server causes at most one tick in 5 s, and one more for its first change.
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

    /// [Calls](Routes::call) over the routes of now.
    #[must_use]
    pub fn call(&self, permit: Permit, context: CallContext, limits: CallLimits) -> BoxFuture<'static, ToolOutcome> {
        self.routes().call(permit, context, limits)
    }

    /// What called over the routes of now [is over](Routes::ended).
    pub fn ended(&self, origin: &Origin) {
        self.routes().ended(origin);
    }

    /// Ends all servers concurrently, retiring ones too: closes their inputs, waits, sends SIGTERM, then SIGKILL to their
    /// process groups. Takes 6 s at most. Calls in flight and changes of the servers are cancelled.
    pub async fn shutdown(&self) {
        self.over.cancel();
        let _turn = self.turn.lock().await;
        let mut ending = JoinSet::new();
        for (_, route) in self.routes().iter() {
            let server = Arc::clone(route.server());
            ending.spawn(async move { server.shut_down().await });
        }
        self.retiring.all_ended().await;
        while ending.join_next().await.is_some() {}
        self.reaper.rest().await;
    }

    /// A server that has not been started.
    pub(crate) fn server(&self, config: ServerConfig, limits: UpstreamLimits, cell: Arc<StatusCell>) -> UpstreamServer {
        UpstreamServer::new(
            config,
            limits,
            Arc::clone(&self.reaper),
            Arc::clone(&self.ended),
            Arc::clone(&self.board),
            cell,
        )
    }

    /// Replaces the servers in use and returns them.
    pub(crate) fn swap(&self, servers: HashMap<String, Arc<Route>>, cells: Vec<Arc<StatusCell>>) -> Routes {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.board.lay_out(cells);
        std::mem::replace(&mut *current, Routes::new(servers, Arc::clone(&self.ended)))
    }
}
