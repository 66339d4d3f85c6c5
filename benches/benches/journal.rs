//! `cargo bench --bench journal`: what the durable journal costs a call, beside a journal in memory.
//!
//! Clients make direct calls through `exuvia serve` of an HTTP server that answers at once, and a script makes calls in sequence.
//! `EXUVIA_TEST_POSTGRES=URL` adds a journal in that database.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::{Served, Table, seconds};
use exuvia_tests::{HttpClient, WebServer};
use serde_json::json;
use tempfile::TempDir;

/// How long calls are made with one journal before it is another one's turn.
const WHILE: Duration = Duration::from_secs(2);
/// How many turns each has.
const ROUNDS: usize = 4;
/// Calls of a script, in sequence.
const SCRIPT_CALLS: u32 = 2_000;
/// How often a script is run.
const SCRIPTS: usize = 5;

/// A daemon with one kind of journal.
struct Subject {
    name: &'static str,
    daemon: Served,
    _folder: TempDir,
}

#[tokio::main]
async fn main() -> Result<()> {
    let upstream = WebServer::start(&["--json", "--era", "modern"]);
    let subjects = subjects(upstream.url())?;
    for subject in &subjects {
        subject.daemon.ready().await;
    }
    println!("{}", direct_calls(&subjects).await?);
    println!("{}", calls_of_a_script(&subjects).await?);
    Ok(())
}

fn subjects(upstream: &str) -> Result<Vec<Subject>> {
    let folder = TempDir::new()?;
    let mut journals = vec![
        ("memory", "store = \"memory\"".to_owned()),
        ("SQLite", format!("path = {:?}", folder.path().join("journal"))),
    ];
    if let Ok(url) = env::var("EXUVIA_TEST_POSTGRES") {
        journals.push(("PostgreSQL", format!("url = {url:?}")));
    }
    let mut folder = Some(folder);
    let started = journals.into_iter().map(|(name, journal)| {
        let config = format!(
            "auto_execute = [\"*.*\"]\n[journal]\n{journal}\n[servers.one]\nurl = \"{upstream}\"\n\
             [servers.direct]\nurl = \"{upstream}\"\nmode = \"direct\"\n"
        );
        let own = if name == "SQLite" { folder.take().context("its folder")? } else { TempDir::new()? };
        Ok(Subject { name, daemon: Served::start(&config)?, _folder: own })
    });
    started.collect()
}

/// Direct calls a second, by clients, in turns.
async fn direct_calls(subjects: &[Subject]) -> Result<Table> {
    let mut table = Table::new(["direct calls over HTTP", "clients", "a second", "beside memory", "p50"]);
    for clients in [1, 8] {
        let mut times = vec![Vec::new(); subjects.len()];
        for _ in 0..ROUNDS {
            for (subject, times) in subjects.iter().zip(&mut times) {
                times.extend(called(subject.daemon.address(), clients).await?);
            }
        }
        let rates: Vec<f64> =
            times.iter().map(|times| times.len() as f64 / (ROUNDS as f64 * WHILE.as_secs_f64())).collect();
        for ((subject, times), rate) in subjects.iter().zip(&mut times).zip(&rates) {
            times.sort();
            let (beside, p50) = (rate / rates[0], times[times.len() / 2]);
            let cells = [clients.to_string(), format!("{rate:.0}"), format!("{:.0} %", beside * 100.0), seconds(p50)];
            let [clients, rate, beside, p50] = cells;
            table.row([subject.name.into(), clients, rate, beside, p50]);
        }
    }
    Ok(table)
}

async fn called(address: SocketAddr, clients: usize) -> Result<Vec<Duration>> {
    let all: Vec<_> = (0..clients).map(|_| tokio::spawn(calls(address))).collect();
    let mut times = Vec::new();
    for client in all {
        times.extend(client.await??);
    }
    Ok(times)
}

async fn calls(address: SocketAddr) -> Result<Vec<Duration>> {
    let (mut client, begun, mut times) = (HttpClient::connect(address).await, Instant::now(), Vec::new());
    while begun.elapsed() < WHILE {
        let asked = Instant::now();
        let params = json!({"name": "direct__echo", "arguments": {"value": times.len()}});
        let answer = client.ask("/mcp", "tools/call", params, json!({})).await;
        ensure!(answer.message()["result"]["structuredContent"]["value"] == times.len(), "{}", answer.message());
        times.push(asked.elapsed());
    }
    Ok(times)
}

/// What a call of a script takes, one after the other: its intent is on the disk before it is sent.
async fn calls_of_a_script(subjects: &[Subject]) -> Result<Table> {
    let code = format!("for n in range({SCRIPT_CALLS}): one.echo(value=n)\nresult = n");
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..SCRIPTS {
        for (subject, times) in subjects.iter().zip(&mut times) {
            let (mut client, begun) = (HttpClient::connect(subject.daemon.address()).await, Instant::now());
            let text = client.execute(&code).await;
            ensure!(text == (SCRIPT_CALLS - 1).to_string(), "{text}");
            times.push(begun.elapsed() / SCRIPT_CALLS);
        }
    }
    let mut table = Table::new(["calls of a script, in sequence", "a call", "beyond memory"]);
    let medians: Vec<Duration> = times.iter_mut().map(|times| median(times)).collect();
    for (subject, took) in subjects.iter().zip(&medians) {
        table.row([subject.name.into(), seconds(*took), seconds(took.saturating_sub(medians[0]))]);
    }
    table.row(["fdatasync of 4 KiB".into(), seconds(fdatasync()?), String::new()]);
    Ok(table)
}

/// What the file system takes to keep 4 KiB at the end of a file.
fn fdatasync() -> Result<Duration> {
    let folder = TempDir::new()?;
    let mut file = File::create(folder.path().join("file"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4_096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(median(&mut times))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
