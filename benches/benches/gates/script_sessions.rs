//! A thousand sessions of scripts, of which fifty are in memory: each goes on where it was, whoever was in between, also after a kill.
//! `EXUVIA_SESSIONS=60 cargo bench --bench gates -- sessions` takes fewer.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::bytes;
use exuvia_benches::memory::memory_of;
use exuvia_tests::{Daemon, DataHome, Folder, HttpClient, JournalPlace, built, measured};
use serde_json::json;

/// How many sessions there are; `EXUVIA_SESSIONS` says otherwise.
const SESSIONS: usize = 1_000;
const WARM: usize = 50;
/// Scripts of each session, in rounds: between two of one session there is one of each of the others.
const ROUNDS: usize = 4;
const CLIENTS: usize = 4;

struct World {
    folder: Folder,
    data: DataHome,
}

impl World {
    fn new() -> Self {
        let folder = Folder::new("");
        let (fake, record) = (built("exuvia-fake-upstream"), folder.path("calls"));
        let config = format!(
            "[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['*']\n\
             [runs]\nmemory_bytes = '4 GiB'\n[sessions]\nwarm = {WARM}\nper_principal = 10000\n{}",
            JournalPlace::sqlite().config("")
        );
        folder.write("exuvia.toml", &config);
        Self { folder, data: DataHome::shared() }
    }

    async fn serve(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }
}

pub(crate) async fn a_thousand_go_on() -> Result<String> {
    let (world, sessions) = (World::new(), sessions());
    let mut daemon = world.serve().await;
    let (mut rounds, mut most, mut before) = (Vec::new(), 0, 0);
    for round in 0..ROUNDS {
        let is_killed = round == ROUNDS / 2;
        if is_killed {
            // By SIGKILL.
            drop(daemon);
            (daemon, before) = (world.serve().await, 0);
        }
        let begun = Instant::now();
        all(&daemon, sessions, round).await?;
        rounds.push(begun.elapsed());
        most = most.max(memory_of(&daemon.id().to_string())?.anonymous);
        let cold = match round {
            0 => 0,
            _ if is_killed => sessions,
            _ => sessions.saturating_sub(WARM),
        };
        before = as_many_are_warm(&daemon, sessions, before, cold).await.with_context(|| format!("round {round}"))?;
    }
    let calls = fs::read_to_string(world.folder.path("calls"))?.lines().count();
    daemon.stop().await;
    let per_script = |time: &Duration| format!("{:.1}", time.as_secs_f64() * 1e3 / sessions as f64);
    let times: Vec<_> = rounds.iter().map(per_script).collect();
    let measured = format!(
        "{sessions} sessions, {WARM} warm, {calls} calls for {} scripts; {} ms a script in the rounds; at most {} of memory of its own",
        sessions * ROUNDS,
        times.join(", "),
        bytes(most)
    );
    ensure!(calls == sessions * ROUNDS, "{measured}");
    Ok(measured)
}

/// As many interpreters are in memory as may be, and in this round at least `cold` sessions were brought back. How many were in all; `before`:
/// until this round.
async fn as_many_are_warm(daemon: &Daemon, sessions: usize, before: usize, cold: usize) -> Result<usize> {
    let metrics = daemon.metrics().await;
    let counted = |name: &str| {
        let name = format!("exuvia_script_sessions_{name}");
        measured(&metrics, &name).with_context(|| format!("no {name}"))
    };
    let (warm, revived, lost) = (counted("warm")?, counted("revived_total")?, counted("lost_total")?);
    ensure!(warm == sessions.min(WARM), "{warm} interpreters are in memory");
    ensure!(lost == 0, "{lost} sessions were lost");
    ensure!(revived - before >= cold, "{} sessions were brought back instead of {cold}", revived - before);
    Ok(revived)
}

/// One script of each session, which returns what it and all before it have called.
async fn all(daemon: &Daemon, sessions: usize, round: usize) -> Result<()> {
    let address = daemon.address();
    let client = |number: usize| {
        tokio::spawn(async move {
            let mut client = HttpClient::connect(address).await;
            for session in (number..sessions).step_by(CLIENTS) {
                let begins = if round == 0 { "said = []\n" } else { "" };
                let code = format!("{begins}said.append(fake.echo(value='{session}-{round}')['value'])\nsaid");
                let arguments = json!({"code": code, "session": format!("s{session}")});
                let params = json!({"name": "executeToolCode", "arguments": arguments});
                let answer = client.ask("/mcp", "tools/call", params, json!({})).await.message();
                let text = answer["result"]["content"][0]["text"].as_str().context("a text")?;
                let said: Vec<String> = (0..=round).map(|round| format!("{session}-{round}")).collect();
                let expected = serde_json::to_string(&said)?;
                ensure!(text.lines().next() == Some(&*expected), "session {session}, round {round}: {text}");
            }
            Ok(())
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for client in clients {
        client.await??;
    }
    Ok(())
}

fn sessions() -> usize {
    std::env::var("EXUVIA_SESSIONS").ok().and_then(|sessions| sessions.parse().ok()).unwrap_or(SESSIONS)
}
