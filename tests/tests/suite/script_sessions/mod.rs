//! Sessions of scripts: variables stay, whatever becomes of the interpreter between two scripts.

mod bounds;
mod budgets;
mod killed;
mod operators;
mod scripts;
mod stopped;
mod synced;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_access::Identity;
use exuvia_config::{SessionShare, SessionsConfig};
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{Client, View};
use exuvia_journal::{Archive as _, Record};
use exuvia_policy::{Policy, PolicySource};
use exuvia_replay::{Replay, Verdict};
use exuvia_runtime::{Limits, Outcome, Report};
use exuvia_tests::{SampleGateway, Settings, TestJournal, engine, fake};
use exuvia_tool::RunId;
use serde_json::{Value, json};
use tempfile::TempDir;

use scripts::{SCRIPTS, SERVED};

/// A gateway over a server that writes down what reaches it, with sessions.
struct Sessions {
    gateway: SampleGateway,
    journal: Arc<TestJournal>,
    made: PathBuf,
    /// Who sends the scripts.
    client: Client,
    folder: TempDir,
}

impl Sessions {
    async fn new(config: SessionsConfig) -> Self {
        Self::with(config, Limits::default()).await
    }

    async fn with(config: SessionsConfig, limits: Limits) -> Self {
        Self::with_settings(config, limits, Settings::default()).await
    }

    /// With these settings, to which sessions are added.
    async fn with_settings(config: SessionsConfig, limits: Limits, settings: Settings) -> Self {
        let journal = Arc::new(TestJournal::for_replays(256 << 20));
        Self::over(TempDir::new().expect("a folder"), config, limits, Settings { journal, ..settings }).await
    }

    /// As after a restart, configured in another way.
    async fn again(self, config: SessionsConfig) -> Self {
        let Self { gateway, journal, folder, .. } = self;
        gateway.stop().await;
        Self::over(folder, config, Limits::default(), Settings { journal, ..Settings::default() }).await
    }

    async fn over(folder: TempDir, config: SessionsConfig, limits: Limits, settings: Settings) -> Self {
        let made = folder.path().join("calls");
        let server = fake(SERVED, &["--record", made.to_str().expect("UTF-8")]);
        let journal = Arc::clone(&settings.journal);
        let settings = Settings {
            repair_age: Some(Duration::from_secs(600)),
            sessions: Some((folder.path().join("sessions"), config)),
            ..settings
        };
        let gateway = SampleGateway::with(vec![server], limits, settings).await;
        let source = PolicySource { auto_execute: vec!["*.*".to_owned()], ..PolicySource::default() };
        gateway.gateway().set_policy(Policy::compile(source, [SERVED]).expect("a policy"));
        Self { gateway, journal, made, client: Client::new("test"), folder }
    }

    fn view(&self) -> Arc<View> {
        self.gateway.gateway().default_view()
    }

    async fn send_by(&self, client: &Client, arguments: Value) -> (RunId, Report) {
        let (gateway, arguments) = (self.gateway.gateway(), arguments.as_object().expect("an object").clone());
        match meta::call(gateway, &self.view(), client, "executeToolCode", &arguments).await {
            Ok(MetaAnswer::Run(run)) => (run.id().clone(), run.report().await),
            other => panic!("{other:?}"),
        }
    }

    /// Runs a script of a session.
    async fn run(&self, session: &str, code: &str) -> (RunId, Report) {
        self.send_by(&self.client, json!({"code": code, "session": session})).await
    }

    /// What a script of a session returns.
    async fn value(&self, session: &str, code: &str) -> Value {
        let (_, report) = self.run(session, code).await;
        value(&report)
    }

    /// The arguments of the calls that reached the server.
    fn made(&self) -> Vec<String> {
        fs::read_to_string(&self.made).map_or_else(|_| Vec::new(), |calls| calls.lines().map(str::to_owned).collect())
    }

    async fn record(&self, run: &RunId) -> Record {
        self.journal.record(run.as_str()).await.expect("readable").expect("recorded")
    }
}

fn value(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Returned(json) => serde_json::from_str(json.as_str()).expect("JSON"),
        other => panic!("{other:?}: {}", report.logs.text),
    }
}

fn cold() -> SessionsConfig {
    SessionsConfig { warm: 0, ..SessionsConfig::default() }
}

