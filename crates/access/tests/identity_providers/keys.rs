//! Key sets: rotated, asked for by many, not there.

use std::time::{Duration, Instant};

use exuvia_access::jwt::{InvalidToken, KeySetTiming, TokenError};
use exuvia_test_support::identity_provider::{IdentityProvider, SigningKey};
use serde_json::json;

use crate::World;

/// Keys that are asked for may be fetched as often as this; nothing else happens automatically.
const COOLDOWN: Duration = Duration::from_millis(100);

fn on_request() -> KeySetTiming {
    let never = Duration::from_secs(3_600);
    KeySetTiming { refresh: never, retry: never, cooldown: COOLDOWN, max_age: never, timeout: Duration::from_secs(2) }
}

async fn cool_down() {
    tokio::time::sleep(COOLDOWN * 2).await;
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let mut world = World::with(SigningKey::new("k1", "ES256"), on_request());
    let old = world.token(&json!({}));
    assert!(world.validate(&old).await.is_ok());
    let first = std::mem::replace(&mut world.key, SigningKey::new("k2", "RS256"));
    world.provider.publish(&[&first, &world.key]);
    cool_down().await;
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
    assert!(world.validate(&old).await.is_ok(), "both are valid while both are published");
    assert_eq!(world.provider.fetches(), 2);
}

#[tokio::test]
async fn a_key_that_is_not_published_any_more_verifies_nothing_and_what_it_verified_is_rejected() {
    let mut world = World::with(SigningKey::new("k1", "ES256"), on_request());
    let old = world.token(&json!({}));
    let valid = world.validate(&old).await.unwrap();
    let first = std::mem::replace(&mut world.key, SigningKey::new("k2", "ES256"));
    world.provider.publish(&[&world.key]);
    cool_down().await;
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
    assert_eq!(world.providers.role_of(&valid), Err(InvalidToken::Key.into()));
    assert_eq!(world.why_not(&old).await, InvalidToken::Key.into());
    cool_down().await;
    let unseen = first.token(&world.claims(&json!({"jti": "2"})));
    assert_eq!(world.why_not(&unseen).await, InvalidToken::Key.into());
}

#[tokio::test]
async fn another_key_under_the_same_name_replaces_the_first() {
    let timing = KeySetTiming { refresh: COOLDOWN, ..on_request() };
    let mut world = World::with(SigningKey::new("k1", "ES256"), timing);
    let old = world.token(&json!({}));
    assert!(world.validate(&old).await.is_ok());
    world.key = SigningKey::new("k1", "ES256");
    world.provider.publish(&[&world.key]);
    let begun = Instant::now();
    while world.validate(&world.token(&json!({}))).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.why_not(&old).await, InvalidToken::Signature.into());
}

#[tokio::test]
async fn tokens_with_made_up_keys_cause_one_fetch_and_no_more() {
    let timing = KeySetTiming { cooldown: Duration::from_secs(60), ..on_request() };
    let world = World::with(SigningKey::new("k1", "ES256"), timing);
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
    for round in 0..500 {
        let token = SigningKey::new(&format!("made-up-{round}"), "EdDSA").token(&world.claims(&json!({})));
        assert_eq!(world.why_not(&token).await, InvalidToken::Key.into());
    }
    assert_eq!(world.provider.fetches(), 1);
    assert!(world.validate(&world.token(&json!({"jti": "2"}))).await.is_ok());
}

#[tokio::test]
async fn made_up_keys_have_the_set_fetched_again_after_a_while_and_once_for_all_of_them() {
    let world = World::with(SigningKey::new("k1", "ES256"), on_request());
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
    cool_down().await;
    world.provider.delay(Duration::from_millis(200));
    let tokens: Vec<_> =
        (0..50).map(|n| SigningKey::new(&n.to_string(), "EdDSA").token(&world.claims(&json!({})))).collect();
    let all = tokens.iter().map(|token| world.why_not(token));
    let why = futures_util::future::join_all(all).await;
    assert!(why.iter().all(|why| *why == InvalidToken::Key.into()), "{why:?}");
    assert_eq!(world.provider.fetches(), 2);
}

#[tokio::test]
async fn many_first_tokens_wait_for_one_fetch() {
    let key = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&key]);
    provider.delay(Duration::from_millis(100));
    let world = World::of(provider, key, on_request(), |config| config);
    let tokens: Vec<_> = (0..20).map(|n| world.token(&json!({"jti": n}))).collect();
    let all = futures_util::future::join_all(tokens.iter().map(|token| world.validate(token))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(world.provider.fetches(), 1);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_says_nothing_against_a_token() {
    let key = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&key]);
    provider.disconnect(true);
    let world = World::of(provider, key, on_request(), |config| config);
    let token = world.token(&json!({}));
    assert_eq!(world.why_not(&token).await, TokenError::Unavailable);
    let problems: Vec<_> = world.providers.problems().collect();
    assert!(problems.len() == 1 && problems[0].0 == "okta", "{problems:?}");
    world.provider.disconnect(false);
    cool_down().await;
    assert!(world.validate(&token).await.is_ok(), "it is asked again");
    assert_eq!(world.providers.problems().count(), 0);
}

