//! Opening connections to one server.

use std::sync::{Arc, Mutex};

use exuvia_config::{Grant, ServerConfig, Transport, UpstreamLimits};
use exuvia_mcp_client::{Connection, Dialect, Reaper};
use exuvia_oauth::Authorization;
use exuvia_tool::{Absence, Deadline, ToolName, locked};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::subscribers::Subscribers;
use crate::status::Failing;
use crate::status::StartError;

/// Opens connections to one server, for all its lanes.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) config: ServerConfig,
    pub(crate) limits: UpstreamLimits,
    /// Where connections live. Calls may come from runtimes that have no I/O, or that end sooner.
    pub(crate) runtime: Handle,
    /// Told when the list of tools may have changed.
    pub(crate) stale: Arc<Notify>,
    /// The subscribers to its resources.
    pub(crate) subscribers: Arc<Subscribers>,
    reaper: Arc<Reaper>,
    /// Who the gateway is to it, over HTTP: to whomever calls, until callers have credentials of their own.
    authorization: Arc<dyn Authorization>,
    /// The server's dialect. It belongs to the server and not to a lane: the same program answers, whoever calls. Reset when a
    /// start fails, so that a server that was upgraded is probed again.
    dialect: Mutex<Option<Dialect>>,
    /// Why calls fail, whichever lane they take.
    failing: Mutex<Option<Failing>>,
}

impl Dialer {
    /// Must run on the runtime on which connections shall live.
    pub(crate) fn new(config: ServerConfig, limits: UpstreamLimits, reaper: Arc<Reaper>) -> Self {
        let (runtime, stale) = (Handle::current(), Arc::new(Notify::new()));
        let authorization = exuvia_mcp_client::authorization(&config, &reaper);
        Self {
            config,
            limits,
            runtime,
            stale,
            subscribers: Arc::default(),
            reaper,
            authorization,
            dialect: Mutex::default(),
            failing: Mutex::default(),
        }
    }

    /// Opens a connection: starts the server, or connects to it, and greets it.
    ///
    /// # Errors
    ///
    /// Why there is none.
    #[expect(clippy::disallowed_methods, reason = "here, for calls that were permitted, and nowhere else")]
    pub(crate) async fn dial(&self) -> Result<Connection, StartError> {
        let known = *locked(&self.dialect);
        let resources = self.subscribers.clone();
        let opening = Connection::open(&self.config, self.limits, &self.reaper, &self.authorization, resources, known);
        let opened = match tokio::time::timeout(self.config.start_timeout, opening).await {
            Ok(opened) => opened.map_err(|error| {
                let why = match error.why {
                    Absence::Unauthorized { .. } => self.unauthorized(),
                    why => why,
                };
                StartError { message: error.message, why }
            }),
            Err(_) => Err(self.start_timeout_error()),
        };
        if let Ok(connection) = &opened {
            self.subscribers.offers(&self.config, connection.subscribes());
        }
        *locked(&self.dialect) = opened.as_ref().ok().map(Connection::dialect);
        opened
    }

    /// Why calls fail at the moment.
    pub(crate) fn failing(&self) -> Option<Failing> {
        *locked(&self.failing)
    }

    /// Calls fail for this reason, or do not any more.
    pub(crate) fn is_failing(&self, failing: Option<Failing>) {
        *locked(&self.failing) = failing;
    }

    /// It refuses the credentials that the gateway has.
    pub(crate) fn refuses_credentials(&self) {
        self.is_failing(Some(Failing::Unauthorized { login: self.has_login() }));
    }

    /// The reason shown for a server that did not start because it rejects the gateway's credentials.
    pub(crate) fn unauthorized(&self) -> Absence {
        Absence::Unauthorized { login: self.has_login() }
    }

    /// Whether `exuvia login` obtains credentials for it.
    fn has_login(&self) -> bool {
        match &self.config.transport {
            Transport::Http(http) => match &http.oauth {
                Some(oauth) => matches!(oauth.grant, Grant::Code(_)),
                None => http.headers.is_empty() && http.header_command.is_none(),
            },
            Transport::Stdio(_) => false,
        }
    }

    /// Tells the operator that a call got no answer in time, and what to change.
    pub(crate) fn log_timeout(&self, tool: &ToolName, deadline: &Deadline) {
        let why = deadline.missed();
        tracing::warn!(server.name = %self.config.name, tool.name = %tool, why = %why, "a call was not answered in time");
    }

    /// The error for a server that did not start in time.
    pub(crate) fn start_timeout_error(&self) -> StartError {
        let message = format!("it was not ready after {} ms (start_timeout_ms)", self.config.start_timeout.as_millis());
        StartError { message, why: Absence::Late }
    }
}
