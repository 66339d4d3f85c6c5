//! Who shares a connection to a server.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, config, gone, runs};
use crate::life::{Dir, becomes, call_as, pid, seen, who};
use exuvia_config::{ServerConfig, Share, UpstreamLimits};
use exuvia_tool::{CallError, Origin, RunId};
use exuvia_upstream::{CallLimits, Upstreams};

const SOON: Duration = Duration::from_secs(10);

async fn shared(share: Share, limits: UpstreamLimits) -> Upstreams {
    shared_by(config("fake", &[]), share, limits).await
}

async fn shared_by(mut config: ServerConfig, share: Share, limits: UpstreamLimits) -> Upstreams {
    config.share = share;
    Upstreams::start(vec![config], limits).await
}

fn run(name: &str) -> Origin {
    Origin::Run(RunId::new(name))
}

#[tokio::test]
async fn a_server_for_all_is_one_process_from_its_start() {
    let dir = Dir::new("all");
    dir.write("args", "");
    let upstreams = shared_by(dir.server("fake"), Share::All, UpstreamLimits::default()).await;
    let first = pid(&upstreams, &who(None, "a")).await;
    for caller in [who(None, "b"), who(Some("k"), "a"), who(Some("l"), "c")] {
        assert_eq!(pid(&upstreams, &caller).await, first);
    }
    upstreams.ended(&run("a"));
    assert_eq!(pid(&upstreams, &who(None, "b")).await, first);
    assert_eq!(dir.lines("starts").len(), 1);
}

#[tokio::test]
async fn a_server_per_key_is_a_process_per_key() {
    let dir = Dir::new("key");
    dir.write("args", "");
    let upstreams = shared_by(dir.server("fake"), Share::Key, UpstreamLimits::default()).await;
    let operator = pid(&upstreams, &who(None, "a")).await;
    let (one, other) = (pid(&upstreams, &who(Some("k"), "a")).await, pid(&upstreams, &who(Some("l"), "a")).await);
    assert!(operator != one && one != other && other != operator);
    assert_eq!(pid(&upstreams, &who(Some("k"), "b")).await, one);
    // The end of a run is nothing to it.
    upstreams.ended(&run("a"));
    assert_eq!(pid(&upstreams, &who(Some("l"), "c")).await, other);
    assert_eq!(dir.lines("starts").len(), 3, "the connection that listed the tools is the operator's");
    upstreams.shutdown().await;
    assert!(gone(&[operator, one, other], SOON).await);
}

#[tokio::test]
async fn a_server_per_run_is_a_process_per_run_that_ends_with_it() {
    let upstreams = shared(Share::Run, UpstreamLimits::default()).await;
    let (a, b) = (who(None, "a"), who(Some("k"), "b"));
    let (first, second) = (pid(&upstreams, &a).await, pid(&upstreams, &b).await);
    assert_ne!(first, second);
    assert_eq!(pid(&upstreams, &a).await, first);
    // On a thread that knows no runtime, and twice.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            upstreams.ended(&run("a"));
            upstreams.ended(&run("a"));
        });
    });
    assert!(gone(&[first], SOON).await);
    assert_eq!(pid(&upstreams, &b).await, second);
    let refused = call_as(&upstreams, &a, "fake.echo", "{}", LIMITS).await.unwrap_err();
    assert_eq!(refused, CallError::UpstreamUnavailable("the run is over; fake.echo was not called".into()));
    assert!(runs(second));
}

#[tokio::test]
async fn what_a_run_did_to_its_server_no_other_run_meets() {
    let upstreams = shared(Share::Run, UpstreamLimits::default()).await;
    let (a, b) = (who(None, "a"), who(None, "b"));
    for _ in 0..3 {
        call_as(&upstreams, &a, "fake.echo", "{}", LIMITS).await.unwrap();
    }
    let calls = |seen: Vec<String>| seen.iter().filter(|method| *method == "tools/call").count();
    assert_eq!(calls(seen(&upstreams, &a).await), 4);
    assert_eq!(calls(seen(&upstreams, &b).await), 1);
    // Crashed five times over, one run's server leaves the other's alone.
    let before = pid(&upstreams, &b).await;
    for _ in 0..6 {
        assert!(call_as(&upstreams, &a, "fake.exit", "{}", LIMITS).await.is_err());
    }
    let refused = call_as(&upstreams, &a, "fake.echo", "{}", LIMITS).await.unwrap_err().to_string();
    assert!(refused.contains("5 times in a row"), "{refused}");
    assert_eq!(pid(&upstreams, &b).await, before);
}

#[tokio::test]
async fn the_end_of_a_run_ends_its_calls() {
    let upstreams = shared(Share::Run, UpstreamLimits::default()).await;
    let a = who(None, "a");
    let first = pid(&upstreams, &a).await;
    let hanging = tokio::spawn(call_as(&upstreams, &a, "fake.hang", "{}", LIMITS));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    upstreams.ended(&run("a"));
    assert_eq!(hanging.await.unwrap().unwrap_err().code(), "upstream-unavailable");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(gone(&[first], SOON).await);
}

