//! Authentication: from a token to who acts, and what that one is now.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use exuvia_config::{AccessConfig, Profile, RoleConfig};
use exuvia_tool::Principal;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{NoLonger, NotAuthenticated};
use crate::identity::{Identity, Source};
use crate::jwt::{IdentityProviders, TokenError, looks_like_jwt};
use crate::keys::{IssuedKeys, NoStanding};
use crate::logins::FailedLogins;
use crate::secret::{is_secret, secret_hash};
use crate::static_keys::StaticKeys;

/// What those may do who have a role, by its name.
pub type Roles = Arc<BTreeMap<String, RoleConfig>>;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES: usize = 16 << 10;

/// Who may use a gateway. One for a process; a reload changes it.
pub struct Access {
    state: RwLock<Arc<State>>,
    /// Whether clients must say who they are. Stays so: a reload that takes the last role away lets nobody in.
    is_closed: AtomicBool,
    clock: Clock,
    changed: watch::Sender<()>,
    /// Keys that were issued at run time, once their store is open.
    issued: OnceLock<Arc<IssuedKeys>>,
    failed: FailedLogins,
}

/// What holds at one moment.
struct State {
    roles: Roles,
    keys: StaticKeys,
    identity_providers: Arc<IdentityProviders>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// Who `config` lets in.
    pub fn new(mut config: AccessConfig, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Self> {
        let clock: Clock = Arc::new(clock);
        let providers = IdentityProviders::new(std::mem::take(&mut config.identity_providers), Arc::clone(&clock));
        let state = State::new(config, providers);
        let is_closed = AtomicBool::new(!state.roles.is_empty());
        let state = RwLock::new(Arc::new(state));
        let (issued, failed) = Default::default();
        Arc::new(Self { state, is_closed, clock, changed: watch::Sender::new(()), issued, failed })
    }

    /// Every client is the operator.
    #[must_use]
    pub fn open() -> Arc<Self> {
        Self::new(AccessConfig::default(), || 0)
    }

    /// Puts another configuration in force. Identities that it does not know any more may do nothing from their next call on.
    pub fn reconfigure(&self, mut config: AccessConfig) {
        let providers = self.identity_providers().reconfigured(std::mem::take(&mut config.identity_providers));
        let state = State::new(config, providers);
        self.is_closed.fetch_or(!state.roles.is_empty(), Ordering::SeqCst);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.changed.send_replace(());
    }

    /// Lets in those whose keys were issued as well. Until then, a secret that is not in the configuration cannot be checked.
    pub fn set_issued(&self, issued: Arc<IssuedKeys>) {
        // Opened once in a process.
        let _ = self.issued.set(issued);
        self.changed.send_replace(());
    }

    /// Keys that were issued at run time, once they are let in.
    pub(crate) fn issued(&self) -> Option<&Arc<IssuedKeys>> {
        self.issued.get()
    }

    /// Notifies of every change of who may do what.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether every client is the operator, because no role was ever configured.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::SeqCst)
    }

    /// Who sends a request with this token from this address.
    ///
    /// # Errors
    ///
    /// Nobody who is known, or it cannot be found out now.
    pub async fn authenticate(&self, token: Option<&str>, from: IpAddr) -> Result<Arc<Identity>, NotAuthenticated> {
        if self.is_open() {
            return Ok(Identity::operator());
        }
        let state = self.state();
        let token = token.ok_or(NotAuthenticated::Missing)?;
        if token.len() > TOKEN_BYTES {
            return Err(NotAuthenticated::Invalid);
        }
        let found = match looks_like_jwt(token) && !state.identity_providers.is_empty() {
            true => user(&state, token).await,
            false => self.key(&state, token),
        };
        match found {
            Err(why) if why.is_failed_login() => {
                let wait = self.failed.failed(from).err();
                Err(wait.map_or(why, |retry_after| NotAuthenticated::TooManyFailures { retry_after }))
            }
            found => found,
        }
    }

    /// Whose key this is.
    fn key(&self, state: &State, token: &str) -> Result<Arc<Identity>, NotAuthenticated> {
        let hash = secret_hash(token);
        if let Some(configured) = state.keys.find(&hash, (self.clock)()) {
            return configured;
        }
        // What cannot be a secret is none, whether or not the store answers.
        if !is_secret(token) {
            return Err(NotAuthenticated::Invalid);
        }
        let issued = self.issued.get().ok_or(NotAuthenticated::Unavailable)?;
        match issued.find(&hash) {
            // The name means a key of the configuration, which has another secret.
            Ok(key) if state.keys.has(&key.name) => Err(NotAuthenticated::Invalid),
            Ok(key) => Ok(Identity::of_issued(key, hash)),
            Err(NoStanding::Unavailable) => Err(NotAuthenticated::Unavailable),
            Err(_) => Err(NotAuthenticated::Invalid),
        }
    }

