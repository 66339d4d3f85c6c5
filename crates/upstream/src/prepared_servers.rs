//! A new set of servers, prepared beside the one in use until it replaces that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::{RoleCredential, ServerConfig, UpstreamLimits};
use exuvia_tool::CredentialId;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::retiring_servers::RetirementRoom;
use crate::routes::Route;
use crate::server::UpstreamServer;
use crate::status::StatusCell;
use crate::upstreams::Upstreams;

/// What another configuration did to the servers, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// New ones.
    pub started: Vec<String>,
    /// Servers whose configuration changed: started again, beside the old ones.
    pub replaced: Vec<String>,
    /// Those that are configured no more.
    pub removed: Vec<String>,
}

/// The servers of a new configuration, not in use yet. Dropping it ends the new ones and changes nothing else.
#[must_use = "nothing changes before `take_over`"]
#[derive(Debug)]
pub struct PreparedServers<'a> {
    upstreams: &'a Upstreams,
    cells: Vec<Arc<StatusCell>>,
    servers: HashMap<String, Arc<Route>>,
    /// For the servers that stay.
    credentials: Vec<(Arc<Route>, BTreeMap<CredentialId, RoleCredential>)>,
    change: Change,
    /// Cancelled when the new ones, each for itself, are ready or have failed.
    starts: Vec<CancellationToken>,
    room: RetirementRoom,
    drain: Duration,
    /// One at a time.
    _turn: MutexGuard<'a, ()>,
}

impl Upstreams {
    /// Starts all servers concurrently and waits until each is ready or has failed: at most the longest `start_timeout`. A
    /// failed server is retried in the background.
    ///
    /// Must run on a tokio runtime that lives as long as the servers. Of two servers with one name the second fails for good.
    pub async fn start(configs: Vec<ServerConfig>, limits: UpstreamLimits) -> Self {
        let upstreams = Self::begin(configs, limits, CancellationToken::new()).await;
        upstreams.settled().await;
        upstreams
    }

    /// Begins to start all servers concurrently and waits for none: each [is starting](crate::ServerState::Starting) until it
    /// is ready or has failed. Cancelling `over` ends everything, as [`shutdown`](Self::shutdown) does, which must still be
    /// called.
    pub async fn begin(configs: Vec<ServerConfig>, limits: UpstreamLimits, over: CancellationToken) -> Self {
        let upstreams = Self::none(over);
        PreparedServers::begin(&upstreams, configs, limits, Duration::ZERO).await.take_over();
        upstreams
    }

    /// Starts what another configuration has that is not there yet, beside what is, and waits until each is ready or has
    /// failed. Servers whose configuration is the same to the last value, limits included, stay what they are: connection,
    /// breaker and list. What callers have for credentials of their own is no part of that: of a server that stays, lanes of credentials
    /// that are other ones now are replaced, and drain. Nobody sees anything of it before [`PreparedServers::take_over`].
    ///
    /// From then on new routes lead to the new servers. What was replaced or removed serves the routes that were taken before,
    /// and ends when there are none left and no call is in flight, at the latest after `drain`; then what is still in flight
    /// breaks off. Of such servers there are 64 at most, or those of one configuration: a further one waits here for room.
    ///
    /// One configuration at a time; another one waits for its turn. Must run on the runtime of [`start`](Self::start). Dropping
    /// the future changes nothing. None: everything is shut down.
    pub async fn prepare(
        &self,
        configs: Vec<ServerConfig>,
        limits: UpstreamLimits,
        drain: Duration,
    ) -> Option<PreparedServers<'_>> {
        let prepared_servers =
            self.over.run_until_cancelled(PreparedServers::prepare(self, configs, limits, drain)).await?;
        // Prepared servers that nobody takes over would delay the shutdown, which needs the same lock.
        (!self.over.is_cancelled()).then_some(prepared_servers)
    }
}

