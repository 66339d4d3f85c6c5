//! Runs in flight, as an operator sees them and ends them.

use std::time::{Duration, Instant};

use exuvia_gateway::{Client, RunHandle, RunInfo, RunState, StartedBy};
use exuvia_runtime::{Limits, Script};
use exuvia_tests::{PATIENCE, SampleGateway, is_ulid};
use exuvia_tool::{Principal, RunEvent, RunId};

fn start(gateway: &SampleGateway, source: &str) -> RunHandle {
    let gateway = gateway.gateway();
    let (view, script) = (gateway.default_view(), Script::new(source));
    gateway.start(&view, script, StartedBy::Operator, &Client::new("test")).expect("room")
}

async fn executing(gateway: &SampleGateway, run: &RunId) -> RunInfo {
    let begun = Instant::now();
    loop {
        let all = gateway.gateway().live_runs().list();
        if let Some(found) = all.iter().find(|info| info.id == *run && info.state == RunState::Executing) {
            return found.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{all:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_listed_followed_and_cancelled_by_its_name() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    let source = "while True:\n    print('on')\n    echo.sleep(ms=20)";
    let (run, other) = (start(&gateway, source), start(&gateway, "echo.sleep(ms=20_000)"));
    let info = executing(&gateway, run.id()).await;
    executing(&gateway, other.id()).await;
    assert!(is_ulid(info.id.as_str()));
    assert_eq!((info.principal, info.profile), (Principal::Operator, None));
    let digest = info.source_sha256.expect("it was read");
    assert_ne!(Some(&digest), gateway.gateway().live_runs().list()[1].source_sha256.as_ref());
    assert!(digest.len() == 64 && info.since_ms > 0, "{digest}");
    let counted = gateway.gateway().metrics();
    for line in ["exuvia_runs_in_flight{state=\"executing\"} 2\n", "exuvia_runs_in_flight{state=\"queued\"} 0\n"] {
        assert!(counted.contains(line), "{counted}");
    }
    let runs = gateway.gateway().live_runs();
    let mut events = runs.subscribe(run.id()).expect("it is there");
    let printed =
        async { while !matches!(events.recv().await, Ok(RunEvent::Log { text, .. }) if text.contains("on")) {} };
    tokio::time::timeout(PATIENCE, printed).await.expect("it prints");
    assert!(runs.cancel(run.id()) && !runs.cancel(&RunId::new("01J")));
    let id = run.id().clone();
    assert_eq!(run.report().await.outcome.name(), "cancelled");
    assert!(!runs.cancel(&id) && runs.subscribe(&id).is_none());
    let all: Vec<RunId> = runs.list().into_iter().map(|info| info.id).collect();
    assert_eq!(all, [other.id().clone()]);
    gateway.stop().await;
}