    /// The name of the role that an identity has now; none for the operator. Does no I/O.
    ///
    /// # Errors
    ///
    /// It may do nothing any more.
    pub fn role_of(&self, identity: &Identity) -> Result<Option<Arc<str>>, NoLonger> {
        // Without a lock: it is asked at each call.
        if matches!((identity.principal(), identity.source()), (Principal::Operator, Source::Operator)) {
            return Ok(None);
        }
        let state = self.state();
        let role = match (identity.principal(), identity.source()) {
            (Principal::Key(name), Source::Configured { hash }) => {
                let role = state.keys.role_of(name, hash, (self.clock)())?;
                // The same text in most cases.
                identity.role().filter(|same| &***same == role).map_or_else(|| role.into(), Arc::clone)
            }
            (Principal::Operator, Source::OperatorAs) => Arc::clone(identity.role().ok_or(NoLonger::NoRole)?),
            (Principal::User(_), Source::Token(token)) => state.identity_providers.role_of(token)?,
            (Principal::User(name), Source::Absent) => {
                let provider = name.split_once('/').map_or(&**name, |(provider, _)| provider);
                let role = identity.role().filter(|_| state.identity_providers.has(provider));
                role.cloned().ok_or(NoLonger::Revoked)?
            }
            (Principal::Key(name), Source::Issued { hash }) if !state.keys.has(name) => {
                self.issued.get().ok_or(NoLonger::Unavailable)?.standing(name, hash)?.role
            }
            _ => return Err(NoLonger::Revoked),
        };
        if !state.roles.contains_key(&*role) {
            return Err(NoLonger::NoRole);
        }
        Ok(Some(role))
    }

    /// Who acts again for a principal whose request is over, with the role that it has now. `role`: the one that a user of an identity provider had
    /// then, whose token is gone.
    ///
    /// # Errors
    ///
    /// It may do nothing any more.
    pub fn identity_of(&self, principal: &Principal, role: Option<&str>) -> Result<Arc<Identity>, NoLonger> {
        let state = self.state();
        let identity = match principal {
            Principal::Operator => Identity::operator(),
            Principal::Key(name) => match state.keys.identity(name) {
                Some(identity) => identity,
                None => {
                    let (key, hash) = self.issued.get().ok_or(NoLonger::Unavailable)?.current(name)?;
                    Identity::of_issued(key, hash)
                }
            },
            Principal::User(name) => {
                let provider = name.split_once('/').map_or(&**name, |(provider, _)| provider);
                let role = role.filter(|_| state.identity_providers.has(provider)).ok_or(NoLonger::Revoked)?;
                Identity::of_absent(principal.clone(), role)
            }
            _ => return Err(NoLonger::Revoked),
        };
        self.role_of(&identity)?;
        Ok(identity)
    }

    /// The roles of the configuration.
    #[must_use]
    pub fn roles(&self) -> Roles {
        Arc::clone(&self.state().roles)
    }

    /// The only profile of a role, if it has one; of no role: none.
    #[must_use]
    pub fn profile_of(&self, role: Option<&str>) -> Option<String> {
        self.state().roles.get(role?)?.profile.clone()
    }

    /// Whether an identity may read metrics and the state of servers.
    #[must_use]
    pub fn reads_metrics(&self, identity: &Identity) -> bool {
        match self.role_of(identity) {
            Ok(None) => true,
            Ok(Some(role)) => self.state().roles.get(&*role).is_some_and(|role| role.reads_metrics),
            Err(_) => false,
        }
    }

    /// What a role shows of a profile; all of it to the operator.
    #[must_use]
    pub fn shown_of(&self, profile: &Profile, role: Option<&str>) -> Profile {
        match role {
            None => profile.clone(),
            Some(role) => match self.state().roles.get(role) {
                Some(role) => {
                    let shown = profile.narrowed(|server| role.policy.shows_server(server));
                    shown.with_files(role.files.or(profile.files()))
                }
                None => Profile::default(),
            },
        }
    }

    /// The authorization servers whose tokens are accepted now.
    #[must_use]
    pub fn identity_providers(&self) -> Arc<IdentityProviders> {
        Arc::clone(&self.state().identity_providers)
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whose token of an identity provider this is.
async fn user(state: &State, token: &str) -> Result<Arc<Identity>, NotAuthenticated> {
    let valid = state.identity_providers.validate(token).await?;
    match state.roles.contains_key(&**valid.role()) {
        true => Ok(Identity::of_token(valid)),
        false => Err(NotAuthenticated::Token(TokenError::NoRole)),
    }
}

impl State {
    fn new(config: AccessConfig, identity_providers: Arc<IdentityProviders>) -> Self {
        Self { roles: Arc::new(config.roles), keys: StaticKeys::new(config.keys), identity_providers }
    }
}
