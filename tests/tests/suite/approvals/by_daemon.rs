//! Commands that ask the daemon that runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use exuvia_tests::{AdminApi, Daemon, Ended, Folder, Program, built};

use super::served::run_in;
use super::*;

/// A daemon, and what it was configured with.
struct Here {
    _folder: Folder,
    daemon: Daemon,
    config: String,
}

impl Here {
    async fn new(journal: &str) -> Self {
        let fake = built("exuvia-fake-upstream");
        let folder =
            Folder::new(&format!("[servers.fake]\ncommand = {fake:?}\non_unlisted = 'ask-at-call'\n{journal}"));
        let daemon = folder.serve(&[]).await;
        AdminApi::of(&daemon).await;
        let config = folder.text("exuvia.toml");
        Self { _folder: folder, daemon, config }
    }

    fn exuvia(&self, arguments: &[&str]) -> Ended {
        let data = self.daemon.data().as_path().display().to_string();
        let arguments = [arguments, &["--config", &self.config]].concat();
        Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end()
    }

    fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.exuvia(arguments);
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_listed_shown_and_answered_by_the_daemon_that_has_them() {
    // No other process can read a journal in memory.
    let here = Here::new("[journal]\nstore = 'memory'\n").await;
    let script = tokio::spawn(here.daemon.run("result = fake.echo(value='a\u{202e}b')['value']"));
    let begun = Instant::now();
    let listed = loop {
        let listed = here.done(&["approvals", "list", "--json"]).json();
        if listed["approvals"] != json!([]) {
            break listed;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is asked");
    };
    let approval = &listed["approvals"][0];
    assert_eq!((&approval["server"], &approval["tool"]), (&json!("fake"), &json!("echo")), "{listed}");
    let id = approval["id"].as_str().expect("an id");
    assert!(here.done(&["approvals", "list", "--principal", "key:none", "--json"]).json()["approvals"] == json!([]));
    let card = here.done(&["approvals", "show", id]).stdout;
    for part in ["tool       echo", "a⟦U+202E⟧b", "line 1", approval["shown_sha256"].as_str().expect("a digest")] {
        assert!(card.contains(part), "{part}: {card}");
    }
    let suggested = here.done(&["approvals", "suggest", id]).stdout;
    assert!(suggested.contains("auto_execute") && suggested.contains("last seven days"), "{suggested}");
    let refused = here.exuvia(&["approvals", "approve", id]);
    assert!(refused.status == Some(2) && refused.stderr.contains("--yes"), "{refused:?}");
    let approved = here.done(&["approvals", "approve", id, "--yes", "--reason", "looks right", "--json"]).json();
    assert_eq!((&approved["answer"]["channel"], &approved["answer"]["reason"]), (&json!("cli"), &json!("looks right")));
    assert_eq!(script.await.expect("an answer"), "\"a\u{202e}b\"");
    let again = here.exuvia(&["approvals", "deny", id, "--yes"]);
    assert!(again.status == Some(2) && again.stderr.contains("cannot be answered"), "{again:?}");
    let unknown = here.exuvia(&["approvals", "show", "none"]);
    assert!(unknown.status == Some(2) && unknown.stderr.contains("there is no approval"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_run_is_cancelled_and_an_ended_one_erased_by_the_daemon_that_has_it() {
    let here = Here::new("[limits]\nhold_ms = 100\n").await;
    let run = run_in(&here.daemon.run("result = fake.echo(value=1)['value']").await);
    here.done(&["runs", "cancel", run.as_str()]);
    let listed = here.done(&["approvals", "list", "--state", "void", "--json"]).json();
    assert_eq!(listed["approvals"][0]["void_reason"], "the run was cancelled", "{listed}");
    let again = here.exuvia(&["runs", "cancel", run.as_str()]);
    assert!(again.status == Some(2) && again.stderr.contains("waits for no approval"), "{again:?}");
    let api = AdminApi::of(&here.daemon).await;
    let shown = api.get(&format!("/runs/{run}")).await;
    assert_eq!((&shown["outcome"], &shown["waits"]), (&json!("cancelled"), &json!(null)), "{shown}");
    here.done(&["runs", "erase", run.as_str()]);
    assert_eq!(api.get(&format!("/runs/{run}")).await["is_erased"], true);
    let unknown = here.exuvia(&["runs", "erase", "none"]);
    assert!(unknown.status == Some(2) && unknown.stderr.contains("none"), "{unknown:?}");
    // Both are recorded, with who did them: by the daemon alone.
    let actions = api.get("/runs?kind=admin").await;
    let tools: Vec<_> =
        actions["items"].as_array().expect("actions").iter().map(|one| one["tools"][0].clone()).collect();
    for tool in ["exuvia:admin.run.cancel", "exuvia:admin.run.erase"] {
        assert!(tools.contains(&json!(tool)), "{tool}: {actions}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_a_daemon_sees_what_is_pending_and_every_change() {
    let here = Here::new("[journal]\nstore = 'memory'\n").await;
    let script = tokio::spawn(here.daemon.run("result = [fake.echo(value=n)['value'] for n in range(2)]"));
    let data = here.daemon.data().as_path().display().to_string();
    let mut watching = Command::new(built("exuvia"))
        .args(["approvals", "watch", "--json", "--config", &here.config])
        .env("XDG_DATA_HOME", &data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = BufReader::new(watching.stdout.take().expect("its output"));
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
    let mut seen = Vec::new();
    let mut next = |state: &str| loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing is {state}: {seen:?}"));
        let approval: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let id = approval["id"].as_str().expect("an id").to_owned();
        seen.push((id.clone(), approval["state"].clone()));
        if approval["state"] == state {
            return id;
        }
    };
    for _ in 0..2 {
        let id = next("pending");
        here.done(&["approvals", "approve", &id, "--yes"]);
    }
    assert_eq!(script.await.expect("an answer"), "[0,1]");
    let last = here.done(&["approvals", "list", "--state", "all", "--json"]).json()["approvals"][0]["id"].clone();
    while !seen.iter().any(|(id, state)| *id == last && state != "pending") {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{seen:?}"));
        let approval: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        seen.push((approval["id"].as_str().expect("an id").to_owned(), approval["state"].clone()));
    }
    watching.kill().expect("killed");
    watching.wait().expect("gone");
}

const KEYS: &str = "[roles.support]\ntools = ['fake.*']\n[budgets.day]\nperiod = 'day'\nruns = 100\n";

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_by_the_daemon_that_has_them_which_records_it() {
    let here = Here::new(KEYS).await;
    let created = here.done(&["keys", "create", "ci", "--role", "support", "--label", "team=a", "--json"]).json();
    assert!(created["secret"].is_string() && created["labels"] == json!({"team": "a"}), "{created}");
    let rotated = here.done(&["keys", "rotate", "ci", "--overlap", "1h", "--json"]).json();
    assert!(rotated["secret"] != created["secret"] && rotated["old_secret_until"].is_string(), "{rotated}");
    here.done(&["keys", "override", "ci", "day,runs=7,until=1h"]);
    let shown = here.done(&["keys", "show", "ci", "--json"]).json();
    assert_eq!(shown["budget_overrides"][0]["amounts"], json!({"runs": 7}), "{shown}");
    here.done(&["keys", "revoke", "ci"]);
    let again = here.exuvia(&["keys", "rotate", "ci"]);
    assert!(again.status == Some(2) && again.stderr.contains("was revoked"), "{again:?}");
    let api = AdminApi::of(&here.daemon).await;
    let actions = api.get("/runs?kind=admin").await;
    let done: Vec<_> = actions["items"].as_array().expect("actions").iter().map(|one| &one["tools"][0]).collect();
    for action in ["create", "rotate", "budgets", "revoke"] {
        assert!(done.contains(&&json!(format!("exuvia:admin.key.{action}"))), "{action}: {actions}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_that_a_daemon_counts_in_its_memory_are_listed_by_it_and_keys_kept_elsewhere_are_not_changed_by_it() {
    // Without roles nobody needs a key.
    let here = Here::new("[journal]\nstore = 'memory'\n[budgets.day]\nperiod = 'day'\nruns = 100\n").await;
    assert_eq!(here.daemon.run("result = 1").await, "1");
    let listed = here.done(&["budgets", "list", "--json"]).json();
    assert_eq!((&listed["budgets"][0]["budget"], &listed["budgets"][0]["limit"]), (&json!("day"), &json!(100)));
    assert!(listed["budgets"][0]["used"].as_u64().is_some_and(|used| used > 0), "{listed}");
    let refused = here.exuvia(&["keys", "revoke", "ci"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("in memory"), "{refused:?}");
    // Another program of this user keeps keys in the data directory, where this daemon's socket is.
    let other = Folder::new(KEYS);
    let (config, data) = (other.text("exuvia.toml"), here.daemon.data().as_path().display().to_string());
    let arguments = ["keys", "create", "ci", "--role", "support", "--config", &config];
    let created = Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end();
    assert_eq!(created.status, Some(0), "{created:?}");
    assert!(here.daemon.data().as_path().join("exuvia/access.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_says_how_long_approvals_wait_and_how_many() {
    let fake = built("exuvia-fake-upstream");
    let folder = Folder::new(&format!(
        "[servers.fake]\ncommand = {fake:?}\non_unlisted = 'ask-at-call'\n[limits]\nhold_ms = 100\n\
         [approvals]\nexpires_minutes = 3\npending = 1\nwaiting_runs = 5\n"
    ));
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    run_in(&daemon.run("result = fake.echo(value=1)['value']").await);
    let approval = api.get("/approvals").await["items"][0].clone();
    let time = |key: &str| approval[key].as_u64().expect("a time");
    assert_eq!(time("expires_ms") - time("created_ms"), 3 * 60 * 1_000, "{approval}");
    let said =
        daemon.run("try:\n    fake.echo(value=2)\nexcept ToolDenied as error:\n    result = error.message").await;
    assert!(said.contains("too many calls wait for approval"), "{said}");
}
