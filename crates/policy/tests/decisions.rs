//! What is decided of scripts and of calls.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use exuvia_policy::{
    Admission, Condition, DenialReason, Grants, OnUnlisted, Policy, PolicySource, Prediction, READS, RateStore, Rates,
    Refusal, ServerRules, Spent, Standing, admit, decide,
};
use exuvia_tool::{Arguments, BoxFuture, CallId, Namespace, Server, ToolAnnotations, ToolCall, ToolName};
use serde_json::{Value, json};

fn namespace() -> Arc<Namespace> {
    let annotations = ToolAnnotations { read_only: Some(true), destructive: Some(false) };
    let tool = |name: &str| common::tool(name, name, annotations);
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

fn names(tools: &[&str]) -> Prediction {
    Prediction { names: tools.iter().map(|tool| ToolName::new("crm", *tool)).collect() }
}

/// `ok`, `held`, or the reason of a denial.
fn decided(policy: &Policy, grants: &Grants, tool: &str, arguments: Value) -> String {
    let (spent, rates) = (Mutex::new(Spent::default()), Mutex::new(Rates::default()));
    decided_at(policy, grants, tool, arguments, &spent, &rates, 0)
}

fn decided_at(
    policy: &Policy,
    grants: &Grants,
    tool: &str,
    arguments: Value,
    spent: &Mutex<Spent>,
    rates: &Mutex<Rates>,
    second: u64,
) -> String {
    let name = ToolName::new("crm", tool);
    let call = ToolCall { id: CallId(1), name, arguments: Arguments::from_tree(arguments.clone()) };
    match common::authorize(call, grants, policy, spent, rates, Duration::from_secs(second)) {
        Ok(permit) => {
            assert_eq!(permit.into_call().arguments.into_tree().unwrap(), arguments);
            "ok".to_owned()
        }
        Err(Refusal::Held(hold)) => format!("held: {}", hold.allow),
        Err(Refusal::Denied(denial)) => match denial.reason {
            DenialReason::Denied(rule) => format!("denied by {rule}"),
            DenialReason::Argument { name, must } => format!("{name} {must}"),
            reason => format!("{reason:?}"),
        },
    }
}

#[test]
fn a_denial_wins_over_a_list_and_nothing_is_listed_by_itself() {
    let policy = policy(rules(&["get_*", "delete_contact"], &["delete_*"], OnUnlisted::AskBefore));
    let standing = |tool: &str| policy.standing(&ToolName::new("crm", tool));
    assert!(
        matches!(standing("get_order"), Standing::Listed(rule) if rule.to_string() == r#"servers.crm.auto_execute: "get_*""#)
    );
    assert!(matches!(standing("delete_contact"), Standing::Denied(_)));
    assert_eq!(standing("export"), Standing::Unlisted(OnUnlisted::AskBefore));
    // It says of itself that it only reads: that allows nothing.
    assert_eq!(policy.standing(&ToolName::new("files", "read")), Standing::Unlisted(OnUnlisted::AskBefore));
    assert_eq!(policy.standing(&ToolName::new("nobody", "read")), Standing::Hidden);
    assert_eq!(Policy::default().standing(&ToolName::new("crm", "export")), Standing::Hidden);
}

#[test]
fn a_tool_outside_tools_does_not_exist() {
    let policy = policy(ServerRules { tools: vec!["get_*".into()], ..rules(&["*"], &[], OnUnlisted::AskBefore) });
    assert!(policy.shows(&ToolName::new("crm", "get_order")));
    assert!(!policy.shows(&ToolName::new("crm", "export")));
    let grants = Grants::everything_visible(&namespace());
    assert_eq!(decided(&policy, &grants, "export", json!({})), "Hidden");
}

#[test]
fn a_script_is_admitted_by_what_it_names_and_how_the_unlisted_is_met() {
    for (on_unlisted, expected) in
        [(OnUnlisted::AskBefore, "hold"), (OnUnlisted::AskAtCall, "start"), (OnUnlisted::Deny, "refuse")]
    {
        let policy = policy(rules(&["get_*"], &["delete_*"], on_unlisted));
        let admitted = |tools: &[&str]| match admit(&policy, &namespace(), &names(tools)) {
            Admission::Start(grants) => {
                assert!(grants.cover(&ToolName::new("crm", "get_order")));
                assert!(!grants.cover(&ToolName::new("crm", "export")));
                assert!(!grants.cover(&ToolName::new("crm", "delete_contact")));
                "start"
            }
            Admission::Hold(held) => {
                assert_eq!(held[0].allow, r#"auto_execute = ["get_*", "export"]  # in [servers.crm]"#);
                "hold"
            }
            Admission::Refuse(_) => "refuse",
        };
        assert_eq!(admitted(&[]), "start");
        assert_eq!(admitted(&["get_order", "delete_contact"]), "start");
        assert_eq!(admitted(&["get_order", "export"]), expected);
        let grants = Grants::listed(&policy, &namespace());
        let outside = if on_unlisted == OnUnlisted::Deny {
            "Unlisted".to_owned()
        } else {
            r#"held: auto_execute = ["get_*", "export"]  # in [servers.crm]"#.to_owned()
        };
        assert_eq!(decided(&policy, &grants, "export", json!({})), outside);
        assert_eq!(decided(&policy, &grants, "get_order", json!({"id": 1})), "ok");
        assert_eq!(decided(&policy, &grants, "delete_contact", json!({})), r#"denied by servers.crm.deny: "delete_*""#);
    }
}

#[test]
fn authority_only_shrinks_while_a_run_goes_on() {
    let before = policy(rules(&["get_*"], &[], OnUnlisted::AskAtCall));
    let grants = Grants::listed(&before, &namespace());
    let operator = Grants::everything_visible(&namespace());
    let less = policy(rules(&["get_contact"], &[], OnUnlisted::AskAtCall));
    assert!(decided(&less, &grants, "get_order", json!({})).starts_with("held"));
    assert_eq!(decided(&less, &operator, "get_order", json!({})), "ok");
    let denied = policy(rules(&["get_*"], &["get_*"], OnUnlisted::AskAtCall));
    assert!(decided(&denied, &grants, "get_order", json!({})).starts_with("denied"));
    assert!(decided(&denied, &operator, "get_order", json!({})).starts_with("denied"));
    let more = policy(rules(&["*"], &[], OnUnlisted::AskAtCall));
    assert!(decided(&more, &grants, "export", json!({})).starts_with("held"));
}

#[test]
fn arguments_are_held_against_every_constraint_of_the_tool() {
    let under = Condition { under: Some("/exports".into()), ..Condition::default() };
    let few = Condition { at_most: Some(10.0), ..Condition::default() };
    let constraints = [
        ("export".to_owned(), [("path".to_owned(), under)].into()),
        ("ex*".to_owned(), [("rows".to_owned(), few)].into()),
    ];
    let crm = ServerRules { constraints: constraints.into(), ..rules(&["*"], &[], OnUnlisted::AskBefore) };
    let policy = policy(crm);
    let grants = Grants::everything_visible(&namespace());
    let said = |arguments| decided(&policy, &grants, "export", arguments);
    assert_eq!(said(json!({"path": "/exports/a", "rows": 10})), "ok");
    assert_eq!(said(json!({"path": "/etc/passwd", "rows": 10})), "path must be a path under /exports");
    assert_eq!(said(json!({"path": "/exports/a", "rows": 11})), "rows must be a number of at most 10");
    assert_eq!(said(json!({"path": "/exports/a"})), "rows must be given");
    assert_eq!(decided(&policy, &grants, "get_order", json!({})), "ok");
}

#[test]
fn calls_are_counted_by_run_and_by_minute() {
    let crm =
        ServerRules { calls_per_run: Some(3), calls_per_minute: Some(4), ..rules(&["*"], &[], OnUnlisted::AskBefore) };
    let policy = policy(crm);
    let grants = Grants::everything_visible(&namespace());
    let rates = Mutex::new(Rates::default());
    let run =
        |spent: &Mutex<Spent>, second| decided_at(&policy, &grants, "get_order", json!({}), spent, &rates, second);
    let (first, second) = (Mutex::new(Spent::default()), Mutex::new(Spent::default()));
    for _ in 0..3 {
        assert_eq!(run(&first, 0), "ok");
    }
    assert_eq!(run(&first, 0), "CallsPerRun(3)");
    assert_eq!(run(&second, 1), "ok");
    assert!(run(&second, 1).starts_with("CallsPerMinute"));
    // What was denied was not counted.
    assert_eq!(run(&second, 62), "ok");
}

#[test]
fn groups_and_qualified_patterns_reach_the_servers_that_they_name() {
    let mut source = source(rules(&["@reading"], &[], OnUnlisted::AskBefore));
    source.groups = [("reading".to_owned(), vec!["crm.get_*".to_owned(), "files.*".to_owned()])].into();
    source.auto_execute = vec!["f*.read".to_owned()];
    let policy = Policy::compile(source, ["crm", "files", "a.b"]).unwrap();
    let listed =
        |server: &str, tool: &str| matches!(policy.standing(&ToolName::new(server, tool)), Standing::Listed(_));
    assert!(listed("crm", "get_order") && listed("files", "read"));
    assert!(!listed("crm", "export") && !listed("files", "write") && !listed("a.b", "read"));
}

#[test]
fn a_denial_that_holds_everywhere_wins() {
    let source =
        PolicySource { deny: vec!["*.get_order".into()], ..source(rules(&["get_*"], &[], OnUnlisted::AskBefore)) };
    let policy = Policy::compile(source, ["crm", "files"]).unwrap();
    let Standing::Denied(rule) = policy.standing(&ToolName::new("crm", "get_order")) else { panic!("not denied") };
    assert_eq!(rule.to_string(), r#"deny: "*.get_order""#);
    assert!(matches!(policy.standing(&ToolName::new("crm", "get_contact")), Standing::Listed(_)));
}

#[test]
fn the_line_that_is_told_allows_just_the_tools_that_were_asked_for() {
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
        let listed = |tool: &str| matches!(after.standing(&ToolName::new("crm", tool)), Standing::Listed(_));
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
    let policy = Policy::compile(source, ["crm", "files", "away"]).unwrap();
    let tools =
        [("crm", "get_order"), ("crm", "export"), ("files", "read")].map(|(server, tool)| ToolName::new(server, tool));
    let idle: Vec<String> = policy.idle_rules(&tools).iter().map(ToString::to_string).collect();
    assert_eq!(
        idle,
        [
            r#"auto_execute: "crn.get_order""#,
            r#"deny: "c*.drop_*""#,
            r#"servers.crm.deny: "delet_*""#,
            r#"servers.crm.tools: "x*""#,
        ]
    );
}

#[test]
fn everything_wrong_with_a_policy_is_told_at_once_and_none_of_it_takes_effect() {
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

#[test]
fn a_read_is_listed_by_its_method_and_granted_to_nobody_else() {
    let listed = policy(rules(&["get_*", "resources/read", "tasks/*"], &["tasks/cancel"], OnUnlisted::AskAtCall));
    let (reads, scripts) = (Grants::listed_reads(&listed), Grants::listed(&listed, &namespace()));
    let decided = |grants: &Grants, tool: &str| decided(&listed, grants, tool, json!({}));
    assert_eq!(
        READS.map(|read| decided(&reads, read).split([' ', ':']).next().unwrap().to_owned()),
        ["ok", "held", "held", "ok", "ok", "denied", "held"]
    );
    assert!(decided(&reads, "prompts/get").ends_with("\"prompts/get\"]  # in [servers.crm]"));
    // A grant of reads is none of tools, and a script reads nothing.
    assert!(decided(&reads, "get_order").starts_with("held"));
    assert!(decided(&scripts, "resources/read").starts_with("held"));
    assert!(decided(&Grants::everything_visible(&namespace()), "resources/read").starts_with("held"));
    // Lists that name reads are not idle.
    let tools = ["get_order"].map(|tool| ToolName::new("crm", tool));
    assert!(listed.idle_rules(&tools).is_empty(), "{:?}", listed.idle_rules(&tools));
}

/// Counts in a place of its own, and tells when it is asked.
struct Shared {
    rates: Mutex<Rates>,
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
    let spent = Mutex::new(Spent::default());
    let name = ToolName::new("crm", "get");
    let reserved = |policy: &Policy| {
        let call = ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse("{}").unwrap() };
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
    let call = ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse("{}").unwrap() };
    let quotas = decide(call, &Grants::of([name.clone()]), &bounded(Some(3), Some(9))).unwrap().quotas();
    assert_eq!((quotas.calls_per_run, quotas.calls_per_minute), (Some(3), Some(9)));
}
