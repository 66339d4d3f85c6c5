//! What one principal has of one profile: nothing of it is shared with another one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use exuvia_access::{Access, Identity};
use http::request::Parts;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::sessions::Sessions;
use crate::client::{is_without_sessions, session_of};
use crate::mcp_handler::McpHandler;
use crate::viewer::Viewer;

/// The endpoint of one profile for one principal in one role. A session that began at one endpoint is unknown at the others.
pub(super) struct ProfileEndpoint {
    pub(super) viewer: Viewer,
    /// Ends what is open at it.
    ending: CancellationToken,
    pub(super) service: StreamableHttpService<McpHandler, Sessions>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) handler: McpHandler,
    /// When the latest request came.
    used: Mutex<Instant>,
}

impl ProfileEndpoint {
    pub(super) fn new(
        handler: McpHandler,
        viewer: Viewer,
        ending: CancellationToken,
        sessions: Sessions,
        protocol: StreamableHttpServerConfig,
    ) -> Self {
        let sessions = Arc::new(sessions);
        let served = handler.clone();
        let service = StreamableHttpService::new(move || Ok(served.clone()), Arc::clone(&sessions), protocol);
        Self { viewer, ending, service, sessions, handler, used: Mutex::new(Instant::now()) }
    }

    /// A request comes, authenticated as this.
    pub(super) fn used_by(&self, identity: &Arc<Identity>) {
        self.viewer.renew(identity);
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When the latest request came.
    pub(super) fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is lost with it: it has no session, and no request is being answered.
    pub(super) fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.sessions.is_empty() && self.handler.open_questions() == 0
    }

    /// Whether its principal still has this role, and with it may use this profile.
    pub(super) fn is_current(&self, access: &Access, profile: Option<&str>, role: Option<&str>) -> bool {
        let Ok(now) = access.role_of(&self.viewer.identity()) else { return false };
        let own = access.profile_of(now.as_deref());
        now.as_deref() == role && (own.is_none() || own.as_deref() == profile)
    }

    /// Ends its sessions and streams.
    pub(super) async fn close(&self) {
        self.ending.cancel();
        self.sessions.close_all().await;
    }

    /// Whether the request names no session, or one of this endpoint. In the modern era the session header is ignored.
    pub(super) async fn knows_session(&self, head: &Parts) -> bool {
        match session_of(&head.headers).filter(|_| !is_without_sessions(&head.headers)) {
            Some(session) => self.sessions.has(session).await,
            None => true,
        }
    }
}
