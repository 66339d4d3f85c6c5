//! Parsers of tokens and key sets as functions of bytes, for `exuvia-fuzz`. No part of the interface.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exuvia_config::{ClaimPath, IdentityProviderConfig, Issuer, RoleMapping, SigningAlgorithm};
use exuvia_tool::Principal;
use jsonwebtoken::Algorithm;

use super::checks;
use super::claims::Claims;
use super::discovery;
use super::header;
use super::jwks::{Found, KeyList};
use super::ring_provider;

/// The issuer of the corpus.
const ISSUER: &str = "https://issuer.example";
/// When its tokens are valid, in milliseconds since the epoch.
const NOW_MS: u64 = 1_764_000_000_000;

/// A header, a line break, and claims: none makes the program panic, and claims that pass give a configured role to a user whose
/// name can be read again, for some time.
///
/// # Panics
///
/// They do not.
pub fn token(data: &[u8]) {
    let (head, claims) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let _ = header::read(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(head)));
    let Ok(claims) = serde_json::from_slice::<Claims>(claims) else { return };
    let Ok(checked) = checks::check(&claims, "okta", &config(), NOW_MS) else { return };
    assert!(["one", "two"].contains(&&*checked.role) && checked.expires_ms > NOW_MS);
    let name = checked.principal.to_string();
    assert!(name.len() < 300 && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
    assert_eq!(name.parse::<Principal>(), Ok(checked.principal));
}

/// A document of a provider: none makes the program panic or holds a key for a shared secret, and metadata leads to a URL.
///
/// # Panics
///
/// It does.
pub fn document(data: &[u8]) {
    if let Some(issuer) = issuer() {
        let _ = discovery::address(data, &issuer);
    }
    let Ok(keys) = KeyList::read(data) else { return };
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        assert!(matches!(keys.find(None, algorithm), Found::Missing));
    }
    for algorithm in SigningAlgorithm::ALL.map(ring_provider::algorithm) {
        if let Found::Key(key) = keys.find(None, algorithm) {
            assert!(key.key.family() == algorithm.family() && keys.has(key.digest()));
        }
    }
}

fn issuer() -> Option<Issuer> {
    Issuer::parse(ISSUER).ok()
}

fn config() -> IdentityProviderConfig {
    let mapping = |claim: &str, role: &str| {
        let claim = ClaimPath::parse(claim).expect("a claim");
        RoleMapping { claim, value: "a".to_owned(), role: role.to_owned() }
    };
    let mut config = IdentityProviderConfig::new(issuer().expect("an issuer"), "audience");
    config.roles = vec![mapping("groups", "one"), mapping("/deep/roles", "two")];
    config
}
