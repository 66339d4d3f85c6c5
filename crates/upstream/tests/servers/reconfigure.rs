//! Other servers in the place of those in use.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, Served, config, gone, http, permit, process, runs};
use crate::life::{Dir, becomes, call_as, pid, who};
use exuvia_config::{ServerConfig, Share, UpstreamLimits};
use exuvia_tool::{CallError, Origin, RunId};
use exuvia_upstream::{CallLimits, Change, Routes, ServerState, Upstreams};

const SOON: Duration = Duration::from_secs(10);
/// Longer than any test.
const DRAIN: Duration = Duration::from_secs(600);

async fn started(configs: Vec<ServerConfig>) -> Upstreams {
    Upstreams::start(configs, UpstreamLimits::default()).await
}

async fn reconfigured(upstreams: &Upstreams, configs: Vec<ServerConfig>, drain: Duration) -> Change {
    upstreams.prepare(configs, UpstreamLimits::default(), drain).await.unwrap().take_over()
}

/// The same server with another value in its environment.
fn changed(mut config: ServerConfig) -> ServerConfig {
    let env = &mut process(&mut config).env;
    let next = env.get("TRIAL").map_or(1, |trial| trial.parse::<u32>().unwrap() + 1);
    env.insert("TRIAL".to_owned(), next.to_string());
    config
}

async fn pid_over(routes: &Routes, server: &str) -> i64 {
    let found = routes.call(permit(server, "process", "{}"), who(None, "r"), LIMITS).await.unwrap();
    found.to_value().unwrap()["pid"].as_i64().unwrap()
}