#[tokio::test]
async fn known_keys_are_used_for_a_while_when_their_provider_is_away_and_then_no_longer() {
    let timing = KeySetTiming { max_age: Duration::from_millis(600), ..on_request() };
    let world = World::with(SigningKey::new("k1", "ES256"), timing);
    let (seen, unseen) = (world.token(&json!({})), world.token(&json!({"jti": "2"})));
    let valid = world.validate(&seen).await.unwrap();
    world.provider.disconnect(true);
    cool_down().await;
    let rotated = SigningKey::new("k2", "ES256").token(&world.claims(&json!({})));
    assert_eq!(world.why_not(&rotated).await, TokenError::Unavailable, "it may be a new key");
    assert!(world.validate(&seen).await.is_ok() && world.validate(&unseen).await.is_ok());
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(world.why_not(&seen).await, TokenError::Unavailable);
    assert_eq!(world.providers.role_of(&valid), Err(TokenError::Unavailable));
    world.provider.disconnect(false);
    cool_down().await;
    assert!(world.validate(&seen).await.is_ok());
    assert!(world.providers.role_of(&valid).is_ok());
}

#[tokio::test]
async fn keys_are_fetched_again_by_themselves() {
    let timing = KeySetTiming { refresh: COOLDOWN, retry: COOLDOWN, ..on_request() };
    let world = World::with(SigningKey::new("k1", "ES256"), timing);
    let fetched = |count| {
        let provider = world.provider.clone();
        async move {
            let begun = Instant::now();
            while provider.fetches() < count {
                assert!(begun.elapsed() < Duration::from_secs(10), "{}", provider.fetches());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    fetched(3).await;
    let World { provider, providers, .. } = world;
    drop(providers);
    tokio::time::sleep(COOLDOWN * 3).await;
    let before = provider.fetches();
    tokio::time::sleep(COOLDOWN * 5).await;
    assert_eq!(provider.fetches(), before, "nobody needs them any more");
}

#[tokio::test]
async fn keys_that_are_slow_or_large_or_of_somebody_else_are_not_used() {
    type Change = fn(&IdentityProvider);
    let cases: [(&str, Change); 7] = [
        ("slow", |provider| provider.delay(Duration::from_secs(5))),
        ("large", |provider| provider.publish_set(json!({"keys": [], "padding": "x".repeat(300 << 10)}))),
        ("many values", |provider| provider.publish_set(json!({"keys": vec![0; 120_000]}))),
        ("no set", |provider| provider.publish_set(json!("keys"))),
        ("another issuer", |provider| {
            let keys = format!("{}/keys", provider.issuer());
            provider.describe(json!({"issuer": format!("{}/", provider.issuer()), "jwks_uri": keys}));
        }),
        ("elsewhere", |provider| {
            provider.describe(json!({"issuer": provider.issuer(), "jwks_uri": "http://192.0.2.1/keys"}));
        }),
        ("no place", |provider| provider.describe(json!({"issuer": provider.issuer()}))),
    ];
    for (name, wrong) in cases {
        let key = SigningKey::new("k1", "ES256");
        let provider = IdentityProvider::start(&[&key]);
        wrong(&provider);
        let timing = KeySetTiming { timeout: Duration::from_millis(500), ..on_request() };
        let world = World::of(provider, key, timing, |config| config);
        let why = world.why_not(&world.token(&json!({}))).await;
        assert_eq!(why, TokenError::Unavailable, "{name}: {:?}", world.providers.problems().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn keys_are_fetched_from_where_the_configuration_says() {
    let key = SigningKey::new("k1", "ES256");
    let (provider, keys) = (IdentityProvider::start(&[]), IdentityProvider::start(&[&key]));
    let place = format!("{}/keys", keys.issuer());
    let world = World::of(provider, key, on_request(), |mut config| {
        config.jwks_uri = Some(place.parse().expect("a URL"));
        config
    });
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
    assert!(world.provider.requests().is_empty());
    let asked = keys.requests();
    assert!(asked.len() == 1 && !asked[0].to_ascii_lowercase().contains("authorization"), "{asked:?}");
}

#[tokio::test]
async fn an_empty_key_set_rejects_every_token() {
    let world = World::with(SigningKey::new("k1", "ES256"), on_request());
    let token = world.token(&json!({}));
    assert!(world.validate(&token).await.is_ok());
    world.provider.publish(&[]);
    cool_down().await;
    // Somebody asks for a key that is not there.
    let other = SigningKey::new("k2", "ES256").token(&world.claims(&json!({})));
    assert_eq!(world.why_not(&other).await, InvalidToken::Key.into());
    assert_eq!(world.why_not(&token).await, InvalidToken::Key.into());
}
