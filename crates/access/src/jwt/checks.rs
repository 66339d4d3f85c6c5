//! What a token has to claim. The signature is verified before.
//!
//! The library's own checks are not used: they read numbers in a way that does not work where numbers keep all of their digits, as
//! they do in this program, and take several issuers for one.

use std::sync::Arc;

use exuvia_config::IdentityProviderConfig;
use exuvia_tool::Principal;

use super::claims::{Claims, Malformed};
use super::error::{InvalidToken, TokenError};
use super::subject;

/// How far the clocks of the provider and of this machine may be apart, in milliseconds.
pub(super) const LEEWAY_MS: u64 = 30_000;

/// What a token says, as far as it is used.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) principal: Principal,
    pub(super) role: Arc<str>,
    pub(super) scopes: Arc<[Box<str>]>,
    pub(super) expires_ms: u64,
}

impl From<Malformed> for TokenError {
    fn from(_: Malformed) -> Self {
        InvalidToken::Claims.into()
    }
}

/// Holds claims against the configuration of the provider `name`.
pub(super) fn check(
    claims: &Claims,
    name: &str,
    config: &IdentityProviderConfig,
    now_ms: u64,
) -> Result<Checked, TokenError> {
    if claims.text("iss") != Some(config.issuer.as_str()) {
        return Err(InvalidToken::Issuer.into());
    }
    if !is_access_token(claims) {
        return Err(InvalidToken::Type.into());
    }
    // Whoever presents it has to prove more than that they have it, and nobody here asks them to.
    if claims.has("cnf") {
        return Err(InvalidToken::SenderConstrained.into());
    }
    let audiences = claims.texts("aud")?.ok_or(InvalidToken::Claims)?;
    if !audiences.iter().any(|audience| config.audiences.iter().any(|own| own == audience)) {
        return Err(InvalidToken::Audience.into());
    }
    let expires_ms = claims.time_ms("exp")?.ok_or(InvalidToken::Claims)?.saturating_add(LEEWAY_MS);
    if expires_ms <= now_ms {
        return Err(TokenError::Expired);
    }
    if claims.time_ms("nbf")?.is_some_and(|begins_ms| begins_ms > now_ms.saturating_add(LEEWAY_MS)) {
        return Err(InvalidToken::NotYetValid.into());
    }
    let principal = claims.text("sub").and_then(|subject| subject::user(name, subject)).ok_or(InvalidToken::Claims)?;
    let scopes = claims.scopes()?;
    if !config.scopes.iter().all(|wanted| scopes.contains(&wanted.as_str())) {
        return Err(TokenError::InsufficientScope(config.scopes.as_slice().into()));
    }
    let mapped = config.roles.iter().find(|mapping| claims.have(&mapping.claim, &mapping.value));
    let role = mapped.map(|mapping| &mapping.role).or(config.default_role.as_ref()).ok_or(TokenError::NoRole)?;
    Ok(Checked {
        principal,
        role: role.as_str().into(),
        scopes: scopes.into_iter().map(Into::into).collect(),
        expires_ms,
    })
}

/// Whether nothing says that it is an ID token, a refresh token or another one that is not for services: `at_hash` and `c_hash`
/// are of ID tokens (OpenID Connect Core, 3.1.3.6), `token_use` is Cognito's, `typ` Keycloak's. The audience distinguishes most of them;
/// these tell where an operator wrote the id of a client there.
fn is_access_token(claims: &Claims) -> bool {
    let is_of_id_tokens = claims.has("at_hash") || claims.has("c_hash");
    let says_other = |name: &str, own: &str| claims.text(name).is_some_and(|kind| !kind.eq_ignore_ascii_case(own));
    !is_of_id_tokens && !says_other("token_use", "access") && !says_other("typ", "Bearer")
}

#[cfg(test)]
mod tests {
    use exuvia_config::{ClaimPath, Issuer, RoleMapping};
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_764_000_000_000;

    fn config() -> IdentityProviderConfig {
        let mut config =
            IdentityProviderConfig::new(Issuer::parse("https://i.example").unwrap(), "https://e.example/mcp");
        config.scopes = vec!["mcp".to_owned()];
        let mapping = |value: &str, role: &str| RoleMapping {
            claim: ClaimPath::parse("groups").unwrap(),
            value: value.to_owned(),
            role: role.to_owned(),
        };
        config.roles = vec![mapping("b", "second"), mapping("a", "first")];
        config
    }

