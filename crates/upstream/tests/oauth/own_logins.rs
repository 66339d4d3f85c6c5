//! Logins of single keys, beside that of the gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::authorization_server::{World, browser, log, stored};
use crate::permit::permit;
use exuvia_config::{CodeGrant, Grant, Http, OAuth, RoleCredential, ServerConfig, Transport, UpstreamLimits};
use exuvia_oauth::{Authorization as _, TokenSource, login};
use exuvia_tool::{BoxFuture, CallContext, CredentialId, Origin, Principal, RunId, ToolOutcome};
use exuvia_upstream::{CallLimits, LaneCounts, ServerState, Upstreams};

const PATIENCE: Duration = Duration::from_secs(20);

async fn log_in(http: &Http, oauth: &OAuth) {
    let login = login::begin(http, oauth, &[]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    browser::consent(&url).await;
    finishing.await.unwrap().unwrap();
}

fn key(name: &str) -> Principal {
    Principal::Key(name.into())
}

fn token(oauth: &OAuth) -> String {
    stored(oauth)["token"]["access"].as_str().unwrap().to_owned()
}

/// The server `notes`, for which the keys of the role `support` have logins of their own, and which the gateway has logged in to.
async fn started(world: &World) -> (Upstreams, Http, OAuth) {
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "notes.json");
    log_in(&http, &oauth).await;
    let mut server = ServerConfig::new("notes", Transport::Http(http.clone()));
    let own = RoleCredential { oauth: true, ..RoleCredential::default() };
    server.credentials.insert(CredentialId::of_role("support".into()), own);
    let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
    assert!(matches!(upstreams.servers()[0].state, ServerState::Ready { .. }), "{:?}", upstreams.servers()[0].state);
    (upstreams, http, oauth)
}

fn call(upstreams: &Upstreams, principal: &Principal, tool: &str) -> BoxFuture<'static, ToolOutcome> {
    let role = (*principal != Principal::Operator).then(|| CredentialId::of_role("support".into()));
    let context = CallContext::new(principal.clone(), Origin::Run(RunId::new("a"))).with_credential(role);
    let limits = CallLimits { timeout: PATIENCE, result_bytes: 1 << 20 };
    upstreams.call(permit("notes", tool, "{}"), context, limits)
}

async fn seen_by(world: &World, upstreams: &Upstreams, principal: &Principal) -> Vec<String> {
    world.a.seen.lock().unwrap().clear();
    call(upstreams, principal, "read_note").await.unwrap();
    let mut seen = world.a.seen.lock().unwrap().clone();
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[tokio::test]
async fn each_key_calls_with_the_token_of_its_own_login_and_with_no_other() {
    let world = World::new().await;
    let (upstreams, http, oauth) = started(&world).await;
    let (ada, bob) = (oauth.of_principal(key("ada")), oauth.of_principal(key("bob")));
    log_in(&http, &ada).await;
    log_in(&http, &bob).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&ada.token_file), mode(ada.token_file.parent().unwrap())), (0o600, 0o700));
    let tokens = [token(&oauth), token(&ada), token(&bob)];
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[2] != tokens[0]);
    for (principal, own) in [Principal::Operator, key("ada"), key("bob")].iter().zip(&tokens) {
        assert_eq!(seen_by(&world, &upstreams, principal).await, std::slice::from_ref(own), "{principal}");
    }
    let (log, shown) = (log::recorded(), format!("{upstreams:?}"));
    assert!(!tokens.iter().any(|token| log.contains(token) || shown.contains(token)));
}

#[tokio::test]
async fn a_key_without_a_login_is_told_to_ask_the_operator_who_is_told_the_command() {
    let world = World::new().await;
    let (upstreams, http, oauth) = started(&world).await;
    world.a.seen.lock().unwrap().clear();
    let (carl, dora) = (key("carl"), key("dora"));
    for _ in 0..10 {
        let refused = call(&upstreams, &carl, "read_note").await.unwrap_err();
        assert_eq!(refused.code(), "upstream-unavailable");
        assert_eq!(
            refused.to_string(),
            "server notes needs a login of your own; ask the operator to log in for you; notes.read_note was not called"
        );
    }
    assert!(world.a.seen.lock().unwrap().is_empty(), "nothing is sent with the token of another");
    assert_eq!(upstreams.lanes()["notes"], LaneCounts::default(), "who has no login takes no connection");
    assert!(upstreams.failing().is_empty());
    let told = log::recorded();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("exuvia login notes --key carl`")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("WARN"), "{told:?}");
    // A login is seen at once, and by its own key alone.
    log_in(&http, &oauth.of_principal(carl.clone())).await;
    assert_eq!(call(&upstreams, &carl, "read_note").await.unwrap().as_str(), r#""read_note done""#);
    assert!(call(&upstreams, &dora, "read_note").await.is_err());
    // The operator's login is that of the gateway.
    assert!(call(&upstreams, &Principal::Operator, "read_note").await.is_ok());
}

