//! What is decided of scripts and of calls, beside the tables: under policies that change, and of the policies themselves.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use exuvia_policy::{
    Classification, Condition, Grants, OnUnlisted, Policy, PolicySource, READS, RateStore, RateWindows, Refusal,
    RunCallCounts, ServerRules, decide,
};
use exuvia_test_support::{any_tool, descriptor};
use exuvia_tool::{Arguments, BoxFuture, CallId, Namespace, Server, ToolCall, ToolName};
use serde_json::json;

fn namespace() -> Arc<Namespace> {
    let tool = |name: &str| any_tool(descriptor(&json!({"name": name})), name);
    let crm = ["get_contact", "get_order", "export", "delete_contact"].map(tool).to_vec();
    Arc::new(Namespace::new(vec![Server::new("crm", "crm", crm), Server::new("files", "files", vec![tool("read")])]))
}

fn rules(auto_execute: &[&str], deny: &[&str], on_unlisted: OnUnlisted) -> ServerRules {
    let list = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    ServerRules { auto_execute: list(auto_execute), deny: list(deny), on_unlisted, ..ServerRules::default() }
}

fn source(crm: ServerRules) -> PolicySource {
    PolicySource { servers: [("crm".to_owned(), crm)].into(), ..PolicySource::default() }
}

fn policy(crm: ServerRules) -> Arc<Policy> {
    Arc::new(Policy::compile(source(crm), ["crm", "files"]).unwrap())
}

/// `ok`, `held` or `denied`.
fn decided(policy: &Policy, grants: &Grants, tool: &str) -> &'static str {
    let call = ToolCall {
        id: CallId(1),
        name: ToolName::new("crm", tool),
        arguments: Arguments::parse("{}").unwrap(),
        line: None,
    };
    match common::authorize(call, grants, policy, &Mutex::default(), &Mutex::default(), Duration::ZERO) {
        Ok(_) => "ok",
        Err(Refusal::Held(_)) => "held",
        Err(Refusal::Denied(_)) => "denied",
    }
}

#[test]
fn authority_only_shrinks_while_a_run_goes_on() {
    let before = policy(rules(&["get_*"], &[], OnUnlisted::AskAtCall));
    let grants = Grants::listed(&before, &namespace());
    let operator = Grants::everything_visible(&namespace());
    let less = policy(rules(&["get_contact"], &[], OnUnlisted::AskAtCall));
    assert_eq!(decided(&less, &grants, "get_order"), "held");
    assert_eq!(decided(&less, &operator, "get_order"), "ok");
    let denied = policy(rules(&["get_*"], &["get_*"], OnUnlisted::AskAtCall));
    assert_eq!(decided(&denied, &grants, "get_order"), "denied");
    assert_eq!(decided(&denied, &operator, "get_order"), "denied");
    let more = policy(rules(&["*"], &[], OnUnlisted::AskAtCall));
    assert_eq!(decided(&more, &grants, "export"), "held");
}

#[test]
fn the_suggested_line_allows_just_the_requested_tools() {
    let tools = ["get_order", "@reading", "a*", "[ab]", "{a,b}", "say \"hi\"", "back\\slash", "!x", "ä\u{7f}"];
    let others = ["get_orders", "reading", "ab", "a", "b", "say", "xx"];
    for has_a_table in [true, false] {
        let servers = if has_a_table { source(ServerRules::default()).servers } else { [].into() };
        let before = PolicySource { servers, ..PolicySource::default() };
        let line = Policy::compile(before.clone(), ["crm"]).unwrap().line_that_allows("crm", &tools);
        let (list, place) = line.strip_prefix("auto_execute = ").unwrap().rsplit_once("  # ").unwrap();
        assert_eq!(place, if has_a_table { "in [servers.crm]" } else { "top-level key" });
        let patterns: Vec<String> = serde_json::from_str(list).unwrap();
        let mut after = before;
        match after.servers.get_mut("crm") {
            Some(rules) => rules.auto_execute = patterns,
            None => after.auto_execute = patterns,
        }
        let after = Policy::compile(after, ["crm"]).unwrap();
        let listed = |tool: &str| matches!(after.classify(&ToolName::new("crm", tool)), Classification::Listed(_));
        for tool in tools {
            assert!(listed(tool), "{line} does not allow {tool}");
        }
        for tool in others {
            assert!(!listed(tool), "{line} allows {tool}");
        }
    }
}

