//! A daemon that is killed between the scripts of a session.

use std::fs;
use std::process::Command;
use std::time::Duration;

use exuvia_tests::{Daemon, DataHome, Folder, HttpClient, JournalPlace, Program, built};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::scripts::{CALLS, SCRIPTS};

struct World {
    folder: Folder,
    data: DataHome,
}

impl World {
    fn new(place: &JournalPlace) -> Self {
        let folder = Folder::new("");
        let (fake, record) = (built("exuvia-fake-upstream"), folder.path("calls"));
        let server =
            format!("[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['*']\n");
        folder.write("exuvia.toml", &(server + "[sessions]\n" + &place.config("")));
        Self { folder, data: DataHome::shared() }
    }

    async fn serve(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    fn made(&self) -> usize {
        fs::read_to_string(self.folder.path("calls")).map_or(0, |calls| calls.lines().count())
    }

    fn exuvia(&self, arguments: &[&str]) -> exuvia_tests::Ended {
        let data = self.data.as_path().display().to_string();
        let config = ["--config", &self.folder.text("exuvia.toml")];
        Program::start(&[arguments, &config].concat(), &[("XDG_DATA_HOME", &data)]).end()
    }
}

/// The first line of what a model is answered: what the script returned.
async fn execute(daemon: &Daemon, session: &str, code: &str) -> String {
    let params = json!({"name": "executeToolCode", "arguments": {"code": code, "session": session}});
    let mut client = HttpClient::connect(daemon.address()).await;
    let answer = client.ask("/mcp", "tools/call", params, json!({})).await;
    let text = answer.message()["result"]["content"][0]["text"].as_str().map(str::to_owned);
    text.unwrap_or_else(|| panic!("{answer:?}")).lines().next().unwrap_or_default().to_owned()
}

async fn kill(mut daemon: Daemon) {
    daemon.signal(Signal::SIGKILL);
    daemon.ends_within(Duration::from_secs(10)).await;
}

async fn same_after_kills(place: JournalPlace) {
    let world = World::new(&place);
    let daemon = world.serve().await;
    let mut undisturbed = Vec::new();
    for code in SCRIPTS {
        undisturbed.push(execute(&daemon, "whole", code).await);
    }
    assert_eq!(world.made(), CALLS);
    kill(daemon).await;
    for (number, (code, expected)) in SCRIPTS.iter().zip(&undisturbed).enumerate() {
        let daemon = world.serve().await;
        assert_eq!(execute(&daemon, "killed", code).await, *expected, "script {}", number + 1);
        kill(daemon).await;
    }
    assert_eq!(world.made(), 2 * CALLS, "each call once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_where_it_was_after_each_kill() {
    same_after_kills(JournalPlace::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_where_it_was_after_each_kill_with_postgresql() {
    if let Some(place) = JournalPlace::postgres() {
        same_after_kills(place).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_script_leaves_the_session_as_it_was_and_what_is_erased_is_lost() {
    let world = World::new(&JournalPlace::sqlite());
    let daemon = world.serve().await;
    assert_eq!(execute(&daemon, "a", "n = [1]\nn").await, "[1]");
    let address = daemon.address();
    let cut = tokio::spawn(async move {
        let code = "n.append(fake.echo(value=2)['value'])\nwhile True: pass";
        let params = json!({"name": "executeToolCode", "arguments": {"code": code, "session": "a"}});
        HttpClient::connect(address).await.ask("/mcp", "tools/call", params, json!({})).await
    });
    while world.made() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill(daemon).await;
    assert!(cut.await.is_err(), "it has no answer");
    let daemon = world.serve().await;
    assert_eq!(execute(&daemon, "a", "n").await, "[1]");
    kill(daemon).await;
    let listed = world.exuvia(&["runs", "export"]).stdout;
    let runs: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let first = runs.iter().find(|run| run["start"]["session"]["index"] == 1).expect("the first script");
    let id = first["id"].as_str().expect("an id");
    assert_eq!(world.exuvia(&["runs", "erase", id]).status, Some(0));
    let daemon = world.serve().await;
    let answer = execute(&daemon, "a", "n").await;
    assert!(answer.contains("SessionUnavailable") && answer.contains("not kept any more"), "{answer}");
    assert_eq!(execute(&daemon, "b", "1").await, "1");
    daemon.stop().await;
}
