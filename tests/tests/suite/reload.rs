//! Another configuration while scripts run, and ends that come suddenly.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use exuvia_tests::trials::{self, IN_FORCE, Storm};
use exuvia_tests::{Daemon, Folder, HttpClient, built, children, echo_table, fake_table, gone, runs};
use http_body_util::BodyExt as _;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_notified_of_other_servers_and_of_nothing_else() {
    const CHANGED: &str = "notifications/tools/list_changed";
    let folder = Folder::new(&echo_table());
    let daemon = folder.serve(&[]).await;
    daemon.ready().await;
    let mut client = HttpClient::connect(daemon.address()).await;
    let session = client.session("/mcp", json!({})).await;
    let headers = [("accept", "application/json, text/event-stream"), ("mcp-session-id", session.as_str())];
    let mut stream = client.begin("GET", "/mcp", &headers, "").await.into_body();
    folder.write("exuvia.toml", &format!("[limits]\ntool_calls = 3\n{}", echo_table()));
    daemon.says(IN_FORCE, 1).await;
    folder.write("exuvia.toml", &[echo_table(), fake_table("fake", 1)].concat());
    let mut text = String::new();
    let read = async {
        while !text.contains(CHANGED) {
            let frame = stream.frame().await.expect("the stream goes on").expect("no error");
            text.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        }
    };
    tokio::time::timeout(SOON, read).await.expect("it is told in time");
    daemon.says(IN_FORCE, 2).await;
    assert_eq!(text.matches(CHANGED).count(), 1, "{text}");
    let mut other = HttpClient::connect(daemon.address()).await;
    let listed = other.ask("/mcp", "tools/list", json!({}), json!({})).await.message().to_string();
    assert!(listed.contains(" Servers: echo, fake."), "{listed}");
}

/// Asks again and again who answers, until `echo.sleep` is denied. Then it uses a tool that it has not touched before.
const UNTIL_DENIED: &str = "pids = set()\ncalls = 0\ntry:\n    while True:\n        pids.add(fake.process()['pid'])\n        \
    echo.sleep(ms=10)\n        calls += 2\nexcept ToolDenied:\n    pass\n\
    result = {'pids': sorted(pids), 'calls': calls, 'last': fake.echo(value=7)['value']}";

/// Such a script, once it has made calls.
async fn running(daemon: &Daemon) -> JoinHandle<String> {
    let script = tokio::spawn(daemon.run(UNTIL_DENIED));
    let made = |metrics: String| metrics.contains("exuvia_calls_total{server=\"echo\",outcome=\"ok\"}");
    while !made(daemon.metrics().await) {
        assert!(!script.is_finished(), "{:?}", script.await);
    }
    script
}

