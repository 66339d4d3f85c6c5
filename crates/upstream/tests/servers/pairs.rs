//! Two of everything: servers, callers, calls, credentials, eras.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, Served, config, gone, http, permit, runs, states};
use crate::life::{Dir, becomes, call_as, who};
use exuvia_config::{Share, UpstreamLimits};
use exuvia_policy::{Offered, Provider};
use exuvia_tool::DispatchTicket;
use exuvia_tool::{CallContext, CallError, Deadline, Origin, RunId};
use exuvia_upstream::{CallLimits, Upstreams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

async fn value(upstreams: &Upstreams, caller: &CallContext, tool: &str, arguments: &str) -> Value {
    call_as(upstreams, caller, tool, arguments, LIMITS).await.unwrap().to_value().unwrap()
}

/// The process of this server that answers this caller.
async fn pid(upstreams: &Upstreams, caller: &CallContext, server: &str) -> i64 {
    value(upstreams, caller, &format!("{server}.process"), "{}").await["pid"].as_i64().unwrap()
}

/// What the process of this server that answers this caller was sent.
async fn seen(upstreams: &Upstreams, caller: &CallContext, server: &str) -> Vec<String> {
    let seen = value(upstreams, caller, &format!("{server}.seen"), "{}").await;
    seen["seen"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

async fn started(share: Share, limits: UpstreamLimits) -> Upstreams {
    let servers = [("left", "legacy"), ("right", "modern")].map(|(name, era)| {
        let mut server = config(name, &["--era", era]);
        server.share = share;
        server
    });
    let upstreams = Upstreams::start(servers.into(), limits).await;
    assert_eq!(states(&upstreams), ["ready", "ready"]);
    upstreams
}

#[tokio::test]
async fn a_call_goes_to_the_server_that_it_names_whatever_its_era() {
    let upstreams = started(Share::All, UpstreamLimits::default()).await;
    let caller = who(None, "a");
    for (server, era) in [("left", "legacy"), ("right", "modern"), ("left", "legacy")] {
        let told = value(&upstreams, &caller, &format!("{server}.environment"), "{}").await;
        assert_eq!(told["arguments"], json!(["--era", era]));
    }
    let nowhere = call_as(&upstreams, &caller, "nowhere.echo", "{}", LIMITS).await.unwrap_err();
    assert!(matches!(nowhere.code(), "unknown-tool" | "upstream-unavailable"), "{nowhere:?}");
    for server in ["left", "right"] {
        let calls = seen(&upstreams, &caller, server).await.into_iter().filter(|method| method == "tools/call").count();
        assert_eq!(calls, if server == "left" { 3 } else { 2 }, "{server}");
    }
}

#[tokio::test]
async fn routes_are_a_provider_of_tools() {
    let upstreams = started(Share::All, UpstreamLimits::default()).await;
    let provider: &dyn Provider = &upstreams.routes();
    let mut offered = provider.list();
    offered.sort_by(|one, other| one.server.cmp(&other.server));
    let has_echo = |offered: &Offered| {
        let tools = offered.tools.as_ref().unwrap();
        (offered.server.clone(), tools.iter().any(|tool| tool.name == "echo"))
    };
    let both = [("left".to_owned(), true), ("right".to_owned(), true)];
    assert_eq!(offered.iter().map(has_echo).collect::<Vec<_>>(), both);
    let call = |context| provider.call(permit("left", "echo", r#"{"value":7}"#), context, DispatchTicket::default());
    assert_eq!(call(who(None, "a")).await.unwrap().to_value().unwrap(), json!({"value": 7}));
    let late = Deadline::after(Instant::now() - SOON, Duration::ZERO);
    assert_eq!(call(who(None, "a").until(late)).await.unwrap_err().code(), "timed-out");
    assert_eq!(call(who(None, "a").bounded(3)).await.unwrap_err().code(), "limit-reached");
}

#[tokio::test]
async fn the_end_of_one_call_leaves_another_of_the_same_server() {
    let dir = Dir::new("two-calls");
    for era in ["legacy", "modern"] {
        let record = dir.path(era);
        let server = config("fake", &["--era", era, "--record", record.to_str().unwrap()]);
        let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
        let hang = |run: &str| tokio::spawn(call_as(&upstreams, &who(None, run), "fake.hang", "{}", LIMITS));
        let (first, second, other) = (hang("a"), hang("a"), hang("b"));
        becomes(|| dir.lines(era).len() == 3).await;
        first.abort();
        assert!(first.await.is_err());
        let cancelled = async || {
            let methods = seen(&upstreams, &who(None, "a"), "fake").await;
            methods.into_iter().filter(|method| method.starts_with("cancelled")).count()
        };
        let heard = async {
            while cancelled().await == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, heard).await.unwrap();
        let late = CallLimits { timeout: Duration::from_millis(100), ..LIMITS };
        let timed_out = call_as(&upstreams, &who(None, "a"), "fake.hang", "{}", late).await;
        assert_eq!(timed_out, Err(CallError::TimedOut(100)));
        assert!(cancelled().await <= 2, "{era}");
        assert!(!second.is_finished() && !other.is_finished(), "{era}");
        upstreams.ended(&Origin::Run(RunId::new("a")));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!other.is_finished(), "{era}");
        second.abort();
        other.abort();
    }
}

#[tokio::test]
async fn the_end_of_a_run_ends_its_processes_at_both_servers_and_nobody_elses() {
    let upstreams = started(Share::Run, UpstreamLimits::default()).await;
    let (a, b) = (who(None, "a"), who(None, "b"));
    let ended = [pid(&upstreams, &a, "left").await, pid(&upstreams, &a, "right").await];
    let kept = [pid(&upstreams, &b, "left").await, pid(&upstreams, &b, "right").await];
    upstreams.ended(&Origin::Run(RunId::new("a")));
    assert!(gone(&ended, SOON).await);
    assert!(kept.iter().all(|&pid| runs(pid)));
    assert_eq!([pid(&upstreams, &b, "left").await, pid(&upstreams, &b, "right").await], kept);
    for server in ["left", "right"] {
        let refused = call_as(&upstreams, &a, &format!("{server}.echo"), "{}", LIMITS).await.unwrap_err();
        assert_eq!(refused.code(), "upstream-unavailable", "{server}");
    }
}

#[tokio::test]
async fn one_server_that_is_full_or_broken_leaves_room_at_the_other() {
    let limits = UpstreamLimits { connections: 1, calls_in_flight: 1, ..UpstreamLimits::default() };
    let upstreams = started(Share::Key, limits).await;
    let (a, b) = (who(Some("a"), "r"), who(Some("b"), "r"));
    let hanging = tokio::spawn(call_as(&upstreams, &a, "left.hang", "{}", LIMITS));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let full = call_as(&upstreams, &b, "left.echo", "{}", LIMITS).await.unwrap_err();
    assert_eq!(full.code(), "limit-reached");
    assert_eq!(value(&upstreams, &a, "right.echo", r#"{"value":1}"#).await, json!({"value": 1}));
    assert!(!hanging.is_finished());
    hanging.abort();
    // Five failures in a row open the breaker of one connection to one server.
    let upstreams = started(Share::All, UpstreamLimits::default()).await;
    for _ in 0..6 {
        assert!(call_as(&upstreams, &a, "left.exit", "{}", LIMITS).await.is_err());
    }
    let refused = call_as(&upstreams, &a, "left.echo", "{}", LIMITS).await.unwrap_err().to_string();
    assert!(refused.contains("5 times in a row"), "{refused}");
    assert_eq!(value(&upstreams, &a, "right.echo", r#"{"value":2}"#).await, json!({"value": 2}));
}

#[tokio::test]
async fn each_server_is_sent_its_own_credential_and_not_the_others() {
    let dir = Dir::new("credentials");
    let served = ["left", "right"].map(|name| {
        dir.write(name, &format!("token-of-{name}"));
        (name, Served::new(&["--token-file", dir.path(name).to_str().unwrap()]))
    });
    let configured = |swapped: bool| {
        served.each_ref().map(|(name, served)| {
            let whose = if swapped { ["right", "left"][usize::from(*name == "right")] } else { *name };
            let mut server = served.config(name);
            let token = format!("Bearer token-of-{whose}").parse().unwrap();
            http(&mut server).add_header("authorization".parse().unwrap(), token);
            server
        })
    };
    let upstreams = Upstreams::start(configured(false).into(), UpstreamLimits::default()).await;
    assert_eq!(states(&upstreams), ["ready", "ready"]);
    for name in ["left", "right"] {
        let told = value(&upstreams, &who(None, "a"), &format!("{name}.request"), "{}").await;
        assert_eq!(told["headers"]["authorization"], format!("Bearer token-of-{name}"), "{told}");
    }
    let swapped = Upstreams::start(configured(true).into(), UpstreamLimits::default()).await;
    for state in states(&swapped) {
        assert!(state.contains("HTTP 401") && !state.contains("token-of"), "{state}");
    }
}
