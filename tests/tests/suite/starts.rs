//! Servers that start slowly, hang or never start: only those wait for them that need them.

use std::time::{Duration, Instant};

use exuvia_tests::{Client, Daemon, Folder, HttpClient, Program, Screen, built, echo_table, exuvia, fake_table, gone};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// What is answered at once, on a busy machine, and sooner than any server here starts that hangs.
const SOON: Duration = Duration::from_secs(8);

/// A server that hangs, or ends, in its own way. It has half a minute.
fn table(name: &str, arguments: &[&str]) -> String {
    let program = built("exuvia-fake-upstream");
    format!("[servers.{name}]\ncommand = {program:?}\nargs = {arguments:?}\nauto_execute = ['*']\n")
}

fn shell(name: &str, script: &str) -> String {
    format!("[servers.{name}]\ncommand = 'sh'\nargs = ['-c', {script:?}]\nauto_execute = ['*']\n")
}

/// A server that is there after so many seconds.
fn late(seconds: u32) -> String {
    shell("late", &format!("sleep {seconds}; exec {:?}", built("exuvia-fake-upstream")))
}

fn text(answer: &Value) -> String {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn ask(client: &mut Client, tool: &str, arguments: Value) -> String {
    text(&client.call(tool, arguments))
}

fn client(folder: &Folder) -> Client {
    Client::legacy(&["--config", &folder.text("exuvia.toml")])
}

#[test]
fn servers_that_never_start_delay_nobody_and_are_named() {
    let mut tables = vec![
        echo_table(),
        table("mute", &["--hang-at", "start"]),
        table("greets", &["--hang-at", "initialize", "--era", "legacy"]),
        table("lists", &["--hang-at", "list"]),
        shell("floods", "while :; do echo garbage; done"),
        table("ends", &["--exit-at", "start"]),
    ];
    tables.extend((0..6).map(|n| shell(&format!("deaf{n}"), "exec sleep 100")));
    let folder = Folder::new(&tables.concat());
    let begun = Instant::now();
    let mut client = client(&folder);
    let tools = client.request("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().map(Vec::len), Some(4), "{tools}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let list = ask(&mut client, "listToolFiles", json!({}));
    let (files, missing) = list.split_once("still starting: ").unwrap_or_else(|| panic!("{list}"));
    assert!(files.contains("echo.pyi "), "{list}");
    let expected = "mute, greets, lists, floods, deaf0, deaf1, deaf2, deaf3, deaf4, deaf5\ndid not start: ends (it exited or did not answer as an MCP server)\n";
    assert_eq!(missing, expected);
    assert!(ask(&mut client, "listToolFiles", json!({"query": "milliseconds"})).contains("still starting: mute"));
    let (result, is_error) = client.execute("result = echo.echo(value=1)");
    assert_eq!((result.as_str(), is_error), ("{\"value\":1}", false));
    for (tool, arguments) in
        [("readToolFile", json!({"fileName": "mute.pyi"})), ("getToolDocs", json!({"server": "mute", "tool": "x"}))]
    {
        let told = ask(&mut client, tool, arguments);
        assert_eq!(told, "the server mute is still starting; try again in a few seconds");
    }
    assert!(
        ask(&mut client, "readToolFile", json!({"fileName": "ends.pyi"}))
            .contains("did not start: it exited or did not")
    );
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(client.close(), Some(0));
}

#[test]
fn a_script_waits_for_the_server_that_it_names_and_no_other() {
    let folder = Folder::new(&[echo_table(), late(5), shell("deaf", "exec sleep 100")].concat());
    let begun = Instant::now();
    let mut client = client(&folder);
    let scripts =
        ["result = echo.echo(value=1)", "result = late.echo(value=2)", "from late import echo\necho(value=3)"];
    let calls =
        scripts.map(|code| client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}})));
    let first = client.answer(calls[0]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(text(&first), "{\"value\":1}");
    let mut rest = [client.any_answer(), client.any_answer()];
    rest.sort_unstable();
    assert_eq!(rest.map(|(_, text)| text), ["{\"value\":2}", "{\"value\":3}"]);
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    let list = ask(&mut client, "listToolFiles", json!({}));
    assert!(list.ends_with("late.pyi 19\nstill starting: deaf\n"), "{list}");
}

