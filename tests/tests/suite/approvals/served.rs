//! Runs of clients of a daemon that wait for approvals, which another process answers, through reloads and keys that end.

use std::path::Path;
use std::process::Command;

use exuvia_journal::{Archive as _, RunEnd, SqliteApprovals, SqliteArchive};
use exuvia_tests::{Daemon, DataHome, Folder, KeyClient, built, key_table};
use nix::sys::signal::Signal;

use super::*;

/// A daemon's files, and a server that notes each call.
pub(super) struct Place {
    folder: Folder,
    data: DataHome,
}

impl Place {
    pub(super) fn new(more: &str) -> Self {
        let place = Self { folder: Folder::new(""), data: DataHome::shared() };
        place.configure(more);
        place
    }

    /// Has these tools called without asking, beside those that are.
    pub(super) fn lists(&self, tools: &[&str]) {
        let config = fs::read_to_string(self.folder.path("exuvia.toml")).expect("a configuration");
        let listed = tools.iter().map(|tool| format!(", '{tool}'")).collect::<String>();
        self.folder.write("exuvia.toml", &config.replace("['process']", &format!("['process'{listed}]")));
    }

    fn configure(&self, more: &str) {
        let (fake, record, journal) =
            (built("exuvia-fake-upstream"), self.folder.path("calls"), self.folder.path("journal"));
        let server = format!(
            "[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['process']\n\
             on_unlisted = 'ask-at-call'\n[journal]\npath = {journal:?}\n[limits]\nhold_ms = 100\n"
        );
        self.folder.write("exuvia.toml", &(server + more));
    }

    pub(super) async fn serve(&self) -> Daemon {
        self.serve_by(Command::new(built("exuvia"))).await
    }

    /// By a command that becomes `exuvia`.
    pub(super) async fn serve_by(&self, mut command: Command) -> Daemon {
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// The approvals, as another process has them.
    pub(super) fn store(&self) -> Arc<SqliteApprovals> {
        SqliteApprovals::open(&self.folder.path("journal")).expect("approvals")
    }

    async fn end(&self, run: &RunId) -> Option<RunEnd> {
        let archive = SqliteArchive::open(&self.folder.path("journal")).expect("a journal");
        archive.record(run.as_str()).await.expect("read")?.end().cloned()
    }

    pub(super) async fn ends(&self, run: &RunId) -> RunEnd {
        let begun = Instant::now();
        loop {
            if let Some(end) = self.end(run).await {
                return end;
            }
            assert!(begun.elapsed() < PATIENCE * 2, "{run} does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn made(&self) -> Vec<String> {
        values_of(&self.folder.path("calls"))
    }
}

/// The values that calls had which a server has written to this file.
pub(super) fn values_of(file: &Path) -> Vec<String> {
    let calls = fs::read_to_string(file).unwrap_or_default();
    // A server that was killed may have left half a line.
    let calls = calls.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    calls.map(|call| call["params"]["arguments"]["value"].as_str().unwrap_or_default().to_owned()).collect()
}

pub(super) async fn pending(store: &SqliteApprovals) -> Vec<Approval> {
    let filter = ApprovalFilter { state: Some(ApprovalState::Pending), ..ApprovalFilter::default() };
    store.list(&filter).await.expect("read")
}

pub(super) async fn one_pending(store: &SqliteApprovals) -> Approval {
    let begun = Instant::now();
    loop {
        if let Some(approval) = pending(store).await.pop() {
            return approval;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The name of the run that an answer tells.
pub(super) fn run_in(answer: &str) -> RunId {
    let name = answer.split("run=\"").nth(1).and_then(|rest| rest.split('"').next());
    RunId::new(name.unwrap_or_else(|| panic!("{answer}")))
}

const ROLES: &str = "[roles.red]\ntools = ['fake.*']\non_unlisted = 'ask-at-call'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_run_of_a_key_goes_on_after_a_reload_is_nobody_elses_and_ends_with_the_key() {
    let keys = |names: &[&str]| names.iter().map(|name| key_table(name, "red")).collect::<String>();
    let place = Place::new(&(ROLES.to_owned() + &keys(&["ada", "bob"])));
    let daemon = place.serve().await;
    let store = place.store();
    let mut ada = KeyClient::of(daemon.address(), "ada").await;
    let mut bob = KeyClient::of(daemon.address(), "bob").await;
    let (first, second) = (
        run_in(&ada.run("result = fake.echo(value='first')['value']").await),
        run_in(&ada.run("result = fake.echo(value='second')['value']").await),
    );
    let waiting = pending(&store).await;
    let of = |run: &RunId| waiting.iter().find(|approval| approval.run == *run).expect("asked");
    let own = ApprovalAnswer { by: "key:ada".parse().expect("a principal"), ..answer(of(&first), None) };
    assert!(store.answer(&of(&first).id, true, &own).await.is_err(), "nobody answers for a call of their own");
    let unknown = bob.call("executeToolCode", json!({"run": first.as_str()})).await;
    assert!(unknown.contains("no run of this id is kept"), "{unknown}");
    // A reload in between.
    place.configure(
        &("[servers.other]\ncommand = 'true'\nenabled = false\n".to_owned() + ROLES + &keys(&["ada", "bob"])),
    );
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload", 1).await;
    store.answer(&of(&first).id, true, &answer(of(&first), None)).await.expect("answered");
    assert_eq!(place.ends(&first).await.result.map(|result| result.as_str().to_owned()), Some("\"first\"".to_owned()));
    assert_eq!(ada.call("executeToolCode", json!({"run": first.as_str()})).await, "\"first\"");
    // The key is taken away.
    place.configure(&(ROLES.to_owned() + &keys(&["bob"])));
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload", 2).await;
    store.answer(&of(&second).id, true, &answer(of(&second), None)).await.expect("answered");
    let end = place.ends(&second).await;
    assert_eq!(end.outcome, "void");
    assert!(end.error.is_some_and(|error| error.message.contains("key:ada")));
    assert_eq!(place.made(), ["first"]);
}
