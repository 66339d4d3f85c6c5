//! Ten thousand runs that wait for approvals: what they take of the memory, what they add to the start, and how long it takes to list them.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::memory::memory_of;
use exuvia_benches::{Table, bytes};
use exuvia_tests::{AdminApi, Daemon, DataHome, Folder, JournalPlace, KeyClient, built, key_table};
use serde_json::json;

const RUNS: usize = 10_000;
/// Each key has at most 1,000 runs that wait.
const KEYS: usize = 20;
/// What all of them may take of the memory, in bytes.
const MEMORY: i64 = 64 << 20;
/// How much longer the start may take.
const START: Duration = Duration::from_secs(2);

struct World {
    folder: Folder,
    data: DataHome,
    token: String,
}

/// What is measured of a daemon that has started.
struct Started {
    daemon: Daemon,
    api: AdminApi,
    took: Duration,
    /// Memory of its own, and what it has in memory at all, in bytes.
    memory: (i64, i64),
}

impl World {
    fn new(place: &JournalPlace) -> Self {
        let fake = built("exuvia-fake-upstream");
        let keys: String = (0..KEYS).map(|key| key_table(&format!("k{key}"), "red")).collect();
        let config = format!(
            "[servers.fake]\ncommand = {fake:?}\nauto_execute = ['process']\n[limits]\nhold_ms = 0\n\
             [roles.red]\ntools = ['fake.*']\non_unlisted = 'ask-at-call'\n{keys}{}",
            place.config("")
        );
        let folder = Folder::new("");
        folder.write("exuvia.toml", &config);
        Self { folder, data: DataHome::shared(), token: String::new() }
    }

    async fn start(&mut self) -> Result<Started> {
        let begun = Instant::now();
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        let took = begun.elapsed();
        // What it looks for after the start is read by then.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.token = fs::read_to_string(self.data.as_path().join("exuvia/admin.token"))?;
        let api = AdminApi { token: self.token.clone(), ..AdminApi::at(&daemon).await };
        let memory = memory(&daemon)?;
        Ok(Started { daemon, api, took, memory })
    }
}

fn memory(daemon: &Daemon) -> Result<(i64, i64)> {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id()))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let resident: i64 = resident.trim().trim_end_matches(" kB").trim().parse()?;
    Ok((memory_of(&daemon.id().to_string())?.anonymous, resident << 10))
}

pub(crate) async fn ten_thousand_wait() -> Result<String> {
    let mut measured = vec![of(&JournalPlace::sqlite(), "SQLite").await?];
    if let Some(place) = JournalPlace::postgres() {
        measured.push(of(&place, "PostgreSQL").await?);
    }
    Ok(measured.join("; "))
}

async fn of(place: &JournalPlace, store: &str) -> Result<String> {
    let (mut world, runs) = (World::new(place), runs());
    let empty = world.start().await?;
    let begun = Instant::now();
    park(&empty.daemon, runs).await?;
    let (parking, parked) = (begun.elapsed(), memory(&empty.daemon)?);
    empty.daemon.stop().await;
    let again = world.start().await?;
    let list = timed(&again.api, "/approvals?state=pending&limit=50").await;
    let long = timed(&again.api, "/approvals?state=pending&limit=500").await;
    let begun = Instant::now();
    let listed = Command::new(built("exuvia"))
        .args(["approvals", "list", "--json", "--config", &world.folder.text("exuvia.toml")])
        .env("XDG_DATA_HOME", &world.data)
        .output()?;
    let command = begun.elapsed();
    ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let back = answered(&again.api).await?;
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
    let mut table = Table::new([store, "without a run that waits", &format!("with {runs}")]);
    let sizes = |what: &str, before: i64, after: i64| [what.to_owned(), bytes(before), bytes(after)];
    table.row(["start to ready".to_owned(), ms(empty.took), ms(again.took)]);
    table.row(sizes("memory of its own after the start", empty.memory.0, again.memory.0));
    table.row(sizes("resident memory after the start", empty.memory.1, again.memory.1));
    table.row(sizes("memory of its own, of the process that parked them", empty.memory.0, parked.0));
    table.row(["parking them".to_owned(), String::new(), format!("{:.0} s", parking.as_secs_f64())]);
    table.row(["listing 50, 500 by the API".to_owned(), String::new(), format!("{}, {}", ms(list), ms(long))]);
    table.row(["`exuvia approvals list`".to_owned(), String::new(), ms(command)]);
    table.row(["from an answer to the end of its run".to_owned(), String::new(), ms(back)]);
    println!("{table}");
    let growth = again.memory.0 - empty.memory.0;
    let measured = format!(
        "{store}: {runs} wait; {} more memory, start {} instead of {}",
        bytes(growth),
        ms(again.took),
        ms(empty.took)
    );
    ensure!(growth < MEMORY && again.took < empty.took + START, "{measured}");
    again.daemon.stop().await;
    Ok(measured)
}

/// Has each key run its part of the scripts, each of which waits for an approval.
async fn park(daemon: &Daemon, runs: usize) -> Result<()> {
    let address = daemon.address();
    let client = |key: usize| {
        tokio::spawn(async move {
            let mut client = KeyClient::of(address, &format!("k{key}")).await;
            for number in 0..runs / KEYS {
                let answer = client.run(&format!("result = fake.echo(value='{key}-{number}')['value']")).await;
                ensure!(answer.starts_with("awaiting approval"), "{answer}");
            }
            Ok(())
        })
    };
    let clients: Vec<_> = (0..KEYS).map(client).collect();
    for client in clients {
        client.await??;
    }
    Ok(())
}

async fn timed(api: &AdminApi, path: &str) -> Duration {
    let begun = Instant::now();
    api.get(path).await;
    begun.elapsed()
}

/// Approves one, and waits for the end of its run.
async fn answered(api: &AdminApi) -> Result<Duration> {
    let listed = api.get("/approvals?state=pending&limit=1").await;
    let asked = &listed["items"][0];
    let (id, run) = (asked["id"].as_str().context("an id")?, asked["run"].as_str().context("a run")?);
    let begun = Instant::now();
    api.post(&format!("/approvals/{id}/approve"), &json!({"shown_sha256": asked["shown_sha256"]})).await;
    while api.get(&format!("/runs/{run}")).await["outcome"] != "returned" {
        ensure!(begun.elapsed() < Duration::from_secs(60), "{run} does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(begun.elapsed())
}

fn runs() -> usize {
    std::env::var("EXUVIA_PARKED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}
