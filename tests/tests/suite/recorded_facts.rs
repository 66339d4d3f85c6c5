//! What the journal has of a run beside its events: why, for whom, with what.

use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::{Client, StartedBy};
use exuvia_journal::{ClientClaims, Entry, Event, RunStart};
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{SampleGateway, Settings, TestJournal, returned, rules};
use tokio::time::timeout;

async fn gateway(rules: ServerRules) -> SampleGateway {
    let settings = Settings { journal: Arc::new(TestJournal::for_replays(16 << 20)), ..Settings::default() };
    let gateway = SampleGateway::with(vec![SampleGateway::echo_server(&[])], Limits::default(), settings).await;
    let source = PolicySource { servers: [("echo".to_owned(), rules)].into(), ..PolicySource::default() };
    gateway.gateway().set_policy(Policy::compile(source, ["echo"]).expect("a policy"));
    gateway
}

async fn run(gateway: &SampleGateway, client: &Client, source: &str) -> Report {
    let view = gateway.gateway().default_view();
    let run = gateway.gateway().start(&view, Script::new(source), StartedBy::Client, client).expect("room");
    timeout(Duration::from_secs(60), run.report()).await.expect("it ends")
}

fn starts(entries: &[Entry]) -> Vec<&RunStart> {
    let start = |entry: &'_ Entry| matches!(entry.event, Event::RunStarted(_));
    let starts = entries.iter().filter(|entry| start(entry));
    starts
        .map(|entry| match &entry.event {
            Event::RunStarted(start) => &**start,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_recorded_with_its_claims_rules_and_digests_and_its_calls_with_their_lines() {
    let gateway = gateway(rules(&["ec*", "sleep"], &["blob"])).await;
    let claims = ClientClaims {
        name: Some("agent".into()),
        version: Some("1.2".into()),
        request_id: Some("7".into()),
        model: Some("m".into()),
    };
    let client = Client::new("test").claiming(claims.clone());
    let source =
        "a = echo.echo(value=1)\n\ntry:\n    echo.blob(bytes=1)\nexcept ToolDenied:\n    result = echo.sleep(ms=2.0)";
    let report = run(&gateway, &client, source).await;
    assert_eq!(returned(&report)["slept_ms"], 2);
    run(&gateway, &client, "result = 2").await;
    let entries = gateway.journal().entries();
    let starts = starts(&entries);
    let start = starts[0];
    assert_eq!((&start.claims, start.profile.as_deref()), (&claims, None));
    assert_eq!(start.rule, "servers.echo.auto_execute: \"ec*\"; servers.echo.auto_execute: \"sleep\"");
    assert_eq!(start.guest_sha256, exuvia_runtime::GUEST_DIGEST);
    for digest in [&start.source_sha256, &start.namespace_sha256, &start.policy_sha256] {
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    }
    assert_eq!(starts[1].namespace_sha256, start.namespace_sha256);
    let calls: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::CallIntended { call, written, rule, .. } => {
                let written = written.as_ref().map(|written| written.as_str().to_owned());
                Some((call.line, call.arguments.as_str().to_owned(), written, rule.clone()))
            }
            Event::CallRefused { call, rule, .. } => {
                Some((call.line, call.arguments.as_str().to_owned(), None, rule.clone()))
            }
            _ => None,
        })
        .collect();
    let call = |line, arguments: &str, written: Option<&str>, rule: &str| {
        (Some(line), arguments.to_owned(), written.map(str::to_owned), format!("servers.echo.{rule}"))
    };
    let expected = [
        call(1, r#"{"value":1}"#, None, "auto_execute: \"ec*\""),
        call(4, r#"{"bytes":1}"#, None, "deny: \"blob\""),
        call(6, r#"{"ms":2}"#, Some(r#"{"ms":2.0}"#), "auto_execute: \"sleep\""),
    ];
    assert_eq!(calls, expected);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_does_not_run_is_recorded_with_the_reason() {
    let gateway = gateway(rules(&["echo"], &[])).await;
    let client = Client::new("test").claiming(ClientClaims { name: Some("agent".into()), ..ClientClaims::default() });
    run(&gateway, &client, "echo.blob(bytes=1)").await;
    run(&gateway, &client, "echo.nothing()").await;
    let refusals = gateway.journal().entries().into_iter().filter_map(|entry| match entry.event {
        Event::RunRefused { reason, start, .. } => Some((reason, start.expect("what it would have begun with"))),
        _ => None,
    });
    let (reasons, sent): (Vec<String>, Vec<_>) = refusals.unzip();
    for start in &sent {
        assert_eq!(start.claims.name.as_deref(), Some("agent"), "{sent:?}");
        assert_eq!((start.policy_sha256.len(), &start.policy_sha256), (64, &sent[0].policy_sha256));
    }
    assert!(reasons[0].contains("awaiting approval") && reasons[0].contains("echo.blob"), "{reasons:?}");
    assert!(reasons[1].contains("> 1 | echo.nothing()"), "{reasons:?}");
    gateway.stop().await;
}

/// A script that can do nothing but call tools has no effect before its first call, whose intent follows its start in the journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_effects_of_its_own_waits_for_no_record_of_its_start() {
    let gateway = gateway(rules(&["*"], &[])).await;
    gateway.journal().stall(&["run-started"]);
    assert_eq!(returned(&run(&gateway, &Client::new("test"), "result = 5").await), 5);
    assert_eq!(returned(&run(&gateway, &Client::new("test"), "result = echo.echo(value=3)['value']").await), 3);
    let kinds = || {
        let mut kinds = gateway.journal().kinds();
        kinds.retain(|&kind| kind != "run-readings");
        kinds
    };
    assert_eq!(kinds(), ["run-started", "run-ended", "run-started", "call-intended", "call-ended", "run-ended"]);
    gateway.journal().fail(&["run-started"]);
    let report = run(&gateway, &Client::new("test"), "result = echo.echo(value=3)").await;
    assert_eq!(report.outcome.name(), "unavailable");
    assert_eq!(kinds().len(), 6, "nothing is made that is not recorded");
    gateway.stop().await;
}

/// The journal is never told that an intent is durable.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeatable_tool_is_called_before_its_intent_is_durable_and_others_are_not() {
    let repeatable = ServerRules { repeatable: vec!["echo".to_owned()], ..rules(&["*"], &[]) };
    let gateway = gateway(repeatable).await;
    gateway.journal().stall(&["call-intended"]);
    assert_eq!(returned(&run(&gateway, &Client::new("test"), "result = echo.echo(value=3)['value']").await), 3);
    let view = gateway.gateway().default_view();
    let script = Script::new("echo.sleep(ms=1)");
    let other = gateway.gateway().start(&view, script, StartedBy::Client, &Client::new("test")).expect("room");
    let cancellation = other.cancellation();
    tokio::time::sleep(Duration::from_millis(300)).await;
    cancellation.cancel();
    assert_eq!(other.report().await.outcome.name(), "cancelled");
    gateway.journal().stall(&[]);
    // What cannot be recorded at all is not called either.
    gateway.journal().fail(&["call-intended"]);
    let report = run(&gateway, &Client::new("test"), "echo.echo(value=3)").await;
    assert_eq!(report.outcome.name(), "raised");
    gateway.stop().await;
}
