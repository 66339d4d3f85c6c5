//! The keys of one provider: fetched in the background, and used for a while when they cannot be.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exuvia_config::{IdentityProviderConfig, Issuer};
use exuvia_oauth::Documents;
use jsonwebtoken::Algorithm;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::discovery;
use super::error::{InvalidToken, TokenError};
use super::jwks::{Found, KeyDigest, KeyList, VerificationKey};

/// The longest key set, in bytes.
const KEY_SET_BYTES: usize = 256 << 10;

/// When key sets are fetched, and for how long they are used.
#[derive(Debug, Clone)]
pub struct KeySetTiming {
    /// How long after a key set was fetched it is fetched again: so long a key may be used that the provider has removed.
    /// Default 5 min.
    pub refresh: Duration,
    /// How long after a failure it is fetched again, unless a token asks for it before. Default 30 s.
    pub retry: Duration,
    /// The time between two fetches at least, whatever tokens ask for. A token with a new key is rejected within it. Default 10 s.
    pub cooldown: Duration,
    /// How long a key set is used that cannot be fetched again. After that, [`TokenError::Unavailable`] is the answer to every
    /// token. Default 1 h.
    pub max_age: Duration,
    /// The timeout of a fetch, of metadata and key set together. Default 10 s.
    pub timeout: Duration,
}

impl Default for KeySetTiming {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            retry: Duration::from_secs(30),
            cooldown: Duration::from_secs(10),
            max_age: Duration::from_secs(3_600),
            timeout: Duration::from_secs(10),
        }
    }
}

/// The keys of one provider. A task of its own fetches them, from the first use within a runtime until this is dropped.
pub(super) struct KeySet {
    fetcher: Arc<Fetcher>,
    begun: AtomicBool,
    end: CancellationToken,
    _ends: DropGuard,
}

/// Fetches keys when they are due and when they are asked for.
struct Fetcher {
    provider: String,
    place: Place,
    /// None of a provider whose proxy or certificates cannot be used: why.
    documents: Result<Documents, String>,
    timing: KeySetTiming,
    requests: Notify,
    known: watch::Sender<Known>,
}

/// Where the keys are.
enum Place {
    Known(Url),
    Discovered(Issuer),
}

/// What is known of the keys.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeyList>,
    /// When they were fetched. None: never.
    fetched: Option<Instant>,
    /// When the last fetch ended, whether it succeeded or not.
    tried: Option<Instant>,
    /// Why the last fetch failed, if it did.
    failure: Option<String>,
}

impl KeySet {
    pub(super) fn new(provider: &str, config: &IdentityProviderConfig, timing: KeySetTiming) -> Self {
        let place = config.jwks_uri.clone().map_or_else(|| Place::Discovered(config.issuer.clone()), Place::Known);
        let fetcher = Fetcher {
            provider: provider.to_owned(),
            place,
            documents: Documents::of(&config.http()),
            timing,
            requests: Notify::new(),
            known: watch::Sender::new(Known::default()),
        };
        let end = CancellationToken::new();
        let keys =
            Self { fetcher: Arc::new(fetcher), begun: AtomicBool::new(false), _ends: end.clone().drop_guard(), end };
        keys.begin();
        keys
    }

