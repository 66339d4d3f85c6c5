//! Tokens that are wrong. Each of them is one change away from one that is accepted.

use exuvia_access::jwt::{InvalidToken, KeySetTiming, TokenError};
use exuvia_test_support::identity_provider::{IdentityProvider, SigningKey, compact};
use ring::hmac;
use serde_json::{Value, json};

use crate::{AUDIENCE, World};

fn header(changed: Value) -> Value {
    let mut header = json!({"typ": "at+jwt", "alg": "RS256", "kid": "k1"});
    for (name, value) in changed.as_object().expect("an object") {
        header[name] = value.clone();
    }
    header
}

fn rsa_world() -> World {
    World::with(SigningKey::new("k1", "RS256"), KeySetTiming::default())
}

#[tokio::test]
async fn tokens_for_others_of_others_and_without_scopes_are_rejected() {
    let world = World::new();
    for (claims, why) in [
        (json!({"aud": "https://other.example/mcp"}), TokenError::from(InvalidToken::Audience)),
        (json!({"aud": [format!("{AUDIENCE}/"), AUDIENCE.to_uppercase()]}), InvalidToken::Audience.into()),
        (json!({"iss": "https://other.example"}), InvalidToken::Issuer.into()),
        (json!({"iss": format!("{}/", world.provider.issuer())}), InvalidToken::Issuer.into()),
        (json!({"iss": null}), InvalidToken::Issuer.into()),
        (json!({"exp": 1}), TokenError::Expired),
        (json!({"exp": null}), InvalidToken::Claims.into()),
        (json!({"nbf": 99_999_999_999_u64}), InvalidToken::NotYetValid.into()),
        (json!({"sub": null}), InvalidToken::Claims.into()),
        (json!({"scope": "other"}), TokenError::InsufficientScope(["mcp".to_owned()].into())),
        (json!({"cnf": {"jkt": "x"}}), InvalidToken::SenderConstrained.into()),
        (json!({"at_hash": "x"}), InvalidToken::Type.into()),
    ] {
        assert_eq!(world.why_not(&world.token(&claims)).await, why, "{claims}");
    }
    assert!(world.validate(&world.token(&json!({}))).await.is_ok());
}

