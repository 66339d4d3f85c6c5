//! What the tests share: one engine, a set of tools that live in this process, a world that repeats itself, gateways and
//! programs under test, the recorded catalogs as servers, and the reading of case files.

mod admin_api;
mod authorizing;
mod case;
pub mod catalog;
mod certificates;
pub mod contract;
mod daemon;
mod data_home;
pub mod direct_load;
mod event_reader;
mod folder;
mod gateway;
mod http;
mod journal;
mod journal_place;
mod key_client;
#[cfg(target_os = "linux")]
pub mod pages;
mod program;
mod proxy;
mod screen;
mod secret_search;
mod served;
mod stdio;
pub mod store;
#[cfg(target_os = "linux")]
pub mod this_thread;
mod token_issuer;
mod tools;
pub mod trials;
pub mod twins;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use exuvia_runtime::{Engine, EngineConfig, Limits, Outcome, Report, Script};
use serde_json::Value;

pub use admin_api::AdminApi;
pub use authorizing::Authorizing;
pub use case::{Case, cases, tells_nothing_of_the_host};
pub use certificates::Certificates;
pub use daemon::{Daemon, measured};
pub use data_home::DataHome;
pub use event_reader::EventReader;
pub use exuvia_fake_upstream::WebServer;
pub use exuvia_test_support::identity_provider;
pub use exuvia_test_support::{
    ScriptedIo, assert_snapshot, built, children, compared, data, ends_within, files, forget_peak, gone, is_blessing,
    peak_bytes, runs,
};
pub use folder::{Folder, echo_table, fake_table};
pub use gateway::{SampleGateway, Settings, direct_fake, fake, outcomes, rules};
pub use http::{Answer, HttpClient, events};
pub use journal::TestJournal;
pub use journal_place::JournalPlace;
pub use key_client::{KeyClient, key_table, modern};
pub use program::{Ended, Program, exuvia, sample};
pub use proxy::TestProxy;
pub use screen::Screen;
pub use secret_search::SecretSearch;
pub use served::{PATIENCE, Served, initialize};
pub use stdio::{Client, modern_meta};
pub use token_issuer::{CLIENT_SECRET, TokenIssuer};
pub use tools::TestTools;

/// Where no data can be kept: for `XDG_DATA_HOME`, so that tests neither read nor write what is in the user's.
pub const NOWHERE: &str = "/proc/none";

/// The folder of this package, as cargo names it when it runs the tests: compiled in, it would tie a build to one clone.
#[must_use]
pub fn here() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"))
}

/// The engine of this test process.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let config = EngineConfig { resting_instances: 64, ..EngineConfig::default() };
    ENGINE.get_or_init(|| Engine::new(&config).expect("the engine starts"))
}

/// Another one, whose runs may be below each other: with eight runs at a time, four deep.
pub fn nesting_engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let config = EngineConfig { concurrent_runs: 8, nested_levels: 4, ..EngineConfig::default() };
    ENGINE.get_or_init(|| Engine::new(&config).expect("the engine starts"))
}

/// Runs a script against [`TestTools`].
pub async fn run(source: &str, limits: Limits) -> Report {
    engine().run(Script::new(source), limits, Arc::new(TestTools::new())).execute().await
}

/// The result of a run that returned.
///
/// # Panics
///
/// It did not.
#[must_use]
pub fn returned(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Returned(result) => result.to_value().expect("a result is JSON"),
        other => panic!("{other:?}\n{}", report.logs.text),
    }
}

/// Whether a text is a ULID, as runs are named.
#[must_use]
pub fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&byte))
}

/// The limit that stopped a run.
///
/// # Panics
///
/// None did.
#[must_use]
pub fn stopped_by(report: &Report) -> &'static str {
    match &report.outcome {
        Outcome::Stopped(stop) => stop.limit.name(),
        other => panic!("{other:?}"),
    }
}
