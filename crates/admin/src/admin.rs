//! What all requests share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::FailedLogins;
use exuvia_gateway::Gateway;
use exuvia_server::PendingGateway;
use exuvia_tool::RunId;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::answer::ApiError;
use crate::credential::AdminToken;
use crate::sessions::{Sessions, cookie_name};
use crate::sources::Sources;

/// Streams of events at a time.
const STREAMS: usize = 32;
/// Requests at a time that take processor time for seconds: replays, dry-runs, sums over days.
const HEAVY: usize = 1;

/// Scripts that the operator tries at a time.
const TRIES: usize = 4;
/// Suggestions at a time whose past calls are looked up.
const LOOKUPS: usize = 2;
/// How long one waits for another.
const HEAVY_WAIT: Duration = Duration::from_secs(20);

/// What all requests share.
pub(crate) struct Admin {
    gateway: PendingGateway,
    sources: Arc<dyn Sources>,
    identity: Arc<AdminIdentity>,
    failed_logins: FailedLogins,
    streams: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    tries: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
    description: Value,
    over: CancellationToken,
}

/// Where it listens, and who may use it.
pub(crate) struct AdminIdentity {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) token: AdminToken,
    pub(crate) sessions: Sessions,
}

/// What others of the program need of the listener: links to it.
#[derive(Clone)]
pub struct AdminHandle(Arc<AdminIdentity>);

impl AdminHandle {
    pub(crate) fn new(identity: Arc<AdminIdentity>) -> Self {
        Self(identity)
    }

    /// The address that browsers ask for: `http://127.0.0.1:7431`. None: there is a socket alone.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        self.0.address.map(|address| format!("http://{address}"))
    }

    /// The link to the page of an approval, with a token that shows and answers the approvals of this run alone. None: there is a socket
    /// alone.
    #[must_use]
    pub fn approval_link(&self, run: &RunId, approval: &str) -> Option<String> {
        Some(format!("{}#t={}", self.approval_page(approval)?, self.0.token.link(run)))
    }

    /// The link to the page of a question of a server, with the same token. None: there is a socket alone.
    #[must_use]
    pub fn question_link(&self, run: &RunId, question: &str) -> Option<String> {
        Some(format!("{}/question/{question}#t={}", self.origin()?, self.0.token.link(run)))
    }

    /// The page of an approval, for whoever is logged in. None: there is a socket alone.
    #[must_use]
    pub fn approval_page(&self, approval: &str) -> Option<String> {
        Some(format!("{}/approve/{approval}", self.origin()?))
    }
}

impl Admin {
    pub(crate) fn new(
        gateway: PendingGateway,
        sources: Arc<dyn Sources>,
        identity: Arc<AdminIdentity>,
        description: Value,
        over: CancellationToken,
    ) -> Self {
        let [streams, heavy, tries, lookups] =
            [STREAMS, HEAVY, TRIES, LOOKUPS].map(|places| Arc::new(Semaphore::new(places)));
        Self {
            gateway,
            sources,
            identity,
            failed_logins: FailedLogins::new(),
            streams,
            heavy,
            tries,
            lookups,
            description,
            over,
        }
    }

    /// The gateway.
    ///
    /// # Errors
    ///
    /// It is still starting.
    pub(crate) fn gateway(&self) -> Result<Arc<Gateway>, ApiError> {
        self.gateway.now().ok_or_else(|| ApiError::unavailable("the gateway is still starting"))
    }

    pub(crate) fn is_started(&self) -> bool {
        self.gateway.now().is_some()
    }

    pub(crate) fn sources(&self) -> &dyn Sources {
        &*self.sources
    }

    /// The OpenAPI description of all operations.
    pub(crate) fn description(&self) -> &Value {
        &self.description
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.identity.address
    }

    /// What the cookie of a session is called.
    pub(crate) fn cookie_name(&self) -> String {
        cookie_name(self.address().map_or(0, |address| address.port()))
    }

    pub(crate) fn token(&self) -> &AdminToken {
        &self.identity.token
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.identity.sessions
    }

    pub(crate) fn handle(&self) -> AdminHandle {
        AdminHandle(Arc::clone(&self.identity))
    }

    pub(crate) fn failed_logins(&self) -> &FailedLogins {
        &self.failed_logins
    }

    /// Cancelled when the program ends.
    pub(crate) fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// The place of a stream of events.
    ///
    /// # Errors
    ///
    /// There are as many as may be.
    pub(crate) fn stream_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        place.map_err(|_| ApiError::busy(format!("{STREAMS} streams of events are open: close one")))
    }

    /// The place of a script that the operator tries.
    ///
    /// # Errors
    ///
    /// There are as many as may be.
    pub(crate) fn try_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = Arc::clone(&self.tries).try_acquire_owned();
        place.map_err(|_| ApiError::busy(format!("{TRIES} scripts are being tried: wait for one")))
    }

    /// A place to look up what a suggestion would have allowed.
    ///
    /// # Errors
    ///
    /// All are taken.
    pub(crate) fn suggestion_place(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        Arc::clone(&self.lookups).try_acquire_owned()
    }

    /// The place of a request that takes processor time, when those before it are answered.
    ///
    /// # Errors
    ///
    /// They take too long.
    pub(crate) async fn heavy_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = timeout(HEAVY_WAIT, Arc::clone(&self.heavy).acquire_owned()).await;
        let busy = || ApiError::busy("another request of this kind is being answered: try again when it is over");
        place.map_err(|_| busy())?.map_err(|_| busy())
    }
}
