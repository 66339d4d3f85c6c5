//! The set of configured upstream servers and their life cycle.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use exuvia_policy::Permit;
use exuvia_tool::{BoxFuture, CallContext, Origin, ToolOutcome};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::leaving::Leaving;
use crate::lineup::Lineup;
use crate::routes::{Route, Routes};
use crate::server::{EndedRuns, Server};
use crate::status::{Board, Card};
use crate::stdio::Reaper;
use crate::{CallLimits, Failing, ServerConfig, ServerStatus, UpstreamLimits};

/// The servers at one moment: what they list, and the ways to them. The two belong together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// In the order of their configuration.
    pub servers: Arc<[ServerStatus]>,
    /// By name.
    pub routes: Routes,
}

/// The upstream servers of a gateway, started together and ended together.
///
/// Dropping it kills what still runs, once no call holds on to it and nobody holds [`Routes`];
/// [`shutdown`](Self::shutdown) ends it in good order. If this process dies without either, `/bin/sh` clears up behind it
/// within about a second.
#[derive(Debug)]
pub struct Upstreams {
    /// Changes together with the board.
    current: RwLock<Routes>,
    board: Arc<Board>,
    ended: Arc<EndedRuns>,
    reaper: Arc<Reaper>,
    pub(crate) leaving: Leaving,
    /// Held by whoever is about to change the servers.
    pub(crate) turn: Mutex<()>,
    pub(crate) over: CancellationToken,
}

impl Upstreams {
    /// Starts all servers side by side and waits until each is ready or has failed: at most the longest `start_timeout`. One
    /// that has failed is tried again in the background.
    ///
    /// Must run on a tokio runtime that lives as long as the servers. Of two servers with one name the second fails for good.
    pub async fn start(configs: Vec<ServerConfig>, limits: UpstreamLimits) -> Self {
        let upstreams = Self::begin(configs, limits, CancellationToken::new()).await;
        upstreams.settled().await;
        upstreams
    }

    /// Begins to start all servers side by side and waits for none: each [is starting](crate::ServerState::Starting) until it is
    /// ready or has failed. When `over` is cancelled everything is over, as after [`shutdown`](Self::shutdown), which is still
    /// to be called.
    pub async fn begin(configs: Vec<ServerConfig>, limits: UpstreamLimits, over: CancellationToken) -> Self {
        let ended = Arc::new(EndedRuns::default());
        let upstreams = Self {
            current: RwLock::new(Routes::new(HashMap::new(), Arc::clone(&ended))),
            board: Arc::default(),
            ended,
            reaper: Arc::new(Reaper::new()),
            leaving: Leaving::new(over.clone()),
            turn: Mutex::default(),
            over,
        };
        Lineup::begin(&upstreams, configs, limits, Duration::ZERO).await.take_over();
        upstreams
    }

    /// Waits until no server is starting any more, or everything is over.
    pub async fn settled(&self) {
        let mut changes = self.changes();
        let settled = changes.wait_for(|servers| !servers.iter().any(ServerStatus::is_starting));
        // The board is there for as long as this.
        let _ = self.over.run_until_cancelled(settled).await;
    }

    /// Starts what another configuration has that is not there yet, beside what is, and waits until each is ready or has
    /// failed. Servers whose configuration is the same to the last value, limits included, stay what they are: connection,
    /// breaker and list. Nobody sees anything of it before [`Lineup::take_over`].
    ///
    /// From then on new routes lead to the new servers. What was replaced or removed serves the routes that were taken before,
    /// and ends when there are none left and no call is on its way, at the latest after `drain`; then what is still on its way
    /// breaks off. Of such servers there are 64 at most, or those of one configuration: a further one waits here for room.
    ///
    /// One configuration at a time; another one waits for its turn. Must run on the runtime of [`start`](Self::start). Dropping
    /// the future changes nothing. None: everything is shut down.
    pub async fn prepare(
        &self,
        configs: Vec<ServerConfig>,
        limits: UpstreamLimits,
        drain: Duration,
    ) -> Option<Lineup<'_>> {
        let lineup = self.over.run_until_cancelled(Lineup::prepare(self, configs, limits, drain)).await?;
        // One that came about because nobody waits any more would keep the shutdown waiting for its turn.
        (!self.over.is_cancelled()).then_some(lineup)
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
    pub fn snapshot(&self) -> Snapshot {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Snapshot { servers: self.board.read(), routes: current.clone() }
    }

    /// The servers whose every call fails at the moment, and why, by name.
    #[must_use]
    pub fn failing(&self) -> BTreeMap<String, Failing> {
        let routes = self.routes();
        routes.iter().filter_map(|(name, route)| Some((name.clone(), route.server().failing()?))).collect()
    }

    /// The names of servers that were replaced or removed and have not ended. One that left more than once is there as often.
    #[must_use]
    pub fn leaving(&self) -> Vec<String> {
        self.leaving.names()
    }

    /// What [`servers`](Self::servers) gives, and a tick when servers have come, gone or come up, or their tools are others than
    /// before. Bursts are one tick; a server causes at most one tick in 5 s, and one more for its first change.
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

    /// Ends all servers side by side, those that were leaving too: closes their inputs, waits, sends SIGTERM, then SIGKILL to
    /// their process groups. Takes 6 s at most. Calls that are on their way break off, and so does a change of the servers.
    pub async fn shutdown(&self) {
        self.over.cancel();
        let _turn = self.turn.lock().await;
        let mut ending = JoinSet::new();
        for (_, route) in self.routes().iter() {
            let server = Arc::clone(route.server());
            ending.spawn(async move { server.shut_down().await });
        }
        self.leaving.gone().await;
        while ending.join_next().await.is_some() {}
        self.reaper.rest().await;
    }

    /// A server that has not been started.
    pub(crate) fn server(&self, config: ServerConfig, limits: UpstreamLimits, card: Arc<Card>) -> Server {
        Server::new(config, limits, Arc::clone(&self.reaper), Arc::clone(&self.ended), Arc::clone(&self.board), card)
    }

    /// Puts other servers in the place of those in use, which it gives back.
    pub(crate) fn swap(&self, servers: HashMap<String, Arc<Route>>, cards: Vec<Arc<Card>>) -> Routes {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.board.lay_out(cards);
        std::mem::replace(&mut *current, Routes::new(servers, Arc::clone(&self.ended)))
    }
}