/// The kind and message of the error that a script ended with.
fn error(report: &Report) -> (String, String) {
    match &report.outcome {
        Outcome::Raised(error) => (error.kind.clone(), error.message.clone()),
        other => panic!("{other:?}"),
    }
}

async fn all_values(sessions: &Sessions) -> Vec<Value> {
    let mut values = Vec::new();
    for code in SCRIPTS {
        values.push(sessions.value("a", code).await);
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_dropped_after_each_script_gives_the_values_of_an_undisturbed_one() {
    let warm = Sessions::new(SessionsConfig::default()).await;
    let undisturbed = all_values(&warm).await;
    assert_eq!(warm.gateway.gateway().sessions().warm().0, 1);
    let dropped = Sessions::new(cold()).await;
    let disturbed = all_values(&dropped).await;
    assert_eq!(dropped.gateway.gateway().sessions().warm().0, 0);
    for (number, (one, other)) in undisturbed.iter().zip(&disturbed).enumerate() {
        assert_eq!(one, other, "script {}", number + 1);
    }
    let calls = scripts::CALLS;
    assert_eq!((warm.made().len(), dropped.made().len()), (calls, calls), "each call once");
    warm.gateway.stop().await;
    dropped.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_a_script_hears_of_its_end_while_its_interpreter_stays() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    for code in ["print(1)\nfake.echo(value=1)", "print(2)"] {
        let (gateway, arguments) = (sessions.gateway.gateway(), json!({"code": code, "session": "a"}));
        let arguments = arguments.as_object().expect("an object");
        let answer = meta::call(gateway, &sessions.view(), &sessions.client, "executeToolCode", arguments).await;
        let Ok(MetaAnswer::Run(mut run)) = answer else { panic!("{answer:?}") };
        let all = async { while run.events.recv().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("an end");
        assert_eq!(run.report().await.outcome.name(), "returned");
    }
    assert_eq!(sessions.gateway.gateway().sessions().warm().0, 1);
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chance_goes_on_and_is_never_drawn_anew() {
    let sessions = Sessions::new(cold()).await;
    let begins = "import random, secrets, uuid\ndrawn = []\ndef draw():\n    \
                  drawn.append([random.random(), secrets.token_hex(4), str(uuid.uuid4())])\n    return drawn\ndraw()";
    let mut earlier = sessions.value("a", begins).await;
    for _ in 0..4 {
        let now = sessions.value("a", "draw()").await;
        let (before, after) = (earlier.as_array().expect("a list"), now.as_array().expect("a list"));
        assert_eq!(before[..], after[..before.len()]);
        assert_eq!(after.len(), before.len() + 1);
        earlier = now;
    }
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_script_is_a_run_of_its_own_that_can_be_replayed() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    let mut runs = Vec::new();
    for code in ["n = [1]", "n.append(fake.echo(value=2)['value'])", "n.append(3)\nresult = n"] {
        runs.push(sessions.run("a", code).await.0);
    }
    let mut after = None;
    for (index, run) in (1..).zip(&runs) {
        let record = sessions.record(run).await;
        let place = record.start().expect("a start").session.clone().expect("a place");
        assert_eq!((place.name.as_str(), place.index, &place.after), ("a", index, &after));
        let replay = Replay::load(&*sessions.journal, run).await.expect("replayable");
        let replayed = replay.run(engine()).await.expect("replayed");
        assert_eq!(replayed.verdict, Verdict::Same, "script {index}: {:?}", replayed.differences);
        after = Some(run.clone());
    }
    assert_eq!(sessions.made().len(), 1);
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_raises_leaves_what_python_left_and_one_that_is_stopped_leaves_nothing() {
    for config in [cold(), SessionsConfig::default()] {
        let sessions = Sessions::with(config, Limits { fuel: 3_000_000_000, ..Limits::default() }).await;
        assert_eq!(sessions.value("a", "done = []\ndef f():\n    return done[9]\nlen(done)").await, 0);
        let (_, report) = sessions.run("a", "done.append('before')\nf()\ndone.append('after')").await;
        let Outcome::Raised(error) = &report.outcome else { panic!("{report:?}") };
        assert_eq!((error.kind.as_str(), error.line), ("IndexError", Some(2)), "{error:?}");
        assert!(error.traceback.contains("raised in f, of an earlier script"), "{}", error.traceback);
        let (_, report) = sessions.run("a", "import sys\ndone.append('left')\nsys.exit(1)").await;
        assert_eq!(report.outcome.name(), "raised");
        let (_, report) = sessions.run("a", "done.append('lost')\nwhile True: pass").await;
        assert_eq!(report.outcome.name(), "stopped");
        assert!(report.notes.iter().any(|note| note.contains("as it was before this script")), "{:?}", report.notes);
        assert_eq!(sessions.value("a", "done").await, json!(["before", "left"]));
        let (_, report) = sessions.run("b", "while True: pass").await;
        assert!(report.notes.iter().any(|note| note.contains("has not begun")), "{:?}", report.notes);
        assert_eq!(sessions.value("b", "1").await, 1);
        sessions.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_that_of_its_own_script_and_can_be_read_by_the_next() {
    for config in [cold(), SessionsConfig::default()] {
        let sessions = Sessions::new(config).await;
        assert_eq!(sessions.value("a", "result = 3").await, 3);
        assert_eq!(sessions.value("a", "None").await, Value::Null, "not the one of the script before");
        assert_eq!(sessions.value("a", "result + 1").await, 4);
        assert_eq!(sessions.value("a", "result = result + 4").await, 7);
        assert_eq!(sessions.value("a", "fake = 5\nfake").await, 5);
        assert_eq!(sessions.value("a", "[fake, mcp.fake.echo(value=1)['value']]").await, json!([5, 1]));
        sessions.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_one_principal_share_a_session_unless_each_is_to_have_its_own() {
    let other = Client::new("other");
    for (share, found) in [(SessionShare::Key, true), (SessionShare::Session, false)] {
        let sessions = Sessions::new(SessionsConfig { share, ..SessionsConfig::default() }).await;
        sessions.value("a", "n = 1").await;
        let (_, report) = sessions.send_by(&other, json!({"code": "'n' in globals()", "session": "a"})).await;
        assert_eq!(value(&report), found);
        let gateway = sessions.gateway.gateway();
        gateway.client_left(&sessions.client);
        let begun = Instant::now();
        // One for both, or that of the other client.
        while gateway.sessions().list(None).expect("a list").len() != 1 {
            assert!(begun.elapsed() < Duration::from_secs(30), "the session does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(sessions.value("a", "'n' in globals()").await, found);
        sessions.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_there_is_told_with_what_the_session_keeps() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    for told in ["with which the session begins: nothing is kept from before", "nor in an earlier one of the session"] {
        let (_, report) = sessions.run("a", "gone").await;
        let Outcome::Raised(error) = &report.outcome else { panic!("{report:?}") };
        assert!(
            error.hint.as_deref().is_some_and(|hint| hint.starts_with("gone is ") && hint.ends_with(told)),
            "{error:?}"
        );
    }
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_left_under_way_is_over_for_the_next() {
    for config in [cold(), SessionsConfig::default()] {
        let sessions = Sessions::new(config).await;
        let leaves = "import asyncio\nkept = []\nasync def main():\n    kept.append(asyncio.ensure_future(fake.echo(value=1)))\n    \
                      raise ValueError('now')\nawait main()";
        let (_, report) = sessions.run("a", leaves).await;
        assert_eq!(error(&report).0, "ValueError");
        let goes_on = "values = await asyncio.gather(*[fake.echo(value=n) for n in range(5)])\ndel kept[:]\n\
                       more = await asyncio.gather(*[fake.echo(value=n) for n in range(5)])\n\
                       [v['value'] for v in values + more]";
        assert_eq!(sessions.value("a", goes_on).await, json!([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]));
        sessions.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_others_do_not_exist_and_scripts_without_one_share_nothing() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    assert_eq!(sessions.value("a", "n = 1\nn").await, 1);
    let other = Client::of(Identity::nobody(), "test");
    let (_, report) = sessions.send_by(&other, json!({"code": "n", "session": "a"})).await;
    assert_eq!(error(&report).0, "NameError");
    let (_, report) = sessions.send_by(&sessions.client, json!({"code": "n"})).await;
    assert_eq!(error(&report).0, "NameError");
    assert_eq!(sessions.value("b", "'n' in globals()").await, false);
    assert_eq!(sessions.value("a", "n").await, 1);
    sessions.gateway.stop().await;
}
