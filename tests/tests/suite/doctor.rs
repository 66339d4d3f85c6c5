//! `exuvia doctor` on servers that do not work, each for a reason of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use exuvia_tests::identity_provider::{IdentityProvider, SigningKey};
use exuvia_tests::{Ended, Folder, WebServer, built, echo_table, exuvia, key_table};
use serde_json::Value;

/// What `doctor` says of a configuration.
fn doctor(config: &str, more: &[&str]) -> (Ended, Vec<Value>) {
    examined(&Folder::new(config), more)
}

/// The same of a folder's configuration.
fn examined(folder: &Folder, more: &[&str]) -> (Ended, Vec<Value>) {
    let file = folder.text("exuvia.toml");
    let ended = exuvia(&[&["doctor", "--json", "--config", &file], more].concat(), "");
    let findings = ended.json()["findings"].as_array().expect("findings").clone();
    (ended, findings)
}

/// The finding of a check, of this name.
fn of<'a>(findings: &'a [Value], check: &str, name: Option<&str>) -> &'a Value {
    let mut found =
        findings.iter().filter(|found| found["check"] == check && name.is_none_or(|name| found["name"] == name));
    found.next().unwrap_or_else(|| panic!("{check} {name:?}: {findings:?}"))
}

#[test]
fn a_configuration_that_works_is_found_to_work() {
    let listen = format!("[listen]\nmcp = \"127.0.0.1:{}\"\n", free_port());
    let (ended, findings) = doctor(&format!("{}{listen}[journal]\npath = \"j\"\n", echo_table()), &[]);
    assert_eq!(ended.status, Some(0), "{findings:?}");
    assert_eq!(ended.json()["ok"], true);
    let server = of(&findings, "server", Some("echo"));
    assert_eq!((server["status"].as_str(), server["ms"].is_u64()), (Some("ok"), true), "{server}");
    assert!(server["tools"].as_u64() > Some(0), "{server}");
    let client = of(&findings, "client", None);
    assert_eq!((client["status"].as_str(), client["tools"].as_u64()), (Some("ok"), Some(4)), "{client}");
    assert!(client["tokens"].as_u64() > Some(100), "{client}");
    for check in ["configuration", "memory", "files", "journal", "port"] {
        let found = of(&findings, check, None);
        assert!(found["status"] == "ok" || (check == "files" && found["status"] == "warning"), "{found}");
    }
}

#[test]
fn each_reason_for_which_a_server_does_not_start_has_its_advice() {
    let fake = built("exuvia-fake-upstream");
    let folder = tempfile::tempdir().expect("a folder");
    let (token, empty) = (folder.path().join("token"), folder.path().join("none.json"));
    fs::write(&token, "s3cret-token").expect("written");
    fs::write(&empty, "[]").expect("written");
    let guarded = WebServer::start(&["--token-file", token.to_str().expect("UTF-8")]);
    let web = WebServer::start(&[]);
    let elsewhere = format!("http://{}/elsewhere", not_found());
    let plain = web.url().replace("http://", "https://");
    let closed = format!("http://127.0.0.1:{}/mcp", free_port());
    let config = format!(
        "[servers.missing]\ncommand = 'no-such-program-here'\n\
         [servers.exits]\ncommand = '/bin/sh'\nargs = ['-c', 'echo cannot log in with $API_KEY >&2; exit 3']\nenv = {{ API_KEY = 'sk-live-0123456789' }}\n\
         [servers.hangs]\ncommand = {fake:?}\nargs = ['--hang-at', 'start']\nstart_timeout_ms = 700\n\
         [servers.empty]\ncommand = {fake:?}\nargs = ['--tools', {empty:?}]\n\
         [servers.chatty]\ncommand = '/bin/echo'\nargs = ['hello, I am no server']\n\
         [servers.login]\nurl = {:?}\n\
         [servers.token]\nurl = {:?}\nheaders = {{ Authorization = 'Bearer wrong-0123456789' }}\n\
         [servers.path]\nurl = {elsewhere:?}\n\
         [servers.closed]\nurl = {closed:?}\n\
         [servers.tls]\nurl = {plain:?}\n\
         {}",
        guarded.url(),
        guarded.url(),
        echo_table()
    );
    let (ended, findings) = doctor(&config, &[]);
    assert_eq!((ended.status, ended.json()["ok"].as_bool()), (Some(1), Some(false)));
    for (name, status, message, fix) in [
        ("missing", "failed", "was not found", "whole path"),
        ("exits", "failed", "cannot log in with [redacted]", "run its command in a terminal"),
        ("hangs", "failed", "not ready after 700 ms", "start_timeout_ms"),
        ("empty", "warning", "lists no tools", "without tools"),
        ("chatty", "failed", "", "run its command in a terminal"),
        ("login", "failed", "not logged in", "exuvia login login --config "),
        ("token", "failed", "401", "`headers`"),
        ("path", "failed", "404", "is the MCP endpoint"),
        ("closed", "failed", "", "check `url`"),
        ("tls", "failed", "", "certificate"),
    ] {
        let found = of(&findings, "server", Some(name));
        assert_eq!(found["status"], status, "{found}");
        assert!(found["message"].as_str().expect("a text").contains(message), "{found}");
        assert!(found["fix"].as_str().is_some_and(|text| text.contains(fix)), "{found}");
    }
    assert_eq!(of(&findings, "server", Some("echo"))["status"], "ok");
    assert_eq!(of(&findings, "client", None)["status"], "ok", "a client is served though servers fail");
    assert!(!ended.stdout.contains("sk-live") && !ended.stdout.contains("wrong-0123456789"), "{}", ended.stdout);
}

