//! Calls and scripts that need an approval: held, answered, parked and brought back.

mod by_daemon;
mod calls;
mod cancelled;
mod elicited;
mod faults;
mod killed;
mod notified;
mod other_guest;
mod page_questions;
mod parked;
mod served;
mod together;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_config::ServerConfig;
use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{ApprovalConfig, Client, RunHandle, StartedBy, now_ms};
use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalFilter, ApprovalState, ApprovalStore, Event, Journal,
    MemoryApprovals, WaitingState,
};
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_replay::{Replay, Verdict};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{SampleGateway, Settings, TestJournal, engine, fake};
use exuvia_tool::{ApprovalId, Principal, RunId};
use serde_json::json;
use tempfile::TempDir;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for an answer in time.
const LONG_HOLD_MS: u64 = 60_000;

/// A gateway over a server that writes down what reaches it, whose tool `echo` needs an approval and whose other tools do not.
struct World {
    gateway: SampleGateway,
    journal: Arc<TestJournal>,
    store: Arc<MemoryApprovals>,
    made: PathBuf,
    folder: TempDir,
}

impl World {
    async fn new(hold_ms: u64) -> Self {
        Self::with(Limits { hold_ms, ..Limits::default() }, |_| {}).await
    }

    async fn with(limits: Limits, change: impl FnOnce(&mut ApprovalConfig)) -> Self {
        Self::on(Arc::new(TestJournal::for_replays(64 << 20)), limits, change).await
    }

    async fn on(journal: Arc<TestJournal>, limits: Limits, change: impl FnOnce(&mut ApprovalConfig)) -> Self {
        let folder = TempDir::new().expect("a folder");
        let made = folder.path().join("calls");
        let server = server(&folder);
        let store = MemoryApprovals::new(Arc::clone(&journal) as Arc<dyn Journal>);
        let mut approvals = ApprovalConfig::of(Arc::clone(&store) as Arc<dyn ApprovalStore>);
        change(&mut approvals);
        let settings = Settings {
            journal: Arc::clone(&journal),
            repair_age: Some(Duration::from_secs(600)),
            approvals: Some(approvals),
            ..Settings::default()
        };
        let gateway = SampleGateway::with(vec![server], limits, settings).await;
        let world = Self { gateway, journal, store, made, folder };
        world.policy(OnUnlisted::AskAtCall, &[], &[]);
        world
    }

    /// Another gateway on the same journal and approvals, with a server of its own.
    async fn beside(&self) -> Self {
        Self::beside_of(&self.journal, &self.store).await
    }

    /// A gateway on a journal and approvals that another one has written.
    async fn beside_of(journal: &Arc<TestJournal>, store: &Arc<MemoryApprovals>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let made = folder.path().join("calls");
        let server = server(&folder);
        let (journal, store) = (Arc::clone(journal), Arc::clone(store));
        let approvals = ApprovalConfig::of(Arc::clone(&store) as Arc<dyn ApprovalStore>);
        let settings = Settings {
            journal: Arc::clone(&journal),
            repair_age: Some(Duration::from_secs(600)),
            approvals: Some(approvals),
            ..Settings::default()
        };
        let limits = Limits { hold_ms: LONG_HOLD_MS, ..Limits::default() };
        let gateway = SampleGateway::with(vec![server], limits, settings).await;
        let world = Self { gateway, journal, store, made, folder };
        world.policy(OnUnlisted::AskAtCall, &[], &[]);
        world
    }

    /// Everything but these is listed.
    fn policy_asking_for(&self, asked: &[&str]) {
        let others = ["echo", "process", "work", "change", "hang"].into_iter().filter(|tool| !asked.contains(tool));
        let auto_execute = others.map(str::to_owned).collect();
        let rules = ServerRules { auto_execute, on_unlisted: OnUnlisted::AskAtCall, ..ServerRules::default() };
        let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
        self.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
    }

    /// What has no effect is listed, and these too.
    fn policy(&self, on_unlisted: OnUnlisted, listed: &[&str], deny: &[&str]) {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let mut auto_execute = texts(&["process", "work", "change"]);
        auto_execute.extend(texts(listed));
        let rules = ServerRules { auto_execute, deny: texts(deny), on_unlisted, ..ServerRules::default() };
        let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
        self.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
    }

    fn begin(&self, source: &str) -> RunHandle {
        let gateway = self.gateway.gateway();
        let (script, client) = (Script::new(source), Client::new("test"));
        gateway.start(&gateway.default_view(), script, StartedBy::Client, &client).expect("room")
    }

    /// Approvals in this state of a run, those first that were asked first.
    async fn approvals(&self, run: &RunId, state: ApprovalState) -> Vec<Approval> {
        let filter = ApprovalFilter { run: Some(run.clone()), state: Some(state), ..ApprovalFilter::default() };
        let mut all = self.store.list(&filter).await.expect("read");
        all.sort_by(|one, other| (one.call, &one.id).cmp(&(other.call, &other.id)));
        all
    }

