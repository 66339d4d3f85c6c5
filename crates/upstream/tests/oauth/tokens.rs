//! Tokens for MCP servers over HTTP, from a real authorization server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::authorization_server::{World, browser, credentials, log, stored};
use crate::permit::permit;
use exuvia_config::{CodeGrant, Grant, Http, OAuth, ServerConfig, Transport, UpstreamLimits};
use exuvia_oauth::login;
use exuvia_tool::{BoxFuture, CallContext, CallError, Origin, Principal, RunId, ToolOutcome};
use exuvia_upstream::{CallLimits, ServerState, Upstreams};

const TOKENS_LIVE: Duration = Duration::from_secs(4);

async fn start(servers: &[(&str, &Http)]) -> Upstreams {
    let configs = servers.iter().map(|(name, http)| ServerConfig::new(*name, Transport::Http((*http).clone())));
    Upstreams::start(configs.collect(), UpstreamLimits::default()).await
}

/// One server, named `notes`, which has to start.
async fn started(http: &Http) -> Upstreams {
    let upstreams = start(&[("notes", http)]).await;
    assert!(matches!(upstreams.servers()[0].state, ServerState::Ready { .. }), "{:?}", upstreams.servers()[0].state);
    upstreams
}

/// Why a server did not start.
async fn refused(name: &str, http: &Http) -> String {
    let upstreams = start(&[(name, http)]).await;
    match &upstreams.servers()[0].state {
        ServerState::Failed { message, .. } => message.clone(),
        state => panic!("{state:?}"),
    }
}

fn call(upstreams: &Upstreams, tool: &str) -> BoxFuture<'static, ToolOutcome> {
    let context = CallContext::new(Principal::Operator, Origin::Run(RunId::new("a")));
    let limits = CallLimits { timeout: Duration::from_secs(30), result_bytes: 1 << 20 };
    upstreams.call(permit("notes", tool, "{}"), context, limits)
}