#[test]
fn entries_that_match_nothing_are_found() {
    let mut source = source(ServerRules {
        tools: vec!["get_*".into(), "x*".into()],
        ..rules(&["get_order", "@some"], &["delet_*"], OnUnlisted::Deny)
    });
    source.groups = [("some".to_owned(), vec!["crm.nothing".to_owned(), "crm.get_*".to_owned()])].into();
    source.auto_execute = vec!["files.read".into(), "crn.get_order".into(), "away.*".into()];
    source.deny = vec!["c*.drop_*".into(), "*.wipe".into()];
    source.repeatable = vec!["files.*".into(), "files.raed".into()];
    let policy = Policy::compile(source, ["crm", "files", "away"]).unwrap();
    let tools =
        [("crm", "get_order"), ("crm", "export"), ("files", "read")].map(|(server, tool)| ToolName::new(server, tool));
    let idle: Vec<String> = policy.idle_rules(&tools).iter().map(ToString::to_string).collect();
    assert_eq!(
        idle,
        [
            r#"auto_execute: "crn.get_order""#,
            r#"deny: "c*.drop_*""#,
            r#"repeatable: "files.raed""#,
            r#"servers.crm.deny: "delet_*""#,
            r#"servers.crm.tools: "x*""#,
        ]
    );
}

#[test]
fn tools_are_repeatable_where_the_operator_says_so() {
    let listed = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let mut source = source(ServerRules { repeatable: listed(&["get_*"]), retries: Some(1), ..ServerRules::default() });
    source.repeatable = listed(&["crm.export", "files.re*"]);
    let policy = Policy::compile(source, ["crm", "files"]).unwrap();
    let is_repeatable = |server: &str, tool: &str| policy.repeats(&ToolName::new(server, tool));
    assert!(is_repeatable("crm", "get_order") && is_repeatable("crm", "export") && is_repeatable("files", "read"));
    assert!(
        !is_repeatable("crm", "delete_contact") && !is_repeatable("files", "export") && !is_repeatable("x", "read")
    );
    assert!(!is_repeatable("crm", &"get_".repeat(300)));
    assert_eq!(["crm", "files", "x"].map(|server| policy.retries(server)), [1, 3, 3]);
}

#[test]
fn all_errors_of_a_policy_are_reported_at_once_and_none_of_it_takes_effect() {
    let crm = ServerRules {
        tools: vec!["[a".into()],
        constraints: [("export".to_owned(), [("path".to_owned(), Condition::default())].into())].into(),
        ..rules(&["@gone", "get_*"], &[], OnUnlisted::Deny)
    };
    let mut source = source(crm);
    source.servers.insert("ghost".into(), ServerRules::default());
    source.groups = [("circle".to_owned(), vec!["@circle".to_owned()])].into();
    source.auto_execute = vec!["get_order".into(), "@circle".into()];
    let errors = Policy::compile(source, ["crm"]).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            r#"groups.circle.tools: "@circle": groups cannot be nested; list its patterns"#,
            r#"servers.crm.tools: "[a": unclosed character class; missing ']'"#,
            r#"servers.crm.auto_execute: unknown group "gone""#,
            r#"auto_execute: "get_order": write SERVER.TOOL, for example "crm.get_*""#,
            "servers.crm.constraints.export.path: requires under, at_most, at_least, one_of or matching",
            "servers.ghost: unknown server",
        ]
    );
}

/// Counts in a place of its own, and tells when it is asked.
struct Shared {
    rates: Mutex<RateWindows>,
    asked: AtomicU64,
}

