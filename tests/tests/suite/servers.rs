//! The servers of the program: where they are configured, how they start, that they end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exuvia_tests::{Client, Program, built, exuvia, gone, runs, sample};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file of servers in a directory of its own.
fn config(content: &Value) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mcp.json");
    fs::write(&file, content.to_string()).expect("a file");
    (directory, file)
}

fn exuvia_with(file: &Path, source: &str, variables: &[(&str, &str)]) -> exuvia_tests::Ended {
    let file = file.to_str().expect("UTF-8");
    let mut program = Program::start(&["run", "--mcp-config", file, "-"], variables);
    program.write(source);
    program.end()
}

fn program() -> String {
    built("exuvia").display().to_string()
}

#[test]
fn a_file_as_claude_desktop_writes_it_works_unchanged() {
    let content = json!({
        "globalShortcut": "",
        "mcpServers": {"echo": {"command": program(), "args": ["sample", "echo"], "env": {"LEVEL": "debug"}}},
    });
    let (_directory, file) = config(&content);
    let ended = exuvia_with(&file, "result = echo.echo(value=1)", &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "{\"value\":1}\n"), "{ended:?}");
}

#[test]
fn a_file_as_claude_code_and_cursor_write_it_works_with_variables() {
    let content = json!({
        "mcpServers": {
            "my-echo": {"type": "stdio", "command": "${EXUVIA_UNDER_TEST}", "args": ["sample", "${WHICH:-echo}"], "env": {}},
            "off": {"command": "no-such-program", "disabled": true},
        },
    });
    let (_directory, file) = config(&content);
    let ended = exuvia_with(&file, "result = my_echo.echo(value=2)", &[("EXUVIA_UNDER_TEST", &program())]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "{\"value\":2}\n"), "{ended:?}");
}

#[test]
fn a_variable_that_is_not_set_costs_its_server_and_is_named_with_file_and_key() {
    let content = json!({
        "mcpServers": {
            "crm": {"command": "crm-mcp", "env": {"TOKEN": "${EXUVIA_TEST_UNSET_TOKEN}"}},
            "docs": {"command": "${EXUVIA_TEST_UNSET_COMMAND}"},
        },
    });
    let (_directory, file) = config(&content);
    let ended = exuvia_with(&file, "result = 1", &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "1\n"));
    let expected = [
        "mcp.json",
        "mcpServers.crm.env",
        "EXUVIA_TEST_UNSET_TOKEN",
        "mcpServers.docs.command",
        "UNSET_COMMAND",
        "server skipped",
    ];
    for part in expected {
        assert!(ended.stderr.contains(part), "{part} is not in {}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_none_of_servers_exits_with_2_and_is_named() {
    for content in [json!({"servers": 1}), json!([])] {
        let (_directory, file) = config(&content);
        let ended = exuvia_with(&file, "result = 1", &[]);
        assert_eq!(ended.status, Some(2), "{content}: {ended:?}");
        assert!(ended.stderr.contains("mcp.json"), "{ended:?}");
    }
}

#[test]
fn a_server_that_does_not_start_is_reported_and_the_others_work() {
    let bad = ["missing=no-such-program-anywhere", "ends=false", "mute=cat /dev/null"];
    let echo = sample("echo", "echo");
    let mut arguments = vec!["run", "--server", &echo];
    for server in bad {
        arguments.extend(["--server", server]);
    }
    arguments.push("-");
    let ended = exuvia(&arguments, "result = echo.echo(value=3)");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "{\"value\":3}\n"), "{ended:?}");
    for name in ["missing", "ends", "mute"] {
        assert!(ended.stderr.contains(&format!("{name} did not start: ")), "{name}: {}", ended.stderr);
    }
    let unknown = exuvia(&arguments, "result = missing.tool()");
    assert_eq!(unknown.status, Some(1), "{unknown:?}");
}

#[test]
fn servers_with_one_name_exit_with_2() {
    let ended = exuvia(&["run", "--server", "a=true", "--server", "a=false", "-"], "");
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("--server a: duplicate server name, also in --server a; rename one"), "{ended:?}");
}

#[test]
fn a_command_is_split_as_a_shell_would_split_it() {
    let server = format!("echo='{}' \"sample\" ec'ho'", program());
    let ended = exuvia(&["run", "--server", &server, "-"], "result = echo.echo(value=4)");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "{\"value\":4}\n"), "{ended:?}");
}

#[test]
fn a_server_sees_nothing_of_the_environment_but_what_it_is_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let seen = directory.path().join("seen");
    let script = format!("env > {}; exec {} sample echo", seen.display(), program());
    let content = json!({"mcpServers": {"echo": {"command": "sh", "args": ["-c", script], "env": {"GIVEN": "1"}}}});
    let (_directory, file) = config(&content);
    let ended = exuvia_with(&file, "result = echo.echo(value=5)", &[("EXUVIA_TEST_SECRET", "hidden")]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let seen = fs::read_to_string(seen).expect("the server ran");
    assert!(seen.contains("GIVEN=1") && seen.contains("PATH=") && !seen.contains("hidden"), "{seen}");
}

#[test]
fn no_server_outlives_a_run() {
    let directory = tempfile::tempdir().expect("a directory");
    for (number, source) in ["result = 1", "1 / 0", "while True: pass"].into_iter().enumerate() {
        let file = directory.path().join(number.to_string());
        let server = format!("echo=sh -c 'echo $$ > {}; exec {} sample echo'", file.display(), program());
        let ended = exuvia(&["run", "--fuel", "1000000000", "--server", &server, "-"], source);
        let server = fs::read_to_string(file).expect("the server ran").trim().parse().expect("an id");
        assert!(ended.status.is_some() && !runs(server), "a server is left after {source}: {ended:?}");
    }
}

#[test]
fn no_server_outlives_a_killed_program() {
    let server = sample("echo", "echo");
    let stubborn = "deaf=sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done'";
    let mut program = Program::start(&["run", "--server", &server, "--server", stubborn, "-"], &[]);
    program.write("echo.sleep(ms=60_000)");
    let children = program.wait_for_children(3);
    program.signal(Signal::SIGKILL);
    assert!(gone(&children, Duration::from_secs(3)), "a server is left");
}

#[test]
fn no_server_outlives_a_killed_service() {
    let mut client = Client::legacy(&["--server", &sample("echo", "echo")]);
    assert_eq!(client.execute("result = echo.echo(value=1)").0, "{\"value\":1}");
    let children = exuvia_tests::children(client.id());
    assert!(!children.is_empty());
    drop(client);
    assert!(gone(&children, Duration::from_secs(3)), "a server is left");
}

#[test]
fn the_tools_command_shows_what_the_model_sees() {
    let server = sample("echo", "echo");
    let list = exuvia(&["tools", "--server", &server], "");
    assert!(list.status == Some(0) && list.stdout.contains("echo.pyi"), "{list:?}");
    let stub = exuvia(&["tools", "--server", &server, "echo"], "");
    assert!(stub.stdout.contains("def sleep(ms: int)"), "{stub:?}");
    let docs = exuvia(&["tools", "--server", &server, "echo.sleep"], "");
    let has = |part: &str| docs.stdout.contains(part);
    assert!(has("def sleep(ms: int)") && has("Returns after this many milliseconds"), "{docs:?}");
    let unknown = exuvia(&["tools", "--server", &server, "echo.slep"], "");
    assert!(unknown.status == Some(2) && unknown.stderr.contains("sleep"), "{unknown:?}");
}