async fn json(script: JoinHandle<String>) -> Value {
    let text = tokio::time::timeout(SOON, script).await.expect("an end in time").expect("no panic");
    // Below the result stands what failed on the way.
    let result = text.split("\nnote: ").next().unwrap_or_default();
    serde_json::from_str(result).unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_script_keeps_its_servers_names_and_limits_and_deny_holds_at_once() {
    let folder = Folder::new(&[fake_table("fake", 1), echo_table()].concat());
    let daemon = folder.serve(&[]).await;
    let script = running(&daemon).await;
    let without = format!("[limits]\ntool_calls = 3\n{}", echo_table());
    folder.write("exuvia.toml", &without);
    daemon.says(IN_FORCE, 1).await;
    daemon.says("removed: fake", 1).await;
    // Who comes now has other servers and other limits.
    let unknown = daemon.run("result = fake.process()").await;
    assert!(unknown.contains("'fake' is not defined") || unknown.contains("fake"), "{unknown}");
    assert!(!unknown.starts_with('{'), "{unknown}");
    let stopped = daemon.run("for i in range(4):\n    echo.echo(value=i)").await;
    assert!(stopped.starts_with("stopped by tool_calls"), "{stopped}");
    let before = daemon.metrics().await;
    assert!(before.contains("exuvia_calls_total{server=\"fake\""), "it is still in use");
    assert!(!script.is_finished());
    folder.write("exuvia.toml", &format!("deny = [\"echo.sleep\"]\n{without}"));
    let result = json(script).await;
    assert_eq!((result["pids"].as_array().map(Vec::len), &result["last"]), (Some(1), &Value::from(7)), "{result}");
    assert!(result["calls"].as_u64() > Some(3), "{result}");
    let pid = u32::try_from(result["pids"][0].as_u64().expect("an id")).expect("an id");
    assert!(gone(&[pid], SOON), "the last script that used it is over");
    let begun = Instant::now();
    let mut left = daemon.metrics().await;
    // The process is gone before the server counts as gone.
    while left.contains("\"fake\"") && begun.elapsed() < SOON {
        tokio::time::sleep(Duration::from_millis(50)).await;
        left = daemon.metrics().await;
    }
    assert!(!left.contains("\"fake\"") && left.contains("exuvia_server_ready{server=\"echo\"} 1"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_denied_after_it_left_is_denied_to_who_still_uses_it() {
    let folder = Folder::new(&[fake_table("fake", 1), echo_table()].concat());
    let daemon = folder.serve(&[]).await;
    let script = running(&daemon).await;
    folder.write("exuvia.toml", &fake_table("fake", 1));
    daemon.says("removed: echo", 1).await;
    assert!(!script.is_finished());
    folder.write("exuvia.toml", &format!("deny = [\"echo.*\"]\n{}", fake_table("fake", 1)));
    assert_eq!(json(script).await["last"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_server_is_another_one_for_the_next_script_alone() {
    let folder = Folder::new(&[fake_table("fake", 1), echo_table()].concat());
    let daemon = folder.serve(&[]).await;
    let script = running(&daemon).await;
    folder.write("exuvia.toml", &[fake_table("fake", 2), echo_table()].concat());
    daemon.says("replaced: fake", 1).await;
    let new: u32 = daemon.run("result = fake.process()['pid']").await.parse().expect("an id");
    let trial = daemon.run("result = fake.environment()['variables']['TRIAL']").await;
    assert_eq!(trial, "\"2\"");
    folder
        .write("exuvia.toml", &["deny = [\"echo.sleep\"]\n".to_owned(), fake_table("fake", 2), echo_table()].concat());
    let result = json(script).await;
    let pids: Vec<u32> = serde_json::from_value(result["pids"].clone()).expect("ids");
    assert!(pids.len() == 1 && pids[0] != new, "{result} and not {new}");
    assert!(gone(&pids, SOON) && runs(new));
    let again: u32 = daemon.run("result = fake.process()['pid']").await.parse().expect("an id");
    assert_eq!(again, new, "what is configured alike is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_does_not_wait_for_a_server_that_is_slow_to_start() {
    let folder = Folder::new(&[fake_table("fake", 1), echo_table()].concat());
    let daemon = folder.serve(&[]).await;
    let script = running(&daemon).await;
    let slow = format!("{}args = [\"--hang-at\", \"start\"]\nstart_timeout_ms = 30000\n", fake_table("slow", 1));
    let before = children(daemon.id()).len();
    let slowly = [fake_table("fake", 1), echo_table(), slow].concat();
    folder.write("exuvia.toml", &slowly);
    let begun = Instant::now();
    while children(daemon.id()).len() <= before {
        assert!(begun.elapsed() < SOON, "the slow server starts");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    folder.write("exuvia.toml", &format!("deny = [\"echo.sleep\"]\n{slowly}"));
    assert_eq!(json(script).await["last"], 7);
    assert!(!daemon.said().iter().any(|line| line.contains(IN_FORCE)), "{:?}", daemon.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_says_everything_that_is_wrong() {
    let good = [fake_table("fake", 1), echo_table()].concat();
    let folder = Folder::new(&good);
    let daemon = folder.serve(&[]).await;
    let pid = daemon.run("result = fake.process()['pid']").await;
    folder.write("exuvia.toml", "[limits]\nfuel = 'much'\n[servers.x]\ncommand = 'x'\nurl = 'y'\n");
    daemon.says("reload failed, nothing changed: ", 1).await;
    daemon.says("limits.fuel", 1).await;
    daemon.says("servers.x", 1).await;
    assert_eq!(daemon.run("result = fake.process()['pid']").await, pid);
    folder.write("exuvia.toml", "= what\n");
    daemon.says("reload failed, nothing changed: ", 2).await;
    fs::remove_file(folder.path("exuvia.toml")).expect("removed");
    daemon.says("reload failed, nothing changed: ", 3).await;
    // A SIGHUP repeats the message.
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload failed, nothing changed: ", 4).await;
    folder.write("exuvia.toml", &good);
    daemon.says("reload: no changes", 1).await;
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload: no changes", 2).await;
    assert_eq!(daemon.run("result = fake.process()['pid']").await, pid);
    assert!(!daemon.said().iter().any(|line| line.contains(IN_FORCE)), "{:?}", daemon.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_it_reads_is_followed() {
    let folder = Folder::new(&["include = [\"more.json\"]\n".to_owned(), echo_table()].concat());
    let servers = |names: &[&str]| {
        let server = |name: &&str| format!("{name:?}: {{\"command\": {:?}}}", built("exuvia-fake-upstream"));
        format!("{{\"mcpServers\": {{{}}}}}", names.iter().map(server).collect::<Vec<_>>().join(", "))
    };
    folder.write("more.json", &servers(&["a"]));
    // As Kubernetes mounts a file: behind two links, of which the first one moves.
    fs::create_dir(folder.path("..1")).expect("a folder");
    fs::write(folder.path("..1/mcp.json"), servers(&["b"])).expect("written");
    symlink("..1", folder.path("..data")).expect("a link");
    symlink("..data/mcp.json", folder.path("mcp.json")).expect("a link");
    let daemon = folder.serve(&["--mcp-config", &folder.text("mcp.json"), "--auto-execute", "*.*"]).await;
    folder.write("more.json", &servers(&["a", "c"]));
    daemon.says("new: c", 1).await;
    fs::create_dir(folder.path("..2")).expect("a folder");
    fs::write(folder.path("..2/mcp.json"), servers(&["b", "d"])).expect("written");
    symlink("..2", folder.path("..data.new")).expect("a link");
    fs::rename(folder.path("..data.new"), folder.path("..data")).expect("moved");
    daemon.says("new: d", 1).await;
    // A file that is included only now, and was not there.
    let including = ["include = [\"more.json\", \"late.json\"]\n".to_owned(), echo_table()].concat();
    folder.write("exuvia.toml", &including);
    daemon.says("late.json: No such file", 1).await;
    folder.write("late.json", &servers(&["e"]));
    daemon.says("new: e", 1).await;
    let pids = daemon.run("result = len({s.process()['pid'] for s in (a, b, c, d, e)})").await;
    assert_eq!(pids, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_needs_a_restart_is_reported() {
    let folder = Folder::new(&echo_table());
    let daemon = folder.serve(&[]).await;
    let tables = "[listen]\nmcp = \"127.0.0.1:1\"\nsessions = 3\ntls = { certificate = \"c\", key = \"k\" }\n\
        [telemetry]\notlp = \"http://127.0.0.1:1/t0ken\"\n[runs]\nconcurrent = 3\nwaiting = 0\nper_client = 1\n";
    folder.write("exuvia.toml", &format!("{tables}{}", echo_table()));
    for key in ["listen.mcp", "listen.tls", "listen.sessions", "telemetry.otlp", "runs.concurrent"] {
        daemon.says(&format!("reload: {key} takes effect at the next start"), 1).await;
    }
    daemon.says("servers unchanged", 1).await;
    assert!(!daemon.said().iter().any(|line| line.contains("t0ken")), "{:?}", daemon.said());
    // What is no business of a start holds now.
    let mut client = exuvia_tests::HttpClient::connect(daemon.address()).await;
    assert_eq!(client.execute("result = 1").await, "1");
    let told = || daemon.said().iter().filter(|line| line.contains(" reload: ")).count();
    let before = told();
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload: no changes", 1).await;
    assert_eq!(told(), before + 1, "{:?}", daemon.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reloads_loses_no_script() {
    let Storm { written, in_force, scripts } = trials::storm(Duration::from_secs(3)).await;
    assert!(in_force > 3 && scripts > 10, "{written} written, {in_force} in force, {scripts} scripts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_answers_every_script_within_its_bound() {
    trials::stop_under_load().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_no_process() {
    trials::kill_server_and_daemon().await;
}