async fn succeeds(upstreams: &Upstreams, tool: &str) {
    assert_eq!(call(upstreams, tool).await.unwrap().as_str(), format!(r#""{tool} done""#));
}

async fn all_succeed(upstreams: &[&Upstreams], count: usize) {
    let calls: Vec<_> = (0..count).map(|n| tokio::spawn(call(upstreams[n % upstreams.len()], "read_note"))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().as_str(), r#""read_note done""#);
    }
}

async fn log_in(http: &Http, oauth: &OAuth) -> login::LoggedIn {
    let login = login::begin(http, oauth, &[]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    browser::consent(&url).await;
    finishing.await.unwrap().unwrap()
}

fn code() -> Grant {
    Grant::Code(CodeGrant::default())
}

fn token(oauth: &OAuth, which: &str) -> String {
    stored(oauth)["token"][which].as_str().unwrap().to_owned()
}

fn client_id(oauth: &OAuth) -> String {
    stored(oauth)["client"]["id"].as_str().unwrap().to_owned()
}

/// The error of a script when a server rejects the credentials of the gateway.
fn for_the_script(outcome: ToolOutcome, oauth: &OAuth) -> String {
    let Err(error @ CallError::UpstreamUnavailable(_)) = outcome else { panic!("{outcome:?}") };
    let message = error.to_string();
    let file = oauth.token_file.to_str().unwrap();
    assert!(!message.contains(file) && !message.contains("127.0.0.1") && !message.contains("scope"), "{message}");
    message
}

#[tokio::test]
async fn after_a_login_a_server_lists_and_answers_and_nobody_reads_the_token_in_a_log() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, code(), "a.json");
    let message = refused("notes", &http).await;
    assert!(message.contains("not logged in; run `exuvia login notes`"), "{message}");
    log_in(&http, &oauth).await;
    let upstreams = started(&http).await;
    let servers = upstreams.servers();
    let tools: Vec<&str> = servers[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["read_note", "write_note"]);
    succeeds(&upstreams, "read_note").await;
    let access = token(&oauth, "access");
    assert!(world.a.seen.lock().unwrap().iter().all(|seen| *seen == access));
    assert!(world.b.seen.lock().unwrap().is_empty());
    let log = log::recorded();
    assert!(log.contains("exuvia_upstream") && !log.contains(&access) && !log.contains(&token(&oauth, "refresh")));
    // The library would have written down the code.
    assert!(!log.contains("exchange code"));
}

#[tokio::test]
async fn client_credentials_give_one_token_that_outlives_the_process() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    let upstreams = started(&http).await;
    all_succeed(&[&upstreams], 20).await;
    assert_eq!(world.issued("client_credentials"), 1);
    upstreams.shutdown().await;
    succeeds(&started(&http).await, "read_note").await;
    assert_eq!(world.issued("client_credentials"), 1);
    let log = log::recorded();
    assert!(!log.contains(&token(&oauth, "access")) && !log.contains(crate::authorization_server::SECRET));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_for_all_calls_and_all_processes() {
    let world = World::with_tokens_for(TOKENS_LIVE).await;
    let (http, oauth) = world.server(&world.a, code(), "a.json");
    log_in(&http, &oauth).await;
    let (here, there) = (started(&http).await, started(&http).await);
    assert_eq!(world.issued("refresh_token"), 0);
    for round in 1..=2 {
        let before = (token(&oauth, "access"), token(&oauth, "refresh"));
        tokio::time::sleep(TOKENS_LIVE + Duration::from_secs(1)).await;
        all_succeed(&[&here, &there], 20).await;
        assert_eq!(world.issued("refresh_token"), round);
        assert!(token(&oauth, "access") != before.0 && token(&oauth, "refresh") != before.1);
    }
    assert_eq!(world.count("reused"), 0);
}

#[tokio::test]
async fn client_credentials_are_asked_again_before_a_token_expires() {
    let world = World::with_tokens_for(TOKENS_LIVE).await;
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    let upstreams = started(&http).await;
    let first = token(&oauth, "access");
    // Three quarters of its life: it would still do.
    tokio::time::sleep(TOKENS_LIVE - Duration::from_millis(900)).await;
    all_succeed(&[&upstreams], 20).await;
    assert_eq!(world.issued("client_credentials"), 2);
    assert_ne!(token(&oauth, "access"), first);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_a_revoked_login_is_reported() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, code(), "a.json");
    log_in(&http, &oauth).await;
    let upstreams = started(&http).await;
    world.revoke(&client_id(&oauth), &token(&oauth, "access"), "access_token").await;
    all_succeed(&[&upstreams], 20).await;
    assert_eq!(world.issued("refresh_token"), 1);
    let refresh = token(&oauth, "refresh");
    world.revoke(&client_id(&oauth), &refresh, "refresh_token").await;
    let access = token(&oauth, "access");
    // A token that was renewed just now and is refused again is not renewed once more.
    let told = for_the_script(call(&upstreams, "read_note").await, &oauth);
    assert!(!told.contains(&access) && !told.contains(&refresh), "{told}");
    // Another process finds out by asking.
    let message = refused("notes", &http).await;
    assert!(message.contains("was revoked or has expired; run `exuvia login notes`"), "{message}");
    assert!(!message.contains(&access) && !message.contains(&refresh), "{message}");
    assert!(stored(&oauth)["token"].is_null());
    // After a login everything goes on, without a restart, and with the same client.
    log_in(&http, &oauth).await;
    succeeds(&upstreams, "read_note").await;
    assert_eq!(world.count("registered"), 1);
}

#[tokio::test]
async fn a_token_is_renewed_where_only_the_challenge_to_a_message_says_who_authorizes() {
    let world = World::new().await;
    world.a.challenge_only_posts();
    let (http, oauth) = world.server(&world.a, code(), "a.json");
    log_in(&http, &oauth).await;
    let upstreams = started(&http).await;
    world.revoke(&client_id(&oauth), &token(&oauth, "access"), "access_token").await;
    succeeds(&upstreams, "read_note").await;
    assert_eq!(world.issued("refresh_token"), 1);
}

