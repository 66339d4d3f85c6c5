//! Commands that ask the daemon that runs.

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
