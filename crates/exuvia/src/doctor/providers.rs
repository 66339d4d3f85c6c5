//! Identity providers, by whose keys tokens are verified.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exuvia_access::jwt::{IdentityProviders, KeySetTiming};
use exuvia_config::Config;

use super::finding::Finding;

/// Fetches the keys of each, for at most this long.
pub(super) async fn providers(config: &Config, most: Duration) -> Vec<Finding> {
    let configs = config.access.identity_providers.clone();
    let names: Vec<String> = configs.keys().cloned().collect();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = Arc::new(move || u64::try_from(now().as_millis()).unwrap_or(u64::MAX));
    let timing = KeySetTiming { timeout: most, ..KeySetTiming::default() };
    let providers = IdentityProviders::with_timing(configs, clock, timing);
    providers.tried().await;
    let problems: BTreeMap<&str, String> = providers.problems().collect();
    names.into_iter().map(|name| of_provider(problems.get(name.as_str())).named(name)).collect()
}

fn of_provider(problem: Option<&String>) -> Finding {
    match problem {
        None => Finding::ok("provider", "its keys can be fetched"),
        Some(why) => Finding::failed(
            "provider",
            format!("its keys cannot be fetched: {why}"),
            "check `issuer`, or set `jwks_uri`; for a private authority set `ca`",
        ),
    }
}
