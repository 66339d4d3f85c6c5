//! Credentials that roles and keys have for servers, from the configuration to the server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::{Authorizing, Daemon, Folder, HttpClient, KeyClient as Client, built, here, key_table as key};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const OK: &str = "\"ok\"";
const TOKEN: &str = "vault.environment()['variables'].get('TOKEN')";
const PID: &str = "str(vault.process()['pid'])";

/// A server that tells its environment, to which the roles `red` and `blue` show tokens of their own.
fn configuration(red: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    let keys = [key("ada", "red"), key("bob", "blue"), key("cid", "plain"), key("mon", "monitor")].concat();
    format!(
        "[servers.vault]\ncommand = {fake:?}\nauto_execute = ['*']\nenv = {{ TOKEN = 'kanarie-operators' }}\n\
         [roles.red.credentials.vault]\nenv = {{ TOKEN = '{red}' }}\n\
         [roles.blue.credentials.vault]\nenv = {{ TOKEN = 'kanarie-blue' }}\n\
         [roles.plain]\n[roles.monitor]\ntools = []\nmetrics = true\n{keys}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_meets_a_server_with_its_own_credential_also_after_it_was_rotated() {
    let folder = Folder::new(&configuration("kanarie-red"));
    let daemon = folder.serve(&[]).await;
    let [mut ada, mut bob, mut cid] = [
        Client::of(daemon.address(), "ada").await,
        Client::of(daemon.address(), "bob").await,
        Client::of(daemon.address(), "cid").await,
    ];
    assert_eq!(ada.run(TOKEN).await, "\"kanarie-red\"");
    assert_eq!(bob.run(TOKEN).await, "\"kanarie-blue\"");
    assert_eq!(cid.run(TOKEN).await, "\"kanarie-operators\"");
    let (blue, operators) = (bob.run(PID).await, cid.run(PID).await);
    // A script that is running goes on with the new one.
    let long = "seen = set()\nimport time\nfor n in range(400):\n    seen.add(vault.environment()['variables']['TOKEN'])\n    \
                if len(seen) == 2: break\n    time.sleep(0.05)\nsorted(seen)";
    let address = daemon.address();
    let running = tokio::spawn(async move { Client::of(address, "ada").await.run(long).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    folder.write("exuvia.toml", &configuration("kanarie-rotated"));
    let seen = tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert!(seen.contains("kanarie-red") && seen.contains("kanarie-rotated"), "{seen}");
    assert_eq!(ada.run(TOKEN).await, "\"kanarie-rotated\"");
    assert_eq!((bob.run(PID).await, cid.run(PID).await), (blue, operators), "nobody else notices");
    let mut http = HttpClient::connect(daemon.address()).await;
    let metrics = http.send("GET", "/metrics", &[("authorization", "Bearer mon")], "").await.text;
    assert!(metrics.contains("exuvia_server_lanes{server=\"vault\"} 2"), "{metrics}");
    assert!(!["\"red", "\"ada", "key:", "role:", "kanarie"].iter().any(|word| metrics.contains(word)), "{metrics}");
    daemon.says("servers unchanged", 1).await;
    let said = daemon.said().join("\n");
    assert!(!said.contains("kanarie"), "{said}");
}

#[test]
fn a_credential_that_cannot_be_used_is_an_error_where_it_is_written() {
    let fake = built("exuvia-fake-upstream");
    let folder = Folder::new(&format!(
        "[servers.local]\ncommand = {fake:?}\n[servers.web]\nurl = 'http://web.example'\n\
         [roles.r.credentials.local]\nheaders = {{ Authorization = 's3cret' }}\n\
         [roles.r.credentials.web]\nheaders = {{ Authorization = 's3cret' }}\nenv = {{ A = 's3cret' }}\n\
         [roles.r.credentials.nowhere]\noauth = true\n[roles.s.credentials.local]\n"
    ));
    let checked = exuvia(&folder, &["config", "check"]);
    let told = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(!checked.status.success() && !told.contains("s3cret"), "{told}");
    for error in [
        "6: roles.r.credentials.local.headers: the server runs over stdio; set `env`",
        "7: roles.r.credentials.web: headers and tokens would be sent unencrypted",
        "9: roles.r.credentials.web.env: the server is reached over HTTP",
        "10: roles.r.credentials.nowhere: unknown server",
        "12: roles.s.credentials.local: requires `headers`, `env` or `oauth`",
    ] {
        assert!(told.contains(error), "{error}: {told}");
    }
}

/// The program with the configuration of a folder, and the user's data in it.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(built("exuvia"));
    command.args(arguments).args(["--config", &folder.text("exuvia.toml")]);
    command.env("XDG_CONFIG_HOME", here()).env("XDG_DATA_HOME", folder.path("data"));
    command
}

fn exuvia(folder: &Folder, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("it starts")
}

/// A server that asks for tokens, in whose role `support` each key has a login of its own. The gateway has logged in.
struct World {
    folder: Folder,
    server: Authorizing,
}

impl World {
    async fn new() -> Self {
        let server = Authorizing::start(Duration::from_secs(3600)).await;
        let keys = [key("ada", "support"), key("bob", "support"), key("cid", "plain")].concat();
        let folder = Folder::new(&format!(
            "[servers.oa]\nurl = '{}'\nauto_execute = ['*']\noauth = {{ client_id = 'c' }}\n\
             [roles.support.credentials.oa]\noauth = true\n[roles.plain]\n{keys}",
            server.url()
        ));
        let world = Self { folder, server };
        fs::create_dir_all(world.tokens()).expect("a folder");
        let file = world.tokens().join("oa.json");
        fs::write(&file, world.server.expired_login()).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
        world
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path("data").join("exuvia/tokens")
    }

    async fn serves(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", self.folder.path("data"));
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    /// Logs in as a browser does that was sent back. What the program says.
    async fn logs_in(&self, arguments: &[&str]) -> String {
        logged_in(command(&self.folder, &[&["login", "oa", "--no-browser"], arguments].concat())).await
    }
}

/// Runs a login to its end, as a browser does that was sent back. What the program says.
pub(super) async fn logged_in(mut login: Command) -> String {
    login.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut login = tokio::process::Command::from(login).spawn().expect("it starts");
    let mut lines = BufReader::new(login.stderr.take().expect("piped")).lines();
    let mut told = String::new();
    while let Some(line) = lines.next_line().await.expect("text") {
        told.push_str(&line);
        if let Some(page) = line.split_whitespace().find(|word| word.contains("/authorize?")) {
            come_back(page).await;
        }
    }
    assert!(login.wait().await.expect("a child").success(), "{told}");
    told
}

/// What a browser does after the user's consent.
async fn come_back(page: &str) {
    let of = |name: &str| page.split(['?', '&']).find_map(|part| part.strip_prefix(name)).expect("it is there");
    let port = of("redirect_uri=http%3A%2F%2F127.0.0.1%3A").split('%').next().expect("a port");
    let address = format!("127.0.0.1:{port}");
    let mut browser = TcpStream::connect(&address).await.expect("it listens");
    let request = format!("GET /callback?code=c&state={} HTTP/1.1\r\nHost: {address}\r\n\r\n", of("state="));
    browser.write_all(request.as_bytes()).await.expect("written");
    let _ = tokio::time::timeout(PATIENCE, browser.read(&mut [0; 100])).await;
}

fn access(file: &Path) -> String {
    let record: Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    record["token"]["access"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_calls_once_the_operator_has_logged_in_for_it_and_no_other_key_does() {
    let world = World::new().await;
    let daemon = world.serves().await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let mut bob = Client::of(daemon.address(), "bob").await;
    let mut cid = Client::of(daemon.address(), "cid").await;
    let begun = Instant::now();
    let refused = ada.run("oa.t()").await;
    assert!(refused.contains("ask the operator to log in for you; oa.t was not called"), "{refused}");
    assert!(!refused.contains("exuvia login"), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it is not tried again");
    daemon.says("run `exuvia login oa --key ada`", 1).await;
    assert_eq!(cid.run("oa.t()").await, OK, "the gateway's own");
    assert!(world.logs_in(&["--key", "ada"]).await.contains("Logged in to oa for key:ada"));
    assert_eq!(ada.run("oa.t()").await, OK);
    assert!(bob.run("oa.t()").await.contains("ask the operator to log in"));
    let file = world.tokens().join("oa.logins/key%3aada.json");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let (own, gateways) = (access(&file), access(&world.tokens().join("oa.json")));
    assert_eq!(world.server.called_with(), [gateways.clone(), own.clone()]);
    let said = daemon.said().join("\n");
    assert!(!said.contains(&own) && !said.contains(&gateways), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_nobody_would_use_is_refused_before_a_browser_opens() {
    let world = World::new().await;
    for (arguments, error) in [
        (&["--key", "cid"][..], "the role plain of key cid has no `oauth = true` in `[roles.plain.credentials.oa]`"),
        (&["--key", ""], "nobody who could log in"),
        (&["--user", "okta"], "nobody who could log in"),
        (&["--key", "a", "--user", "okta/a"], "cannot be used with"),
    ] {
        let refused = exuvia(&world.folder, &[&["login", "oa", "--no-browser"], arguments].concat());
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains(error), "{arguments:?}: {told}");
    }
    world.folder.write("exuvia.toml", &format!("[servers.oa]\nurl = '{}'\noauth = {{}}\n", world.server.url()));
    let refused = exuvia(&world.folder, &["login", "oa", "--key", "ada"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("no role has `oauth = true` in `[roles.ROLE.credentials.oa]`"), "{told}");
}

/// What keys are shown of the answers of `vault.environment` after three of them have called it: ada, bob, cid, and dan with the role
/// of cid. Waits until something is shown, if it is to be.
async fn shown_after_calls(settings: &str, is_learned: bool) -> Vec<String> {
    let fake = built("exuvia-fake-upstream");
    let keys = [key("ada", "red"), key("bob", "blue"), key("cid", "plain"), key("dan", "plain")].concat();
    let folder = Folder::new(&format!(
        "[servers.vault]\ncommand = {fake:?}\nauto_execute = ['*']\nenv = {{ OPERATORS = 'x' }}\n{settings}\n\
         [roles.red.credentials.vault]\nenv = {{ OF_RED = 'x' }}\n[roles.blue.credentials.vault]\nenv = {{ OF_BLUE = 'x' }}\n\
         [roles.plain]\n{keys}"
    ));
    let daemon = folder.serve(&[]).await;
    let mut stubs = Vec::new();
    for name in ["ada", "bob", "cid"] {
        let called = Client::of(daemon.address(), name).await.run("len(vault.environment()['variables'])").await;
        assert!(called.parse::<u8>().is_ok(), "{called}");
    }
    for name in ["ada", "bob", "cid", "dan"] {
        let mut client = Client::of(daemon.address(), name).await;
        let begun = Instant::now();
        let stub = loop {
            let stub = client.call("readToolFile", json!({"fileName": "vault.environment"})).await;
            if !is_learned || stub.contains("answers") || begun.elapsed() > PATIENCE {
                break stub;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        stubs.push(stub);
    }
    stubs
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes_of_answers_to_a_roles_credential_are_shown_to_that_role_alone() {
    let stubs = shown_after_calls("", true).await;
    for (stub, own) in stubs.iter().zip(["OF_RED", "OF_BLUE", "", ""]) {
        // What a role has comes beside what the server has anyway.
        for name in ["OF_RED", "OF_BLUE"] {
            assert_eq!(stub.contains(name), name == own, "{name} {stub}");
        }
        assert!(stub.contains("OPERATORS"), "{stub}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_learned_where_each_key_has_connections_of_its_own() {
    let stubs = shown_after_calls("share = 'key'", false).await;
    assert!(stubs.iter().all(|stub| stub.contains("def environment") && !stub.contains("answers")), "{stubs:?}");
}