    /// The valid claims with these in place of theirs; null: without it.
    fn checked(changed: Value) -> Result<Checked, TokenError> {
        let mut claims = json!({
            "iss": "https://i.example", "aud": "https://e.example/mcp", "sub": "ada", "exp": NOW / 1_000 + 60,
            "scope": "openid mcp", "groups": ["a", "b"],
        });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims = claims.as_object().unwrap().clone();
        let claims: serde_json::Map<String, Value> = claims.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let claims: Claims = serde_json::from_value(Value::Object(claims)).unwrap();
        check(&claims, "okta", &config(), NOW)
    }

    fn wrong(changed: Value) -> TokenError {
        checked(changed).unwrap_err()
    }

    #[test]
    fn the_first_entry_that_fits_gives_the_role() {
        let valid = checked(json!({})).unwrap();
        assert_eq!((&*valid.role, valid.principal.to_string().as_str()), ("second", "user:okta/ada"));
        assert_eq!(valid.expires_ms, NOW + 60_000 + LEEWAY_MS);
        assert_eq!(valid.scopes.join(" "), "openid mcp");
        assert_eq!(&*checked(json!({"groups": "a"})).unwrap().role, "first");
        assert_eq!(wrong(json!({"groups": "c"})), TokenError::NoRole);
        assert_eq!(wrong(json!({"groups": null})), TokenError::NoRole);
    }

    #[test]
    fn a_token_is_from_this_issuer_and_for_this_audience() {
        for issuer in
            [json!("https://i.example/"), json!("https://j.example"), json!(["https://i.example"]), json!(null)]
        {
            assert_eq!(wrong(json!({"iss": issuer})), InvalidToken::Issuer.into());
        }
        for audience in [json!("https://e.example/mcp/"), json!("https://e.example"), json!(["x", "y"]), json!([])] {
            assert_eq!(wrong(json!({"aud": audience})), InvalidToken::Audience.into(), "{audience}");
        }
        for audience in [json!(null), json!(1), json!(["https://e.example/mcp", 1]), json!({"a": 1})] {
            assert_eq!(wrong(json!({"aud": audience})), InvalidToken::Claims.into(), "{audience}");
        }
        assert!(checked(json!({"aud": ["x", "https://e.example/mcp"]})).is_ok());
    }

    #[test]
    fn a_token_is_valid_in_its_time_and_half_a_minute_around_it() {
        let at = |seconds: i64| json!(NOW.cast_signed() / 1_000 + seconds);
        assert_eq!(wrong(json!({"exp": at(-30)})), TokenError::Expired);
        assert!(checked(json!({"exp": at(-29)})).is_ok());
        assert_eq!(wrong(json!({"nbf": at(31)})), InvalidToken::NotYetValid.into());
        assert!(checked(json!({"nbf": at(30)})).is_ok());
        for exp in [json!(null), json!("1764000060"), json!(true)] {
            assert_eq!(wrong(json!({"exp": exp})), InvalidToken::Claims.into(), "{exp}");
        }
        assert_eq!(wrong(json!({"nbf": "soon"})), InvalidToken::Claims.into());
    }

    #[test]
    fn every_required_scope_is_there() {
        assert_eq!(wrong(json!({"scope": "openid"})), TokenError::InsufficientScope(["mcp".to_owned()].into()));
        assert!(checked(json!({"scope": null, "scp": ["mcp"]})).is_ok());
        assert_eq!(wrong(json!({"scope": 1})), InvalidToken::Claims.into());
    }

    #[test]
    fn a_token_has_a_subject() {
        for subject in [json!(null), json!(""), json!(7), json!("x".repeat(300))] {
            assert_eq!(wrong(json!({"sub": subject})), InvalidToken::Claims.into(), "{subject}");
        }
    }

    #[test]
    fn tokens_for_clients_and_tokens_that_are_bound_to_a_key_are_rejected() {
        for (name, value) in [
            ("at_hash", "x"),
            ("c_hash", "x"),
            ("token_use", "id"),
            ("typ", "ID"),
            ("typ", "Refresh"),
            ("typ", "Offline"),
        ] {
            assert_eq!(wrong(json!({name: value})), InvalidToken::Type.into(), "{name} {value}");
        }
        assert!(checked(json!({"token_use": "access", "typ": "Bearer", "nonce": "x"})).is_ok());
        assert_eq!(wrong(json!({"cnf": {"jkt": "x"}})), InvalidToken::SenderConstrained.into());
    }
}
