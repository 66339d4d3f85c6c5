//! A script and its functions have the bounds of one script.

use exuvia_gateway::Client;
use exuvia_runtime::Script;
use exuvia_tool::Limit;

use super::*;

const SPIN: &str =
    "def spin(rounds: int) -> int:\n    \"\"\"Works.\"\"\"\n    return sum(i * i for i in range(rounds))\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_calls_itself_comes_to_an_end() {
    let saved = Saved::new().await;
    saved
        .save("again", "def again(n: int) -> int:\n    \"\"\"Goes on.\"\"\"\n    return functions.again(n=n + 1)\n")
        .await;
    let error = saved.error("functions.again(n=0)").await;
    assert!(error.contains("functions.depth is 3, this call would use 4"), "{error}");
    let runs = saved.journal.kinds().iter().filter(|kind| **kind == "run-started").count();
    assert_eq!(runs, 4, "the script, and three functions");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fuel_is_shared() {
    let saved = Saved::with(Limits { fuel: 400_000_000, ..Limits::default() }, &["*.*"]).await;
    saved.save("spin", SPIN).await;
    // One of them fits, and so do two; together they have what one script has.
    assert!(saved.result("functions.spin(rounds=100_000)").await.is_number());
    let report = saved.report("[functions.spin(rounds=100_000) for _ in range(100)]").await;
    let Outcome::Stopped(stop) = &report.outcome else { panic!("{report:?}") };
    assert_eq!(stop.limit, Limit::Fuel);
    let calls = report.calls.len();
    assert!((2..99).contains(&calls), "{calls}");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_shared() {
    let saved = Saved::with(Limits { memory_bytes: 160 << 20, ..Limits::default() }, &["*.*"]).await;
    let hold =
        "def hold(megabytes: int) -> int:\n    \"\"\"Takes memory.\"\"\"\n    return len(bytearray(megabytes << 20))\n";
    saved.save("hold", hold).await;
    assert_eq!(saved.result("functions.hold(megabytes=60)").await, 60 << 20);
    let error = saved.error("mine = bytearray(80 << 20)\nfunctions.hold(megabytes=60)\nlen(mine)").await;
    assert!(error.contains("memory"), "{error}");
    // What a function took is given back.
    assert_eq!(saved.result("[functions.hold(megabytes=60) for _ in range(5)][-1]").await, 60 << 20);
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_shared() {
    let saved = Saved::with(Limits { tool_calls: 10, ..Limits::default() }, &["*.*"]).await;
    let many = "def many(n: int) -> int:\n    \"\"\"Calls.\"\"\"\n    \
        return len([fake.echo(value=i) for i in range(n)])\n";
    saved.save("many", many).await;
    assert_eq!(saved.result("functions.many(n=9)").await, 9);
    let error = saved.error("functions.many(n=6)\nfunctions.many(n=6)").await;
    assert!(error.contains("tool_calls"), "{error}");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_is_ended_with_its_call() {
    let saved = Saved::with(Limits { call_timeout_ms: 500, ..Limits::default() }, &["*.*"]).await;
    saved.save("spin", SPIN).await;
    let error = saved.error("functions.spin(rounds=10**9)").await;
    assert!(error.starts_with("ToolTimeout"), "{error}");
    let ends = saved.journal.kinds().iter().filter(|kind| **kind == "run-ended").count();
    assert_eq!(ends, 2);
    saved.gateway.stop().await;
}

/// As many scripts as may run at a time, each of which waits for a function.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_all_wait_for_functions_do_not_wait_for_each_other() {
    let saved = Saved::new().await;
    saved.save("leaf", "def leaf() -> int:\n    \"\"\"One.\"\"\"\n    return 1\n").await;
    saved.save("branch", "def branch() -> int:\n    \"\"\"One more.\"\"\"\n    return functions.leaf() + 1\n").await;
    let (gateway, client) = (saved.gateway.gateway(), Client::new("test"));
    let start = |_| {
        let script = Script::new("functions.branch()");
        gateway.start(&gateway.default_view(), script, StartedBy::Client, &client).expect("room for a run")
    };
    let runs: Vec<_> = (0..24).map(start).collect();
    for run in runs {
        let report = run.report().await;
        assert!(matches!(&report.outcome, Outcome::Returned(value) if value.as_str() == "2"), "{report:?}");
    }
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_made_again_are_shared() {
    let saved = Saved::new().await;
    let fail = "def fail() -> str:\n    \"\"\"Fails.\"\"\"\n    try:\n        \
        fake.error(error={'code': -32000, 'message': 'HTTP 429: retry in 1 ms'})\n    except ToolError as error:\n        \
        return error.message\n";
    saved.save("fail", fail).await;
    let source = PolicySource {
        auto_execute: vec!["*.*".to_owned()],
        repeatable: vec!["fake.error".to_owned()],
        ..PolicySource::default()
    };
    saved.gateway.gateway().set_policy(Policy::compile(source, ["fake", "functions"]).expect("a policy"));
    // Three times each, and 20 of all together.
    saved.result("[functions.fail() for _ in range(10)][-1]").await;
    let intended = saved.journal.entries().into_iter().filter(|entry| match &entry.event {
        exuvia_journal::Event::CallIntended { call, .. } => call.name.server == "fake",
        _ => false,
    });
    assert_eq!(intended.count(), 10 + 20);
    saved.gateway.stop().await;
}
