//! Tokens that are right, and those that are right no longer.

use std::collections::BTreeMap;
use std::time::Duration;

use exuvia_access::jwt::{InvalidToken, KeySetTiming, TokenError};
use exuvia_test_support::identity_provider::SigningKey;
use serde_json::json;

use crate::{World, config, mapping, now_ms};

#[tokio::test]
async fn a_token_is_accepted_by_whichever_algorithm_with_a_private_key_it_is_signed() {
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] {
        let world = World::with(SigningKey::new("k1", algorithm), KeySetTiming::default());
        let valid = world.validate(&world.token(&json!({}))).await.unwrap_or_else(|why| panic!("{algorithm}: {why:?}"));
        assert_eq!(valid.principal().to_string(), "user:okta/ada");
    }
}

#[tokio::test]
async fn a_token_says_who_acts_and_in_which_role_until_when() {
    let world = World::new();
    let valid = world.validate(&world.token(&json!({"groups": ["x", "support"], "sub": "auth0|5"}))).await.unwrap();
    assert_eq!((valid.principal().to_string().as_str(), &**valid.role()), ("user:okta/auth0%7C5", "support"));
    assert_eq!((valid.provider(), valid.scopes().join(" ").as_str()), ("okta", "mcp"));
    let left = valid.expires_ms() - now_ms();
    assert!((320_000..=330_000).contains(&left), "{left}");
    for (claims, role) in [
        (json!({"realm": {"roles": ["admin"]}}), "admin"),
        (json!({"groups": "support", "realm": {"roles": ["admin"]}}), "support"),
        (json!({}), "guest"),
    ] {
        assert_eq!(&**world.validate(&world.token(&claims)).await.unwrap().role(), role, "{claims}");
    }
}

#[tokio::test]
async fn nothing_that_a_token_claims_is_in_its_debug_form() {
    let world = World::new();
    let shown = format!("{:?}", world.validate(&world.token(&json!({"email": "ada@s3cret.example"}))).await.unwrap());
    assert!(shown.contains("okta/ada") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_token_expires_whether_it_was_seen_before_or_not() {
    let world = World::new();
    let (seen, new) = (world.token(&json!({})), world.token(&json!({"jti": "2"})));
    let valid = world.validate(&seen).await.unwrap();
    assert!(world.providers.role_of(&valid).is_ok());
    world.pass(Duration::from_secs(325));
    assert!(world.validate(&seen).await.is_ok(), "clocks may differ by half a minute");
    world.pass(Duration::from_secs(6));
    assert_eq!(world.why_not(&seen).await, TokenError::Expired);
    assert_eq!(world.why_not(&new).await, TokenError::Expired);
    assert_eq!(world.providers.role_of(&valid), Err(TokenError::Expired));
}

#[tokio::test]
async fn a_changed_configuration_holds_for_tokens_that_were_accepted_before() {
    let world = World::new();
    let token = world.token(&json!({"groups": ["support"]}));
    let valid = world.validate(&token).await.unwrap();
    let with = |config| world.providers.reconfigured(BTreeMap::from([("okta".to_owned(), config)]));
    let base = config(&world.provider);

    let same = with(base.clone());
    assert_eq!(same.role_of(&valid).as_deref(), Ok("support"));

    let mut other_role = base.clone();
    other_role.roles = vec![mapping("groups", "support", "second-line")];
    let other_role = with(other_role);
    assert_eq!(other_role.role_of(&valid).as_deref(), Ok("second-line"));
    assert_eq!(other_role.validate(&token).await.unwrap().role().as_ref(), "second-line");

    let mut more_scopes = base.clone();
    more_scopes.scopes.push("write".to_owned());
    assert!(matches!(with(more_scopes).role_of(&valid), Err(TokenError::InsufficientScope(_))));

    let mut other_audience = base;
    other_audience.audiences = vec!["https://other.example".to_owned()];
    assert_eq!(with(other_audience).role_of(&valid), Err(InvalidToken::Audience.into()));

    let none = world.providers.reconfigured(BTreeMap::new());
    assert!(none.is_empty());
    assert_eq!(none.role_of(&valid), Err(InvalidToken::Issuer.into()));
    assert_eq!(world.provider.fetches(), 1, "where the keys come from has not changed");
}

#[tokio::test]
async fn providers_are_told_apart_by_their_issuers() {
    let (first, second) = (World::new(), World::new());
    let configs = [("one", &first), ("two", &second)].map(|(name, world)| (name.to_owned(), config(&world.provider)));
    let both = first.providers.reconfigured(BTreeMap::from(configs));
    for (world, user) in [(&first, "user:one/ada"), (&second, "user:two/ada")] {
        assert_eq!(both.validate(&world.token(&json!({}))).await.unwrap().principal().to_string(), user);
    }
    // Its key set has a key of this name, which is another key.
    let claims = second.claims(&json!({"iss": first.provider.issuer()}));
    assert_eq!(both.validate(&second.key.token(&claims)).await, Err(InvalidToken::Signature.into()));
    assert_eq!(both.issuers().count(), 2);
    assert_eq!(both.scopes(), ["mcp"]);
}
