//! Callers that have other credentials for a server than the gateway's own.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::{LIMITS, Served, config, gone, http, permit, runs};
use crate::life::{Dir, becomes, call_as, pid, who};
use exuvia_config::{RoleCredential, ServerConfig, Share, UpstreamLimits};
use exuvia_tool::{CallContext, CallError, CredentialId};
use exuvia_upstream::{CallLimits, Change, LaneCounts, Mailbox, Subscribing, Subscription, Upstreams};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(10);
/// Longer than any test.
const DRAIN: Duration = Duration::from_secs(600);

fn role(name: &str) -> CredentialId {
    CredentialId::of_role(name.into())
}

/// Somebody with this key, in this role.
fn key(name: &str, of: &str) -> CallContext {
    who(Some(name), name).with_credential(Some(role(of)))
}

/// A credential that is a variable of the server's process.
fn variable(value: &str) -> RoleCredential {
    RoleCredential { env: [("TOKEN".to_owned(), value.to_owned())].into(), ..RoleCredential::default() }
}

fn header(value: &str) -> RoleCredential {
    let headers = [(http::header::AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
    RoleCredential { headers, ..RoleCredential::default() }
}

fn with(mut server: ServerConfig, credentials: &[(&str, RoleCredential)]) -> ServerConfig {
    server.credentials = credentials.iter().map(|(name, own)| (role(name), own.clone())).collect();
    server
}

async fn start(server: ServerConfig) -> Upstreams {
    Upstreams::start(vec![server], UpstreamLimits::default()).await
}

async fn reconfigured(upstreams: &Upstreams, server: ServerConfig, drain: Duration) -> Change {
    upstreams.prepare(vec![server], UpstreamLimits::default(), drain).await.unwrap().take_over()
}

async fn answer(upstreams: &Upstreams, caller: &CallContext, tool: &str) -> Value {
    call_as(upstreams, caller, &format!("fake.{tool}"), "{}", LIMITS).await.unwrap().to_value().unwrap()
}

/// The `TOKEN` of the process that answers this caller.
async fn token(upstreams: &Upstreams, caller: &CallContext) -> String {
    answer(upstreams, caller, "environment").await["variables"]["TOKEN"].as_str().unwrap_or_default().to_owned()
}

fn lanes(upstreams: &Upstreams) -> (usize, usize) {
    let LaneCounts { open, failing, .. } = upstreams.lanes()["fake"];
    (open, failing)
}

#[tokio::test]
async fn each_role_has_a_process_with_its_own_variables_that_its_keys_share() {
    let mut server = config("fake", &[]);
    crate::fake::process(&mut server).env.insert("TOKEN".to_owned(), "operators".to_owned());
    let upstreams = start(with(server, &[("red", variable("reds")), ("blue", variable("blues"))])).await;
    let (ada, bob, cid) = (key("ada", "red"), key("bob", "blue"), key("cid", "red"));
    let plain = [who(None, "r"), key("dan", "plain"), who(Some("eve"), "r")];
    assert_eq!((token(&upstreams, &ada).await, token(&upstreams, &bob).await), ("reds".into(), "blues".into()));
    let (red, blue) = (pid(&upstreams, &ada).await, pid(&upstreams, &bob).await);
    assert_eq!(pid(&upstreams, &cid).await, red);
    for caller in &plain {
        assert_eq!(token(&upstreams, caller).await, "operators");
    }
    let operator = pid(&upstreams, &plain[0]).await;
    assert!(red != blue && blue != operator && operator != red);
    assert_eq!(lanes(&upstreams), (2, 0));
    upstreams.shutdown().await;
    assert!(gone(&[red, blue, operator], SOON).await);
}

#[tokio::test]
async fn keys_and_runs_of_a_role_have_processes_of_their_own_where_the_server_says_so() {
    for share in [Share::Key, Share::Run] {
        let server = ServerConfig { share, ..with(config("fake", &[]), &[("red", variable("reds"))]) };
        let upstreams = start(server).await;
        let (ada, cid) = (key("ada", "red"), key("cid", "red"));
        assert_eq!((token(&upstreams, &ada).await, token(&upstreams, &cid).await), ("reds".into(), "reds".into()));
        assert_ne!(pid(&upstreams, &ada).await, pid(&upstreams, &cid).await, "{share:?}");
        assert_eq!(pid(&upstreams, &ada).await, pid(&upstreams, &ada).await);
    }
}

#[tokio::test]
async fn a_token_of_one_is_never_on_the_connection_of_another() {
    for era in ["legacy", "modern"] {
        let served = Served::new(&["--era", era]);
        let mut server = served.config("fake");
        http(&mut server).add_header("x-operator".parse().unwrap(), "canary-operator".parse().unwrap());
        let secrets = [("red", header("Bearer canary-red")), ("blue", header("Bearer canary-blue"))];
        let upstreams = Arc::new(start(with(server, &secrets)).await);
        let callers = [
            ("canary-operator", who(None, "r")),
            ("canary-red", key("ada", "red")),
            ("canary-blue", key("bob", "blue")),
        ];
        let asked = (0..60).map(|n| {
            let (upstreams, (own, caller)) = (upstreams.clone(), callers[n % 3].clone());
            tokio::spawn(async move { (own, answer(&upstreams, &caller, "request").await["headers"].clone()) })
        });
        let asked: Vec<_> = asked.collect();
        let mut sessions = std::collections::HashSet::new();
        for asked in asked {
            let (own, headers) = asked.await.unwrap();
            let text = headers.to_string();
            let seen: Vec<_> =
                callers.iter().map(|(secret, _)| *secret).filter(|secret| text.contains(secret)).collect();
            assert_eq!(seen, [own], "{era}: {text}");
            sessions.insert(headers["mcp-session-id"].as_str().map(|session| (own, session.to_owned())));
        }
        assert_eq!(sessions.len(), if era == "legacy" { 3 } else { 1 }, "{sessions:?}");
        assert!(!format!("{upstreams:?}").contains("canary-"), "a secret is in the debug form");
    }
}

#[tokio::test]
async fn a_broken_credential_opens_the_breaker_of_its_own_lane_alone() {
    let dir = Dir::new("own-breaker");
    dir.write("args", "");
    let mut server = with(dir.server("fake"), &[("red", variable("reds")), ("blue", variable("blues"))]);
    let script = crate::fake::process(&mut server).args[1].clone();
    crate::fake::process(&mut server).args[1] = format!("test \"$TOKEN\" != reds || exit 1; {script}");
    let upstreams = start(server).await;
    let (ada, bob) = (key("ada", "red"), key("bob", "blue"));
    let (operator, blue) = (pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &bob).await);
    let starts = dir.lines("starts").len();
    for _ in 0..5 {
        let failed = call_as(&upstreams, &ada, "fake.echo", "{}", LIMITS).await.unwrap_err().to_string();
        assert!(failed.contains("did not start; fake.echo was not called"), "{failed}");
    }
    let refused = call_as(&upstreams, &ada, "fake.echo", "{}", LIMITS).await.unwrap_err().to_string();
    assert!(refused.contains("5 times in a row"), "{refused}");
    assert_eq!((pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &bob).await), (operator, blue));
    assert_eq!(dir.lines("starts").len(), starts);
    assert!(upstreams.failing().is_empty(), "nothing is wrong with the server: {:?}", upstreams.failing());
    assert_eq!(lanes(&upstreams), (2, 1));
}

