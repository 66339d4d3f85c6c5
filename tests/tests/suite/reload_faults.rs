//! What may stand in the place of the files of a configuration while a daemon follows them: it is told, and nothing ends by it.

use std::fs;
use std::time::Duration;

use exuvia_tests::trials::IN_FORCE;
use exuvia_tests::{Certificates, Daemon, Folder, HttpClient, built, echo_table, exuvia};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(10);
const ECHOES: &str = "result = echo.echo(value=7)['value']";

/// Puts a pipe in the place of a file.
fn pipe(folder: &Folder, name: &str) {
    let new = folder.path(&format!("{name}.pipe"));
    mkfifo(&new, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    fs::rename(new, folder.path(name)).expect("in place");
}

async fn readiness(daemon: &Daemon) -> Value {
    let answer = HttpClient::connect(daemon.address()).await.send("GET", "/readyz", &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.text).expect("JSON")
}

/// Waits until health and metrics agree that what is in force is older than its files, or not.
async fn outdated(daemon: &Daemon, is_outdated: bool) -> Value {
    let gauge = format!("exuvia_config_last_reload_successful {}\n", u8::from(!is_outdated));
    let wait = async {
        loop {
            let ready = readiness(daemon).await;
            let has_problem = !ready["problems"].as_array().expect("a list").is_empty();
            if has_problem == is_outdated && daemon.metrics().await.contains(&gauge) {
                return ready;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("{is_outdated}: {:?}", daemon.said()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_any_file_is_reported_and_the_next_file_is_loaded() {
    let table = ["include = [\"more.json\"]\n".to_owned(), echo_table()].concat();
    let folder = Folder::new(&table);
    let servers = |name: &str| {
        let program = built("exuvia-fake-upstream");
        folder.write("more.json", &format!("{{\"mcpServers\": {{{name:?}: {{\"command\": {program:?}}}}}}}"));
    };
    servers("a");
    folder.write("mcp.json", "{\"mcpServers\": {}}");
    let daemon = folder.serve(&["--mcp-config", &folder.text("mcp.json")]).await;
    outdated(&daemon, false).await;
    for (round, name) in ["exuvia.toml", "more.json", "mcp.json"].into_iter().enumerate() {
        pipe(&folder, name);
        daemon.says(&format!("{name}: is a pipe; write its contents to a file"), 1).await;
        let ready = outdated(&daemon, true).await;
        let why = ready["problems"][0].as_str().expect("a reason");
        assert!(why.starts_with("configuration older than its files for ") && why.contains("; see the log"), "{why}");
        assert!(!why.contains(folder.path("").to_str().expect("UTF-8")), "no path is told: {why}");
        assert_eq!(daemon.run(ECHOES).await, "7", "what was in force still is");
        folder.write("exuvia.toml", &table);
        folder.write("mcp.json", "{\"mcpServers\": {}}");
        servers(&format!("b{round}"));
        daemon.says(&format!("new: b{round}"), 1).await;
        outdated(&daemon, false).await;
    }
    // A denial that comes after all of that holds.
    folder.write("exuvia.toml", &format!("deny = [\"*.*\"]\n{table}"));
    daemon.says(IN_FORCE, 4).await;
    let denied = daemon.run(ECHOES).await;
    assert!(denied.contains("denied"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_a_file_does_not_hold_up_the_end() {
    let folder = Folder::new(&echo_table());
    let mut daemon = folder.serve(&[]).await;
    outdated(&daemon, false).await;
    pipe(&folder, "exuvia.toml");
    // Longer than changes settle.
    tokio::time::sleep(Duration::from_millis(600)).await;
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.ends_within(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_a_certificate_leaves_the_old_one_and_takes_in_the_rest() {
    let certificates = Certificates::new();
    let file = certificates.path("exuvia.toml");
    let write = |more: &str| {
        let tls = "[listen]\ntls = { certificate = 'cert.pem', key = 'key.pem' }\n";
        let new = certificates.path("exuvia.toml.new");
        fs::write(&new, format!("{tls}{more}{}", echo_table())).expect("written");
        fs::rename(new, &file).expect("in place");
    };
    write("");
    let mut daemon = Daemon::start(&["--config", file.to_str().expect("UTF-8")]);
    for name in ["cert.pem", "key.pem"] {
        let (here, aside) = (certificates.path(name), certificates.path("aside.pem"));
        fs::rename(&here, &aside).expect("aside");
        mkfifo(&here, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
        daemon.says(&format!("{name}: is a pipe"), 1).await;
        write(&format!("[limits]\ntool_calls = {}\n", name.len()));
        daemon.says(IN_FORCE, if name == "cert.pem" { 1 } else { 2 }).await;
        fs::rename(&aside, &here).expect("back");
    }
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.ends_within(SOON).await.success());
}

#[test]
fn a_pipe_that_is_named_at_the_start_is_reported_at_once() {
    let folder = Folder::new("[servers.a]\nurl = 'https://a.example'\nca = 'ca.pem'\n");
    pipe(&folder, "ca.pem");
    pipe(&folder, "mcp.json");
    for arguments in [
        ["tools", "--mcp-config", &folder.text("mcp.json")],
        ["tools", "--config", &folder.text("mcp.json")],
        ["config", "check", &folder.text("exuvia.toml")],
    ] {
        let ended = exuvia(&arguments, "");
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("is a pipe; write its contents to a file"), "{ended:?}");
    }
}
