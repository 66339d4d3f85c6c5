//! Sessions, counted where they are made.
//!
//! rmcp decides what opens a session, and no header announces it: any `initialize` does, whichever version it names.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exuvia_access::Identity;
use futures_util::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, SessionConfig,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

use super::session_table::SessionTable;

tokio::task_local! {
    /// Whether the session limit rejected the session that the request of this task would have opened.
    static FULL: AtomicBool;
}

/// The sessions of one endpoint. All endpoints share the table.
#[derive(Debug)]
pub(super) struct Sessions {
    inner: Arc<LocalSessionManager>,
    table: Arc<SessionTable>,
    /// Whose they are.
    identity: Arc<Identity>,
}

/// Why a session does not do what is asked of it.
#[derive(Debug)]
pub(super) enum SessionError {
    /// There are too many.
    Full,
    /// rmcp's own reason.
    Other(LocalSessionManagerError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many sessions"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<LocalSessionManagerError> for SessionError {
    fn from(error: LocalSessionManagerError) -> Self {
        Self::Other(error)
    }
}

impl Sessions {
    /// None yet. One in which nothing happens for `idle` ends.
    pub(super) fn new(table: &Arc<SessionTable>, identity: Arc<Identity>, idle: Duration) -> Self {
        let mut inner = LocalSessionManager::default();
        let mut config = SessionConfig::default();
        config.keep_alive = Some(idle);
        inner.session_config = config;
        Self { inner: Arc::new(inner), table: Arc::clone(table), identity }
    }

    /// Whether a session of this name began at this endpoint and is open.
    pub(super) async fn has(&self, session: &str) -> bool {
        self.inner.sessions.read().await.contains_key(session)
    }

    /// Whether none is open.
    pub(super) fn is_empty(&self) -> bool {
        self.inner.sessions.try_read().is_ok_and(|sessions| sessions.is_empty())
    }

    /// Closes all of them.
    pub(super) async fn close_all(&self) {
        let open: Vec<SessionId> = self.inner.sessions.read().await.keys().cloned().collect();
        for session in open {
            // One that has ended meanwhile is closed.
            let _ = self.close_session(&session).await;
        }
    }

    /// Answers a request, and returns whether its session was rejected because the session limit was reached.
    pub(super) async fn noticing_full<T>(request: impl Future<Output = T>) -> (T, bool) {
        let answered = async {
            let answer = request.await;
            (answer, FULL.with(|full| full.load(Ordering::Relaxed)))
        };
        FULL.scope(AtomicBool::new(false), answered).await
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionError> {
        let Some(place) = self.table.enter(self.identity.principal()) else {
            // Outside the task of a request there is no response that could carry a retry-after.
            let _ = FULL.try_with(|full| full.store(true, Ordering::Relaxed));
            return Err(SessionError::Full);
        };
        let (session, transport) = self.inner.create_session().await?;
        self.table.opened(Arc::clone(&self.identity), session.clone(), place, &self.inner);
        Ok((session, transport))
    }

    async fn initialize_session(
        &self,
        session: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        Ok(self.inner.initialize_session(session, message).await?)
    }

    async fn has_session(&self, session: &SessionId) -> Result<bool, SessionError> {
        Ok(self.inner.has_session(session).await?)
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), SessionError> {
        // Dropped with this future, also when that does not complete.
        let _place = self.table.ended(session);
        Ok(self.inner.close_session(session).await?)
    }

    async fn create_stream(
        &self,
        session: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.inner.create_stream(session, message).await?)
    }

    async fn accept_message(&self, session: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionError> {
        Ok(self.inner.accept_message(session, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        session: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.inner.create_standalone_stream(session).await?)
    }

    async fn resume(
        &self,
        session: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.inner.resume(session, last_event_id).await?)
    }
}
