//! `cargo bench --bench decisions`: what deciding costs. On a script, before it starts: 1, 10 and 64 KiB of scripts as
//! models write them, against the recorded catalogs. On a call: among 2,000 tools and under 100 rules.

use std::fs;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use exuvia_analysis::analyze;
use exuvia_policy::{
    Condition, Grants, Permit, Policy, PolicySource, RateStore, Refusal, RunCallCounts, ServerRules, decide,
};
use exuvia_test_support::{Catalog, catalogs, files};
use exuvia_tool::{Arguments, BoxFuture, CallId, ToolCall, ToolName};

const SERVERS: usize = 20;
const TOOLS: usize = 100;

fn policy() -> Policy {
    let condition = Condition { under: Some("/exports".into()), ..Condition::default() };
    let rules = |server: usize| {
        let globs = |verb: &str| (0..2).map(|n| format!("{verb}_{server}_{n}*")).collect::<Vec<_>>();
        let mut auto_execute = globs("list");
        auto_execute.push("get_*".to_owned());
        let constraints = [("get_*9".to_owned(), [("path".to_owned(), condition.clone())].into())].into();
        ServerRules { auto_execute, deny: vec!["delete_*".to_owned()], constraints, ..ServerRules::default() }
    };
    let names: Vec<String> = (0..SERVERS).map(|server| format!("server{server}")).collect();
    let servers = names.iter().enumerate().map(|(number, name)| (name.clone(), rules(number))).collect();
    let source = PolicySource { servers, ..PolicySource::default() };
    Policy::compile(source, names.iter().map(String::as_str)).expect("a policy")
}

/// Counts nothing.
struct Unbounded;

impl RateStore for Unbounded {
    fn take<'a>(&'a self, _: &'a str, _: u32) -> BoxFuture<'a, Result<(), Duration>> {
        Box::pin(ready(Ok(())))
    }
}

fn authorize(
    call: ToolCall,
    grants: &Grants,
    policy: &Policy,
    spent: &Mutex<RunCallCounts>,
) -> Result<Permit, Refusal> {
    let mut reserving = pin!(decide(call, grants, policy)?.reserve(spent, &Unbounded));
    match reserving.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(permit) => permit,
        Poll::Pending => panic!("the store answers at once"),
    }
}

fn authorization(criterion: &mut Criterion) {
    let policy = policy();
    let tools =
        |server: usize| (0..TOOLS).map(move |tool| ToolName::new(format!("server{server}"), format!("get_{tool}")));
    let grants = Grants::of((0..SERVERS).flat_map(tools));
    let mut group = criterion.benchmark_group("authorization");
    for (what, tool, arguments) in [
        ("a listed tool", "get_42", r#"{"id": 7}"#),
        ("a tool with a constraint", "get_49", r#"{"path": "/exports/2026/report.csv"}"#),
        ("a denied tool", "delete_7", "{}"),
    ] {
        let call = ToolCall {
            id: CallId(1),
            name: ToolName::new("server17", tool),
            arguments: Arguments::parse(arguments).expect("JSON"),
            line: None,
        };
        let spent = Mutex::new(RunCallCounts::default());
        group.bench_function(what, |bencher| {
            bencher.iter_batched(
                || call.clone(),
                |call| black_box(authorize(call, &grants, &policy, &spent)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn pre_pass(criterion: &mut Criterion) {
    let namespace = exuvia_catalog::build(catalogs().iter().map(Catalog::server).collect());
    // Imports are told apart by scope, so the same lines may stand there again.
    let scripts = files("scripts", "py")
        .iter()
        .map(|file| fs::read_to_string(file).expect("a text"))
        .collect::<String>()
        .repeat(3);
    let mut group = criterion.benchmark_group("pre-pass");
    for kib in [1, 10, 64] {
        let end = scripts[..kib << 10].rfind("\n\n\n").expect("the end of a function") + 1;
        let source = &scripts[..end];
        assert!(!analyze(source, &namespace).may_call.is_empty());
        group.throughput(Throughput::Bytes(source.len() as u64));
        group.bench_function(format!("{kib} KiB"), |bencher| {
            bencher.iter(|| black_box(analyze(black_box(source), &namespace)));
        });
    }
    group.finish();
}

criterion_group!(benches, pre_pass, authorization);
criterion_main!(benches);
