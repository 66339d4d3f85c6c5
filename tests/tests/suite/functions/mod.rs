//! Saved functions: what they may do, who lets them, and what is recorded of them.

mod authority;
mod bounds;
mod parked;
mod promoting;
mod records;
mod tokens;

use std::fs;
use std::sync::Arc;

use exuvia_config::{FunctionsConfig, ServerConfig};
use exuvia_functions::{Function, FunctionName};
use exuvia_gateway::{FunctionLibrary, StartedBy};
use exuvia_journal::{FunctionAct, FunctionStore, NewFunction, SqliteAccessStore};
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::{Limits, Outcome, Report};
use exuvia_tests::{SampleGateway, Settings, TestJournal, fake};
use exuvia_tool::Principal;
use serde_json::Value;
use tempfile::TempDir;

/// A gateway over the fake server, with a directory of functions.
struct Saved {
    gateway: SampleGateway,
    store: Arc<SqliteAccessStore>,
    library: Arc<FunctionLibrary>,
    config: Arc<FunctionsConfig>,
    journal: Arc<TestJournal>,
    folder: TempDir,
}

impl Saved {
    async fn new() -> Self {
        Self::with(Limits::default(), &["*.*"]).await
    }

    /// With these limits, and this `auto_execute`.
    async fn with(limits: Limits, listed: &[&str]) -> Self {
        Self::over(vec![fake("fake", &[])], limits, listed).await
    }

    /// The same over these servers.
    async fn over(servers: Vec<ServerConfig>, limits: Limits, listed: &[&str]) -> Self {
        let journal = Arc::new(TestJournal::for_replays(64 << 20));
        let saved = Self::made(servers, limits, Settings { journal, ..Settings::default() }).await;
        saved.list(listed);
        saved
    }

    /// With these settings, to which functions are added, and no policy.
    async fn made(servers: Vec<ServerConfig>, limits: Limits, settings: Settings) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteAccessStore::in_memory().expect("a store");
        let config = Arc::new(FunctionsConfig {
            dir: Some(folder.path().to_owned()),
            propose: true,
            expose: false,
            depth: 3,
            proposals: 5,
            proposals_per_principal: 3,
        });
        let library = FunctionLibrary::new(Arc::clone(&store) as _);
        let journal = Arc::clone(&settings.journal);
        let settings = Settings { functions: Some((Arc::clone(&library), Arc::clone(&config))), ..settings };
        let gateway = SampleGateway::with(servers, limits, settings).await;
        Self { gateway, store, library, config, journal, folder }
    }

    /// Lets these tools be called without asking.
    fn list(&self, listed: &[&str]) {
        let auto_execute = listed.iter().map(|&text| text.to_owned()).collect();
        let source = PolicySource { auto_execute, ..PolicySource::default() };
        self.gateway
            .gateway()
            .set_policy(Policy::compile(source, ["fake", "functions", "crm", "billing"]).expect("a policy"));
    }

    /// Writes the file of a function.
    fn write(&self, name: &str, source: &str) {
        let file = self.folder.path().join(format!("{}.py", name.replace('.', "/")));
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, source).expect("written");
    }

    /// Promotes this text, as the operator does.
    async fn promote(&self, name: &str, source: &str) -> u32 {
        let function = Function::read(name.parse::<FunctionName>().expect("a name"), source).expect("a function");
        let act = FunctionAct { principal: Principal::Operator, at_ms: 1, run: None };
        let (name, sha256, source) = (name.to_owned(), function.sha256().to_owned(), source.to_owned());
        self.store.promote(&NewFunction { name, sha256, source, act }).await.expect("promoted")
    }

    /// Writes and promotes a function, and waits until scripts see it.
    async fn save(&self, name: &str, source: &str) {
        self.write(name, source);
        self.promote(name, source).await;
        self.seen().await;
    }

    /// Has the gateway look at the directory and the store now.
    async fn seen(&self) {
        self.library.refresh(&self.config).await;
        // Views are made anew with a policy.
        let policy = Policy::clone(&self.gateway.gateway().policy());
        self.gateway.gateway().set_policy(policy);
    }

    async fn report(&self, source: &str) -> Report {
        self.gateway.run_by(StartedBy::Client, source).await
    }

    /// The result of a script that returns.
    async fn result(&self, source: &str) -> Value {
        match self.report(source).await.outcome {
            Outcome::Returned(value) => serde_json::from_str(value.as_str()).expect("JSON"),
            other => panic!("{source}: {other:?}"),
        }
    }

    /// The message of the error that a script ends with.
    async fn error(&self, source: &str) -> String {
        match self.report(source).await.outcome {
            Outcome::Raised(error) | Outcome::Denied(error) => {
                format!("{}: {}\n{}", error.kind, error.message, error.traceback)
            }
            other => panic!("{source}: {other:?}"),
        }
    }
}