impl<'a> PreparedServers<'a> {
    /// [Begins](Self::begin) and waits until each server is ready or has failed.
    pub(crate) async fn prepare(
        upstreams: &'a Upstreams,
        configs: Vec<ServerConfig>,
        limits: UpstreamLimits,
        drain: Duration,
    ) -> Self {
        let prepared_servers = Self::begin(upstreams, configs, limits, drain).await;
        let all_ready = async {
            for start in &prepared_servers.starts {
                start.cancelled().await;
            }
        };
        // Who gives it up shuts them down.
        upstreams.over.run_until_cancelled(all_ready).await;
        prepared_servers
    }

    /// Begins to start what is not there yet.
    pub(crate) async fn begin(
        upstreams: &'a Upstreams,
        configs: Vec<ServerConfig>,
        limits: UpstreamLimits,
        drain: Duration,
    ) -> Self {
        let turn = upstreams.turn.lock().await;
        let current = upstreams.routes();
        let (mut cells, mut servers, mut change) = (Vec::new(), HashMap::new(), Change::default());
        let (mut new, mut credentials) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for config in configs {
            let name = config.name.clone();
            if !names.insert(name.clone()) {
                cells.push(StatusCell::failed(&name, "duplicate server name"));
                continue;
            }
            match current.get(&name) {
                Some(route) if route.server().is_of(&config, limits) => {
                    cells.push(Arc::clone(route.server().cell()));
                    servers.insert(name, Arc::clone(route));
                    credentials.push((Arc::clone(route), config.credentials));
                    continue;
                }
                Some(_) => change.replaced.push(name),
                None => change.started.push(name),
            }
            let cell = StatusCell::starting(&config.name);
            cells.push(Arc::clone(&cell));
            new.push((config, cell));
        }
        change.removed = current.iter().map(|(name, _)| name.clone()).filter(|name| !names.contains(name)).collect();
        change.removed.sort();
        let room = upstreams.retiring.room_for(change.replaced.len() + change.removed.len()).await;
        let mut starts = Vec::new();
        for (config, cell) in new {
            let name = config.name.clone();
            let (route, ready) = start(upstreams.server(config, limits, cell));
            servers.insert(name, route);
            starts.push(ready);
        }
        Self { upstreams, cells, servers, credentials, change, starts, room, drain, _turn: turn }
    }

    /// Replaces the servers in use with these, for all routes taken from now on.
    pub fn take_over(mut self) -> Change {
        let old = self.upstreams.swap(std::mem::take(&mut self.servers), std::mem::take(&mut self.cells));
        let new = self.upstreams.routes();
        for (route, credentials) in self.credentials.drain(..) {
            route.server().set_credentials(credentials, self.drain);
        }
        let is_left = |name: &str, route: &Arc<Route>| !new.get(name).is_some_and(|new| Arc::ptr_eq(new, route));
        for (_, route) in old.iter().filter(|(name, route)| is_left(name, route)) {
            self.upstreams.retiring.retire(Arc::clone(route), &mut self.room, self.drain);
        }
        self.change
    }
}

/// A server that starts, and the signal that it is ready or has failed.
fn start(server: UpstreamServer) -> (Arc<Route>, CancellationToken) {
    let server = Arc::new(server);
    let ready = CancellationToken::new();
    let (started, tells, span) = (Arc::clone(&server), ready.clone().drop_guard(), tracing::Span::current());
    let upkeep = tokio::spawn(async move {
        let broken_off = UnfinishedStart(Arc::clone(&started));
        let schedule = started.start().instrument(span).await;
        drop((broken_off, tells));
        started.upkeep(schedule).await;
    });
    (Arc::new(Route::new(server, AbortOnDropHandle::new(upkeep))), ready)
}

/// Says of a server whose start ended without an outcome that it did not start.
struct UnfinishedStart(Arc<UpstreamServer>);

impl Drop for UnfinishedStart {
    fn drop(&mut self) {
        self.0.end_start();
    }
}