#[tokio::test]
async fn without_its_file_a_login_is_no_request_without_a_token() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "notes.json");
    assert_eq!(TokenSource::new("notes", &http, &oauth).headers().await.unwrap().len(), 0, "it may need none");
    let own = TokenSource::new("notes", &http, &oauth.of_principal(key("ada"))).headers().await;
    assert_eq!(own.unwrap_err().message, "server notes: not logged in; run `exuvia login notes --key ada`");
    let user = Principal::User("okta/ada%40x".into());
    let own = TokenSource::new("notes", &http, &oauth.of_principal(user)).headers().await;
    assert!(own.unwrap_err().message.ends_with("run `exuvia login notes --user okta/ada%40x`"));
}

#[tokio::test]
async fn a_login_that_was_revoked_is_its_own_keys_trouble_alone() {
    let world = World::new().await;
    let (upstreams, http, oauth) = started(&world).await;
    let (eve, fay) = (oauth.of_principal(key("eve")), oauth.of_principal(key("fay")));
    log_in(&http, &eve).await;
    log_in(&http, &fay).await;
    for principal in ["eve", "fay"] {
        assert!(call(&upstreams, &key(principal), "read_note").await.is_ok());
    }
    let record = stored(&eve);
    let (client, token) = (record["client"]["id"].as_str().unwrap(), &record["token"]);
    for which in ["refresh", "access"] {
        world.revoke(client, token[which].as_str().unwrap(), &format!("{which}_token")).await;
    }
    let refused = call(&upstreams, &key("eve"), "read_note").await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "server notes refuses your login; ask the operator to log in for you again; notes.read_note was not called"
    );
    assert!(log::recorded().contains("exuvia login notes --key eve`"));
    assert!(call(&upstreams, &key("fay"), "read_note").await.is_ok());
    assert!(call(&upstreams, &Principal::Operator, "read_note").await.is_ok());
    let lanes = upstreams.lanes()["notes"];
    assert_eq!((lanes.open, lanes.failing, upstreams.failing().len()), (2, 1, 0));
    log_in(&http, &eve).await;
    assert!(call(&upstreams, &key("eve"), "read_note").await.is_ok());
    assert_eq!(upstreams.lanes()["notes"].failing, 0);
}

#[tokio::test]
async fn the_file_of_one_login_is_not_used_for_another() {
    let world = World::new().await;
    let (upstreams, http, oauth) = started(&world).await;
    let (gil, hal) = (oauth.of_principal(key("gil")), oauth.of_principal(key("hal")));
    log_in(&http, &gil).await;
    for stolen in [&gil.token_file, &oauth.token_file] {
        fs::create_dir_all(hal.token_file.parent().unwrap()).unwrap();
        fs::copy(stolen, &hal.token_file).unwrap();
        world.a.seen.lock().unwrap().clear();
        let refused = call(&upstreams, &key("hal"), "read_note").await.unwrap_err().to_string();
        assert!(refused.contains("refuses your login"), "{refused}");
        assert!(world.a.seen.lock().unwrap().is_empty());
    }
    // Nor is a login of a key the gateway's.
    fs::copy(&gil.token_file, &oauth.token_file).unwrap();
    let again =
        Upstreams::start(vec![ServerConfig::new("notes", Transport::Http(http))], UpstreamLimits::default()).await;
    let ServerState::Failed { message, .. } = &again.servers()[0].state else { panic!() };
    assert!(message.contains("the token of another login; run `exuvia login notes`"), "{message}");
}

#[tokio::test]
async fn a_server_that_refuses_the_header_of_a_role_is_there_for_all_others() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "notes.json");
    log_in(&http, &oauth).await;
    let mut server = ServerConfig::new("notes", Transport::Http(http));
    let headers = [(http::header::AUTHORIZATION, "Bearer canary-wrong".parse().unwrap())].into_iter().collect();
    let own = RoleCredential { headers, ..RoleCredential::default() };
    server.credentials.insert(CredentialId::of_role("support".into()), own);
    let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
    for _ in 0..7 {
        let refused = call(&upstreams, &key("ada"), "read_note").await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "server notes refuses the credential of your role; ask the operator to check it; notes.read_note was not called"
        );
    }
    assert!(call(&upstreams, &Principal::Operator, "read_note").await.is_ok());
    assert!(upstreams.failing().is_empty() && upstreams.lanes()["notes"].failing == 1);
    assert!(!world.a.seen.lock().unwrap().iter().filter(|seen| *seen == "canary-wrong").count().eq(&0));
    assert!(!log::recorded().contains("canary-wrong"));
}
