//! Scripts that are parked after functions have worked for them.

use std::time::{Duration, Instant};

use exuvia_gateway::{ApprovalConfig, Client, now_ms};
use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalFilter, ApprovalStore, Event, Journal, MemoryApprovals, RunEnd,
};
use exuvia_policy::{OnUnlisted, ServerRules};
use exuvia_runtime::Script;
use exuvia_tool::RunId;

use super::*;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// Functions, and a tool `fake.echo` that a person is asked about.
struct Asking {
    saved: Saved,
    approvals: Arc<MemoryApprovals>,
}

impl Asking {
    async fn new(limits: Limits) -> Self {
        let journal = Arc::new(TestJournal::for_replays(64 << 20));
        let approvals = MemoryApprovals::new(Arc::clone(&journal) as Arc<dyn Journal>);
        let config = ApprovalConfig::of(Arc::clone(&approvals) as Arc<dyn ApprovalStore>);
        let settings = Settings { journal, repair_age: Some(PATIENCE), approvals: Some(config), ..Settings::default() };
        let limits = Limits { hold_ms: 20, ..limits };
        let saved = Saved::made(vec![fake("fake", &[])], limits, settings).await;
        let rules = |listed: &str, on_unlisted| {
            let auto_execute = vec![listed.to_owned()];
            ServerRules { auto_execute, on_unlisted, ..ServerRules::default() }
        };
        let servers = [
            ("fake".to_owned(), rules("process", OnUnlisted::AskAtCall)),
            ("functions".to_owned(), rules("*", OnUnlisted::AskAtCall)),
        ];
        let source = PolicySource { servers: servers.into(), ..PolicySource::default() };
        saved.gateway.gateway().set_policy(Policy::compile(source, ["fake", "functions"]).expect("a policy"));
        Self { saved, approvals }
    }

    /// Runs a script that asks once, lets it go on, and waits for its end.
    async fn parked(&self, source: &str) -> RunEnd {
        let gateway = self.saved.gateway.gateway();
        let (script, client) = (Script::new(source), Client::new("test"));
        let run = gateway.start(&gateway.default_view(), script, StartedBy::Client, &client).expect("room");
        let id = run.id().clone();
        let report = run.report().await;
        assert_eq!(report.outcome.name(), "awaiting-approval", "{report:?}");
        let filter = ApprovalFilter { run: Some(id.clone()), ..ApprovalFilter::default() };
        let asked = self.approvals.list(&filter).await.expect("read");
        let [approval] = asked.as_slice() else { panic!("{asked:?}") };
        gateway.answer_approval(&approval.id, true, &answer(approval)).await.expect("it is pending");
        let begun = Instant::now();
        loop {
            if let Some(end) = self.end(&id) {
                return end;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", self.saved.journal.kinds());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn end(&self, run: &RunId) -> Option<RunEnd> {
        let entries = self.saved.journal.entries().into_iter().filter(|entry| entry.origin.run() == Some(run));
        let mut ends = entries.filter_map(|entry| match entry.event {
            Event::RunEnded(end) => Some(*end),
            _ => None,
        });
        ends.next()
    }

    /// How many functions have begun so far.
    fn begun(&self) -> usize {
        let is_function = |event: &Event| matches!(event, Event::RunStarted(start) if start.parent.is_some());
        self.saved.journal.entries().iter().filter(|entry| is_function(&entry.event)).count()
    }
}

fn answer(approval: &Approval) -> ApprovalAnswer {
    ApprovalAnswer {
        by: Principal::Operator,
        channel: ApprovalChannel::Cli,
        at_ms: now_ms(),
        reason: None,
        shown_sha256: approval.shown_sha256.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fuel_of_functions_is_counted_on_when_their_script_is_brought_back() {
    let asking = Asking::new(Limits { fuel: 400_000_000, ..Limits::default() }).await;
    let spin = "def spin() -> int:\n    \"\"\"Works.\"\"\"\n    return sum(i * i for i in range(20_000))\n";
    asking.saved.save("spin", spin).await;
    let report = asking.saved.report("for _ in range(500):\n    functions.spin()").await;
    assert!(matches!(report.outcome, Outcome::Stopped(_)), "{report:?}");
    let whole = asking.begun();
    assert!(whole > 3, "{whole}");
    let before = whole - 2;
    let script = format!(
        "for _ in range({before}):\n    functions.spin()\nfake.echo(value=1)\nfor _ in range(500):\n    functions.spin()"
    );
    let end = asking.parked(&script).await;
    assert_eq!((end.outcome.as_str(), end.limit.as_deref()), ("stopped", Some("fuel")), "{end:?}");
    let parked = asking.begun() - whole;
    assert!(parked > before && parked <= whole, "{parked} of {whole}");
    asking.saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_functions_are_counted_on_when_their_script_is_brought_back() {
    let asking = Asking::new(Limits { tool_calls: 10, ..Limits::default() }).await;
    let many = "def many(n: int) -> int:\n    \"\"\"Calls.\"\"\"\n    return len([fake.process() for _ in range(n)])\n";
    asking.saved.save("many", many).await;
    let script = |n: u32| format!("functions.many(n=5)\nfake.echo(value=1)\nresult = functions.many(n={n})");
    // Three of its own, and ten together.
    let end = asking.parked(&script(2)).await;
    assert_eq!(end.result.as_ref().map(|value| value.as_str()), Some("2"), "{end:?}");
    let end = asking.parked(&script(3)).await;
    let error = end.error.expect("an error");
    assert!(error.message.contains("tool_calls"), "{error:?}");
    asking.saved.gateway.stop().await;
}
