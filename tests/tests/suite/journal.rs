//! What the journal has of runs and calls, in order; and what becomes of them when it cannot be written.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use exuvia_gateway::{Client, DirectAnswer, Mode, Profile, Profiles, RunHandle, StartedBy};
use exuvia_journal::{Entry, Event};
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Outcome, Report, Script};
use exuvia_tests::{PATIENCE, SampleGateway, Settings, direct_fake, is_ulid, returned};
use exuvia_tool::{CallError, Json, Principal, RunEvent};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

/// A gateway over the fake server, which writes down the calls that reach it.
struct Recorded {
    gateway: SampleGateway,
    folder: TempDir,
}

impl Recorded {
    async fn new(limits: Limits) -> Self {
        let folder = TempDir::new().expect("a folder");
        let server = direct_fake("fake", &["--record", &received_in(&folder).display().to_string()]);
        let both = |mode| Profile::new([("fake".to_owned(), mode)]).with_bare_names();
        let named = [("direct".to_owned(), both(Mode::Direct))].into();
        let profiles = Some(Profiles { default: both(Mode::Code), named });
        let settings = Settings { profiles, ..Settings::default() };
        let gateway = SampleGateway::with(vec![server], limits, settings).await;
        let rules = ServerRules {
            auto_execute: ["echo", "hang", "answer", "error"].map(str::to_owned).into(),
            deny: vec!["seen".into()],
            on_unlisted: OnUnlisted::AskAtCall,
            ..ServerRules::default()
        };
        let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
        gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
        Self { gateway, folder }
    }

    async fn working() -> Self {
        Self::new(Limits::default()).await
    }

