//! Keys and roles that change while scripts run, sessions are open and streams listen: over within a second, and others notice nothing.

use std::time::{Duration, Instant, SystemTime};

use exuvia_tests::{Daemon, Folder, KeyClient, built, key_table, modern};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long a changed configuration may take to be in force.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long after that something may be open that must not be, on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(2);
const ROLES: &str = "[roles.red]\ntools = ['ruby.*']\n[roles.blue]\ntools = ['azure.*']\n";
/// Calls on and on, for longer than any test takes.
const ON_AND_ON: &str = "import time\nfor n in range(2000):\n    SERVER.echo(value=n)\n    time.sleep(0.02)";

fn configuration(roles: &str, keys: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    let server = |name: &str| format!("[servers.{name}]\ncommand = {fake:?}\nauto_execute = ['*']\n");
    format!("{}{}{roles}{keys}", server("ruby"), server("azure"))
}

/// Everything that a key has open.
struct Open {
    client: KeyClient,
    session: String,
    run: JoinHandle<String>,
    session_stream: Incoming,
    listener: Incoming,
}

impl Open {
    async fn of(daemon: &Daemon, key: &str, server: &str) -> Self {
        let mut client = KeyClient::of(daemon.address(), key).await;
        let session = client.session().await;
        let session_stream = client.listen(&session).await.into_body();
        let wanted =
            modern(9, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "subscriptions/listen"),
        ];
        let listener = client.begin("POST", "/mcp", &headers, &wanted).await.into_body();
        let (mut running, code) = (client.again().await, ON_AND_ON.replace("SERVER", server));
        let run = tokio::spawn(async move { running.run(&code).await });
        let mut open = Self { client, session, run, session_stream, listener };
        // Acknowledged.
        open.listener.frame().await.expect("it begins").expect("no error");
        open
    }

    /// Both streams end, and the script is refused at its next call. Gives what it was told.
    async fn ends(&mut self, within: Duration) -> String {
        let streams = async {
            for stream in [&mut self.session_stream, &mut self.listener] {
                while let Some(Ok(_)) = stream.frame().await {}
            }
        };
        timeout(within, streams).await.expect("the streams end in time");
        timeout(SOON, &mut self.run).await.expect("the script ends in time").expect("no panic")
    }

    /// All of it goes on.
    async fn goes_on(&mut self) {
        assert!(!self.run.is_finished(), "the script runs");
        for stream in [&mut self.session_stream, &mut self.listener] {
            // What it had to say at its beginning may not have been read.
            while let Ok(frame) = timeout(Duration::from_millis(50), stream.frame()).await {
                assert!(matches!(frame, Some(Ok(_))), "the stream is open");
            }
        }
        let list = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/list"});
        assert_eq!(self.client.in_session(&self.session, &list).await.status, 200);
    }

    /// The session is gone, for whoever still has a key.
    async fn has_no_session(&mut self, status: u16) {
        let list = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/list"});
        let answer = self.client.in_session(&self.session.clone(), &list).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// A daemon with two keys, all of what they have open, and the folder of its configuration.
async fn opened(keys: &str) -> (Folder, Daemon, Open, Open) {
    let folder = Folder::new(&configuration(ROLES, keys));
    let daemon = folder.serve(&[]).await;
    let (ada, bob) = (Open::of(&daemon, "ada", "ruby").await, Open::of(&daemon, "bob", "azure").await);
    sleep(Duration::from_millis(300)).await;
    (folder, daemon, ada, bob)
}

fn both() -> String {
    key_table("ada", "red") + &key_table("bob", "blue")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_removed_has_nothing_open_and_others_notice_nothing() {
    let (folder, _daemon, mut ada, mut bob) = opened(&both()).await;
    folder.write("exuvia.toml", &configuration(ROLES, &key_table("bob", "blue")));
    let told = ada.ends(PATIENCE).await;
    assert!(told.contains("the key was revoked"), "{told}");
    ada.has_no_session(401).await;
    bob.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expires_has_nothing_open_a_second_later() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    // In 10 s, in whole seconds of UTC.
    let expires = now.as_secs() + 10;
    let (days, rest) = (expires / 86_400, expires % 86_400);
    let (year, month, day) = date(days);
    let time = format!("{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60);
    let ada = format!("{}expires = {time}\n", key_table("ada", "red"));
    let (_folder, _daemon, mut ada, mut bob) = opened(&(ada + &key_table("bob", "blue"))).await;
    ada.goes_on().await;
    let left = Duration::from_secs(expires)
        .saturating_sub(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time"));
    let begun = Instant::now();
    let told = ada.ends(left + SOON).await;
    assert!(told.contains("the key has expired"), "{told}");
    assert!(begun.elapsed() + Duration::from_millis(100) > left, "not before");
    ada.has_no_session(401).await;
    bob.goes_on().await;
}

/// The date of a day since the epoch.
fn date(days: u64) -> (u64, u64, u64) {
    let (mut year, mut left) = (1970, days);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, left + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_replaced_ends_what_the_old_one_opened() {
    let (folder, daemon, mut ada, mut bob) = opened(&both()).await;
    // The hash of another secret, under the same name.
    let renewed = key_table("other", "red").replace("[keys.other]", "[keys.ada]");
    folder.write("exuvia.toml", &configuration(ROLES, &(renewed + &key_table("bob", "blue"))));
    let told = ada.ends(PATIENCE).await;
    assert!(told.contains("the key was revoked"), "{told}");
    ada.has_no_session(401).await;
    bob.goes_on().await;
    let mut ada = KeyClient::of(daemon.address(), "other").await;
    assert!(ada.run("ruby.echo(value=3)['value']").await.contains('3'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_role_begins_anew() {
    let (folder, daemon, mut ada, mut bob) = opened(&both()).await;
    folder.write("exuvia.toml", &configuration(ROLES, &(key_table("ada", "blue") + &key_table("bob", "blue"))));
    let told = ada.ends(PATIENCE).await;
    assert!(told.contains("ruby.echo"), "{told}");
    ada.has_no_session(404).await;
    bob.goes_on().await;
    let mut ada = KeyClient::of(daemon.address(), "ada").await;
    let listed = ada.call("listToolFiles", json!({})).await;
    assert!(listed.contains("azure") && !listed.contains("ruby"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_another_profile_begins_anew() {
    let profile = "[profiles.one]\nservers = ['ruby']\n";
    let (folder, _daemon, mut ada, mut bob) = opened(&(profile.to_owned() + &both())).await;
    let roles = ROLES.replace("[roles.red]\n", "[roles.red]\nprofile = 'one'\n");
    folder.write("exuvia.toml", &configuration(&(profile.to_owned() + &roles), &both()));
    let streams = async {
        for stream in [&mut ada.session_stream, &mut ada.listener] {
            while let Some(Ok(_)) = stream.frame().await {}
        }
    };
    timeout(PATIENCE, streams).await.expect("the streams end in time");
    assert!(!ada.run.is_finished(), "what it calls it may still call");
    bob.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_loses_a_server_stops_its_scripts_at_the_next_call() {
    let (folder, daemon, mut ada, mut bob) = opened(&both()).await;
    let roles = ROLES.replace("'ruby.*'", "'ruby.fail'");
    folder.write("exuvia.toml", &configuration(&roles, &both()));
    let told = timeout(PATIENCE, &mut ada.run).await.expect("in time").expect("no panic");
    assert!(told.contains("ruby.echo"), "{told}");
    let mut other = KeyClient::of(daemon.address(), "ada").await;
    let begun = Instant::now();
    while other.run("dir(ruby)").await.contains("echo") {
        assert!(begun.elapsed() < PATIENCE, "it is still seen");
        sleep(Duration::from_millis(50)).await;
    }
    bob.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_nobody_wrote_leaves_the_keys_as_they_were() {
    let (folder, daemon, mut ada, mut bob) = opened(&both()).await;
    folder.write("exuvia.toml", &configuration(ROLES, &(key_table("ada", "green") + &key_table("bob", "blue"))));
    daemon.says("unknown role", 1).await;
    ada.goes_on().await;
    bob.goes_on().await;
    // Without any role nobody is let in, and nobody becomes the operator.
    folder.write("exuvia.toml", &configuration("", ""));
    ada.ends(PATIENCE).await;
    bob.ends(PATIENCE).await;
    for secret in ["ada", "bob", "any"] {
        let mut client = KeyClient::of(daemon.address(), secret).await;
        assert_eq!(client.ask("tools/list", json!({})).await.status, 401, "{secret}");
    }
}
