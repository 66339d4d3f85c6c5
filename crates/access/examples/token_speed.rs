//! What the validation of a token takes, by algorithm, when it is new and when it was seen before. `cargo run --release --example token_speed`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is a measurement")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use exuvia_access::jwt::IdentityProviders;
use exuvia_config::{IdentityProviderConfig, Issuer};
use exuvia_test_support::identity_provider::{IdentityProvider, SigningKey};
use serde_json::json;

/// How many tokens of each kind.
const TOKENS: usize = 500;
/// How often a token comes again.
const AGAIN: u32 = 200;

#[tokio::main]
async fn main() {
    println!("algorithm  bytes  new, µs  seen before, µs  asked whether it still counts, µs");
    for algorithm in ["RS256", "PS256", "RS512", "ES256", "ES384", "EdDSA"] {
        measure(algorithm).await;
    }
}

async fn measure(algorithm: &'static str) {
    let key = SigningKey::new("k1", algorithm);
    let provider = IdentityProvider::start(&[&key]);
    let mut config =
        IdentityProviderConfig::new(Issuer::parse(&provider.issuer()).unwrap(), "https://exuvia.example/mcp");
    config.default_role = Some("guest".to_owned());
    let clock = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let providers = IdentityProviders::new(BTreeMap::from([("okta".to_owned(), config)]), Arc::new(clock));
    let mut claims = provider.claims("https://exuvia.example/mcp");
    claims["scope"] = "openid profile email mcp".into();
    claims["groups"] = json!(["everyone", "engineering", "support", "on-call"]);
    let mut token = |n: usize| {
        claims["jti"] = n.into();
        key.token(&claims)
    };
    let tokens: Vec<String> = (0..TOKENS).map(&mut token).collect();
    // The key set is fetched for the first one.
    let first = providers.validate(&token(TOKENS)).await.unwrap();

    let begun = Instant::now();
    for token in &tokens {
        black_box(providers.validate(token).await.unwrap());
    }
    let new = each(begun.elapsed(), TOKENS);
    let begun = Instant::now();
    for _ in 0..AGAIN {
        for token in &tokens {
            black_box(providers.validate(token).await.unwrap());
        }
    }
    let seen = each(begun.elapsed(), TOKENS * AGAIN as usize);
    let begun = Instant::now();
    for _ in 0..TOKENS * AGAIN as usize {
        black_box(providers.role_of(&first).unwrap());
    }
    let asked = each(begun.elapsed(), TOKENS * AGAIN as usize);
    println!("{algorithm:9}  {:5}  {new:7.1}  {seen:15.2}  {asked:33.2}", tokens[0].len());
}

fn each(time: Duration, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let count = count as f64;
    time.as_secs_f64() * 1e6 / count
}
