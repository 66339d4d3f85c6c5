//! What is recorded of runs and calls, however they end, and what becomes of them when it cannot be.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_config::{ServerConfig, Transport};
use exuvia_gateway::{Client, DirectAnswer, Mode, Profile, Profiles, StartedBy, now_ms};
use exuvia_journal::{Entry, Event, Stamped};
use exuvia_mcp_client::RelayOptions;
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::{Limits, Outcome, Script};
use exuvia_tests::{PATIENCE, SampleGateway, Settings, TestJournal, direct_fake, fake, returned};
use exuvia_tool::{CallError, Json, ToolName};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A server that writes down what reaches it.
fn recording(folder: &Path) -> (ServerConfig, impl Fn() -> usize + use<>) {
    let file = folder.join("calls");
    let server = fake("fake", &["--record", file.to_str().expect("UTF-8")]);
    (server, move || fs::read_to_string(&file).map_or(0, |calls| calls.lines().count()))
}

fn calls(entries: &[Entry]) -> Vec<(String, u64)> {
    let ended = |entry: &Entry| match &entry.event {
        Event::CallEnded { code, value_bytes, .. } => Some((code.clone(), *value_bytes)),
        _ => None,
    };
    entries.iter().filter_map(ended).collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_not_made_if_its_intent_cannot_be_recorded() {
    let folder = TempDir::new().expect("a folder");
    let (server, made) = recording(folder.path());
    let profile = Profile::new([("fake".to_owned(), Mode::Code), ("direct".to_owned(), Mode::Direct)]);
    let direct = ServerConfig { name: "direct".into(), direct: true, ..server.clone() };
    let settings =
        Settings { profiles: Some(Profiles { default: profile, named: Default::default() }), ..Settings::default() };
    let gateway = SampleGateway::with(vec![server, direct], Limits::default(), settings).await;
    let source = PolicySource { auto_execute: vec!["*.*".to_owned()], ..PolicySource::default() };
    gateway.gateway().set_policy(Policy::compile(source, ["fake", "direct"]).expect("a policy"));
    let code = "try:\n    fake.echo(value=1)\nexcept ToolError as error:\n    result = error.message";
    gateway.journal().fail(&["call-intended"]);
    let report = gateway.run(code).await;
    assert!(returned(&report).to_string().contains("journal is unavailable"), "{report:?}");
    assert_eq!((made(), report.unrecorded), (0, 1));
    assert_eq!(gateway.journal().kinds(), ["run-started", "call-refused", "run-ended"]);
    let counted = gateway.gateway().metrics();
    assert!(counted.contains("exuvia_journal_append_failures_total{entry=\"call-intended\"} 1\n"), "{counted}");
    // A client's own call takes the same way.
    let view = gateway.gateway().default_view();
    let call = || {
        let (tool, arguments) = (ToolName::new("direct", "echo"), Json::parse("{}").expect("JSON"));
        gateway.gateway().proxy_call(&view, &Client::new("test"), tool, arguments, RelayOptions::default()).answer
    };
    let answer = call().await;
    assert!(matches!(&answer, DirectAnswer::Failed(CallError::UpstreamUnavailable(_))), "{answer:?}");
    assert_eq!(made(), 0);
    // Once it can be recorded, it is made.
    gateway.journal().fail(&[]);
    assert!(matches!(gateway.run("result = fake.echo(value=1)").await.outcome, Outcome::Returned(_)));
    assert_eq!(call().await.code(), "ok");
    assert_eq!(made(), 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_whose_start_cannot_be_recorded_does_not_run() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    gateway.journal().fail(&["run-started"]);
    let report = gateway.run("result = 1").await;
    assert_eq!((report.outcome.name(), report.usage.fuel, report.unrecorded), ("unavailable", 0, 1));
    let Outcome::Unavailable(why) = &report.outcome else { panic!("{report:?}") };
    assert!(why.contains("the journal is unavailable") && why.contains("sent again"), "{why}");
    assert!(!gateway.gateway().is_recording());
    let counted = gateway.gateway().metrics();
    for line in [
        "exuvia_runs_total{outcome=\"unavailable\"} 1\n",
        "exuvia_journal_append_failures_total{entry=\"run-started\"} 1\n",
    ] {
        assert!(counted.contains(line), "{line} is missing:\n{counted}");
    }
    gateway.journal().fail(&[]);
    assert_eq!(returned(&gateway.run("result = 1").await), 1);
    assert!(gateway.gateway().is_recording());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_lost_afterwards_are_counted_in_the_report() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    gateway.journal().fail(&["call-ended", "run-ended"]);
    let report = gateway.run("result = echo.echo(value=1)").await;
    assert_eq!((report.outcome.name(), report.unrecorded), ("returned", 2));
    let counted = gateway.gateway().metrics();
    for kind in ["call-ended", "run-ended"] {
        let line = format!("exuvia_journal_append_failures_total{{entry=\"{kind}\"}} 1\n");
        assert!(counted.contains(&line), "{line} is missing:\n{counted}");
    }
    assert_eq!(gateway.run("result = 1").await.unrecorded, 1, "of its own entries alone");
    gateway.stop().await;
}

/// Cancels a run while the journal writes an entry of this kind, which is never told to be kept. What is recorded then.
async fn dropped_while_writing(kind: &'static str, script: &str, count: usize) -> Vec<Stamped> {
    let folder = TempDir::new().expect("a folder");
    let (server, made) = recording(folder.path());
    let gateway = SampleGateway::of(vec![server], Limits::default()).await;
    let journal = gateway.journal();
    journal.stall(&[kind]);
    let view = gateway.gateway().default_view();
    let run =
        gateway.gateway().start(&view, Script::new(script), StartedBy::Operator, &Client::new("test")).expect("room");
    until("the entry is there", || journal.kinds().contains(&kind)).await;
    run.cancellation().cancel();
    assert_eq!(run.report().await.outcome.name(), "cancelled");
    until("the ends are recorded", || journal.kinds().len() >= count).await;
    let stamped = journal.stamped();
    assert_eq!(made(), 0);
    gateway.stop().await;
    stamped
}

fn kinds(stamped: &[Stamped]) -> Vec<&'static str> {
    stamped.iter().map(|stamped| stamped.entry.event.kind()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_while_its_intent_is_written_is_not_made_and_has_an_end() {
    let stamped = dropped_while_writing("call-intended", "fake.echo(value=1)", 4).await;
    assert_eq!(kinds(&stamped), ["run-started", "call-intended", "call-ended", "run-ended"]);
    let entries: Vec<Entry> = stamped.iter().map(|stamped| stamped.entry.clone()).collect();
    assert_eq!(calls(&entries), [("cancelled".to_owned(), 0)]);
    assert!(stamped.is_sorted_by_key(|stamped| stamped.seq));
    let age_ms = now_ms() - stamped[0].at_ms;
    assert!(age_ms < 60_000, "{age_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_while_its_start_is_written_has_an_end() {
    let stamped = dropped_while_writing("run-started", "while True: pass", 2).await;
    assert_eq!(kinds(&stamped), ["run-started", "run-ended"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_lost_after_it_was_taken_is_counted() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    gateway.journal().lose(&["call-ended"]);
    assert_eq!(gateway.run("result = echo.echo(value=1)").await.outcome.name(), "returned");
    let counted = gateway.gateway().metrics();
    assert!(counted.contains("exuvia_journal_append_failures_total{entry=\"call-ended\"} 1\n"), "{counted}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_are_refused_leave_a_digest_and_push_nothing_out() {
    let journal = Arc::new(TestJournal::new(1 << 20));
    let settings = Settings { journal: Arc::clone(&journal), ..Settings::default() };
    let limits = Limits { source_bytes: 100_000, ..Limits::default() };
    let gateway = SampleGateway::with(vec![SampleGateway::echo_server(&[])], limits, settings).await;
    assert_eq!(returned(&gateway.run("result = 1").await), 1);
    let comment = "#".repeat(90_000);
    for _ in 0..20 {
        let large = gateway.run(&"#".repeat(200_000)).await;
        assert_eq!(large.outcome.name(), "stopped");
        let wrong = gateway.run(&format!("echo.nothing()\n{comment}")).await;
        assert_eq!(wrong.outcome.name(), "raised");
        let held = gateway.run_by(StartedBy::Client, &format!("echo.echo(value=1)\n{comment}")).await;
        assert_eq!(held.outcome.name(), "awaiting-approval");
    }
    let entries = journal.entries();
    assert!(matches!(&entries[0].event, Event::RunStarted(start) if start.source == "result = 1"), "{entries:?}");
    assert_eq!(journal.kinds()[1], "run-ended");
    let refused: Vec<_> = entries[2..]
        .iter()
        .map(|entry| match &entry.event {
            Event::RunRefused { outcome, source_bytes, source_sha256, .. } => {
                assert_eq!(source_sha256.len(), 64);
                (outcome.as_str(), *source_bytes)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let first = [("stopped", 200_000), ("raised", 90_015), ("awaiting-approval", 90_019)];
    assert_eq!((&refused[..3], refused.len()), (&first[..], 60));
    gateway.stop().await;
}

/// One timer for each call: if the host and the lane had one each, the host's would often fire first, and nobody inside would
/// know why the call was dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_one_in_the_journal_the_metrics_and_for_its_server() {
    let mut server = fake("fake", &[]);
    server.start_timeout = Duration::from_secs(2);
    let limits = Limits { call_timeout_ms: 150, ..Limits::default() };
    let gateway = SampleGateway::of(vec![server], limits).await;
    // Large arguments, so that time passes between the call's turn and the server.
    let code = "def late(_):\n    try:\n        fake.hang(value=[0] * 20_000)\n    except TimeoutError as error:\n        return error.message\n\
                result = [late(n) for n in range(20)]";
    let report = gateway.run(code).await;
    let messages = returned(&report);
    assert!(
        messages.as_array().expect("a list").iter().all(|message| message == "fake.hang gave no answer within 150 ms"),
        "{messages}"
    );
    assert!(report.calls.iter().all(|call| call.outcome == "timed-out"), "{:?}", report.calls);
    assert_eq!(calls(&gateway.journal().entries()), vec![("timed-out".to_owned(), 0); 20]);
    let counted = gateway.gateway().metrics();
    let line = "exuvia_calls_total{server=\"fake\",outcome=\"timed-out\"} 20\n";
    assert!(counted.contains(line) && !counted.contains("outcome=\"cancelled\""), "{counted}");
    // A server that answers nothing any more is found out by its calls, and replaced.
    let process = |report: &exuvia_runtime::Report| returned(report)["pid"].as_i64().expect("a number");
    let hung = process(&gateway.run("result = fake.process()").await);
    kill(Pid::from_raw(i32::try_from(hung).expect("an id")), Signal::SIGSTOP).expect("it runs");
    let until_replaced = code.replace(
        "except TimeoutError as error:\n        return error.message",
        "except (TimeoutError, ToolError):\n        pass",
    );
    assert_eq!(gateway.run(&until_replaced).await.outcome.name(), "returned");
    let begun = Instant::now();
    let other = loop {
        let report = gateway
            .run("try:\n    result = fake.process()\nexcept (TimeoutError, ToolError):\n    result = {'pid': 0}")
            .await;
        let pid = process(&report);
        if pid != 0 {
            break pid;
        }
        assert!(begun.elapsed() < PATIENCE, "the server is not replaced");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_ne!(other, hung);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_half_way_is_recorded_with_its_call() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    let journal = Arc::clone(gateway.journal());
    let view = gateway.gateway().default_view();
    let script = Script::new("echo.sleep(ms=20_000)");
    let run = gateway.gateway().start(&view, script, StartedBy::Operator, &Client::new("test")).expect("room");
    until("the call is made", || journal.kinds().contains(&"call-intended")).await;
    // The threads of its runs end with it.
    drop((view, gateway));
    until("both ends are recorded", || journal.kinds().len() == 4).await;
    let entries = journal.entries();
    assert_eq!(calls(&entries), [("cancelled".to_owned(), 0)]);
    let ended = entries.iter().find(|entry| entry.event.kind() == "run-ended").map(|entry| &entry.event);
    assert!(matches!(ended, Some(Event::RunEnded(end)) if end.outcome == "cancelled"), "{entries:?}");
    drop(run);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_held_or_dropped_are_counted_as_what_they_were() {
    let gateway = SampleGateway::echo(Limits { wall_ms: 1_000, ..Limits::default() }, &[]).await;
    let hidden = "getattr(echo, 'ec' + 'ho')(value=1)";
    assert_eq!(gateway.run_by(StartedBy::Client, hidden).await.outcome.name(), "awaiting-approval");
    assert_eq!(gateway.run("echo.sleep(ms=20_000)").await.outcome.name(), "stopped");
    let counts = |outcome: &str| format!("exuvia_calls_total{{server=\"echo\",outcome=\"{outcome}\"}} 1\n");
    until("both calls are counted", || {
        let counted = gateway.gateway().metrics();
        counted.contains(&counts("awaiting-approval")) && counted.contains(&counts("cancelled"))
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_asks_of_direct_servers_at_a_time_is_bounded() {
    let server = direct_fake("fake", &[]);
    assert!(matches!(server.transport, Transport::Stdio(_)));
    let profile = Profile::new([("fake".to_owned(), Mode::Direct)]).with_bare_names();
    let settings =
        Settings { profiles: Some(Profiles { default: profile, named: Default::default() }), ..Settings::default() };
    let gateway = SampleGateway::with(vec![server], Limits::default(), settings).await;
    let source = PolicySource { auto_execute: vec!["*.*".to_owned()], ..PolicySource::default() };
    gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
    let view = gateway.gateway().default_view();
    let call = |client: &str| {
        let (tool, arguments) = (ToolName::new("fake", "echo"), Json::parse("{}").expect("JSON"));
        gateway.gateway().proxy_call(&view, &Client::new(client), tool, arguments, RelayOptions::default()).answer
    };
    let waiting: Vec<_> = (0..256).map(|_| call("ada")).collect();
    assert_eq!(call("ada").await.code(), "limit-reached");
    assert_eq!(call("bob").await.code(), "ok");
    drop(waiting);
    let left = call("ada");
    // What a client has asked for ends with it.
    gateway.gateway().cancel_client(&Client::new("ada"));
    assert_eq!(left.await.code(), "upstream-unavailable");
    assert_eq!(call("ada").await.code(), "ok");
    gateway.stop().await;
}