    /// Its journal cannot keep entries of these kinds.
    async fn failing_at(kinds: &[&'static str]) -> Self {
        let recorded = Self::working().await;
        recorded.gateway.journal().fail(kinds);
        recorded
    }

    /// The entries of one run, each as one line.
    fn told(&self, run: &str) -> Vec<String> {
        self.gateway.journal().entries().iter().filter(|entry| run_of(entry) == run).map(told).collect()
    }

    /// The same, when there are as many.
    async fn tells(&self, run: &str, count: usize) -> Vec<String> {
        let all = async {
            while self.told(run).len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{:?}", self.told(run)));
        self.told(run)
    }

    fn start(&self, source: &str) -> RunHandle {
        let gateway = self.gateway.gateway();
        let client = Client::new("test");
        gateway.start(&gateway.default_view(), Script::new(source), StartedBy::Client, &client).expect("room")
    }

    /// Runs a script, and gives what the journal has of it.
    async fn run(&self, source: &str) -> (Report, Vec<String>) {
        let run = self.start(source);
        let id = run.id().clone();
        let report = timeout(PATIENCE, run.report()).await.expect("an end in time");
        (report, self.told(id.as_str()))
    }

    /// Makes a client's own call.
    async fn call(&self, tool: &str, arguments: &str) -> DirectAnswer {
        let arguments = Json::parse(arguments).expect("JSON");
        self.gateway.proxy_call("direct", "fake", tool, arguments).await
    }

    /// The calls that reached the server.
    fn received(&self) -> Vec<String> {
        let text = fs::read_to_string(received_in(&self.folder)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn received_in(folder: &TempDir) -> PathBuf {
    folder.path().join("received")
}

/// Waits until a run has made its first call.
async fn calling(run: &mut RunHandle) {
    let first = async {
        while let Some(event) = run.events.recv().await {
            if matches!(event, RunEvent::CallStarted { .. }) {
                return;
            }
        }
        panic!("no call was made");
    };
    timeout(PATIENCE, first).await.expect("a call in time");
}

/// The run that an entry is of, if it is of one.
fn run_of(entry: &Entry) -> String {
    entry.origin.run().map(ToString::to_string).unwrap_or_default()
}

fn told(entry: &Entry) -> String {
    match &entry.event {
        Event::RunStarted(start) => format!("run started: {}", start.source),
        Event::CallIntended { call, .. } => {
            format!("call {} intended: {} {}", call.id.0, call.name, call.arguments.as_str())
        }
        Event::CallRefused { call, code, .. } => format!("call {} refused: {} {code}", call.id.0, call.name),
        Event::CallEnded { id, code, value_bytes, .. } => format!("call {} ended: {code} {value_bytes}", id.0),
        Event::RunEnded(end) => format!("run ended: {}", end.outcome),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_its_calls_are_recorded_in_order_with_what_came_of_each() {
    let recorded = Recorded::working().await;
    let source = "kept = []\n\
        for call in [lambda: fake.echo(value='a'), lambda: fake.error(error={'code': -32000, 'message': 'no'}),\n\
        \x20            lambda: getattr(fake, 'se' + 'en')(), lambda: fake.echo(value=[1.50, 12345678901234567890123])]:\n\
        \x20   try:\n        call()\n    except (ToolError, ToolDenied) as error:\n        kept.append(type(error).__name__)\n\
        result = kept";
    let (report, told) = recorded.run(source).await;
    assert_eq!(returned(&report).as_array().map(Vec::len), Some(2), "{:?}", report.outcome);
    assert_eq!(
        told,
        [
            format!("run started: {source}").as_str(),
            r#"call 1 intended: fake.echo {"value":"a"}"#,
            "call 1 ended: ok 13",
            r#"call 2 intended: fake.error {"error":{"code":-32000,"message":"no"}}"#,
            "call 2 ended: tool-failed 0",
            "call 3 refused: fake.seen denied",
            r#"call 4 intended: fake.echo {"value":[1.5,12345678901234567890123]}"#,
            "call 4 ended: ok 39",
            "run ended: returned",
        ]
    );
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_a_run_is_recorded() {
    let recorded = Recorded::working().await;
    for (source, calls, outcome) in [
        ("result = 1", vec![], "returned"),
        ("1 / 0", vec![], "raised"),
        ("getattr(fake, 'se' + 'en')()", vec!["call 1 refused: fake.seen denied"], "denied"),
        (
            "getattr(fake, 'proc' + 'ess')()",
            vec!["call 1 refused: fake.process awaiting-approval"],
            "awaiting-approval",
        ),
    ] {
        let (report, told) = recorded.run(source).await;
        assert_eq!(report.outcome.name(), outcome, "{source}: {:?}", report.outcome);
        let (started, ended) = (format!("run started: {source}"), format!("run ended: {outcome}"));
        let expected: Vec<&str> = [&[started.as_str()][..], &calls[..], &[ended.as_str()]].concat();
        assert_eq!(told, expected, "{source}");
    }
    assert!(recorded.received().is_empty());
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_answer_is_recorded_as_timed_out_each_time() {
    let limits = Limits { call_timeout_ms: 700, ..Limits::default() };
    let recorded = Recorded::new(limits).await;
    let source = "late = 0\nfor _ in range(5):\n    try:\n        fake.hang()\n    except ToolTimeout:\n        late += 1\n    \
        fake.echo(value=1)\nresult = late";
    let (report, told) = recorded.run(source).await;
    assert_eq!(returned(&report), json!(5));
    let ends: Vec<&String> = told.iter().filter(|line| line.starts_with("call") && line.contains(" ended: ")).collect();
    let hung = |id: usize| [format!("call {id} ended: timed-out 0"), format!("call {} ended: ok 11", id + 1)];
    let expected: Vec<String> = (1..=5).flat_map(|n| hung(2 * n - 1)).collect();
    assert_eq!(ends, expected.iter().collect::<Vec<_>>());
    let counted = recorded.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_calls_total{server=\"fake\",outcome=\"timed-out\"} 5\n"), "{counted}");
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_is_recorded_as_cancelled_and_so_is_its_run() {
    let recorded = Recorded::working().await;
    let mut run = recorded.start("fake.hang()");
    let id = run.id().to_string();
    calling(&mut run).await;
    recorded.tells(&id, 2).await;
    run.cancellation().cancel();
    let report = timeout(PATIENCE, run.report()).await.expect("an end in time");
    assert!(matches!(report.outcome, Outcome::Cancelled), "{:?}", report.outcome);
    let cancelled = [
        "run started: fake.hang()",
        "call 1 intended: fake.hang {}",
        "call 1 ended: cancelled 0",
        "run ended: cancelled",
    ];
    assert_eq!(recorded.told(&id), cancelled);
    // The same when nobody holds the run any more.
    let mut dropped = recorded.start("fake.hang()");
    let id = dropped.id().to_string();
    calling(&mut dropped).await;
    recorded.tells(&id, 2).await;
    drop(dropped);
    assert_eq!(recorded.tells(&id, 4).await, cancelled);
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_side_by_side_are_recorded_apart() {
    let recorded = Recorded::working().await;
    let runs: Vec<RunHandle> =
        (0..4).map(|number| recorded.start(&format!("for _ in range(3): fake.echo(value={number})"))).collect();
    let ids: Vec<String> = runs.iter().map(|run| run.id().to_string()).collect();
    for run in runs {
        timeout(PATIENCE, run.report()).await.expect("an end in time");
    }
    for (number, id) in ids.iter().enumerate() {
        let call = |call: usize| {
            let intended = format!("call {call} intended: fake.echo {{\"value\":{number}}}");
            [intended, format!("call {call} ended: ok 11")]
        };
        let told = recorded.told(id);
        assert_eq!(told[1..7], [call(1), call(2), call(3)].concat(), "{id}");
        assert_eq!(told.len(), 8, "{told:?}");
    }
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_calls_are_recorded_like_those_of_scripts() {
    let recorded = Recorded::working().await;
    let answers = [
        recorded.call("echo", r#"{ "value" : 1.50 }"#).await,
        recorded.call("seen", "{}").await,
        recorded.call("process", "{}").await,
        recorded.call("nothing", "{}").await,
    ];
    let codes = answers.each_ref().map(DirectAnswer::code);
    assert_eq!(codes, ["ok", "denied", "awaiting-approval", "unknown-tool"]);
    let entries = recorded.gateway.journal().entries();
    let calls: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::CallIntended { call, .. } => Some(format!("intended {}", call.name)),
            Event::CallRefused { call, code, .. } => Some(format!("refused {} {code}", call.name)),
            Event::CallEnded { code, value_bytes, .. } => Some(format!("ended {code} {}", *value_bytes > 0)),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            "intended fake.echo",
            "ended ok true",
            "refused fake.seen denied",
            "refused fake.process awaiting-approval",
            "refused fake.nothing unknown-tool",
        ]
    );
    // Each is a call of its own, and of no run.
    let ids: Vec<&str> = entries.iter().map(|entry| entry.origin.direct().expect("a direct call").as_str()).collect();
    assert!(ids.iter().all(|id| is_ulid(id)) && ids[0] == ids[1] && ids.is_sorted(), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4, "{ids:?}");
    assert!(entries.iter().all(|entry| entry.principal == Principal::Operator));
    assert_eq!(recorded.received().len(), 1);
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    let recorded = Recorded::failing_at(&["call-intended"]).await;
    let source = "try:\n    fake.echo(value=1)\nexcept ToolUnavailable as error:\n    result = str(error)";
    let (report, told) = recorded.run(source).await;
    let said = returned(&report).to_string();
    assert!(said.contains("journal is unavailable") && !said.contains("disk"), "{said}");
    assert_eq!(told[1..], ["call 1 refused: fake.echo upstream-unavailable", "run ended: returned"]);
    let side_by_side = "import asyncio\n\
        async def one(n):\n    try:\n        await fake.echo(value=n)\n    except ToolUnavailable:\n        return 'not made'\n\
        async def main():\n    return await asyncio.gather(*[one(n) for n in range(4)])\n\
        result = await main()";
    assert_eq!(returned(&recorded.run(side_by_side).await.0), json!(vec!["not made"; 4]));
    let answer = recorded.call("echo", r#"{"value":1}"#).await;
    assert!(matches!(&answer, DirectAnswer::Failed(CallError::UpstreamUnavailable(_))), "{answer:?}");
    assert!(!format!("{answer:?}").contains("disk"), "{answer:?}");
    assert_eq!(recorded.received(), Vec::<String>::new());
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_breaks_in_the_middle_of_a_run_stops_its_further_calls() {
    let recorded = Recorded::working().await;
    let source = "made = 0\nwhile True:\n    try:\n        fake.echo(value=made)\n    except ToolUnavailable:\n        break\n    made += 1\n\
        result = made";
    let mut run = recorded.start(source);
    calling(&mut run).await;
    recorded.gateway.journal().fail(&["call-intended"]);
    let report = timeout(PATIENCE, run.report()).await.expect("an end in time");
    let made = recorded.received().len();
    assert_eq!(returned(&report), json!(made));
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_recorded_does_not_start() {
    let recorded = Recorded::failing_at(&["run-started"]).await;
    let (report, told) = recorded.run("print('begun')\nfake.echo(value=1)").await;
    assert!(matches!(report.outcome, Outcome::Unavailable(_)), "{:?}", report.outcome);
    assert_eq!((report.logs.text.as_str(), report.usage.fuel, report.calls.len()), ("", 0, 0));
    assert!(told.iter().all(|line| !line.starts_with("call")), "{told:?}");
    assert_eq!(recorded.received(), Vec::<String>::new());
    // The model learns nothing of the disk.
    let answer = exuvia_gateway::answer::render(&report, exuvia_gateway::answer::AnswerRoom::UNLIMITED).text;
    assert!(!answer.contains("disk"), "{answer}");
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_cannot_be_recorded_is_a_refusal_all_the_same() {
    let recorded = Recorded::failing_at(&["call-refused"]).await;
    let (report, told) = recorded.run("getattr(fake, 'se' + 'en')()").await;
    assert_eq!(report.outcome.name(), "denied", "{:?}", report.outcome);
    assert_eq!(told[1..], ["run ended: denied"]);
    let (report, _) = recorded.run("getattr(fake, 'proc' + 'ess')()").await;
    assert_eq!(report.outcome.name(), "awaiting-approval", "{:?}", report.outcome);
    assert_eq!(recorded.call("seen", "{}").await.code(), "denied");
    assert_eq!(recorded.received(), Vec::<String>::new());
    recorded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_recorded_end_still_gives_its_result() {
    let recorded = Recorded::failing_at(&["call-ended", "run-ended"]).await;
    let (report, told) = recorded.run("result = fake.echo(value=1)").await;
    assert_eq!(returned(&report), json!({"value": 1}));
    assert_eq!(told[1..], [r#"call 1 intended: fake.echo {"value":1}"#]);
    assert_eq!(recorded.call("echo", r#"{"value":2}"#).await.code(), "ok");
    assert_eq!(recorded.received().len(), 2);
    recorded.gateway.stop().await;
}
