//! Signals end the program at once, whatever its standard streams are and whatever its servers do.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::{DataHome, Folder, Screen, built, children, ends_within, gone, here, sample};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A second, and what a busy machine adds.
const SOON: Duration = Duration::from_millis(1_500);

/// What the guard of servers needs: a second between its two signals, and two looks at all processes.
const LATER: Duration = Duration::from_secs(20);

fn stdio(arguments: &[&str], streams: [Stdio; 2]) -> (Child, DataHome) {
    let [input, output] = streams;
    let mut command = Command::new(built("exuvia"));
    command.arg("stdio").args(arguments).env("XDG_CONFIG_HOME", here());
    let data = DataHome::of(&mut command);
    (command.stdin(input).stdout(output).spawn().expect("exuvia starts"), data)
}

fn wait_for_children(of: u32, count: usize) -> Vec<u32> {
    let begun = Instant::now();
    loop {
        let found = children(of);
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{} children", found.len());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).expect("it runs");
}

/// A pair of sockets, as Node makes them for what it starts: one for the child, one to keep.
fn socket() -> (Stdio, UnixStream) {
    let (theirs, ours) = UnixStream::pair().expect("sockets");
    (Stdio::from(OwnedFd::from(theirs)), ours)
}

#[test]
fn stdio_ends_within_a_second_of_a_signal_whatever_its_streams_are() {
    let server = sample("echo", "echo");
    let arguments = ["--server", &server];
    let folder = Folder::new("");
    for which in [Signal::SIGINT, Signal::SIGTERM] {
        let ((input, _in), (output, _out)) = (socket(), socket());
        let file = std::fs::File::create(folder.path("out")).expect("a file");
        let ends = [("sockets", [input, output]), ("pipe and file", [Stdio::piped(), file.into()])];
        for (name, streams) in ends {
            let (mut child, _data) = stdio(&arguments, streams);
            let servers = wait_for_children(child.id(), 2);
            signal(&child, which);
            let status = ends_within(&mut child, SOON).unwrap_or_else(|| panic!("{name}: it stays after {which}"));
            assert_eq!(status.code(), Some(0), "{name}");
            assert!(gone(&servers, LATER), "{name}: a server is left");
        }
        let mut terminal = Screen::start(&[&["stdio"], &arguments[..]].concat());
        wait_for_children(terminal.id(), 2);
        terminal.signal(which);
        assert!(terminal.ends_within(SOON).is_some(), "a terminal: it stays after {which}");
    }
}

#[test]
fn a_signal_does_not_wait_for_servers() {
    // One does not answer, and one goes neither when its input closes nor when it is asked to.
    for server in ["deaf=sleep 600", "stubborn=sh -c 'trap \"\" TERM; while :; do sleep 1; done'"] {
        let (mut child, _data) = stdio(&["--server", server], [Stdio::piped(), Stdio::piped()]);
        let servers = wait_for_children(child.id(), 2);
        signal(&child, Signal::SIGTERM);
        assert!(ends_within(&mut child, SOON).is_some(), "{server}: it waits");
        assert!(gone(&servers, LATER), "{server} is left");
    }
}

#[test]
fn a_client_that_leaves_does_not_wait_for_a_server_that_starts() {
    let (mut child, _data) = stdio(&["--server", "deaf=sleep 600"], [Stdio::piped(), Stdio::piped()]);
    let servers = wait_for_children(child.id(), 2);
    drop(child.stdin.take());
    assert!(ends_within(&mut child, Duration::from_secs(5)).is_some(), "it waits");
    assert!(gone(&servers, LATER), "a server is left");
}

#[test]
fn a_client_that_does_not_read_does_not_keep_it_from_ending() {
    let server = sample("echo", "echo");
    let ((input, mut to), (output, _never_read)) = (socket(), socket());
    let (mut child, _data) = stdio(&["--server", &server], [input, output]);
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    writeln!(to, "{hello}").expect("it reads");
    to.set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    // Until nothing goes in any more, because nothing comes out.
    for id in 1..20_000 {
        if writeln!(to, r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{}}}}"#).is_err() {
            break;
        }
    }
    signal(&child, Signal::SIGTERM);
    assert!(ends_within(&mut child, SOON).is_some(), "it waits for its client");
}

#[test]
fn an_interrupt_ends_whoever_waits_for_a_script_to_be_typed() {
    let mut terminal = Screen::start(&["run", "-"]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(terminal.ends_within(Duration::ZERO).is_none(), "it waits for a script");
    terminal.signal(Signal::SIGINT);
    let status = terminal.ends_within(SOON).expect("it ends");
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_start_is_shown_by_name_until_it_is_over_and_mixes_with_no_line() {
    let folder = Folder::new("[servers.deaf]\ncommand = 'sleep'\nargs = ['600']\nstart_timeout_ms = 2500\n");
    let mut terminal = Screen::start(&["serve", "--listen", "127.0.0.1:0", "--config", &folder.text("exuvia.toml")]);
    terminal.shows("starting deaf");
    terminal.shows("deaf did not start");
    // It is put back once after the line, and taken away.
    std::thread::sleep(Duration::from_millis(700));
    let shown = terminal.seen().len();
    std::thread::sleep(Duration::from_millis(700));
    let later = &terminal.seen()[shown..];
    assert!(!later.contains("starting deaf"), "the progress line is still there: {later:?}");
    terminal.signal(Signal::SIGTERM);
    assert!(terminal.ends_within(Duration::from_secs(10)).is_some());
}