#[test]
fn what_is_wrong_beside_the_servers_is_found() {
    let port = not_found().port();
    let config = format!(
        "{}[listen]\nmcp = '127.0.0.1:{port}'\n[runs]\nmemory_bytes = '4096 GiB'\n\
         [servers.crm]\ncommand = {:?}\nargs = ['sample', 'crm', '${{EXUVIA_DOCTOR_UNSET:-}}']\ndisabled = true\n",
        echo_table(),
        built("exuvia")
    );
    let (ended, findings) = doctor(&config, &[]);
    assert_eq!(ended.status, Some(1), "{findings:?}");
    let memory = of(&findings, "memory", None);
    assert_eq!(memory["status"], "failed", "{memory}");
    let reference = of(&findings, "reference", Some("EXUVIA_DOCTOR_UNSET"));
    assert_eq!(reference["status"], "warning", "{reference}");
    let listen = of(&findings, "port", None);
    assert_eq!(
        (listen["status"].as_str(), listen["message"].as_str()),
        (Some("warning"), Some("another program listens there"))
    );
}

#[test]
fn workspaces_that_scripts_cannot_use_are_found() {
    let place = tempfile::tempdir().expect("a folder");
    let path = |name: &str| place.path().join(name);
    fs::write(path("file"), "").expect("written");
    fs::create_dir(path("full")).expect("made");
    fs::write(path("full/a"), "12345").expect("written");
    let of_path =
        |name: &str, more: &str| format!("[workspaces.{name}]\nshare = 'all'\npath = {:?}\n{more}\n", path(name));
    let config = [
        echo_table(),
        "[workspaces.own]\n".to_owned(),
        of_path("file", ""),
        of_path("gone", "read_only = true"),
        of_path("full", "bytes = 5"),
        of_path("new", ""),
    ]
    .concat();
    let (_, findings) = doctor(&config, &[]);
    for (name, status, message, fix) in [
        ("own", "ok", "", None),
        ("file", "failed", "file: ", Some("correct `path`")),
        ("gone", "warning", "is not there", Some("make the directory")),
        ("full", "warning", "1 of 1 directories are full", Some("raise `bytes`")),
        ("new", "ok", "no script has used it yet", None),
    ] {
        let found = of(&findings, "workspace", Some(name));
        assert_eq!(found["status"], status, "{found}");
        assert!(found["message"].as_str().expect("a text").contains(message), "{found}");
        let told = found["fix"].as_str();
        assert!(fix.map_or(told.is_none(), |fix| told.is_some_and(|told| told.contains(fix))), "{found}");
    }
    assert!(!path("gone").exists() && !path("new").exists(), "whoever looks makes nothing");
}