#[tokio::test]
async fn a_full_server_closes_the_key_that_was_idle_longest() {
    let limits = UpstreamLimits { connections: 2, ..UpstreamLimits::default() };
    let upstreams = shared(Share::Key, limits).await;
    let operator = pid(&upstreams, &who(None, "r")).await;
    let a = pid(&upstreams, &who(Some("a"), "r")).await;
    let b = pid(&upstreams, &who(Some("b"), "r")).await;
    assert_eq!(pid(&upstreams, &who(Some("a"), "r")).await, a);
    pid(&upstreams, &who(Some("c"), "r")).await;
    assert!(gone(&[b], SOON).await);
    assert!(runs(a) && runs(operator));
    // None is idle: the next one gets an error with the limit that it met.
    let hang = |key| tokio::spawn(call_as(&upstreams, &who(Some(key), "r"), "fake.hang", "{}", LIMITS));
    let (_one, _other) = (hang("a"), hang("c"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let full = call_as(&upstreams, &who(Some("d"), "r"), "fake.echo", "{}", LIMITS).await;
    let limit = CallError::LimitReached { limit: "connections".into(), allowed: 2, used: 3 };
    assert_eq!(full, Err(limit));
    assert_eq!(pid(&upstreams, &who(None, "r")).await, operator);
}

#[tokio::test]
async fn a_run_is_never_closed_for_another_one() {
    let limits = UpstreamLimits { connections: 2, ..UpstreamLimits::default() };
    let upstreams = shared(Share::Run, limits).await;
    let a = pid(&upstreams, &who(None, "a")).await;
    let b = pid(&upstreams, &who(None, "b")).await;
    let full = call_as(&upstreams, &who(None, "c"), "fake.echo", "{}", LIMITS).await.unwrap_err();
    assert_eq!(full.code(), "limit-reached");
    assert!(runs(a) && runs(b));
    upstreams.ended(&run("a"));
    assert_ne!(pid(&upstreams, &who(None, "c")).await, b);
}

#[tokio::test]
async fn a_key_with_nothing_to_do_loses_its_process_and_gets_another_one() {
    let limits = UpstreamLimits { key_idle_ms: 200, ..UpstreamLimits::default() };
    let upstreams = shared(Share::Key, limits).await;
    let (operator, key) = (pid(&upstreams, &who(None, "r")).await, who(Some("k"), "r"));
    let first = pid(&upstreams, &key).await;
    assert!(gone(&[first], SOON).await);
    assert_ne!(pid(&upstreams, &key).await, first);
    assert!(runs(operator));
}

#[tokio::test]
async fn fifty_lanes_end_within_the_bound_of_one() {
    let mut config = config("fake", &["--stay"]);
    config.share = Share::Run;
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    let mut pids = Vec::new();
    for n in 0..50 {
        pids.push(pid(&upstreams, &who(None, &n.to_string())).await);
    }
    for n in 0..10 {
        upstreams.ended(&run(&n.to_string()));
    }
    let begun = Instant::now();
    upstreams.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(gone(&pids, Duration::from_secs(1)).await);
}

#[tokio::test]
async fn dropping_the_upstreams_kills_every_lane() {
    for share in [Share::All, Share::Key, Share::Run] {
        let mut config = config("fake", &["--stay"]);
        config.share = share;
        let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
        let mut pids = Vec::new();
        for n in 0..3 {
            pids.push(pid(&upstreams, &who(Some(&n.to_string()), &n.to_string())).await);
        }
        let over = pid(&upstreams, &who(Some("over"), "over")).await;
        pids.push(over);
        upstreams.ended(&run("over"));
        drop(upstreams);
        // Less than the 4 s that ending in good order takes with this server.
        assert!(gone(&pids, Duration::from_secs(2)).await, "{share:?}");
    }
}

#[tokio::test]
async fn dropping_the_upstreams_kills_what_is_being_started() {
    let dir = Dir::new("starting");
    dir.write("args", "");
    let mut server = dir.server("fake");
    server.share = Share::Run;
    let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
    dir.write("args", "--hang-at start");
    let call = tokio::spawn(call_as(&upstreams, &who(None, "a"), "fake.echo", "{}", LIMITS));
    becomes(|| dir.lines("starts").len() == 2).await;
    call.abort();
    assert!(call.await.is_err());
    let pids: Vec<i64> = dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect();
    assert!(runs(pids[1]), "the start goes on without the call");
    drop(upstreams);
    assert!(gone(&pids, Duration::from_secs(2)).await);
}

#[tokio::test]
async fn a_server_has_its_own_time_for_a_call() {
    let mut config = config("fake", &[]);
    config.call_timeout = Duration::from_millis(100);
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    let late = call_as(&upstreams, &who(None, "a"), "fake.hang", "{}", LIMITS).await;
    assert_eq!(late, Err(CallError::TimedOut(100)));
    let limits = CallLimits { timeout: Duration::from_millis(50), ..LIMITS };
    let late = call_as(&upstreams, &who(None, "a"), "fake.hang", "{}", limits).await;
    assert_eq!(late, Err(CallError::TimedOut(50)));
}

#[tokio::test]
async fn calls_over_the_limit_wait_for_their_turn_and_in_their_order() {
    let limits = UpstreamLimits { calls_in_flight: 1, ..UpstreamLimits::default() };
    let upstreams = shared(Share::Key, limits).await;
    let (a, b) = (who(Some("a"), "r"), who(Some("b"), "r"));
    pid(&upstreams, &a).await;
    let short = CallLimits { timeout: Duration::from_secs(3), ..LIMITS };
    let hanging = tokio::spawn(call_as(&upstreams, &a, "fake.hang", "{}", short));
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Waiting is part of the time.
    let shorter = CallLimits { timeout: Duration::from_millis(100), ..LIMITS };
    assert_eq!(call_as(&upstreams, &a, "fake.echo", "{}", shorter).await, Err(CallError::TimedOut(100)));
    // Another lane has places of its own.
    pid(&upstreams, &b).await;
    assert!(!hanging.is_finished());
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for n in 0..20 {
        let (call, order) = (call_as(&upstreams, &a, "fake.echo", "{}", LIMITS), order.clone());
        waiting.push(tokio::spawn(async move {
            call.await.unwrap();
            order.lock().unwrap().push(n);
        }));
        tokio::task::yield_now().await;
    }
    for call in waiting {
        call.await.unwrap();
    }
    assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(3000)));
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}
