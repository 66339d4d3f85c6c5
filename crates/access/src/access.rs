//! Authentication: from a token to who acts, and what that one is now.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use exuvia_config::{AccessConfig, RoleConfig};
use exuvia_tool::Principal;
use tokio::sync::watch;

use crate::error::{NoLonger, NotAuthenticated};
use crate::identity::{Identity, Source};
use crate::static_keys::{StaticKeys, secret_hash};

/// A clock: the time of day, in milliseconds since the epoch, UTC.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES: usize = 16 << 10;

/// Who may use a gateway. One for a process; a reload changes it.
pub struct Access {
    state: RwLock<Arc<State>>,
    clock: Clock,
    changed: watch::Sender<()>,
}

/// What holds at one moment.
#[derive(Default)]
struct State {
    roles: Arc<BTreeMap<String, RoleConfig>>,
    keys: StaticKeys,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// Who `config` lets in.
    pub fn new(config: AccessConfig, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Self> {
        let state = RwLock::new(Arc::new(State::new(config)));
        Arc::new(Self { state, clock: Arc::new(clock), changed: watch::Sender::new(()) })
    }

    /// Every client is the operator.
    #[must_use]
    pub fn open() -> Arc<Self> {
        Self::new(AccessConfig::default(), || 0)
    }

    /// Puts another configuration in force. Identities that it does not know any more may do nothing from their next call on.
    pub fn reconfigure(&self, config: AccessConfig) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(State::new(config));
        self.changed.send_replace(());
    }

    /// Notifies of every change of who may do what.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether every client is the operator, because there is nobody else.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state().keys.is_empty()
    }

    /// Who sends a request with this token from this address.
    ///
    /// # Errors
    ///
    /// Nobody who is known, or it cannot be found out now.
    pub async fn authenticate(&self, token: Option<&str>, _from: IpAddr) -> Result<Arc<Identity>, NotAuthenticated> {
        let state = self.state();
        if state.keys.is_empty() {
            return Ok(Identity::operator());
        }
        let token = token.ok_or(NotAuthenticated::Missing)?;
        if token.len() > TOKEN_BYTES {
            return Err(NotAuthenticated::Invalid);
        }
        state.keys.find(&secret_hash(token), (self.clock)()).unwrap_or(Err(NotAuthenticated::Invalid))
    }

    /// The name of the role that an identity has now; none for the operator. Does no I/O.
    ///
    /// # Errors
    ///
    /// It may do nothing any more.
    pub fn role_of(&self, identity: &Identity) -> Result<Option<Arc<str>>, NoLonger> {
        let (Principal::Key(name), Source::Configured { hash }) = (identity.principal(), identity.source()) else {
            return Ok(None);
        };
        let state = self.state();
        let role = state.keys.role_of(name, hash, (self.clock)())?;
        if !state.roles.contains_key(role) {
            return Err(NoLonger::NoRole);
        }
        // The same text in most cases.
        Ok(Some(identity.role().filter(|same| &***same == role).map_or_else(|| role.into(), Arc::clone)))
    }

    /// The only profile of a role, if it has one; of no role: none.
    #[must_use]
    pub fn profile_of(&self, role: Option<&str>) -> Option<String> {
        self.state().roles.get(role?)?.profile.clone()
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn new(config: AccessConfig) -> Self {
        Self { roles: Arc::new(config.roles), keys: StaticKeys::new(config.keys) }
    }
}
