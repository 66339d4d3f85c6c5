//! The messages of decisions: for the script, and for the operator.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_policy::{
    Classification, Condition, Denial, DenialReason, Grants, OnUnlisted, Policy, PolicySource, RateWindows, Refusal,
    RunCallCounts, ServerRules,
};
use exuvia_tool::{Arguments, CallId, Json, MAX_TREE_BYTES, ToolCall, ToolName};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn policy(servers: &[(&str, ServerRules)]) -> Arc<Policy> {
    let rules = servers.iter().map(|(name, rules)| ((*name).to_owned(), rules.clone())).collect();
    let source = PolicySource { servers: rules, ..PolicySource::default() };
    Arc::new(Policy::compile(source, servers.iter().map(|(name, _)| *name)).unwrap())
}

fn refused(policy: &Policy, server: &str, tool: &str, arguments: &str) -> Refusal {
    let name = ToolName::new(server, tool);
    let call =
        ToolCall { id: CallId(3), name: name.clone(), arguments: Arguments::parse(arguments).unwrap(), line: None };
    let (spent, rates) = (Mutex::new(RunCallCounts::default()), Mutex::new(RateWindows::default()));
    common::authorize(call, &Grants::of([name]), policy, &spent, &rates, Duration::from_millis(500)).unwrap_err()
}

#[test]
fn a_denial_says_to_the_script_what_to_do_and_to_the_operator_which_rule() {
    let few = Condition { at_most: Some(10.0), ..Condition::default() };
    let rules = ServerRules {
        deny: texts(&["wipe"]),
        tools: texts(&["wipe", "get", "list"]),
        constraints: [("get".to_owned(), [("n".to_owned(), few)].into())].into(),
        calls_per_run: Some(0),
        ..ServerRules::default()
    };
    let slow = ServerRules { calls_per_minute: Some(0), ..ServerRules::default() };
    let policy = policy(&[("crm", rules), ("slow", slow)]);
    let go_on = "may not be called by this script: go on without it, or leave it to the user";
    for (server, tool, arguments, script, operator) in [
        ("crm", "wipe", "{}", format!("crm.wipe {go_on}"), "servers.crm.deny: \"wipe\"".to_owned()),
        ("crm", "put", "{}", format!("crm.put {go_on}"), "servers.crm.tools has no entry for \"put\"".to_owned()),
        ("gone", "put", "{}", format!("gone.put {go_on}"), "servers.gone.tools has no entry for \"put\"".to_owned()),
        (
            "crm",
            "get",
            r#"{"n": 11}"#,
            "crm.get may not be called with this n: n must be a number of at most 10".to_owned(),
            "servers.crm.constraints: n must be a number of at most 10".to_owned(),
        ),
        (
            "crm",
            "list",
            "{}",
            "crm is limited to 0 calls per script: fetch more with each call, or less".to_owned(),
            "servers.crm.calls_per_run is 0".to_owned(),
        ),
        (
            "slow",
            "list",
            "{}",
            "slow is limited to 0 calls per minute: try again in 61 s".to_owned(),
            "servers.slow.calls_per_minute is 0".to_owned(),
        ),
    ] {
        let Refusal::Denied(denial) = refused(&policy, server, tool, arguments) else { panic!("{tool} is held") };
        assert_eq!((denial.to_string(), denial.operator()), (script, operator));
    }
    let tool = ToolName::new("crm", "get");
    let ended = Denial { tool: tool.clone(), reason: DenialReason::Ended };
    assert_eq!(ended.to_string(), "crm.get was not called: the script has ended");
    assert_eq!(ended.operator(), "the grants of a run end with its script");
    let unlisted = Denial { tool, reason: DenialReason::Unlisted };
    assert_eq!(unlisted.to_string(), format!("crm.get {go_on}"));
    assert_eq!(unlisted.operator(), "servers.crm.on_unlisted is deny, and auto_execute has no entry for \"get\"");
}

