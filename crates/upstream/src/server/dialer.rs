//! Opening connections to one server.

use std::sync::{Arc, Mutex};

use exuvia_config::{Grant, RoleCredential, ServerConfig, Transport, UpstreamLimits};
use exuvia_mcp_client::{Connection, Dialect, Reaper, ServerLog};
use exuvia_oauth::{Authorization, login_arguments};
use exuvia_tool::{Absence, Deadline, Principal, ToolName, locked};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::subscribers::Subscribers;
use crate::status::{Failing, StartError};

/// Opens connections to one server with one credential, for all lanes that have it.
#[derive(Debug)]
pub(crate) struct Dialer {
    /// With the credential.
    pub(crate) config: ServerConfig,
    pub(crate) limits: UpstreamLimits,
    /// Where connections live. Calls may come from runtimes that have no I/O, or that end sooner.
    pub(crate) runtime: Handle,
    /// Told when the list of tools may have changed.
    pub(crate) stale: Arc<Notify>,
    /// Whose credential it is.
    pub(crate) holder: CredentialHolder,
    /// What its processes write to standard error.
    pub(crate) log: Arc<ServerLog>,
    reaper: Arc<Reaper>,
    /// Who the gateway is to it, over HTTP.
    authorization: Arc<dyn Authorization>,
    /// The server's dialect. It belongs to the server and not to a lane: the same program answers, whoever calls. Reset when a
    /// start fails, so that a server that was upgraded is probed again. Another credential begins with what is known and keeps a
    /// copy of its own: whoever cannot start has nobody else find it out again.
    dialect: Mutex<Option<Dialect>>,
}

/// Whose credential goes to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialHolder {
    /// The gateway's, for all who have no other.
    Gateway,
    /// A role's.
    Role,
    /// A principal's, by a login of its own.
    Principal(Principal),
}

impl Dialer {
    /// With the server's own credential. Must run on the runtime on which connections shall live.
    pub(crate) fn new(config: ServerConfig, limits: UpstreamLimits, reaper: Arc<Reaper>) -> Self {
        let (runtime, stale) = (Handle::current(), Arc::new(Notify::new()));
        let authorization = exuvia_mcp_client::authorization(&config, &reaper);
        let (holder, dialect) = (CredentialHolder::Gateway, Mutex::default());
        Self { config, limits, runtime, stale, holder, log: Arc::default(), reaper, authorization, dialect }
    }

    /// The same server with another credential.
    pub(crate) fn with(&self, credential: &RoleCredential, principal: &Principal) -> Self {
        let config = credential.applied_to(&self.config, principal);
        let _runtime = self.runtime.enter();
        let authorization = exuvia_mcp_client::authorization(&config, &self.reaper);
        let holder = match credential.oauth {
            true => CredentialHolder::Principal(principal.clone()),
            false => CredentialHolder::Role,
        };
        Self {
            config,
            limits: self.limits,
            runtime: self.runtime.clone(),
            stale: Arc::clone(&self.stale),
            holder,
            log: Arc::clone(&self.log),
            reaper: Arc::clone(&self.reaper),
            authorization,
            dialect: Mutex::new(*locked(&self.dialect)),
        }
    }

    /// Opens a connection: starts the server, or connects to it, and greets it. Changes of its resources go to `subscribers`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    #[expect(clippy::disallowed_methods, reason = "here, for calls that were permitted, and nowhere else")]
    pub(crate) async fn dial(&self, subscribers: &Arc<Subscribers>) -> Result<Connection, StartError> {
        let known = *locked(&self.dialect);
        let resources = Arc::clone(subscribers);
        let opening =
            Connection::open(&self.config, self.limits, &self.reaper, &self.authorization, resources, known, &self.log);
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
            subscribers.offers(&self.config, connection.subscribes());
        }
        *locked(&self.dialect) = opened.as_ref().ok().map(Connection::dialect);
        opened
    }

    /// Whether a principal has to log in first. One call of the kernel.
    pub(crate) fn is_login_missing(&self) -> bool {
        let Transport::Http(http) = &self.config.transport else { return false };
        let own = http.oauth.as_ref().filter(|oauth| oauth.principal.is_some());
        own.is_some_and(|oauth| !oauth.token_file.exists())
    }

    /// That it refuses its credential.
    pub(crate) fn refusal(&self) -> Failing {
        Failing::Unauthorized { login: self.has_login() }
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

    /// Tells the operator that the server refuses a credential that is not the gateway's own, and what to do.
    pub(crate) fn log_refusal(&self) {
        let server = &self.config.name;
        match &self.holder {
            CredentialHolder::Gateway => {}
            CredentialHolder::Role => tracing::warn!(
                server.name = %server,
                "the server refuses the credential of a role; check the `credentials` of the roles that have one for it"
            ),
            CredentialHolder::Principal(principal) => {
                let login = login_arguments(server, Some(principal));
                tracing::warn!(server.name = %server, %principal, "the server refuses a login; run `exuvia login {login}`");
            }
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
