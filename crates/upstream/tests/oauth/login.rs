//! Logging in at a real authorization server, and what must not come of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use crate::authorization_server::{SECRET, World, browser, credentials, stored};
use exuvia_config::{CodeGrant, Grant, Http, OAuth};
use exuvia_oauth::login;

async fn consented(http: &Http, oauth: &OAuth) -> login::LoggedIn {
    let login = login::begin(http, oauth, &[]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    browser::consent(&url).await;
    finishing.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_login_registers_once_and_keeps_the_token_for_its_owner_alone() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "a.json");
    let done = consented(&http, &oauth).await;
    assert_eq!((&done.token_file, done.is_renewed), (&oauth.token_file, true));
    assert_eq!(done.scopes, ["read"]);
    let life = done.expires_at.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((3500..=3600).contains(&life.as_secs()), "{life:?}");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&oauth.token_file), mode(oauth.token_file.parent().unwrap())), (0o600, 0o700));
    let first = stored(&oauth);
    assert_eq!((first["server"].as_str().unwrap(), first["issuer"].as_str().unwrap()), (&*world.a.url, &*world.issuer));
    // What is printed of it holds no token.
    let token = first["token"]["access"].as_str().unwrap();
    assert!(!format!("{done:?}").contains(token));
    // The next one is the same client again.
    consented(&http, &oauth).await;
    assert_eq!((world.count("registered"), world.issued("authorization_code")), (1, 2));
    assert_ne!(stored(&oauth)["token"]["access"], first["token"]["access"]);
    // One that asks for more than it registered for is another.
    let login = login::begin(&http, &oauth, &["write".to_owned()]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    browser::consent(&url).await;
    assert_eq!(finishing.await.unwrap().unwrap().scopes, ["read", "write"]);
    assert_eq!(world.count("registered"), 2);
}

#[tokio::test]
async fn the_challenge_to_a_message_says_where_to_log_in_and_what_for() {
    let world = World::new().await;
    world.a.challenge_only_posts();
    // Its metadata offers `write` as well.
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "a.json");
    assert_eq!(consented(&http, &oauth).await.scopes, ["read"]);
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "b.json");
    assert_eq!(login::fetch(&http, &oauth).await.unwrap().scopes, ["read"]);
    let (http, mut configured) = world.server(&world.a, Grant::Code(CodeGrant::default()), "c.json");
    configured.scopes = vec!["write".to_owned()];
    assert_eq!(consented(&http, &configured).await.scopes, ["write"]);
}