#[tokio::test]
async fn a_crash_that_one_key_causes_is_the_same_to_no_other() {
    let server = ServerConfig { share: Share::Key, ..config("fake", &[]) };
    let upstreams = start(server).await;
    let (ada, bob) = (who(Some("ada"), "a"), who(Some("bob"), "b"));
    let (operator, other) = (pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &bob).await);
    for _ in 0..5 {
        assert!(call_as(&upstreams, &ada, "fake.exit", "{}", LIMITS).await.is_err());
    }
    let refused = call_as(&upstreams, &ada, "fake.echo", "{}", LIMITS).await.unwrap_err().to_string();
    assert!(refused.contains("5 times in a row"), "{refused}");
    assert_eq!((pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &bob).await), (operator, other));
    assert!(upstreams.failing().is_empty());
    assert_eq!(lanes(&upstreams), (2, 1));
}

#[tokio::test]
async fn a_rotated_credential_makes_new_lanes_and_old_ones_drain() {
    let credentials = |red: &str| [("red", variable(red)), ("blue", variable("blues"))];
    let upstreams = start(with(config("fake", &[]), &credentials("first"))).await;
    let (ada, bob) = (key("ada", "red"), key("bob", "blue"));
    assert_eq!(token(&upstreams, &ada).await, "first");
    let (operator, old, blue) =
        (pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &ada).await, pid(&upstreams, &bob).await);
    let short = CallLimits { timeout: Duration::from_secs(2), ..LIMITS };
    let hanging = tokio::spawn(call_as(&upstreams, &ada, "fake.hang", "{}", short));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let change = reconfigured(&upstreams, with(config("fake", &[]), &credentials("second")), DRAIN).await;
    assert_eq!(change, Change::default(), "the server stays what it is");
    assert_eq!(token(&upstreams, &ada).await, "second");
    assert_eq!((pid(&upstreams, &who(None, "r")).await, pid(&upstreams, &bob).await), (operator, blue));
    assert!(runs(old), "its call is in flight");
    assert_eq!(lanes(&upstreams).0, 3);
    assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(2000)));
    assert!(gone(&[old], SOON).await);
    // The same again changes nothing; without one the role shares the server's own.
    let second = pid(&upstreams, &ada).await;
    reconfigured(&upstreams, with(config("fake", &[]), &credentials("second")), DRAIN).await;
    assert_eq!(pid(&upstreams, &ada).await, second);
    reconfigured(&upstreams, with(config("fake", &[]), &[("blue", variable("blues"))]), DRAIN).await;
    assert_eq!(pid(&upstreams, &ada).await, operator);
    assert!(gone(&[second], SOON).await);
    assert_eq!(lanes(&upstreams).0, 1);
}