fn names(upstreams: &Upstreams) -> Vec<(String, bool)> {
    let servers = upstreams.servers();
    servers.iter().map(|server| (server.name.clone(), matches!(server.state, ServerState::Ready { .. }))).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn what_stays_the_same_stays_what_it_is_and_the_rest_comes_and_goes() {
    let [a, b, c] = ["a", "b", "c"].map(|name| config(name, &[]));
    let upstreams = started(vec![a.clone(), b.clone()]).await;
    let (first, second) = (pid_over(&upstreams.routes(), "a").await, pid_over(&upstreams.routes(), "b").await);
    let mut changes = upstreams.changes();
    let change = reconfigured(&upstreams, vec![c.clone(), b.clone()], DRAIN).await;
    assert_eq!(change, Change { started: owned(&["c"]), replaced: vec![], removed: owned(&["a"]) });
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(names(&upstreams), [("c".to_owned(), true), ("b".to_owned(), true)]);
    assert_eq!(pid_over(&upstreams.routes(), "b").await, second);
    assert!(gone(&[first], SOON).await && runs(second));
    let unknown = call_as(&upstreams, &who(None, "r"), "a.echo", "{}", LIMITS).await.unwrap_err();
    assert_eq!(unknown, CallError::UnknownTool("unknown server a".to_owned()));
    // The order alone is a change for whoever shows them, and none for the servers.
    assert!(reconfigured(&upstreams, vec![b.clone(), c.clone()], DRAIN).await == Change::default());
    assert!(changes.has_changed().unwrap());
    assert_eq!(names(&upstreams)[0].0, "b");
    changes.mark_unchanged();
    assert!(reconfigured(&upstreams, vec![b, c], DRAIN).await == Change::default());
    assert!(!changes.has_changed().unwrap());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn every_value_of_a_configuration_counts() {
    let server = config("fake", &[]);
    let upstreams = started(vec![server.clone()]).await;
    let mut last = pid_over(&upstreams.routes(), "fake").await;
    let mut variants = vec![changed(server.clone())];
    let mut other = server.clone();
    process(&mut other).args.push("--changes".to_owned());
    variants.push(other);
    variants.push(ServerConfig { share: Share::Key, ..server.clone() });
    variants.push(ServerConfig { refresh: Duration::from_secs(59), ..server.clone() });
    for variant in variants {
        let change = reconfigured(&upstreams, vec![variant], DRAIN).await;
        assert_eq!(change.replaced, ["fake"]);
        let now = pid_over(&upstreams.routes(), "fake").await;
        assert_ne!(now, last);
        last = now;
    }
    let limits = UpstreamLimits { calls_in_flight: 3, ..UpstreamLimits::default() };
    let variant = ServerConfig { refresh: Duration::from_secs(59), ..server };
    let change = upstreams.prepare(vec![variant], limits, DRAIN).await.unwrap().take_over();
    assert_eq!(change.replaced, ["fake"]);
    // A header is a secret, and counts all the same.
    let served = Served::new(&[]);
    let one = served.config("http");
    let mut other = served.config("http");
    http(&mut other).add_header("x-trial".parse().unwrap(), "1".parse().unwrap());
    assert_eq!(reconfigured(&upstreams, vec![one.clone()], DRAIN).await.started, ["http"]);
    assert!(reconfigured(&upstreams, vec![one], DRAIN).await == Change::default());
    assert_eq!(reconfigured(&upstreams, vec![other], DRAIN).await.replaced, ["http"]);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn routes_lead_to_the_servers_of_their_moment_until_nobody_holds_them() {
    let server = config("fake", &[]);
    let upstreams = started(vec![server.clone(), config("beside", &[])]).await;
    let before = upstreams.routes();
    let (old, beside) = (pid_over(&before, "fake").await, pid_over(&before, "beside").await);
    let change = reconfigured(&upstreams, vec![changed(server)], DRAIN).await;
    assert_eq!((change.replaced, change.removed), (owned(&["fake"]), owned(&["beside"])));
    let new = pid_over(&upstreams.routes(), "fake").await;
    assert_ne!(new, old);
    assert_eq!((pid_over(&before, "fake").await, pid_over(&before, "beside").await), (old, beside));
    let mut leaving = upstreams.retiring();
    leaving.sort();
    assert_eq!(leaving, ["beside", "fake"]);
    let held = before.clone();
    drop(before);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(runs(old) && runs(beside));
    drop(held);
    assert!(gone(&[old, beside], SOON).await && runs(new));
    becomes(|| upstreams.retiring().is_empty()).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_restarts_for_old_routes_still_is_the_old_one() {
    let server = config("fake", &[]);
    let upstreams = started(vec![server.clone()]).await;
    let before = upstreams.routes();
    let old = pid_over(&before, "fake").await;
    reconfigured(&upstreams, vec![changed(server)], DRAIN).await;
    let new = pid_over(&upstreams.routes(), "fake").await;
    assert!(before.call(permit("fake", "exit", "{}"), who(None, "r"), LIMITS).await.is_err());
    let again = pid_over(&before, "fake").await;
    assert!(again != old && again != new);
    drop(before);
    assert!(gone(&[again], SOON).await);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_in_flight_completes() {
    let upstreams = started(vec![config("fake", &[])]).await;
    let old = pid_over(&upstreams.routes(), "fake").await;
    let limits = CallLimits { timeout: Duration::from_millis(1500), ..LIMITS };
    let call = tokio::spawn(call_as(&upstreams, &who(None, "r"), "fake.hang", "{}", limits));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    reconfigured(&upstreams, vec![], DRAIN).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits for it");
    assert_eq!(call.await.unwrap(), Err(CallError::TimedOut(1500)));
    assert!(gone(&[old], SOON).await);
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_breaks_off() {
    let upstreams = started(vec![config("fake", &[])]).await;
    let before = upstreams.routes();
    let old = pid_over(&before, "fake").await;
    let call = tokio::spawn(call_as(&upstreams, &who(None, "r"), "fake.hang", "{}", LIMITS));
    tokio::time::sleep(Duration::from_millis(100)).await;
    reconfigured(&upstreams, vec![], Duration::from_millis(300)).await;
    let broken = call.await.unwrap().unwrap_err();
    assert!(broken.to_string().ends_with("whether the call took effect is unknown"), "{broken}");
    assert!(gone(&[old], SOON).await);
    let late = before.call(permit("fake", "echo", "{}"), who(None, "r"), LIMITS).await.unwrap_err();
    assert_eq!(late.to_string(), "server fake is shut down; fake.echo was not called");
}

#[tokio::test]
async fn the_old_one_serves_until_the_new_one_is_ready_or_has_failed() {
    let dir = Dir::new("beside");
    dir.write("args", "");
    let server = dir.server("fake");
    let upstreams = started(vec![server.clone()]).await;
    let old = pid_over(&upstreams.routes(), "fake").await;
    dir.write("args", "--hang-at start");
    let mut hanging = changed(server.clone());
    hanging.start_timeout = Duration::from_millis(1500);
    let mut change = Box::pin(reconfigured(&upstreams, vec![hanging.clone()], DRAIN));
    let begun = tokio::time::timeout(Duration::from_millis(500), &mut change).await;
    assert!(begun.is_err());
    assert_eq!(pid_over(&upstreams.routes(), "fake").await, old);
    assert_eq!(names(&upstreams), [("fake".to_owned(), true)]);
    assert_eq!(change.await.replaced, ["fake"]);
    assert_eq!(names(&upstreams), [("fake".to_owned(), false)]);
    assert!(gone(&[old], SOON).await);
    // It is tried again as it is configured now.
    dir.write("args", "");
    becomes(|| names(&upstreams)[0].1).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_change_that_is_dropped_changes_nothing_and_leaves_nothing() {
    let dir = Dir::new("dropped");
    dir.write("args", "--hang-at start");
    let upstreams = started(vec![config("fake", &[])]).await;
    let old = pid_over(&upstreams.routes(), "fake").await;
    let change = reconfigured(&upstreams, vec![dir.server("late")], DRAIN);
    assert!(tokio::time::timeout(Duration::from_millis(500), change).await.is_err());
    let started: Vec<i64> = dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(started.len(), 1);
    assert!(gone(&started, SOON).await);
    // One that is ready and not wanted.
    dir.write("args", "");
    drop(upstreams.prepare(vec![dir.server("late")], UpstreamLimits::default(), DRAIN).await.unwrap());
    let started: Vec<i64> = dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect();
    assert!(gone(&started, SOON).await);
    assert_eq!(pid_over(&upstreams.routes(), "fake").await, old);
    assert_eq!(names(&upstreams), [("fake".to_owned(), true)]);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_breaks_a_change_off_and_ends_who_was_leaving() {
    let dir = Dir::new("over");
    dir.write("args", "--hang-at start");
    let server = config("fake", &[]);
    let upstreams = started(vec![server.clone()]).await;
    let before = upstreams.routes();
    let old = pid_over(&before, "fake").await;
    reconfigured(&upstreams, vec![changed(server)], DRAIN).await;
    let new = pid_over(&upstreams.routes(), "fake").await;
    let late = upstreams.prepare(vec![dir.server("late")], UpstreamLimits::default(), DRAIN);
    let (late, ()) = tokio::join!(late, async {
        becomes(|| dir.lines("starts").len() == 1).await;
        upstreams.shutdown().await;
    });
    assert!(late.is_none());
    let started: Vec<i64> = dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect();
    assert!(gone(&[&[old, new], started.as_slice()].concat(), SOON).await);
    assert!(upstreams.prepare(vec![], UpstreamLimits::default(), DRAIN).await.is_none());
    drop(before);
}

#[tokio::test]
async fn a_run_ends_its_own_connections_at_old_servers_too() {
    let server = ServerConfig { share: Share::Run, ..config("fake", &[]) };
    let upstreams = started(vec![server.clone()]).await;
    let before = upstreams.routes();
    let own = |run: &'static str| {
        let before = before.clone();
        async move {
            let found = before.call(permit("fake", "process", "{}"), who(None, run), LIMITS).await.unwrap();
            found.to_value().unwrap()["pid"].as_i64().unwrap()
        }
    };
    let (a, b) = (own("a").await, own("b").await);
    reconfigured(&upstreams, vec![changed(server)], DRAIN).await;
    before.ended(&Origin::Run(RunId::new("a")));
    assert!(gone(&[a], SOON).await && runs(b));
    let over = before.call(permit("fake", "echo", "{}"), who(None, "a"), LIMITS).await.unwrap_err();
    assert_eq!(over.to_string(), "the run is over; fake.echo was not called");
    assert_eq!(own("b").await, b);
    drop(before);
    assert!(gone(&[b], SOON).await);
    assert_ne!(pid(&upstreams, &who(None, "c")).await, b);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn retiring_servers_are_bounded_and_the_next_change_waits_for_room() {
    let served = Served::new(&[]);
    let trial = |n: u64| ServerConfig { call_timeout: Duration::from_secs(60 + n), ..served.config("fake") };
    let upstreams = started(vec![trial(0)]).await;
    let mut held = Vec::new();
    for n in 1..=64 {
        held.push(upstreams.routes());
        reconfigured(&upstreams, vec![trial(n)], DRAIN).await;
    }
    assert_eq!(upstreams.retiring().len(), 64);
    held.push(upstreams.routes());
    let mut change = Box::pin(reconfigured(&upstreams, vec![trial(65)], DRAIN));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut change).await.is_err());
    held.swap_remove(10);
    assert_eq!(tokio::time::timeout(SOON, change).await.unwrap().replaced, ["fake"]);
    drop(held);
    becomes(|| upstreams.retiring().is_empty()).await;
    upstreams.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beside_a_storm_of_changes_are_all_answered() {
    let mut server = config("fake", &[]);
    let upstreams = std::sync::Arc::new(started(vec![server.clone()]).await);
    let over = tokio_util::sync::CancellationToken::new();
    let mut callers = Vec::new();
    for _ in 0..4 {
        let (upstreams, over) = (upstreams.clone(), over.clone());
        callers.push(tokio::spawn(async move {
            let mut calls = 0;
            while !over.is_cancelled() {
                let routes = upstreams.routes();
                let pid = pid_over(&routes, "fake").await;
                for _ in 0..20 {
                    assert_eq!(pid_over(&routes, "fake").await, pid);
                    calls += 1;
                }
            }
            calls
        }));
    }
    for _ in 0..20 {
        server = changed(server);
        reconfigured(&upstreams, vec![server.clone()], DRAIN).await;
    }
    over.cancel();
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
    becomes(|| upstreams.retiring().is_empty()).await;
    upstreams.shutdown().await;
}