    /// Waits until so many approvals of a run are pending.
    async fn asked(&self, run: &RunId, count: usize) -> Vec<Approval> {
        let begun = Instant::now();
        loop {
            let pending = self.approvals(run, ApprovalState::Pending).await;
            if pending.len() >= count {
                assert_eq!(pending.len(), count, "{pending:?}");
                return pending;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count} were asked", pending.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn answer(&self, approval: &Approval, allow: bool) {
        let answered = self.gateway.gateway().answer_approval(&approval.id, allow, &answer(approval, None)).await;
        answered.expect("it is pending");
    }

    /// Waits until a run is over, as the store of approvals has it.
    async fn over(&self, run: &RunId) -> WaitingState {
        self.until(run, |state| matches!(state, WaitingState::Done | WaitingState::Void(_))).await
    }

    async fn until(&self, run: &RunId, is_there: impl Fn(&WaitingState) -> bool) -> WaitingState {
        let begun = Instant::now();
        loop {
            let state = self.store.waiting(run).await.expect("read").map(|waiting| waiting.state);
            match state {
                Some(state) if is_there(&state) => return state,
                state => assert!(begun.elapsed() < PATIENCE, "{state:?}: {:?}", self.journal.kinds()),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the record says of the end of a run.
    fn end(&self, run: &RunId) -> exuvia_journal::RunEnd {
        let ends = self.journal.entries().into_iter().filter(|entry| entry.origin.run() == Some(run));
        let ends: Vec<_> = ends
            .filter_map(|entry| match entry.event {
                Event::RunEnded(end) => Some(*end),
                _ => None,
            })
            .collect();
        assert_eq!(ends.len(), 1, "{ends:?}");
        ends.into_iter().next().expect("one")
    }

    /// What the run returned, as JSON text.
    fn result(&self, run: &RunId) -> String {
        let end = self.end(run);
        end.result.unwrap_or_else(|| panic!("{:?} {:?}", end.outcome, end.error)).as_str().to_owned()
    }

    /// Replays a run, which must come to what its record says.
    async fn replays(&self, run: &RunId) {
        let replay = Replay::load(&*self.journal, run).await.expect("it is replayable");
        let replayed = replay.run(engine()).await.expect("on this engine");
        assert_eq!(replayed.verdict, Verdict::Same, "{:?}", replayed.report.outcome);
        assert!(replayed.differences.is_empty(), "{:?}", replayed.differences);
    }

    /// What `executeToolCode` answers for the name of a run.
    async fn pick_up(&self, run: &RunId) -> String {
        let (gateway, arguments) = (self.gateway.gateway(), json!({"run": run.as_str()}));
        let arguments = arguments.as_object().expect("an object");
        let view = gateway.default_view();
        match meta::call(gateway, &view, &Client::new("test"), "executeToolCode", arguments).await {
            Ok(MetaAnswer::Stored(stored)) => stored.render_aside().await.text,
            Ok(MetaAnswer::Text(text)) => text,
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }

    /// The values that the server was called with, in order.
    fn made(&self) -> Vec<String> {
        let calls = fs::read_to_string(&self.made).unwrap_or_default();
        let value = |line: &str| {
            let call: serde_json::Value = serde_json::from_str(line).expect("JSON");
            call["params"]["arguments"]["value"].to_string()
        };
        calls.lines().map(value).collect()
    }
}

/// The tools of the server, whose `echo` is described like this.
fn describe(folder: &TempDir, echo: &str) {
    let tool = |name: &str, description: &str| json!({"name": name, "description": description, "inputSchema": {"type": "object"}});
    let others = ["process", "work", "change", "hang", "answer"].map(|name| tool(name, "does it"));
    let tools: Vec<_> = others.into_iter().chain([tool("echo", echo)]).collect();
    fs::write(folder.path().join("tools.json"), json!(tools).to_string()).expect("written");
}

fn server(folder: &TempDir) -> ServerConfig {
    describe(folder, "says it again");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fake("fake", &["--changes", "--tools", &path("tools.json"), "--record", &path("calls")])
}

fn answer(approval: &Approval, reason: Option<&str>) -> ApprovalAnswer {
    ApprovalAnswer {
        by: Principal::Operator,
        channel: ApprovalChannel::Cli,
        at_ms: now_ms(),
        reason: reason.map(str::to_owned),
        shown_sha256: approval.shown_sha256.clone(),
    }
}

fn text(report: &Report) -> String {
    render(report, AnswerRoom::UNLIMITED).text
}

fn ids(approvals: &[Approval]) -> Vec<ApprovalId> {
    approvals.iter().map(|approval| approval.id.clone()).collect()
}
