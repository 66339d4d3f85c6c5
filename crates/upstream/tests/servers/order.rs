//! Calls leave in the order of their tickets.

use std::time::Duration;

use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_tool::CallError;
use exuvia_tool::DispatchOrder;
use exuvia_upstream::{CallLimits, Upstreams};
use serde_json::{Value, json};

use crate::fake::{LIMITS, Served, caller, config, permit};
use crate::life::Dir;

/// The values of the calls of `echo`, in the order in which they arrived.
fn arrived(dir: &Dir) -> Vec<u64> {
    let value = |line: &String| {
        let message: Value = serde_json::from_str(line).unwrap();
        message.pointer("/params/arguments/value").and_then(Value::as_u64)
    };
    dir.lines("calls").iter().filter_map(value).collect()
}

/// Makes calls whose futures are polled for the first time in the reverse order of their tickets.
async fn call_backwards(servers: Vec<ServerConfig>, limits: UpstreamLimits, calls: u64) {
    let upstreams = Upstreams::start(servers, limits).await;
    let order = DispatchOrder::default();
    let call = |n: u64| {
        let permit = permit("fake", "echo", &json!({"value": n}).to_string());
        upstreams.routes().call_in_order(permit, caller(), LIMITS, order.ticket())
    };
    let calls: Vec<_> = (0..calls).map(call).collect();
    let running: Vec<_> = calls.into_iter().rev().map(tokio::spawn).collect();
    for call in running {
        call.await.unwrap().unwrap();
    }
    upstreams.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_pipe_calls_arrive_in_the_order_of_their_tickets() {
    for calls_in_flight in [1, 5, 1_000] {
        let dir = Dir::new(&format!("order-{calls_in_flight}"));
        let fake = config("fake", &["--record", dir.path("calls").to_str().unwrap()]);
        let limits = UpstreamLimits { calls_in_flight, ..UpstreamLimits::default() };
        call_backwards(vec![fake], limits, 600).await;
        assert_eq!(arrived(&dir), (0..600).collect::<Vec<_>>(), "{calls_in_flight} in flight");
    }
}

/// Over HTTP each request has a connection of its own, and a server may take up what arrived last first: what is sent in the
/// order of the tickets arrives in about that order, and what is not, backwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_calls_leave_in_the_order_of_their_tickets() {
    for way in [&["--era", "modern", "--json"][..], &["--era", "legacy"], &["--era", "legacy", "--sse"]] {
        let dir = Dir::new(&format!("order-http-{}", way.len() + way[1].len()));
        let calls = dir.path("calls");
        let served = Served::new(&[way, &["--record", calls.to_str().unwrap()]].concat());
        call_backwards(vec![served.config("fake")], UpstreamLimits::default(), 200).await;
        let arrived = arrived(&dir);
        assert_eq!(arrived.len(), 200);
        let pairs = |of: fn(u64, u64) -> bool| {
            (0..200).flat_map(|i| (0..i).map(move |j| (j, i))).filter(|&(j, i)| of(arrived[j], arrived[i])).count()
        };
        let (kept, turned) = (pairs(|a, b| a < b), pairs(|a, b| a > b));
        // Unordered they arrive backwards; over connections of their own a busy machine lets some pass others.
        assert!(kept > 2 * turned, "{way:?}: {kept} pairs in order, {turned} not: {arrived:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_before_it_leaves_lets_the_next_one_pass() {
    let limits = UpstreamLimits { calls_in_flight: 2, ..UpstreamLimits::default() };
    let upstreams = Upstreams::start(vec![config("fake", &[])], limits).await;
    let order = DispatchOrder::default();
    let start = |tool: &str, timeout: u64| {
        let limits = CallLimits { timeout: Duration::from_millis(timeout), ..LIMITS };
        upstreams.routes().call_in_order(permit("fake", tool, "{}"), caller(), limits, order.ticket())
    };
    // Two are in flight, and the third waits for one of them to end, with a ticket that the fourth is behind.
    let [first, second, third, dropped] = ["hang", "hang", "echo", "echo"].map(|tool| start(tool, 1_500));
    let last = start("echo", 10_000);
    drop(dropped);
    let hanging = [tokio::spawn(first), tokio::spawn(second)];
    let third = tokio::spawn(third);
    tokio::time::sleep(Duration::from_millis(100)).await;
    third.abort();
    assert!(last.await.is_ok());
    for call in hanging {
        assert_eq!(call.await.unwrap(), Err(CallError::TimedOut(1_500)));
    }
    upstreams.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_server_that_is_down_fail_side_by_side() {
    let upstreams = Upstreams::start(vec![config("fake", &[])], UpstreamLimits::default()).await;
    let order = DispatchOrder::default();
    let call = |tool: &str| {
        let permit = permit("fake", tool, "{}");
        tokio::spawn(upstreams.routes().call_in_order(permit, caller(), LIMITS, order.ticket()))
    };
    let mut calls = vec![call("exit")];
    calls.extend((0..60).map(|_| call("echo")));
    let began = std::time::Instant::now();
    for call in calls {
        // The server comes back for those that had not been sent.
        let outcome = call.await.unwrap();
        assert!(outcome.is_ok() || outcome.unwrap_err().code() == "upstream-unavailable");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    upstreams.shutdown().await;
}