#[tokio::test]
async fn what_is_in_flight_with_an_old_credential_breaks_off_after_the_drain() {
    let upstreams = start(with(config("fake", &[]), &[("red", variable("first"))])).await;
    let ada = key("ada", "red");
    let old = pid(&upstreams, &ada).await;
    let hanging = tokio::spawn(call_as(&upstreams, &ada, "fake.hang", "{}", LIMITS));
    tokio::time::sleep(Duration::from_millis(50)).await;
    reconfigured(&upstreams, with(config("fake", &[]), &[("red", variable("second"))]), Duration::from_millis(300))
        .await;
    assert_eq!(token(&upstreams, &ada).await, "second");
    assert_eq!(hanging.await.unwrap().unwrap_err().code(), "upstream-unavailable");
    assert!(gone(&[old], SOON).await);
}

#[tokio::test]
async fn a_run_keeps_the_process_that_is_its_own_when_its_credential_is_rotated() {
    let server =
        |token: &str| ServerConfig { share: Share::Run, ..with(config("fake", &[]), &[("red", variable(token))]) };
    let upstreams = start(server("first")).await;
    let (ada, later) = (key("ada", "red"), who(Some("ada"), "later").with_credential(Some(role("red"))));
    let own = pid(&upstreams, &ada).await;
    reconfigured(&upstreams, server("second"), DRAIN).await;
    assert_eq!((pid(&upstreams, &ada).await, token(&upstreams, &ada).await), (own, "first".into()));
    assert_eq!(token(&upstreams, &later).await, "second");
    upstreams.ended(&ada.origin);
    assert!(gone(&[own], SOON).await);
}