#[tokio::test]
async fn a_registered_client_is_used_as_it_is() {
    let world = World::new().await;
    let client =
        CodeGrant { client_id: Some("web".to_owned()), client_secret: Some(SECRET.to_owned()), callback_port: 17613 };
    let (http, oauth) = world.server(&world.a, Grant::Code(client.clone()), "a.json");
    consented(&http, &oauth).await;
    assert_eq!((world.count("registered"), world.issued("authorization_code")), (0, 1));
    // Its secret stays where it was configured.
    assert!(!fs::read_to_string(&oauth.token_file).unwrap().contains(SECRET));
    let other = CodeGrant { client_secret: Some("wrong-secret".to_owned()), ..client };
    let (http, oauth) = world.server(&world.a, Grant::Code(other), "b.json");
    let login = login::begin(&http, &oauth, &[]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    let (status, page) = browser::follow(&browser::decide(&url, "yes").await).await;
    assert_eq!(status, 400, "{page}");
    let message = finishing.await.unwrap().unwrap_err().to_string();
    assert!(message.contains("`invalid_client`") && !message.contains("wrong-secret"), "{message}");
    assert!(!oauth.token_file.exists());
}

#[tokio::test]
async fn an_answer_with_another_state_changes_nothing() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "a.json");
    let login = login::begin(&http, &oauth, &[]).await.unwrap();
    let url = login.url().to_owned();
    let finishing = tokio::spawn(login.finish());
    let answer = browser::decide(&url, "yes").await;
    for forged in [
        browser::with_parameter(&answer, "state", Some("forged")),
        browser::with_parameter(&answer, "state", None),
        browser::with_parameter(&answer, "code", None),
    ] {
        assert_eq!(browser::follow(&forged).await.0, 400);
    }
    assert!(!finishing.is_finished() && world.issued("authorization_code") == 0);
    let (status, page) = browser::follow(&answer).await;
    assert_eq!(status, 200);
    let code = browser::parameter(&answer, "code").unwrap();
    assert!(!page.contains(&code) && !page.contains(&stored(&oauth)["token"]["access"].as_str().unwrap().to_owned()));
    finishing.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_authorization_server_did_not_say_is_not_believed() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "a.json");
    for (decision, parameter, value, expected) in [
        ("no", "unrelated", None, "access_denied"),
        ("yes", "iss", Some("https://evil.example"), "https://evil.example"),
        ("yes", "iss", None, "issuer"),
        ("no", "iss", Some("https://evil.example"), "https://evil.example"),
        ("yes", "code", Some("SECRET-forged-code"), "revoked or has expired"),
        ("no", "error", Some("run `rm -rf /`"), "`unknown_error`"),
    ] {
        let login = login::begin(&http, &oauth, &[]).await.unwrap();
        let url = login.url().to_owned();
        let finishing = tokio::spawn(login.finish());
        let answer = browser::decide(&url, decision).await;
        let answer = browser::with_parameter(&answer, parameter, value);
        let (status, page) = browser::follow(&answer).await;
        assert_eq!(status, 400, "{page}");
        let message = finishing.await.unwrap().unwrap_err().to_string();
        assert!(message.contains(expected), "{parameter}: {message}");
        let secret = browser::parameter(&answer, "code").unwrap_or_else(|| "SECRET".to_owned());
        assert!(!message.contains(&secret) && !page.contains(&secret) && !message.contains("rm -rf"), "{message}");
        assert!(world.issued("authorization_code") == 0 && !oauth.token_file.exists());
    }
}

#[tokio::test]
async fn a_login_writes_over_whatever_was_there() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, Grant::Code(CodeGrant::default()), "a.json");
    fs::create_dir_all(oauth.token_file.parent().unwrap()).unwrap();
    for (content, mode) in [("damaged", 0o600), ("{}", 0o644)] {
        fs::write(&oauth.token_file, content).unwrap();
        fs::set_permissions(&oauth.token_file, fs::Permissions::from_mode(mode)).unwrap();
        consented(&http, &oauth).await;
        assert!(stored(&oauth)["token"]["access"].is_string());
        assert_eq!(fs::metadata(&oauth.token_file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn client_credentials_are_tried_out() {
    let world = World::new().await;
    let (http, oauth) = world.server(&world.a, credentials("gateway"), "a.json");
    let done = login::fetch(&http, &oauth).await.unwrap();
    assert_eq!((done.scopes, done.is_renewed), (vec!["read".to_owned()], true));
    assert!(done.expires_at.unwrap() > SystemTime::now() + Duration::from_secs(3500));
    assert!(!fs::read_to_string(&oauth.token_file).unwrap().contains(SECRET));
    let (http, mut wrong) = world.server(&world.a, credentials("nobody"), "b.json");
    let message = login::fetch(&http, &wrong).await.unwrap_err().to_string();
    assert!(message.contains("`invalid_client`") && message.contains("client_secret") && !message.contains(SECRET));
    wrong.grant = credentials("gateway");
    wrong.scopes = vec!["admin".to_owned()];
    let message = login::fetch(&http, &wrong).await.unwrap_err().to_string();
    assert!(message.contains("`invalid_scope`") && message.contains("oauth.scopes"), "{message}");
    assert!(!wrong.token_file.exists());
}