impl RateStore for Shared {
    fn take<'a>(&'a self, server: &'a str, most: u32) -> BoxFuture<'a, Result<(), Duration>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let taken = self.rates.lock().unwrap().take(server, most, Duration::ZERO);
        Box::pin(ready(taken))
    }
}

#[test]
fn what_is_allowed_takes_its_quotas_before_it_is_permitted() {
    let bounded = |calls_per_run, calls_per_minute| {
        let rules = ServerRules { calls_per_run, calls_per_minute, ..ServerRules::default() };
        let source = PolicySource { servers: [("crm".to_owned(), rules)].into(), ..PolicySource::default() };
        Policy::compile(source, ["crm"]).unwrap()
    };
    let store = Shared { rates: Mutex::default(), asked: AtomicU64::new(0) };
    let spent = Mutex::new(RunCallCounts::default());
    let name = ToolName::new("crm", "get");
    let reserved = |policy: &Policy| {
        let call =
            ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse("{}").unwrap(), line: None };
        let allowed = decide(call, &Grants::of([name.clone()]), policy).unwrap();
        assert_eq!(allowed.call().name, name);
        let mut reserving = pin!(allowed.reserve(&spent, &store));
        let Poll::Ready(permit) = reserving.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the store answers at once")
        };
        permit.map(|permit| permit.into_call().id)
    };
    // What nobody bounds is asked of nobody.
    assert_eq!(reserved(&bounded(None, None)), Ok(CallId(1)));
    assert_eq!((reserved(&bounded(Some(3), None)), store.asked.load(Ordering::Relaxed)), (Ok(CallId(1)), 0));
    // Two of three are spent. A call that the minute has no room for is not counted in its run.
    assert!(reserved(&bounded(Some(3), Some(0))).is_err());
    assert_eq!(reserved(&bounded(Some(3), Some(1))), Ok(CallId(1)));
    assert!(reserved(&bounded(Some(3), Some(9))).is_err());
    assert_eq!(store.asked.load(Ordering::Relaxed), 2, "not asked once the run has no call left");
    let call = ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse("{}").unwrap(), line: None };
    let quotas = decide(call, &Grants::of([name.clone()]), &bounded(Some(3), Some(9))).unwrap().quotas();
    assert_eq!((quotas.calls_per_run, quotas.calls_per_minute), (Some(3), Some(9)));
}

#[test]
fn the_last_of_a_thousand_entries_counts_like_the_first() {
    let with = |last: &str| (0..999).map(|n| format!("no_{n}")).chain([last.to_owned()]).collect::<Vec<_>>();
    let few = Condition { at_most: Some(1.0), ..Condition::default() };
    let on = |argument: &str| [(argument.to_owned(), few.clone())].into();
    let constraints = with("get_a").into_iter().map(|tool| (tool, on("n"))).collect();
    let rules = ServerRules {
        tools: with("get_[xya]"),
        auto_execute: with("get_*"),
        deny: with("get_y"),
        constraints,
        ..ServerRules::default()
    };
    let policy = policy(rules);
    let calls = ["get_x", "get_y", "get_z", "get_a"];
    let grants = Grants::of(calls.map(|tool| ToolName::new("crm", tool)));
    assert_eq!(calls.map(|tool| decided(&policy, &grants, tool)), ["ok", "denied", "denied", "denied"]);
    assert!(matches!(policy.classify(&ToolName::new("crm", "get_a")), Classification::Listed(_)));
    assert_eq!(policy.classify(&ToolName::new("crm", "get_z")), Classification::Hidden);
    // Without a policy there is no tool.
    assert_eq!(Policy::default().classify(&ToolName::new("crm", "get_x")), Classification::Hidden);
}

#[test]
fn entries_that_name_reads_are_not_idle() {
    let policy = policy(rules(&READS, &["tasks/*"], OnUnlisted::AskAtCall));
    assert!(policy.idle_rules(&[]).is_empty(), "{:?}", policy.idle_rules(&[]));
}
