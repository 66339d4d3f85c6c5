//! Renewals that something comes between: a full disk, the end of the process, a process that stands still.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use exuvia_tests::{Authorizing, Daemon, Folder, HttpClient, built};
use nix::sys::signal::Signal;

const CODE: &str = "result = oa.t()";
const OK: &str = "\"ok\"";
/// How long the authorization server thinks about a refresh token: longer than a busy machine takes to send a signal meanwhile.
const DELAY: Duration = Duration::from_secs(4);
const NEEDED: &str = "run `exuvia login oa`";

/// Somebody who has logged in a while ago.
struct User {
    folder: Folder,
    server: Authorizing,
}

impl User {
    async fn new(life: Duration) -> Self {
        let server = Authorizing::start(life).await;
        let (url, text) = (server.url(), "auto_execute = ['*']\n[servers.oa.oauth]\n");
        // A disk without room would stop the scripts first.
        let journal = "[journal]\nstore = 'memory'\n";
        let folder = Folder::new(&format!("{journal}[servers.oa]\nurl = '{url}'\n{text}"));
        let user = Self { folder, server };
        fs::create_dir_all(user.tokens()).expect("a folder");
        let file = user.tokens().join("oa.json");
        fs::write(&file, user.server.expired_login()).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
        user
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path("data").join("exuvia/tokens")
    }

    /// A daemon, at once.
    fn starts(&self) -> Daemon {
        // A file that may not grow is an error, and not the end of the process.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(built("exuvia"));
        command.env("XDG_DATA_HOME", self.folder.path("data"));
        Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")])
    }

    async fn serves(&self) -> Daemon {
        let daemon = self.starts();
        daemon.ready().await;
        daemon
    }
}

/// As if there were no room on any disk, or as if there were some again.
fn disk(daemon: &Daemon, room: &str) {
    let (process, limit) = (daemon.id().to_string(), format!("--fsize={room}:unlimited"));
    let done = Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(done.expect("prlimit is there").success());
}