#[test]
fn a_script_that_names_a_hanging_server_gets_an_error_that_names_no_ready_server() {
    let deaf = "start_timeout_ms = 4000\n";
    let folder = Folder::new(&[echo_table(), shell("deaf", "exec sleep 100"), deaf.to_owned()].concat());
    let mut client = client(&folder);
    let (told, is_error) = client.execute("try:\n    result = deaf.x()\nexcept Exception:\n    result = 'caught'");
    let note = "\"caught\"\nnote: line 2 fails where it runs, and the script catches that: the server deaf did not start in time";
    assert!(!is_error && told.starts_with(note), "{told}");
    let (told, is_error) = client.execute("deaf.x()");
    assert!(is_error && told.contains("the server deaf did not start in time; go on without it"), "{told}");
    let list = ask(&mut client, "listToolFiles", json!({}));
    assert!(list.ends_with("did not start: deaf (not ready in time)\n"), "{list}");
    let mut alone = Client::legacy(&["--server", &exuvia_tests::sample("echo", "echo")]);
    let list = ask(&mut alone, "listToolFiles", json!({}));
    assert!(list.starts_with("4 tools\necho.pyi 4\n") && list.lines().count() == 2, "{list}");
}

#[test]
fn a_client_sees_the_ready_tools_and_is_notified_of_further_ones() {
    let direct = |table: String| format!("{table}mode = 'direct'\n");
    let folder = Folder::new(&[direct(echo_table()), direct(late(5)), direct(shell("ends", "exit 1"))].concat());
    let begun = Instant::now();
    let mut client = client(&folder);
    let names = |list: &Value| -> Vec<String> {
        let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list = client.request("tools/list", json!({}));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(names(&list).iter().all(|name| name.starts_with("echo__")) && names(&list).len() == 4, "{list}");
    let notices = json!(["late is still starting", "ends did not start: it exited or did not answer as an MCP server"]);
    assert_eq!(list["result"]["_meta"]["exuvia/notices"], notices);
    let unknown = client.call("late__echo", json!({}));
    let told = "tool late__echo is not available: late is still starting";
    assert_eq!((&unknown["error"]["code"], &unknown["error"]["message"]), (&json!(-32602), &json!(told)));
    let begun = Instant::now();
    let resources = client.request("resources/list", json!({}));
    assert_eq!(resources["result"]["_meta"]["exuvia/notices"], notices, "{resources}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    while client.message()["method"] != "notifications/tools/list_changed" {}
    let list = client.request("tools/list", json!({}));
    assert!(names(&list).contains(&"late__echo".to_owned()), "{list}");
    assert_eq!(list["result"]["_meta"]["exuvia/notices"], json!([notices[1]]));
    assert_eq!(text(&client.call("late__echo", json!({"value": 4}))), "{\"value\":4}");
}

#[test]
fn commands_wait_for_the_servers_that_they_need() {
    let folder = Folder::new(&[echo_table(), late(4), shell("deaf", "exec sleep 100")].concat());
    let config = folder.text("exuvia.toml");
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let ended = exuvia(&[&arguments[..1], &["--config", &config], &arguments[1..]].concat(), "");
        assert_eq!(ended.status, Some(0), "{ended:?}");
        (ended, begun.elapsed())
    };
    for arguments in [
        &["run", "-c", "result = echo.echo(value=1)"][..],
        &["check", "-c", "echo.echo(value=1)"],
        &["tools", "echo"],
        &["tools", "echo.sleep"],
    ] {
        let (ended, took) = timed(arguments);
        assert!(took < Duration::from_secs(4), "{arguments:?}: {took:?} {ended:?}");
    }
    for arguments in [&["run", "-c", "result = late.echo(value=1)"][..], &["tools", "late.pyi"]] {
        let (ended, took) = timed(arguments);
        assert!(
            took < SOON && (ended.stdout.contains("\"value\":1") || ended.stdout.contains("def echo(")),
            "{arguments:?}: {took:?} {ended:?}"
        );
    }
}

#[test]
fn a_command_reports_why_the_server_that_it_needs_did_not_start() {
    let deaf = "start_timeout_ms = 2000\n";
    let folder = Folder::new(&[shell("deaf", "exec sleep 100"), deaf.to_owned()].concat());
    let ended = exuvia(&["run", "--config", &folder.text("exuvia.toml"), "-c", "deaf.x()"], "");
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("deaf did not start: it was not ready after 2000 ms (start_timeout_ms)"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("the server deaf did not start in time"), "{ended:?}");
}

#[test]
fn the_progress_of_a_start_names_who_is_missing() {
    let deaf = "start_timeout_ms = 6000\n";
    let folder = Folder::new(&[late(3), shell("deaf", "exec sleep 100"), deaf.to_owned()].concat());
    let mut terminal = Screen::start(&["serve", "--listen", "127.0.0.1:0", "--config", &folder.text("exuvia.toml")]);
    terminal.shows("starting late, deaf");
    terminal.shows("starting deaf");
    assert!(!terminal.seen().contains("deaf did not start"));
    terminal.shows("deaf did not start");
    std::thread::sleep(Duration::from_millis(700));
    let shown = terminal.seen().len();
    std::thread::sleep(Duration::from_millis(700));
    assert!(!terminal.seen()[shown..].contains("starting"), "{:?}", terminal.seen());
    terminal.signal(Signal::SIGTERM);
    assert!(terminal.ends_within(Duration::from_secs(10)).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_is_ready_beside_a_server_that_hangs_and_takes_another_configuration() {
    let folder = Folder::new(&[echo_table(), shell("deaf", "exec sleep 100")].concat());
    let begun = Instant::now();
    let daemon = folder.serve(&[]).await;
    let ready = HttpClient::connect(daemon.address()).await.send("GET", "/readyz", &[], "").await;
    let starting = "[{\"name\":\"deaf\",\"reason\":\"starting\"}]";
    assert_eq!(ready.text, format!("{{\"status\":\"ready\",\"unavailable_servers\":{starting},\"problems\":[]}}\n"));
    let early = tokio::spawn(daemon.run("result = deaf.process()['pid'] > 0"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The script waits for whoever has the name then.
    folder.write("exuvia.toml", &[echo_table(), fake_table("deaf", 1)].concat());
    assert_eq!(early.await.expect("no panic"), "true");
    daemon.says("the new configuration is active; replaced: deaf", 1).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(!daemon.said().iter().any(|line| line.contains("did not start")), "{:?}", daemon.said());
    let ready = HttpClient::connect(daemon.address()).await.send("GET", "/readyz", &[], "").await;
    assert_eq!(ready.text, "{\"status\":\"ready\",\"unavailable_servers\":[],\"problems\":[]}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_daemon_that_still_starts_servers_and_scripts_that_wait_for_them() {
    let stubborn = shell("deaf", "trap '' TERM; while :; do sleep 1; done");
    let folder = Folder::new(&[echo_table(), stubborn].concat());
    let mut daemon: Daemon = folder.serve(&[]).await;
    let waits = tokio::spawn(daemon.run("deaf.x()"));
    daemon.busy_with(1).await;
    let children = exuvia_tests::children(daemon.id());
    daemon.signal(Signal::SIGTERM);
    // Two at a time would be one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    daemon.signal(Signal::SIGTERM);
    daemon.ends_within(Duration::from_secs(12)).await;
    assert!(gone(&children, Duration::from_secs(5)), "a server is left");
    let told = waits.await.unwrap_or_else(|_| "broken off".to_owned());
    assert!(told.contains("cancelled") || told == "broken off", "{told}");
    assert!(!daemon.said().iter().any(|line| line.contains("did not start")), "{:?}", daemon.said());
}

#[test]
fn an_interrupt_ends_a_command_that_waits_for_a_server() {
    let folder = Folder::new(&shell("deaf", "exec sleep 100"));
    let program = Program::start(&["run", "--config", &folder.text("exuvia.toml"), "-c", "deaf.x()"], &[]);
    let children = program.wait_for_children(2);
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    program.signal(Signal::SIGINT);
    assert_eq!(program.end().status, Some(130));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(gone(&children, Duration::from_secs(5)), "a server is left");
}
