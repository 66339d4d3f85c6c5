//! Bounds of sessions, and the errors where one cannot be continued.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_config::SessionsConfig;
use exuvia_gateway::meta::{self, BadRequestKind};
use exuvia_gateway::{ApprovalConfig, Profile, Profiles, RunState};
use exuvia_journal::{ApprovalStore, MemoryApprovals};
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::Limits;
use exuvia_tests::{SampleGateway, Settings, TestJournal, fake};
use serde_json::{Value, json};

use super::{Sessions, cold, error, value};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_too_expensive_to_bring_back_waits_for_a_larger_bound() {
    let sessions = Sessions::new(SessionsConfig { revival_fuel: 50_000_000, ..cold() }).await;
    assert_eq!(sessions.value("a", "n = sum(range(2_000_000))\n1").await, 1);
    for _ in 0..2 {
        let (run, report) = sessions.run("a", "n").await;
        let (kind, message) = error(&report);
        assert!(kind == "SessionUnavailable" && message.contains("revival_fuel"), "{kind}: {message}");
        let record = sessions.record(&run).await;
        assert!(record.start().is_none(), "it did not start");
    }
    assert_eq!(sessions.value("b", "1").await, 1);
    let larger = sessions.again(SessionsConfig { revival_fuel: 5_000_000_000, ..cold() }).await;
    assert_eq!(larger.value("a", "n").await, 1_999_999_000_000_u64);
    larger.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_a_bounded_number_of_scripts_and_a_principal_of_sessions() {
    let sessions = Sessions::new(SessionsConfig { scripts: 2, per_principal: 2, ..SessionsConfig::default() }).await;
    for _ in 0..2 {
        sessions.value("a", "1").await;
    }
    let (_, report) = sessions.run("a", "1").await;
    assert!(error(&report).1.contains("has run its 2 scripts"), "{report:?}");
    sessions.value("b", "kept = 1").await;
    sessions.value("c", "kept = 1").await;
    // The first gave way, and can begin anew.
    assert_eq!(sessions.value("a", "'kept' in globals()").await, false);
    assert_eq!(sessions.gateway.gateway().sessions().list(None).expect("a list").len(), 2);
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_recently_used_interpreters_give_way_and_come_back() {
    let sessions = Sessions::new(SessionsConfig { warm: 3, per_principal: 50, ..SessionsConfig::default() }).await;
    for round in 0..3 {
        for n in 0..12 {
            let code = if round == 0 { format!("n = [{n}]") } else { "n.append(len(n))".to_owned() };
            let (_, report) = sessions.run(&format!("s{n}"), &format!("{code}\nn")).await;
            let expected: Vec<Value> = std::iter::once(json!(n)).chain((1..=round).map(|n| json!(n))).collect();
            assert_eq!(value(&report), Value::Array(expected));
            let is_back = report.notes.iter().any(|note| note.contains("brought back"));
            assert_eq!(is_back, round > 0, "{:?}", report.notes);
            assert!(sessions.gateway.gateway().sessions().warm().0 <= 3);
        }
    }
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_one_session_run_one_after_the_other() {
    let sessions = Arc::new(Sessions::new(SessionsConfig::default()).await);
    sessions.value("a", "order = []").await;
    let runs = (0..6).map(|n| {
        let sessions = Arc::clone(&sessions);
        tokio::spawn(async move {
            let code = format!("order.append(({n}, 'begins'))\nfake.echo(value={n})\norder.append(({n}, 'ends'))");
            sessions.run("a", &code).await
        })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.expect("a report").1.outcome.name(), "returned");
    }
    let order = sessions.value("a", "order").await;
    let order: Vec<_> = order.as_array().expect("a list").iter().map(|one| one[0].clone()).collect();
    assert_eq!(order.len(), 12);
    assert!(order.chunks(2).all(|pair| pair[0] == pair[1]), "{order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_cancelled_leaves_the_session_as_it_was() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    sessions.value("a", "n = [1]").await;
    let (gateway, view) = (sessions.gateway.gateway(), sessions.view());
    let arguments = json!({"code": "n.append(2)\nwhile True: pass", "session": "a"});
    let arguments = arguments.as_object().expect("an object").clone();
    let Ok(meta::MetaAnswer::Run(run)) =
        meta::call(gateway, &view, &sessions.client, "executeToolCode", &arguments).await
    else {
        panic!("no run");
    };
    let begun = Instant::now();
    while gateway.live_runs().list().iter().all(|run| run.state != RunState::Executing) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.cancellation().cancel();
    assert_eq!(run.report().await.outcome.name(), "cancelled");
    assert_eq!(sessions.value("a", "n").await, json!([1]));
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_waits_for_an_approval_in_vain_is_not_parked_and_leaves_the_session_as_it_was() {
    let store = MemoryApprovals::new(Arc::new(TestJournal::default()));
    let approvals = ApprovalConfig::of(Arc::clone(&store) as Arc<dyn ApprovalStore>);
    let limits = Limits { hold_ms: 100, ..Limits::default() };
    let settings = Settings { approvals: Some(approvals), ..Settings::default() };
    let sessions = Sessions::with_settings(SessionsConfig::default(), limits, settings).await;
    let rules = ServerRules { on_unlisted: OnUnlisted::AskAtCall, ..ServerRules::default() };
    let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
    sessions.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
    sessions.value("a", "n = [1]").await;
    let (run, report) = sessions.run("a", "n.append(2)\nfake.echo(value=1)").await;
    assert_eq!(report.outcome.name(), "awaiting-approval");
    let goes_on = store.waiting(&run).await.expect("readable").is_some_and(|waiting| waiting.state.goes_on());
    assert!(!goes_on, "nobody brings it back");
    assert_eq!(sessions.value("a", "n").await, json!([1]));
    assert!(sessions.made().is_empty());
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sessions_nothing_says_that_there_are_some() {
    let gateway = SampleGateway::with(vec![fake("fake", &[])], Default::default(), Settings::default()).await;
    let arguments = json!({"code": "1", "session": "a"});
    let arguments = arguments.as_object().expect("an object");
    let view = gateway.gateway().default_view();
    let client = exuvia_gateway::Client::new("test");
    let refused = meta::call(gateway.gateway(), &view, &client, "executeToolCode", arguments).await;
    let error = refused.expect_err("there are none");
    assert!(error.kind() == BadRequestKind::Arguments && error.to_string().contains("without `session`"), "{error}");
    let plain = Profiles::scripts(["fake".to_owned()]).default;
    let told = |profile: &Profile| {
        let tool = &meta::EXECUTE_TOOL_CODE;
        format!("{} {}", meta::description(tool, profile), meta::input_schema(tool, profile)).contains("session")
    };
    assert!(!told(&plain) && told(&plain.clone().with_sessions(true)));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_session_can_have_is_refused() {
    let sessions = Sessions::new(SessionsConfig::default()).await;
    for name in ["", "a b", "../x"] {
        let arguments = json!({"code": "1", "session": name});
        let arguments = arguments.as_object().expect("an object");
        let gateway = sessions.gateway.gateway();
        let refused = meta::call(gateway, &sessions.view(), &sessions.client, "executeToolCode", arguments).await;
        assert_eq!(refused.expect_err("no name").kind(), BadRequestKind::Arguments, "{name}");
    }
    sessions.gateway.stop().await;
}
