//! The identity providers of a gateway: from a token to who presents it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use exuvia_config::IdentityProviderConfig;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;

use super::checks;
use super::claims::Claims;
use super::error::{InvalidToken, TokenError};
use super::header::{self, TokenHeader};
use super::jwks::VerificationKey;
use super::key_set::{KeySet, KeySetTiming};
use super::provider::Provider;
use super::ring_provider;
use super::token::ValidToken;
use super::verified_tokens::{self, TokenHash, VerifiedTokens};
use crate::Clock;

/// The longest token, in bytes.
const TOKEN_BYTES: usize = 16 << 10;
/// How the secret of a virtual key begins.
const KEY_PREFIX: &str = "exv_";

/// Whether a bearer token is one of an identity provider, as far as its form says: three parts with dots between them, and no
/// virtual key.
#[must_use]
pub fn looks_like_jwt(token: &str) -> bool {
    !token.starts_with(KEY_PREFIX) && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// The identity providers whose tokens are accepted.
pub struct IdentityProviders {
    /// By name.
    providers: BTreeMap<String, Arc<Provider>>,
    verified: VerifiedTokens,
    clock: Clock,
    timing: KeySetTiming,
}

impl IdentityProviders {
    /// These providers, by their names. `clock` gives the time of day in milliseconds since the epoch. Their keys are fetched in the background,
    /// from now on or, outside of a runtime, from the first token on.
    #[must_use]
    pub fn new(configs: BTreeMap<String, IdentityProviderConfig>, clock: Clock) -> Arc<Self> {
        Self::with_timing(configs, clock, KeySetTiming::default())
    }

    /// The same, with other times at which keys are fetched.
    #[must_use]
    pub fn with_timing(
        configs: BTreeMap<String, IdentityProviderConfig>,
        clock: Clock,
        timing: KeySetTiming,
    ) -> Arc<Self> {
        Self { providers: BTreeMap::new(), verified: VerifiedTokens::default(), clock, timing }.reconfigured(configs)
    }

    /// These providers in place of the present ones. Keys that were fetched stay known; tokens that were verified are held
    /// against the new configuration.
    #[must_use]
    pub fn reconfigured(&self, configs: BTreeMap<String, IdentityProviderConfig>) -> Arc<Self> {
        ring_provider::install();
        let providers = configs.into_iter().map(|(name, config)| {
            let provider = match self.providers.get(&name) {
                Some(same) if same.config == config => Arc::clone(same),
                Some(other) if other.has_keys_of(&config) => {
                    Arc::new(Provider::new(&name, config, Arc::clone(&other.keys)))
                }
                _ => {
                    let keys = KeySet::new(&name, &config, self.timing.clone());
                    Arc::new(Provider::new(&name, config, Arc::new(keys)))
                }
            };
            (name, provider)
        });
        let (clock, timing) = (Arc::clone(&self.clock), self.timing.clone());
        Arc::new(Self { providers: providers.collect(), verified: VerifiedTokens::default(), clock, timing })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty()
    }

    /// Whether tokens of the provider of this name are accepted.
    pub(crate) fn has(&self, provider: &str) -> bool {
        self.providers.contains_key(provider)
    }

    /// Whose token this is.
    ///
    /// # Errors
    ///
    /// It is nobody's, or that cannot be found out now.
    pub async fn validate(&self, token: &str) -> Result<ValidToken, TokenError> {
        let validated = self.validated(token).await;
        if let Err(why) = &validated {
            tracing::debug!(%why, "token of an identity provider rejected");
        }
        validated
    }

    async fn validated(&self, token: &str) -> Result<ValidToken, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(InvalidToken::TooLong.into());
        }
        let hash = verified_tokens::hash(token);
        if let Some(known) = self.verified.get(&hash) {
            match self.role_of(&known) {
                Ok(_) => return Ok(known),
                // A key may have come back, or the provider's keys may be fetched now.
                Err(TokenError::Invalid(_) | TokenError::Unavailable) => {}
                Err(error) => {
                    self.verified.forget(&hash);
                    return Err(error);
                }
            }
        }
        self.verified(token, hash).await
    }

    async fn verified(&self, token: &str, hash: TokenHash) -> Result<ValidToken, TokenError> {
        let TokenHeader { algorithm, key_id } = header::read(token)?;
        let provider = self.provider_of(token)?;
        if !provider.algorithms.contains(&algorithm) {
            return Err(InvalidToken::Algorithm.into());
        }
        let key = provider.keys.find(key_id.as_deref(), algorithm).await?;
        let claims = verified_claims(token, &key, algorithm)?;
        let checked = checks::check(&claims, &provider.name, &provider.config, (self.clock)())?;
        let valid = ValidToken {
            checked: Arc::new(checked),
            claims: Arc::new(claims),
            provider: Arc::clone(&provider.name),
            against: Arc::downgrade(provider),
            key: key.digest(),
        };
        self.verified.insert(hash, token.len(), valid.clone());
        Ok(valid)
    }

    /// The role that a token gives now, for whoever goes on with what was begun with it. Does no I/O.
    ///
    /// # Errors
    ///
    /// It is not valid any more: it has expired, its key or its provider is gone, or by the present configuration it gives
    /// no role.
    pub fn role_of(&self, token: &ValidToken) -> Result<Arc<str>, TokenError> {
        let provider = self.providers.get(&*token.provider).ok_or(InvalidToken::Issuer)?;
        let now_ms = (self.clock)();
        if token.expires_ms() <= now_ms {
            return Err(TokenError::Expired);
        }
        provider.keys.check(token.key)?;
        if std::ptr::eq(token.against.as_ptr(), Arc::as_ptr(provider)) {
            return Ok(Arc::clone(token.role()));
        }
        checks::check(&token.claims, &provider.name, &provider.config, now_ms).map(|checked| checked.role)
    }

    /// The issuers, for clients that look for one to get a token from.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.providers.values().map(|provider| provider.config.issuer.as_str())
    }

    /// Who tokens may be meant for, of all providers.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.providers.values().flat_map(|provider| provider.config.audiences.iter().map(String::as_str))
    }

    /// The scopes that a client should ask for, where all providers want the same. A provider may reject scopes that it does
    /// not know, so there are none where they differ.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        let mut all = self.providers.values().map(|provider| &provider.config.scopes);
        let Some(first) = all.next() else { return &[] };
        let set = |scopes: &[String]| scopes.iter().cloned().collect::<BTreeSet<_>>();
        if all.all(|scopes| set(scopes) == set(first)) { first } else { &[] }
    }

    /// Waits until the keys of every provider have been fetched once, or could not be.
    pub async fn tried(&self) {
        for provider in self.providers.values() {
            provider.keys.tried().await;
        }
    }

    /// Providers by whose keys no token can be verified now, each with the reason. For the operator.
    pub fn problems(&self) -> impl Iterator<Item = (&str, String)> {
        self.providers.iter().filter_map(|(name, provider)| Some((name.as_str(), provider.keys.problem()?)))
    }

    /// The provider that a token names. Nothing is known of the token yet.
    fn provider_of(&self, token: &str) -> Result<&Arc<Provider>, TokenError> {
        #[derive(Deserialize)]
        struct Issued {
            iss: Option<String>,
        }
        let issued: Issued = insecure_decode_claims(token).map_err(|_| InvalidToken::Malformed)?;
        let issuer = issued.iss.ok_or(InvalidToken::Issuer)?;
        let provider = self.providers.values().find(|provider| provider.config.issuer.as_str() == issuer);
        provider.ok_or_else(|| InvalidToken::Issuer.into())
    }
}

/// What a token claims, if its signature is that of the key.
fn verified_claims(token: &str, key: &VerificationKey, algorithm: Algorithm) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let decoded = decode::<Claims>(token, &key.key, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => InvalidToken::Signature.into(),
        ErrorKind::InvalidAlgorithm => InvalidToken::Algorithm.into(),
        ErrorKind::Json(_) => InvalidToken::Claims.into(),
        _ => InvalidToken::Malformed.into(),
    })
}

impl fmt::Debug for IdentityProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProviders").field("providers", &self.providers.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_provider_is_told_from_a_key_by_its_form() {
        for token in ["a.b.c", "eyJ.eyJ.", "..", "exv.a.b"] {
            assert!(looks_like_jwt(token), "{token}");
        }
        for token in ["", "a.b", "a.b.c.d", "exv_a.b.c", "exv_abc"] {
            assert!(!looks_like_jwt(token), "{token}");
        }
    }
}
