//! The endpoints of all profiles and principals.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_gateway::Profile;
use exuvia_tool::Principal;
use http::{Response, StatusCode};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use tokio_util::sync::CancellationToken;

use super::endpoint::ProfileEndpoint;
use super::session_table::SessionTable;
use super::sessions::Sessions;
use super::tracked_body::{TrackedBody, later, line};
use crate::PendingGateway;
use crate::mcp_handler::McpHandler;
use crate::mistakes::Mistakes;
use crate::viewer::Viewer;

/// How many pairs of a principal and a profile have something open at a time.
const ENDPOINTS: usize = 10_000;
/// How many make room at a time, of those that have been idle longest.
const EVICTED: usize = 500;
/// How often it is looked for those whose access has ended.
const SWEEP: Duration = Duration::from_millis(500);

/// A profile, who acts, and the role: what has one of its own has nothing of another's.
type EndpointKey = (Option<String>, Principal, Option<Arc<str>>);

/// What a profile is for somebody.
enum Standing {
    Shown,
    Unknown,
    /// A reload is not over.
    Changing,
}

/// Created at their first requests. An endpoint whose profile was removed from the configuration stays, and accepts no new requests.
pub(super) struct Endpoints {
    open: Mutex<HashMap<EndpointKey, Arc<ProfileEndpoint>>>,
    gateway: PendingGateway,
    /// Cancelled when the end is asked for.
    ending: CancellationToken,
    protocol: StreamableHttpServerConfig,
    session_idle: Duration,
    /// The sessions of all endpoints.
    table: Arc<SessionTable>,
    mistakes: Arc<Mistakes>,
}

impl Endpoints {
    /// None yet. Those whose access ends are closed within a second.
    pub(super) fn new(
        gateway: PendingGateway,
        ending: CancellationToken,
        protocol: StreamableHttpServerConfig,
        session_idle: Duration,
        table: Arc<SessionTable>,
        mistakes: Arc<Mistakes>,
    ) -> Arc<Self> {
        let open = Mutex::default();
        let endpoints = Arc::new(Self { open, gateway, ending, protocol, session_idle, table, mistakes });
        tokio::spawn(sweep(Arc::downgrade(&endpoints)));
        endpoints
    }

    fn open(&self) -> MutexGuard<'_, HashMap<EndpointKey, Arc<ProfileEndpoint>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Questions of servers that no client has answered.
    pub(super) fn open_questions(&self) -> usize {
        self.open().values().map(|endpoint| endpoint.handler.open_questions()).sum()
    }

    /// The endpoint of a profile for whoever asks, if there is such a profile for them.
    ///
    /// # Errors
    ///
    /// There is none: with the answer to that.
    pub(super) async fn of(
        &self,
        profile: Option<&str>,
        identity: &Arc<Identity>,
    ) -> Result<Arc<ProfileEndpoint>, Response<TrackedBody>> {
        let unknown = || line(StatusCode::NOT_FOUND, "unknown profile; the default MCP endpoint is /mcp\n");
        let changing = || later("the access of this key is changing, retry\n");
        let Ok(role) = self.gateway.access().role_of(identity) else { return Err(changing()) };
        // A role that has a profile has no other, and has it also where none is named.
        let own = self.gateway.access().profile_of(role.as_deref());
        if own.is_some() && profile.is_some() && own.as_deref() != profile {
            return Err(unknown());
        }
        let has_own = own.is_some();
        let profile = own.as_deref().or(profile);
        match self.standing(profile, role.as_deref(), has_own).await {
            Standing::Shown => {}
            Standing::Unknown => return Err(unknown()),
            Standing::Changing => return Err(changing()),
        }
        let key = (profile.map(str::to_owned), identity.principal().clone(), role);
        let mut open = self.open();
        if open.len() >= ENDPOINTS && !open.contains_key(&key) && !make_room(&mut open) {
            return Err(later("too many principals at a time, retry\n"));
        }
        let endpoint = open.entry(key).or_insert_with(|| self.opened(profile, identity));
        endpoint.used_by(identity);
        Ok(Arc::clone(endpoint))
    }

    /// What a profile is for a role: one in which it sees no server does not exist for it, unless it is the one that everybody has or its
    /// own.
    async fn standing(&self, profile: Option<&str>, role: Option<&str>, has_own: bool) -> Standing {
        let is_always = profile.is_none() || role.is_none() || has_own;
        let of = |profile: &Profile| match is_always || profile.has_servers() {
            true => Standing::Shown,
            false => Standing::Unknown,
        };
        let Some(gateway) = self.gateway.now() else {
            let known = self.gateway.profiles().get(profile);
            return known.map_or(Standing::Unknown, |known| of(&self.gateway.access().shown_of(known, role)));
        };
        match gateway.view_ready(profile, role).await {
            Some(view) => of(view.profile()),
            // The role is there already, and what it sees is there when the servers of its configuration are.
            None if has_own || gateway.view(profile).is_some() => Standing::Changing,
            None => Standing::Unknown,
        }
    }

    fn opened(&self, profile: Option<&str>, identity: &Arc<Identity>) -> Arc<ProfileEndpoint> {
        let (viewer, ending) = (Viewer::new(profile, Arc::clone(identity)), self.ending.child_token());
        if let Some(notice) = viewer.notice(&self.gateway) {
            tracing::warn!(principal = %identity.principal(), notice, "a key sees no tools");
        }
        let mistakes = Arc::clone(&self.mistakes);
        let handler = McpHandler::new(self.gateway.clone(), viewer.clone(), ending.clone(), mistakes);
        let sessions = Sessions::new(&self.table, Arc::clone(identity), self.session_idle);
        Arc::new(ProfileEndpoint::new(handler, viewer, ending, sessions, self.protocol.clone()))
    }

    /// Closes what is open for those who may do nothing any more, or other things than when they opened it.
    async fn close_ended(&self) {
        let access = self.gateway.access();
        let is_over = |(profile, _, role): &EndpointKey, endpoint: &mut Arc<ProfileEndpoint>| {
            !endpoint.is_current(access, profile.as_deref(), role.as_deref())
        };
        let over: Vec<_> = self.open().extract_if(is_over).collect();
        for ((_, principal, _), endpoint) in over {
            tracing::info!(%principal, "access ended or its role changed: its sessions and streams are closed");
            endpoint.close().await;
        }
    }
}

/// Forgets endpoints that are idle, those first that have been for the longest. Whether there were any.
fn make_room(open: &mut HashMap<EndpointKey, Arc<ProfileEndpoint>>) -> bool {
    let mut idle: Vec<_> = open.iter().filter(|(_, endpoint)| endpoint.is_idle()).collect();
    idle.sort_by_key(|(_, endpoint)| endpoint.used());
    let oldest: Vec<EndpointKey> = idle.into_iter().take(EVICTED).map(|(key, _)| key.clone()).collect();
    oldest.iter().for_each(|key| drop(open.remove(key)));
    !oldest.is_empty()
}

async fn sweep(endpoints: Weak<Endpoints>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(endpoints) = endpoints.upgrade() else { return };
        if !endpoints.gateway.access().is_open() {
            endpoints.close_ended().await;
        }
    }
}
