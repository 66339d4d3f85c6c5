//! Commands for headers that hang.

use std::process::Command;
use std::time::{Duration, Instant};

use exuvia_tests::{Daemon, Folder, built, children, gone, runs};
use nix::sys::signal::Signal;

/// How soon everything has to be over.
const SOON: Duration = Duration::from_secs(6);

/// A daemon whose command for headers hangs, with a process of it that has left its group.
async fn hanging(folder: &Folder) -> (Daemon, Vec<u32>) {
    let (began, script) = (folder.text("began"), "setsid sleep 600 & sleep 600 & echo $! > \"$0\"; wait");
    let text = format!(
        "[servers.slow]\nurl = 'http://127.0.0.1:9/mcp'\nheaders_command = ['/bin/sh', '-c', '{script}', '{began}']\n"
    );
    folder.write("exuvia.toml", &(text + "env = { PATH = '/usr/bin:/bin' }\n"));
    let daemon = Daemon::start_by(Command::new(built("exuvia")), &["--config", &folder.text("exuvia.toml")]);
    let begun = Instant::now();
    let is_sleep = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    loop {
        let found: Vec<u32> = children(daemon.id()).into_iter().filter(is_sleep).collect();
        if found.len() == 2 {
            return (daemon, found);
        }
        assert!(begun.elapsed() < SOON, "{found:?}: {:?}", daemon.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_hangs_holds_up_no_end() {
    let folder = Folder::new("");
    let (mut daemon, found) = hanging(&folder).await;
    daemon.signal(Signal::SIGTERM);
    daemon.ends_within(SOON).await;
    assert!(gone(&found, SOON), "{:?}", found.iter().filter(|pid| runs(**pid)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_a_gateway_that_is_killed() {
    let folder = Folder::new("");
    let (mut daemon, found) = hanging(&folder).await;
    daemon.signal(Signal::SIGKILL);
    daemon.ends_within(SOON).await;
    assert!(gone(&found, SOON), "{:?}", found.iter().filter(|pid| runs(**pid)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_greets_holds_up_no_end() {
    let folder = Folder::new("[servers.mute]\ncommand = '/bin/sleep'\nargs = ['600']\n");
    let mut daemon = Daemon::start(&["--config", &folder.text("exuvia.toml")]);
    daemon.signal(Signal::SIGTERM);
    daemon.ends_within(Duration::from_secs(10)).await;
}