async fn ends(mut daemon: Daemon) {
    daemon.signal(Signal::SIGTERM);
    daemon.ends_within(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_loses_no_login() {
    let user = User::new(Duration::from_secs(2)).await;
    let daemon = user.serves().await;
    assert_eq!(daemon.run(CODE).await, OK);
    disk(&daemon, "0");
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(daemon.run(CODE).await, OK, "{:?}", daemon.said());
    }
    daemon.says("used from memory", 1).await;
    assert!(user.server.sent() >= 3);
    disk(&daemon, "unlimited");
    daemon.says("renewed token written", 1).await;
    assert_eq!(daemon.run(CODE).await, OK);
    ends(daemon).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let daemon = user.serves().await;
    assert_eq!((daemon.run(CODE).await, user.server.spent_again()), (OK.to_owned(), 0));
    // What cannot be written by the end is logged.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    disk(&daemon, "0");
    assert_eq!(daemon.run(CODE).await, OK);
    daemon.signal(Signal::SIGTERM);
    daemon.says(NEEDED, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_has_begun_is_kept_by_a_process_that_is_asked_to_end() {
    let user = User::new(Duration::from_secs(3600)).await;
    user.server.takes(DELAY);
    let daemon = user.starts();
    user.server.has_got(1).await;
    ends(daemon).await;
    let daemon = user.serves().await;
    assert_eq!((daemon.run(CODE).await, user.server.sent(), user.server.spent_again()), (OK.to_owned(), 1, 0));
    assert!(!user.tokens().join("oa.json.renewal").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_asked_to_end_keeps_it_too() {
    let user = User::new(Duration::from_secs(3600)).await;
    user.server.takes(DELAY);
    let mut command = Command::new(built("exuvia"));
    command.args(["tools", "--config", &user.folder.text("exuvia.toml")]);
    let mut child = command.env("XDG_DATA_HOME", user.folder.path("data")).spawn().unwrap();
    user.server.has_got(1).await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().code(), Some(143));
    let daemon = user.serves().await;
    assert_eq!((daemon.run(CODE).await, user.server.spent_again()), (OK.to_owned(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stands_still_over_a_renewal_has_its_answer_when_it_goes_on() {
    let user = User::new(Duration::from_secs(3600)).await;
    user.server.takes(DELAY);
    let stopped = user.starts();
    user.server.has_got(1).await;
    stopped.signal(Signal::SIGSTOP);
    // Another one does not send the same token, and says whom it waits for.
    let waiting = user.starts();
    waiting.says(&format!("process {} has been renewing", stopped.id()), 1).await;
    stopped.signal(Signal::SIGCONT);
    stopped.ready().await;
    for daemon in [&stopped, &waiting] {
        let begun = std::time::Instant::now();
        while daemon.run(CODE).await != OK {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", daemon.said());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert_eq!((user.server.sent(), user.server.spent_again()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_renewal_is_reported_and_its_token_is_not_sent_again() {
    let user = User::new(Duration::from_secs(3600)).await;
    user.server.takes(DELAY);
    let mut daemon = user.starts();
    user.server.has_got(1).await;
    daemon.signal(Signal::SIGKILL);
    daemon.ends_within(Duration::from_secs(5)).await;
    for _ in 0..2 {
        user.serves().await.says(NEEDED, 1).await;
    }
    assert_eq!((user.server.sent(), user.server.spent_again()), (1, 0));
    // A login is all that it takes; here it is one on another machine.
    fs::write(user.tokens().join("oa.json"), user.server.expired_login()).unwrap();
    assert_eq!(user.serves().await.run(CODE).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_reports_that_every_call_fails_once_the_tokens_are_revoked_and_what_to_do() {
    let user = User::new(Duration::from_secs(3600)).await;
    let daemon = user.serves().await;
    assert_eq!(daemon.run(CODE).await, OK);
    let mut watcher = HttpClient::connect(daemon.address()).await;
    let mut watched = async || {
        let ready = watcher.send("GET", "/readyz", &[], "").await;
        let gauge = "exuvia_server_failing{server=\"oa\"} ";
        let metrics = daemon.metrics().await;
        let failing = metrics.lines().find_map(|line| line.strip_prefix(gauge).map(str::to_owned));
        (ready.status, ready.text, failing)
    };
    let ready = "{\"status\":\"ready\",\"unavailable_servers\":[],\"problems\":[]}\n".to_owned();
    let fine = (200, ready, Some("0".to_owned()));
    assert_eq!(watched().await, fine);
    user.server.revoke();
    assert!(daemon.run(CODE).await.contains("requires authorization"));
    let (status, told, failing) = watched().await;
    // The gateway itself is ready: nobody else is to be kept from it.
    assert_eq!((status, failing.as_deref()), (200, Some("1")), "{told}");
    let login = "{\"name\":\"oa\",\"reason\":\"credentials rejected; run `exuvia login oa`\"}";
    assert!(told.contains(login), "{told}");
    // One that starts now fails, and the model sees the same message.
    let later = user.serves().await;
    let told = HttpClient::connect(later.address()).await.send("GET", "/readyz", &[], "").await.text;
    assert!(told.contains(login), "{told}");
    let told = later.run(CODE).await;
    assert!(
        told.contains("the server oa did not start: the operator of this gateway must run `exuvia login oa`"),
        "{told}"
    );
    // Answered again, it is well again.
    fs::write(user.tokens().join("oa.json"), user.server.expired_login()).unwrap();
    assert_eq!(daemon.run(CODE).await, OK);
    assert_eq!(watched().await, fine);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_renew_a_token_once() {
    let user = User::new(Duration::from_secs(3600)).await;
    user.server.takes(DELAY);
    let daemons: Vec<Daemon> = (0..4).map(|_| user.starts()).collect();
    for daemon in &daemons {
        daemon.ready().await;
        assert_eq!(daemon.run(CODE).await, OK);
    }
    assert_eq!((user.server.sent(), user.server.spent_again()), (1, 0));
}
