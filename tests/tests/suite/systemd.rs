//! The daemon under systemd.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use exuvia_tests::{Program, here};
use nix::sys::signal::Signal;

#[test]
fn a_supervisor_is_notified_of_readiness_and_of_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let told = || {
        let mut message = [0; 256];
        let bytes = socket.recv(&mut message).expect("a message in time");
        String::from_utf8_lossy(&message[..bytes]).trim().to_owned()
    };
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let mut program = Program::start(&listen, &[("NOTIFY_SOCKET", path.to_str().expect("UTF-8"))]);
    assert_eq!(told(), "READY=1");
    program.signal(Signal::SIGTERM);
    assert_eq!(told(), "STOPPING=1");
    assert!(program.wait().success());
}

#[test]
fn the_unit_starts_a_command_that_exists_and_waits_for_the_whole_drain() {
    let unit = fs::read_to_string(here().join("../crates/exuvia/packaging/exuvia.service")).expect("the unit");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect(key);
    let command = value("ExecStart").strip_prefix("/usr/local/bin/exuvia ").expect("the program");
    let arguments: Vec<&str> =
        command.split(' ').map(|word| if word.starts_with('/') { "/nowhere.toml" } else { word }).collect();
    let ended = exuvia_tests::exuvia(&arguments, "");
    assert!(ended.stderr.contains("/nowhere.toml: No such file"), "{ended:?}");
    let drain = exuvia_server::http::HttpConfig::default().drain;
    let stop = Duration::from_secs(value("TimeoutStopSec").parse().expect("seconds"));
    // The drain, the last answers, and the ends of the servers.
    assert!(stop >= drain + Duration::from_secs(3 + 6 + 3), "{stop:?}");
}
