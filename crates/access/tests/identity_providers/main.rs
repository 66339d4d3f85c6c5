//! Tokens of identity providers, right ones and wrong ones, against a provider on loopback that publishes keys.

mod forged;
mod keys;
mod valid;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exuvia_access::jwt::{IdentityProviders, KeySetTiming, TokenError, ValidToken};
use exuvia_config::{ClaimPath, IdentityProviderConfig, Issuer, RoleMapping};
use exuvia_test_support::identity_provider::{IdentityProvider, SigningKey};
use serde_json::{Map, Value};

/// What tokens are for.
const AUDIENCE: &str = "https://exuvia.example/mcp";

/// A provider, one of its keys, and a gateway that accepts its tokens.
struct World {
    provider: IdentityProvider,
    key: SigningKey,
    providers: Arc<IdentityProviders>,
    /// How much later than now it is for the gateway, in milliseconds.
    later_ms: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        Self::with(SigningKey::new("k1", "ES256"), KeySetTiming::default())
    }

    fn with(key: SigningKey, timing: KeySetTiming) -> Self {
        let provider = IdentityProvider::start(&[&key]);
        Self::of(provider, key, timing, |config| config)
    }

    fn of(
        provider: IdentityProvider,
        key: SigningKey,
        timing: KeySetTiming,
        changed: impl FnOnce(IdentityProviderConfig) -> IdentityProviderConfig,
    ) -> Self {
        let later_ms = Arc::new(AtomicU64::new(0));
        let later = Arc::clone(&later_ms);
        let clock = move || now_ms() + later.load(Ordering::SeqCst);
        let configs = BTreeMap::from([("okta".to_owned(), changed(config(&provider)))]);
        let providers = IdentityProviders::with_timing(configs, Arc::new(clock), timing);
        Self { provider, key, providers, later_ms }
    }

    /// The claims of a valid token with these in place of theirs.
    fn claims(&self, changed: &Value) -> Value {
        let mut claims = self.provider.claims(AUDIENCE);
        claims["scope"] = "mcp".into();
        let own = claims.as_object_mut().expect("an object");
        own.extend(changed.as_object().unwrap_or(&Map::new()).clone());
        claims
    }

    fn token(&self, changed: &Value) -> String {
        self.key.token(&self.claims(changed))
    }

    async fn validate(&self, token: &str) -> Result<ValidToken, TokenError> {
        self.providers.validate(token).await
    }

    async fn why_not(&self, token: &str) -> TokenError {
        self.validate(token).await.expect_err("it is not valid")
    }

    /// From now on it is that much later.
    fn pass(&self, time: Duration) {
        self.later_ms.fetch_add(u64::try_from(time.as_millis()).expect("a time"), Ordering::SeqCst);
    }
}

/// What the gateway has configured about the provider.
fn config(provider: &IdentityProvider) -> IdentityProviderConfig {
    let mut config = IdentityProviderConfig::new(Issuer::parse(&provider.issuer()).expect("an issuer"), AUDIENCE);
    config.scopes = vec!["mcp".to_owned()];
    config.roles = vec![mapping("groups", "support", "support"), mapping("/realm/roles", "admin", "admin")];
    config.default_role = Some("guest".to_owned());
    config
}

fn mapping(claim: &str, value: &str, role: &str) -> RoleMapping {
    RoleMapping { claim: ClaimPath::parse(claim).expect("a claim"), value: value.to_owned(), role: role.to_owned() }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_millis()).expect("a time")
}