    /// The key that a token names. Waits for a fetch where that may help.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<VerificationKey>, TokenError> {
        self.begin();
        let mut changes = self.fetcher.known.subscribe();
        let known = changes.borrow_and_update().clone();
        let found = self.fetcher.look(&known, id, algorithm);
        if !matches!(found, Err(Absent::Missing | Absent::Outdated)) || !self.fetcher.may_fetch(&known) {
            return found.map_err(|absent| absent.error(&known));
        }
        self.fetcher.requests.notify_one();
        let _ = timeout(self.fetcher.timing.timeout, changes.changed()).await;
        let known = changes.borrow().clone();
        self.fetcher.look(&known, id, algorithm).map_err(|absent| absent.error(&known))
    }

    /// Whether a token that was verified by this key is still valid. Does no I/O.
    pub(super) fn check(&self, key: KeyDigest) -> Result<(), TokenError> {
        let known = self.fetcher.known.borrow();
        match (self.fetcher.is_current(&known), known.keys.has(key)) {
            (true, true) => Ok(()),
            (true, false) => Err(InvalidToken::Key.into()),
            (false, _) => Err(TokenError::Unavailable),
        }
    }

    /// Waits until the keys have been fetched once, or could not be.
    pub(super) async fn tried(&self) {
        self.begin();
        // The sender is there as long as this is.
        let _ = self.fetcher.known.subscribe().wait_for(|known| known.tried.is_some()).await;
    }

    /// Why no token can be verified now, if none can. For the operator.
    pub(super) fn problem(&self) -> Option<String> {
        let known = self.fetcher.known.borrow();
        let why = || known.failure.clone().unwrap_or_else(|| "it has not been fetched yet".to_owned());
        (!self.fetcher.is_current(&known)).then(why)
    }

    fn begin(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.begun.swap(true, Ordering::Relaxed) {
            let (fetcher, end) = (Arc::clone(&self.fetcher), self.end.clone());
            runtime.spawn(async move { end.run_until_cancelled(fetcher.run()).await });
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("provider", &self.fetcher.provider).finish_non_exhaustive()
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    Missing,
    Ambiguous,
    /// The keys are too old to be used, or were never fetched.
    Outdated,
}

impl Absent {
    fn error(self, known: &Known) -> TokenError {
        match self {
            Self::Ambiguous => InvalidToken::Key.into(),
            Self::Missing if known.failure.is_none() => InvalidToken::Key.into(),
            // It may be a new key.
            Self::Missing | Self::Outdated => TokenError::Unavailable,
        }
    }
}

impl Fetcher {
    fn is_current(&self, known: &Known) -> bool {
        known.fetched.is_some_and(|fetched| fetched.elapsed() < self.timing.max_age)
    }

    /// Whether asking for keys has them fetched.
    fn may_fetch(&self, known: &Known) -> bool {
        known.tried.is_none_or(|tried| tried.elapsed() >= self.timing.cooldown)
    }

    fn look(&self, known: &Known, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<VerificationKey>, Absent> {
        if !self.is_current(known) {
            return Err(Absent::Outdated);
        }
        match known.keys.find(id, algorithm) {
            Found::Key(key) => Ok(key),
            Found::Missing => Err(Absent::Missing),
            Found::Ambiguous => Err(Absent::Ambiguous),
        }
    }

    async fn run(self: Arc<Self>) {
        loop {
            let late = || Err(format!("it took longer than {} s", self.timing.timeout.as_secs_f32()));
            let fetched = timeout(self.timing.timeout, self.fetch()).await.unwrap_or_else(|_| late());
            let due = Instant::now() + if fetched.is_ok() { self.timing.refresh } else { self.timing.retry };
            self.publish(fetched);
            self.until(due).await;
        }
    }

    /// Until then, or until keys are asked for outside of the cooldown.
    async fn until(&self, due: Instant) {
        loop {
            tokio::select! {
                () = sleep_until(due) => return,
                () = self.requests.notified() => {
                    if self.may_fetch(&self.known.borrow()) {
                        return;
                    }
                }
            }
        }
    }

    async fn fetch(&self) -> Result<KeyList, String> {
        let documents = self.documents.as_ref().map_err(Clone::clone)?;
        let place = match &self.place {
            Place::Known(place) => place.clone(),
            Place::Discovered(issuer) => discovery::key_set(issuer, documents).await?,
        };
        let document = documents.read(&place, KEY_SET_BYTES).await?;
        KeyList::read(&document.ok_or_else(|| "there is no key set at its `jwks_uri`".to_owned())?)
    }

    fn publish(&self, fetched: Result<KeyList, String>) {
        let now = Instant::now();
        let before = self.known.borrow().clone();
        let known = match fetched {
            Ok(keys) => {
                if keys.is_empty() {
                    self.warn("it holds no key by which tokens can be verified");
                } else if before.failure.is_some() {
                    tracing::info!(provider = self.provider, "identity provider: key set fetched again");
                }
                Known { keys: Arc::new(keys), fetched: Some(now), tried: Some(now), failure: None }
            }
            Err(why) => {
                // Once, not every half minute.
                if before.failure.is_none() {
                    self.warn(&why);
                }
                Known { tried: Some(now), failure: Some(why), ..before }
            }
        };
        self.known.send_replace(known);
    }

    fn warn(&self, why: &str) {
        tracing::warn!(provider = self.provider, "identity provider: key set unavailable: {why}");
    }
}
