//! A server that keeps failing, one that only looks like it, and one that asks.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, call, config, gone, limited, runs, start, value};
use crate::life::{Dir, becomes, call_as, pid, who};
use exuvia_config::UpstreamLimits;
use exuvia_tool::{CallError, ToolOutcome};
use exuvia_upstream::{CallLimits, Failing, Upstreams};
use serde_json::json;

/// The words of a breaker that is open.
fn is_refused(outcome: &ToolOutcome) -> bool {
    outcome
        .as_ref()
        .is_err_and(|error| error.to_string().contains("times in a row; fake.echo was not called; try again in"))
}

/// A server that crashes in every call, as long as `args` says so, beside a healthy one.
async fn crashing(dir: &Dir) -> Upstreams {
    dir.write("args", "--crash-every 1");
    Upstreams::start(vec![dir.server("fake"), config("other", &[])], UpstreamLimits::default()).await
}

async fn crash_until_it_opens(upstreams: &Upstreams) {
    for _ in 0..5 {
        let failed = call(upstreams, "echo", "{}").await.unwrap_err();
        assert!(failed.to_string().contains("disconnected during fake.echo"), "{failed}");
    }
}

#[tokio::test]
async fn five_crashes_in_a_row_and_calls_fail_without_a_start() {
    let dir = Dir::new("opens");
    let upstreams = crashing(&dir).await;
    assert_eq!(upstreams.failing().len(), 0);
    crash_until_it_opens(&upstreams).await;
    assert_eq!(upstreams.failing().into_iter().collect::<Vec<_>>(), [("fake".to_owned(), Failing::Broken)]);
    let starts = dir.lines("starts").len();
    assert_eq!(starts, 5);
    let begun = Instant::now();
    let outcomes: Vec<ToolOutcome> =
        futures_util::future::join_all((0..50).map(|_| call(&upstreams, "echo", "{}"))).await;
    assert!(begun.elapsed() < Duration::from_millis(700), "the breaker stays open for 0.8 s and more");
    assert!(outcomes.iter().all(is_refused), "{outcomes:?}");
    assert_eq!(dir.lines("starts").len(), starts);
    let other = call_as(&upstreams, &who(None, "r"), "other.echo", r#"{"value": 1}"#, LIMITS).await;
    assert_eq!(other.unwrap().as_str(), r#"{"value":1}"#);
}

#[tokio::test]
async fn one_probe_among_fifty_calls_decides_for_all_of_them() {
    let dir = Dir::new("probes");
    let upstreams = crashing(&dir).await;
    crash_until_it_opens(&upstreams).await;
    // The probe fails: one start, one call that was sent, and 49 that were not.
    tokio::time::sleep(Duration::from_millis(1700)).await;
    let outcomes: Vec<ToolOutcome> =
        futures_util::future::join_all((0..50).map(|_| call(&upstreams, "echo", "{}"))).await;
    let sent = |outcome: &ToolOutcome| outcome.as_ref().is_err_and(|error| error.to_string().contains("disconnected"));
    assert_eq!(outcomes.iter().filter(|outcome| sent(outcome)).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_refused(outcome)).count(), 49);
    assert_eq!(dir.lines("starts").len(), 6);
    // The probe succeeds: one start serves all.
    dir.write("args", "");
    tokio::time::sleep(Duration::from_millis(3400)).await;
    let outcomes: Vec<ToolOutcome> =
        futures_util::future::join_all((0..50).map(|_| call(&upstreams, "echo", "{}"))).await;
    assert!(outcomes.iter().all(ToolOutcome::is_ok), "{outcomes:?}");
    assert_eq!(dir.lines("starts").len(), 7);
    // Closed again: a crash costs its own call alone.
    call(&upstreams, "exit", "{}").await.unwrap_err();
    assert!(call(&upstreams, "echo", "{}").await.is_ok());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn one_crash_that_ends_many_calls_is_one_failure() {
    let upstreams = start(&[]).await;
    for _ in 0..4 {
        let hanging: Vec<_> = (0..20).map(|_| tokio::spawn(limited(&upstreams, "hang", "{}", LIMITS))).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        call(&upstreams, "exit", "{}").await.unwrap_err();
        for call in hanging {
            assert_eq!(call.await.unwrap().unwrap_err().code(), "upstream-unavailable");
        }
    }
    assert!(call(&upstreams, "echo", "{}").await.is_ok());
}

#[tokio::test]
async fn tools_that_fail_do_not_count() {
    let upstreams = start(&[]).await;
    let first = pid(&upstreams, &who(None, "r")).await;
    for _ in 0..10 {
        assert_eq!(call(&upstreams, "unheard_of", "{}").await.unwrap_err().code(), "tool-failed");
        let error = r#"{"error":{"code":-32603,"message":"no"}}"#;
        assert_eq!(call(&upstreams, "error", error).await.unwrap_err().code(), "tool-failed");
        assert_eq!(call(&upstreams, "not_utf8", "{}").await.unwrap_err().code(), "upstream-unavailable");
    }
    assert_eq!(pid(&upstreams, &who(None, "r")).await, first);
}

#[tokio::test]
async fn a_slow_tool_does_not_take_its_server_down() {
    let mut config = config("fake", &[]);
    config.start_timeout = Duration::from_millis(500);
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    let first = pid(&upstreams, &who(None, "r")).await;
    let short = CallLimits { timeout: Duration::from_millis(50), ..LIMITS };
    for _ in 0..8 {
        assert_eq!(limited(&upstreams, "hang", "{}", short).await, Err(CallError::TimedOut(50)));
    }
    // It was asked for its tools, and that it answered.
    let mut asked = 0;
    for _ in 0..100 {
        asked = crate::life::seen(&upstreams, &who(None, "r"))
            .await
            .iter()
            .filter(|method| *method == "tools/list")
            .count();
        if asked > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!((2..=3).contains(&asked), "{asked}");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(pid(&upstreams, &who(None, "r")).await, first);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_answers_nothing_any_more_is_replaced() {
    let mut config = config("fake", &[]);
    config.start_timeout = Duration::from_millis(500);
    let upstreams = Upstreams::start(vec![config, crate::fake::config("other", &[])], UpstreamLimits::default()).await;
    let first = pid(&upstreams, &who(None, "r")).await;
    assert!(std::process::Command::new("kill").args(["-STOP", &first.to_string()]).status().unwrap().success());
    let short = CallLimits { timeout: Duration::from_millis(100), ..LIMITS };
    for _ in 0..3 {
        assert_eq!(limited(&upstreams, "echo", "{}", short).await, Err(CallError::TimedOut(100)));
    }
    // A call in flight meanwhile breaks off.
    let waiting = limited(&upstreams, "echo", "{}", LIMITS).await.unwrap_err();
    assert_eq!(waiting.code(), "upstream-unavailable");
    assert_ne!(pid(&upstreams, &who(None, "r")).await, first);
    assert!(gone(&[first], Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_start_goes_on_when_the_call_that_began_it_gives_up() {
    let dir = Dir::new("goes-on");
    dir.write("args", "");
    let upstreams = Upstreams::start(vec![dir.server("fake")], UpstreamLimits::default()).await;
    call(&upstreams, "exit", "{}").await.unwrap_err();
    let soon = CallLimits { timeout: Duration::from_millis(20), ..LIMITS };
    assert_eq!(limited(&upstreams, "echo", "{}", soon).await, Err(CallError::TimedOut(20)));
    becomes(|| dir.lines("starts").len() == 2).await;
    assert!(call(&upstreams, "echo", "{}").await.is_ok());
    assert_eq!(dir.lines("starts").len(), 2);
}

#[tokio::test]
async fn tools_that_ask_run_beside_each_other_for_scripts() {
    let upstreams = start(&["--era", "legacy"]).await;
    call(&upstreams, "ask", "{}").await.unwrap_err();
    let short = CallLimits { timeout: Duration::from_secs(5), ..LIMITS };
    let asking: Vec<_> = (0..20).map(|_| tokio::spawn(limited(&upstreams, "ask", "{}", short))).collect();
    // Others run beside them.
    let hanging = CallLimits { timeout: Duration::from_millis(300), ..LIMITS };
    let hanging = tokio::spawn(limited(&upstreams, "hang", "{}", hanging));
    for _ in 0..20 {
        assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    }
    for call in asking {
        let failed = call.await.unwrap().unwrap_err();
        assert!(failed.to_string().contains("asked the user for input"), "{failed}");
    }
    assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(300)));
}

#[tokio::test]
async fn a_question_reaches_its_own_call_and_no_other() {
    let upstreams = start(&["--era", "legacy"]).await;
    call(&upstreams, "ask", "{}").await.unwrap_err();
    // The fake server can answer any request, if it is told the number.
    let result = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"[$ID]"}]}}"#;
    let number = value(&upstreams, "lines", &json!({"lines": [result]}).to_string()).await[0].as_i64().unwrap();
    let other = tokio::spawn(limited(&upstreams, "hang", "{}", LIMITS));
    loop {
        let seen = crate::life::seen(&upstreams, &who(None, "r")).await;
        if seen.iter().filter(|method| *method == "tools/call").count() >= 4 {
            break;
        }
    }
    let asked = call(&upstreams, "ask", "{}").await.unwrap_err();
    assert!(asked.to_string().contains("fake.ask asked the user for input"), "{asked}");
    // The other one fails by itself, for a reason of its own.
    let mut failed = None;
    for id in number + 1..number + 10 {
        let of_other = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"isError":true,"content":[{{"type":"text","text":"disk full"}}]}}}}"#
        );
        let _ = call(&upstreams, "lines", &json!({"lines": [of_other, result]}).to_string()).await;
        if other.is_finished() {
            failed = Some(other.await.unwrap().unwrap_err());
            break;
        }
    }
    assert_eq!(failed.unwrap(), CallError::ToolFailed { message: "disk full".into(), data: None });
    assert!(runs(pid(&upstreams, &who(None, "r")).await));
}