#[tokio::test]
async fn a_token_without_a_signature_is_rejected() {
    let world = rsa_world();
    let claims = world.claims(&json!({})).to_string();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let token = compact(&header(json!({"alg": algorithm})).to_string(), &claims, |_| Vec::new());
        assert_eq!(world.why_not(&token).await, InvalidToken::Malformed.into(), "{algorithm}");
    }
    let token = compact(&header(json!({})).to_string(), &claims, |_| Vec::new());
    assert_eq!(world.why_not(&token).await, InvalidToken::Signature.into());
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let world = rsa_world();
    let claims = world.claims(&json!({})).to_string();
    let jwk = world.key.jwk();
    let n = jwk["n"].as_str().expect("a modulus");
    // Whatever somebody takes for the key: both algorithms and every form of the key that libraries have used for a secret.
    let secrets =
        [n.to_owned(), jwk.to_string(), format!("{n}.{}", jwk["e"].as_str().expect("an exponent")), String::new()];
    for (algorithm, name) in [(hmac::HMAC_SHA256, "HS256"), (hmac::HMAC_SHA384, "HS384"), (hmac::HMAC_SHA512, "HS512")]
    {
        for secret in &secrets {
            let key = hmac::Key::new(algorithm, secret.as_bytes());
            let token = compact(&header(json!({"alg": name})).to_string(), &claims, |message| {
                hmac::sign(&key, message).as_ref().to_vec()
            });
            assert_eq!(world.why_not(&token).await, InvalidToken::Algorithm.into(), "{name}");
        }
    }
    // Nor is a secret that the provider publishes by mistake.
    world.provider.publish_set(json!({"keys": [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"}]}));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let token = compact(&header(json!({"alg": "HS256"})).to_string(), &claims, |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    });
    assert_eq!(world.why_not(&token).await, InvalidToken::Algorithm.into());
}

#[tokio::test]
async fn an_algorithm_of_the_same_key_counts_only_if_the_signature_is_by_it() {
    let world = rsa_world();
    let claims = world.claims(&json!({})).to_string();
    for algorithm in ["PS256", "RS512", "PS512"] {
        let token = world.key.signed(&header(json!({"alg": algorithm})), &claims);
        assert_eq!(world.why_not(&token).await, InvalidToken::Signature.into(), "{algorithm}");
    }
    for algorithm in ["ES256", "EdDSA"] {
        let token = world.key.signed(&header(json!({"alg": algorithm})), &claims);
        assert_eq!(world.why_not(&token).await, InvalidToken::Key.into(), "{algorithm}");
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_rejected() {
    let key = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&key]);
    let world = World::of(provider, key, KeySetTiming::default(), |mut config| {
        config.algorithms.retain(|algorithm| *algorithm != exuvia_config::SigningAlgorithm::ES256);
        config
    });
    assert_eq!(world.why_not(&world.token(&json!({}))).await, InvalidToken::Algorithm.into());
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_used() {
    let world = rsa_world();
    let thief = SigningKey::new("k1", "ES256");
    let elsewhere = IdentityProvider::start(&[&thief]);
    let claims = world.claims(&json!({})).to_string();
    let keys = format!("{}/keys", elsewhere.issuer());
    for (changed, why) in [
        (json!({"alg": "ES256", "jwk": thief.jwk()}), InvalidToken::Key),
        (json!({"alg": "ES256", "jku": keys}), InvalidToken::Key),
        (json!({"alg": "ES256", "x5u": keys, "kid": keys}), InvalidToken::Key),
        (json!({"alg": "ES256", "kid": "../../dev/null"}), InvalidToken::Key),
        (json!({"alg": "RS256", "jwk": thief.jwk()}), InvalidToken::Signature),
    ] {
        assert_eq!(world.why_not(&thief.signed(&header(changed.clone()), &claims)).await, why.into(), "{changed}");
    }
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

#[tokio::test]
async fn a_token_whose_text_was_changed_is_rejected() {
    let world = World::new();
    let token = world.token(&json!({}));
    assert!(world.validate(&token).await.is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let other = world.token(&json!({"sub": "eve"}));
    let payload = other.split('.').nth(1).expect("a payload");
    for (forged, why) in [
        (format!("{}.{payload}.{}", parts[0], parts[2]), InvalidToken::Signature),
        (format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)), InvalidToken::Signature),
        (format!("{}.{}.", parts[0], parts[1]), InvalidToken::Signature),
        (format!("{}.{}.{}==", parts[0], parts[1], parts[2]), InvalidToken::Malformed),
        (format!("{token}."), InvalidToken::Malformed),
        (format!("{}.{}", parts[0], parts[1]), InvalidToken::Malformed),
        (format!(" {token}"), InvalidToken::Malformed),
        ("..".to_owned(), InvalidToken::Malformed),
        (String::new(), InvalidToken::Malformed),
    ] {
        assert_eq!(world.why_not(&forged).await, why.into(), "{forged}");
    }
}

#[tokio::test]
async fn a_claim_that_is_there_twice_is_rejected_although_it_is_signed() {
    let world = World::new();
    let claims = world.claims(&json!({})).to_string();
    for second in
        [r#""aud":"https://other.example""#, r#""sub":"eve""#, r#""groups":["admin"],"groups":[]"#, r#""iss":"x""#]
    {
        let twice = format!("{},{second}}}", claims.trim_end_matches('}'));
        let token = world.key.signed(&header(json!({"alg": "ES256"})), &twice);
        let why = world.why_not(&token).await;
        assert!(
            matches!(why, TokenError::Invalid(InvalidToken::Claims | InvalidToken::Malformed)),
            "{second}: {why:?}"
        );
    }
}

#[tokio::test]
async fn what_a_header_says_must_be_understood_is_rejected() {
    let world = World::new();
    let claims = world.claims(&json!({})).to_string();
    for (changed, why) in [
        (json!({"crit": ["exp"], "exp": 1}), InvalidToken::Malformed),
        (json!({"crit": []}), InvalidToken::Malformed),
        (json!({"crit": ["b64"], "b64": false}), InvalidToken::Malformed),
        (json!({"b64": false}), InvalidToken::Malformed),
        (json!({"typ": "dpop+jwt"}), InvalidToken::Type),
        (json!({"typ": "logout+jwt"}), InvalidToken::Type),
    ] {
        let mut header = header(changed.clone());
        header["alg"] = "ES256".into();
        assert_eq!(world.why_not(&world.key.signed(&header, &claims)).await, why.into(), "{changed}");
    }
}

#[tokio::test]
async fn a_token_may_be_long_but_not_longer() {
    let world = World::new();
    let token = |length: usize| world.token(&json!({"padding": "x".repeat(length)}));
    // Three bytes become four letters.
    let own = token(0).len();
    let fits = token((16 * 1024 - own) * 3 / 4 - 4);
    assert!(fits.len() > 16 * 1024 - 10 && world.validate(&fits).await.is_ok(), "{}", fits.len());
    assert_eq!(world.why_not(&token(12 * 1024)).await, InvalidToken::TooLong.into());
    assert_eq!(world.why_not(&"a.".repeat(1 << 20)).await, InvalidToken::TooLong.into());
}

#[tokio::test]
async fn claims_that_are_nested_deeply_are_rejected() {
    let world = World::new();
    let claims = world.claims(&json!({})).to_string();
    let nested = format!("{},\"deep\":{}{}}}", claims.trim_end_matches('}'), "[".repeat(3_000), "]".repeat(3_000));
    let token = world.key.signed(&header(json!({"alg": "ES256"})), &nested);
    let why = world.why_not(&token).await;
    assert!(matches!(why, TokenError::Invalid(InvalidToken::Claims | InvalidToken::Malformed)), "{why:?}");
}