#[tokio::test]
async fn one_key_takes_half_of_the_connections_at_most_and_none_of_another_that_is_busy() {
    let limits = UpstreamLimits { connections: 4, ..UpstreamLimits::default() };
    let server = ServerConfig { share: Share::Run, ..config("fake", &[]) };
    let upstreams = Upstreams::start(vec![server], limits).await;
    let other = who(Some("bob"), "bob");
    let busy = pid(&upstreams, &other).await;
    let hanging = tokio::spawn(call_as(&upstreams, &other, "fake.hang", "{}", LIMITS));
    let mut own = Vec::new();
    for n in 0..20 {
        own.push(call_as(&upstreams, &who(Some("ada"), &format!("a{n}")), "fake.echo", "{}", LIMITS).await);
    }
    let full = CallError::LimitReached { limit: "connections of one key".into(), allowed: 2, used: 3 };
    assert_eq!(own.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    assert_eq!(own.iter().filter(|outcome| **outcome == Err(full.clone())).count(), 18, "{own:?}");
    assert!(runs(busy) && !hanging.is_finished());
    assert!(call_as(&upstreams, &who(Some("cid"), "c"), "fake.echo", "{}", LIMITS).await.is_ok());
    // What closes counts until it has closed.
    for n in 0..20 {
        upstreams.ended(&who(None, &format!("a{n}")).origin);
    }
    becomes(|| lanes(&upstreams).0 == 2).await;
    becomes_ok(&upstreams, &who(Some("ada"), "again")).await;
    // The operator is held to none of it.
    for n in 0..4 {
        let outcome = call_as(&upstreams, &who(None, &format!("o{n}")), "fake.echo", "{}", LIMITS).await;
        assert_eq!(outcome.is_ok(), n == 0, "{outcome:?}");
    }
    hanging.abort();
}

/// Waits until a call succeeds.
async fn becomes_ok(upstreams: &Upstreams, caller: &CallContext) {
    for _ in 0..1000 {
        if call_as(upstreams, caller, "fake.echo", "{}", LIMITS).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn a_key_with_all_that_it_may_have_makes_room_among_its_own() {
    let limits = UpstreamLimits { connections: 2, ..UpstreamLimits::default() };
    let credentials = [("red", variable("reds")), ("blue", variable("blues"))];
    let server = ServerConfig { share: Share::Key, ..with(config("fake", &[]), &credentials) };
    let upstreams = Upstreams::start(vec![server], limits).await;
    let bob = pid(&upstreams, &key("bob", "red")).await;
    let mut last = 0;
    // One key whose role changes to and fro.
    for of in ["red", "blue", "red", "blue"] {
        let now = pid(&upstreams, &key("ada", of)).await;
        if last != 0 {
            assert!(gone(&[last], SOON).await);
        }
        last = now;
    }
    assert!(runs(bob), "it was idle longest");
}

#[tokio::test]
async fn an_error_that_may_come_from_a_list_of_another_credential_says_so() {
    let upstreams = start(with(config("fake", &[]), &[("red", variable("reds"))])).await;
    let error = r#"{"error": {"code": -32602, "message": "unknown tool"}}"#;
    let told = |caller: CallContext| {
        let call = call_as(&upstreams, &caller, "fake.error", error, LIMITS);
        async move { call.await.unwrap_err().to_string() }
    };
    assert_eq!(told(who(None, "r")).await, "unknown tool");
    let told = told(key("ada", "red")).await;
    assert!(told.starts_with("unknown tool: fake.error is listed for the gateway's credential"), "{told}");
}

async fn subscribed(upstreams: &Upstreams, caller: &CallContext, mailbox: &Arc<Mailbox>) -> Subscription {
    let permit = permit("fake", "resources/subscribe", r#"{"uri": "x://a"}"#);
    match upstreams.routes().subscribe(permit, caller.clone(), mailbox).await.unwrap() {
        Subscribing::Done(subscription) => subscription,
        Subscribing::Refused(refused) => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn changes_come_to_those_alone_who_see_the_server_with_the_same_credential() {
    for era in ["legacy", "modern"] {
        let limits = UpstreamLimits { key_idle_ms: 200, ..UpstreamLimits::default() };
        let server = ServerConfig { share: Share::Key, ..config("fake", &["--subscribe", "--era", era]) };
        let upstreams = Upstreams::start(vec![server], limits).await;
        let callers = [who(None, "r"), who(Some("ada"), "a"), who(Some("bob"), "b")];
        let mailboxes: Vec<Arc<Mailbox>> = callers.iter().map(|_| Arc::default()).collect();
        let mut held = Vec::new();
        for (caller, mailbox) in callers.iter().zip(&mailboxes) {
            held.push(subscribed(&upstreams, caller, mailbox).await);
        }
        let touched = call_as(&upstreams, &callers[1], "fake.touch", r#"{"uri": "x://a"}"#, LIMITS).await;
        assert!(touched.is_ok(), "{touched:?}");
        let own = &mailboxes[1];
        let mut told = own.follow();
        told.mark_unchanged();
        becomes(|| !own.take().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(mailboxes[0].take().is_empty() && mailboxes[2].take().is_empty(), "{era}");
        // A lane with subscribers is not idle, and they go with it.
        let ada = pid(&upstreams, &callers[1]).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(runs(ada) && held.iter().all(|held| upstreams.routes().has("fake", held)));
        held.clear();
        assert!(gone(&[ada], SOON).await);
    }
}