#[test]
fn a_fix_names_the_configuration_that_was_looked_at() {
    let folder = Folder::new("[journal]\npath = 'j'\n");
    fs::create_dir(folder.path("j")).expect("a folder");
    folder.write("j/journal.db", "no database");
    let (file, (_, findings)) = (folder.text("exuvia.toml"), examined(&folder, &[]));
    let journal = of(&findings, "journal", None);
    assert_eq!(journal["fix"], format!("exuvia audit verify --config {file} says what is wrong with it"), "{journal}");
}

#[test]
fn credentials_of_roles_and_keys_of_providers_are_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, "s3cret-token").expect("written");
    let guarded = WebServer::start(&["--token-file", token.to_str().expect("UTF-8")]);
    let provider = IdentityProvider::start(&[&SigningKey::new("k1", "RS256")]);
    let config = format!(
        "[servers.crm]\nurl = {:?}\n\
         [roles.good.credentials.crm]\nheaders = {{ Authorization = 'Bearer s3cret-token' }}\n\
         [roles.bad.credentials.crm]\nheaders = {{ Authorization = 'Bearer wrong-0123456789' }}\n\
         [roles.own.credentials.crm]\noauth = true\n{}{}\
         [identity_providers.works]\nissuer = '{}'\naudience = 'a'\ndefault_role = 'good'\n\
         [identity_providers.broken]\nissuer = 'http://{}'\naudience = 'a'\ndefault_role = 'good'\n",
        guarded.url(),
        key_table("ada", "own"),
        key_table("bob", "bad"),
        provider.issuer(),
        not_found(),
    );
    let own = Folder::new(&config);
    let (file, (ended, findings)) = (own.text("exuvia.toml"), examined(&own, &[]));
    assert_eq!(ended.status, Some(1), "{findings:?}");
    let login = format!("exuvia login crm --config {file}");
    let of_ada = format!("exuvia login crm --key ada --config {file}");
    for (check, name, status, fix) in [
        ("server", "crm", "failed", Some(&*login)),
        ("server", "crm as good", "ok", None),
        ("server", "crm as bad", "failed", Some("`[roles.bad.credentials.crm]`")),
        ("login", "crm of key ada", "failed", Some(&*of_ada)),
        ("provider", "works", "ok", None),
        ("provider", "broken", "failed", Some("`issuer`")),
    ] {
        let found = of(&findings, check, Some(name));
        assert_eq!(found["status"], status, "{found}");
        let told = found["fix"].as_str();
        assert!(fix.map_or(told.is_none(), |fix| told.is_some_and(|told| told.contains(fix))), "{found}");
    }
    assert!(!findings.iter().any(|found| found["name"] == "crm as own" || found["name"] == "crm of key bob"));
    assert!(!ended.stdout.contains("wrong-0123456789"), "{}", ended.stdout);
}

#[test]
fn a_configuration_that_is_wrong_is_said_to_be_wrong() {
    let (ended, findings) = doctor("[servers.a]\ncomand = 'x'\n", &[]);
    assert_eq!(ended.status, Some(1), "{findings:?}");
    assert!(
        findings.iter().all(|found| found["check"] == "configuration" && found["status"] == "failed"),
        "{findings:?}"
    );
    let folder = Folder::new(&echo_table());
    let ended = exuvia(&["doctor", "--config", &folder.text("exuvia.toml")], "");
    assert!(ended.stdout.contains("server echo: starts (") && !ended.stdout.contains('\u{1b}'), "{ended:?}");
}

/// The address of a server that has nothing at all.
fn not_found() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_the_port_is_known() {
    let folder = Folder::new(&echo_table());
    let daemon = folder.serve(&[]).await;
    let config = format!("{}[listen]\nmcp = '{}'\n", echo_table(), daemon.address());
    let (_, findings) = doctor(&config, &[]);
    let port = of(&findings, "port", None);
    assert_eq!((port["status"].as_str(), port["message"].as_str()), (Some("ok"), Some("`exuvia serve` is running")));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}