#[tokio::test]
async fn a_token_is_sent_to_no_server_but_its_own() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, code(), "shared.json");
    log_in(&http, &oauth).await;
    for grant in [code(), credentials("gateway")] {
        let (other, _) = world.server(&world.b, grant, "shared.json");
        let message = refused("other", &other).await;
        let expected = format!("contains the token of {}, which is not sent to other servers", world.a.url);
        assert!(message.contains(&expected) && message.contains("exuvia login other"), "{message}");
    }
    assert!(world.b.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused_and_replaced_where_that_is_possible() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    started(&http).await;
    // As if the authorization server had mixed them up.
    let (other, other_oauth) = world.server(&world.b, credentials("gateway"), "b.json");
    let mut planted = stored(&oauth);
    planted["server"] = world.b.url.clone().into();
    write(&other_oauth, planted.to_string().as_bytes(), 0o600);
    succeeds(&started(&other).await, "read_note").await;
    assert_eq!(world.b.seen.lock().unwrap()[0], token(&oauth, "access"));
    assert_ne!(token(&other_oauth, "access"), token(&oauth, "access"));
    // With a login for the one server nothing can be had for the other.
    let (http, oauth) = world.server(&world.a, code(), "a-code.json");
    log_in(&http, &oauth).await;
    let (other, other_oauth) = world.server(&world.b, code(), "b-code.json");
    let mut planted = stored(&oauth);
    planted["server"] = world.b.url.clone().into();
    write(&other_oauth, planted.to_string().as_bytes(), 0o600);
    let message = refused("notes", &other).await;
    assert!(message.contains("`invalid_target`"), "{message}");
}

#[tokio::test]
async fn further_scopes_are_fetched_once_and_then_kept() {
    let world = World::new().await;
    let (mut http, mut oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    // Fixed, so that what comes on top is what was demanded and not what the metadata offers.
    oauth.scopes = vec!["read".to_owned()];
    http.oauth = Some(oauth.clone());
    let upstreams = started(&http).await;
    succeeds(&upstreams, "write_note").await;
    succeeds(&upstreams, "write_note").await;
    succeeds(&upstreams, "read_note").await;
    assert_eq!(world.issued("client_credentials"), 2);
    // The next token has them from the start.
    world.revoke_as("gateway", &token(&oauth, "access")).await;
    succeeds(&upstreams, "write_note").await;
    assert_eq!((world.issued("client_credentials"), world.issued("client_credentials read write")), (3, 2));
}

#[tokio::test]
async fn scopes_that_nobody_grants_fail_their_call_alone() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, credentials("reader"), "a.json");
    let upstreams = started(&http).await;
    for _ in 0..2 {
        for_the_script(call(&upstreams, "write_note").await, &oauth);
        succeeds(&upstreams, "read_note").await;
    }
    assert_eq!(world.issued("client_credentials"), 1);
    assert!(log::recorded().contains("`invalid_scope`"));
}

#[tokio::test]
async fn further_scopes_need_a_login_that_asks_for_them_by_itself() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, code(), "a.json");
    log_in(&http, &oauth).await;
    let upstreams = started(&http).await;
    for_the_script(call(&upstreams, "write_note").await, &oauth);
    let hint = r#"run `exuvia login notes --scope \"read write\"`"#;
    let log = log::recorded();
    assert!(log.contains(hint) || log.contains(&hint.replace('\\', "")), "{log}");
    succeeds(&upstreams, "read_note").await;
    assert_eq!(log_in(&http, &oauth).await.scopes, ["read", "write"]);
    succeeds(&upstreams, "write_note").await;
    assert_eq!(world.issued("refresh_token"), 0);
}

#[tokio::test]
async fn a_token_file_that_is_open_or_damaged_is_not_used() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    started(&http).await;
    let good = fs::read(&oauth.token_file).unwrap();
    let sent = world.a.seen.lock().unwrap().len();
    for (content, mode, expected) in
        [(&good[..], 0o644, "chmod 600"), (b"{\"version\": \"SECRET\"", 0o600, "run `exuvia login notes`")]
    {
        write(&oauth, content, mode);
        let message = refused("notes", &http).await;
        assert!(message.contains(expected) && !message.contains("SECRET"), "{message}");
    }
    assert_eq!((world.a.seen.lock().unwrap().len(), world.issued("client_credentials")), (sent, 1));
    write(&oauth, &good, 0o600);
    started(&http).await;
}

fn write(oauth: &OAuth, content: &[u8], mode: u32) {
    fs::write(&oauth.token_file, content).unwrap();
    fs::set_permissions(&oauth.token_file, fs::Permissions::from_mode(mode)).unwrap();
}