#[test]
fn a_denial_of_arguments_that_are_too_large_to_be_checked_says_so() {
    let few = Condition { at_most: Some(10.0), ..Condition::default() };
    let constraints = [("get".to_owned(), [("n".to_owned(), few)].into())].into();
    let policy = policy(&[("crm", ServerRules { constraints, ..ServerRules::default() })]);
    let elements = |count: usize| format!(r#"{{"n":11,"list":[{}0]}}"#, "0,".repeat(count));
    for (arguments, must) in [
        (elements(10), "n must be a number of at most 10"),
        // As a tree, each element takes more than 16 bytes.
        (elements(MAX_TREE_BYTES / 16), "n must be given in fewer arguments: these take too much memory to be checked"),
    ] {
        let Refusal::Denied(denial) = refused(&policy, "crm", "get", &arguments) else { panic!("it is held") };
        assert_eq!(denial.to_string(), format!("crm.get may not be called with this n: {must}"));
    }
}

#[test]
fn a_classification_says_why() {
    let policy = policy(&[
        ("crm", ServerRules { auto_execute: texts(&["get"]), deny: texts(&["wipe"]), ..ServerRules::default() }),
        ("later", ServerRules { on_unlisted: OnUnlisted::AskAtCall, tools: texts(&["get"]), ..ServerRules::default() }),
    ]);
    for (server, tool, why) in [
        ("crm", "get", "servers.crm.auto_execute: \"get\""),
        ("crm", "wipe", "servers.crm.deny: \"wipe\""),
        ("crm", "put", "servers.crm.on_unlisted is ask-before, and auto_execute has no entry for \"put\""),
        ("later", "get", "servers.later.on_unlisted is ask-at-call, and auto_execute has no entry for \"get\""),
        ("later", "put", "servers.later.tools has no entry for \"put\""),
    ] {
        let tool = ToolName::new(server, tool);
        assert_eq!(policy.classify(&tool).why(&tool), why);
        assert_eq!(policy.shows(&tool), policy.classify(&tool) != Classification::Hidden);
    }
    let (shown, hidden) = (ToolName::new("later", "get"), ToolName::new("later", "put"));
    assert!(policy.shows(&shown) && !policy.shows(&hidden));
}

#[test]
fn a_call_that_is_held_says_what_would_be_sent() {
    let policy = policy(&[("crm", ServerRules::default()), ("a-b_1", ServerRules::default())]);
    let grants = Grants::of([]);
    let name = ToolName::new("a-b_1", "put");
    let call = ToolCall {
        id: CallId(9),
        name: name.clone(),
        arguments: Arguments::parse(r#"{"n": 1.0}"#).unwrap(),
        line: None,
    };
    let decided = common::authorize(call, &grants, &policy, &Mutex::default(), &Mutex::default(), Duration::ZERO);
    let Err(Refusal::Held(held)) = decided else { panic!("not held") };
    assert_eq!((held.id, &held.name), (Some(CallId(9)), &name));
    assert_eq!(held.arguments.as_ref().map(Json::as_str), Some(r#"{"n": 1.0}"#));
    assert_eq!(held.allow, r#"auto_execute = ["put"]  # in [servers.a-b_1]"#);
}

#[test]
fn policies_are_equal_when_they_say_the_same_of_the_same_servers() {
    let one = PolicySource { deny: texts(&["a.x"]), ..PolicySource::default() };
    let other = PolicySource { deny: texts(&["a.y"]), ..PolicySource::default() };
    let compiled =
        |source: &PolicySource, servers: &[&str]| Policy::compile(source.clone(), servers.iter().copied()).unwrap();
    assert_eq!(compiled(&one, &["a"]), compiled(&one, &["a"]));
    assert_ne!(compiled(&one, &["a"]), compiled(&other, &["a"]));
    assert_ne!(compiled(&one, &["a"]), compiled(&one, &["a", "b"]));
    assert_eq!(compiled(&one, &["a"]).source(), &one);
}

#[test]
fn an_error_says_the_keys_that_lead_to_it() {
    let wrong = PolicySource { deny: texts(&["x"]), ..PolicySource::default() };
    let errors = Policy::compile(wrong, ["a"]).unwrap_err();
    assert_eq!(errors[0].key.parts(), ["deny"]);
    let rules = ServerRules { deny: texts(&["[x"]), ..ServerRules::default() };
    let source = PolicySource { servers: [("a".to_owned(), rules)].into(), ..PolicySource::default() };
    let errors = Policy::compile(source, ["a"]).unwrap_err();
    assert_eq!(errors[0].key.parts(), ["servers", "a", "deny"]);
}

#[test]
fn a_name_that_is_too_long_to_be_looked_at_is_that_of_no_tool() {
    let all = ServerRules { auto_execute: texts(&["*"]), ..ServerRules::default() };
    let policy = policy(&[("crm", all)]);
    let standing = |bytes: usize| policy.classify(&ToolName::new("crm", "a".repeat(bytes)));
    assert!(matches!(standing(1_024), Classification::Listed(_)));
    assert_eq!(standing(1_025), Classification::Hidden);
}

#[test]
fn a_rule_of_a_group_shows_the_name_of_the_group_and_idle_rules_are_found_by_server() {
    let crm = ServerRules {
        tools: texts(&["@reading"]),
        auto_execute: texts(&["@reading", "put"]),
        ..ServerRules::default()
    };
    let source = PolicySource {
        servers: [("crm".to_owned(), crm)].into(),
        groups: [("reading".to_owned(), texts(&["crm.get", "files.read", "@circle"]))].into(),
        auto_execute: texts(&["files.read", "crm.read"]),
        ..PolicySource::default()
    };
    let errors = Policy::compile(source.clone(), ["crm", "files"]).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let mut source = source;
    source.groups.insert("reading".to_owned(), texts(&["crm.get", "files.read"]));
    let policy = Policy::compile(source, ["crm", "files"]).unwrap();
    let get = ToolName::new("crm", "get");
    assert_eq!(policy.classify(&get).why(&get), "servers.crm.auto_execute: \"@reading\"");
    assert!(!policy.shows(&ToolName::new("crm", "read")), "that is a tool of files");
    let tools = [get, ToolName::new("files", "read")];
    let idle: Vec<String> = policy.idle_rules(&tools).iter().map(ToString::to_string).collect();
    assert_eq!(idle, ["auto_execute: \"crm.read\"", "servers.crm.auto_execute: \"put\""]);
}

#[test]
fn what_is_decided_before_a_call_is_counted_waits_for_no_lock() {
    let few = Condition { at_most: Some(10.0), ..Condition::default() };
    let rules = ServerRules {
        constraints: [("get".to_owned(), [("n".to_owned(), few)].into())].into(),
        calls_per_minute: Some(9),
        ..ServerRules::default()
    };
    let (policy, get) = (policy(&[("crm", rules)]), ToolName::new("crm", "get"));
    let (spent, rates) = (Mutex::new(RunCallCounts::default()), Mutex::new(RateWindows::default()));
    let (told, tell) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let held = (spent.lock().unwrap(), rates.lock().unwrap());
        scope.spawn(|| {
            let call = ToolCall {
                id: CallId(1),
                name: get.clone(),
                arguments: Arguments::parse(r#"{"n": 11}"#).unwrap(),
                line: None,
            };
            let decided = common::authorize(call, &Grants::of([get.clone()]), &policy, &spent, &rates, Duration::ZERO);
            told.send(decided.is_err()).unwrap();
        });
        let decided = tell.recv_timeout(Duration::from_secs(20));
        drop(held);
        assert_eq!(decided, Ok(true));
    });
}
