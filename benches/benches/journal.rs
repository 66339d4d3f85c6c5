//! `cargo bench --bench journal`: what the durable journal costs a call, beside a journal in memory.
//!
//! Clients make direct calls through `exuvia serve` of an HTTP server that answers at once, and a script makes calls in sequence.
//! `EXUVIA_TEST_POSTGRES=URL` adds a journal in that database.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::{Served, Table, seconds};
use exuvia_tests::{HttpClient, WebServer};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

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
    let least = least(medians[0]).await?;
    table.row(["the same by a thread that is asked as the journal's is".into(), seconds(least), String::new()]);
    Ok(table)
}

/// How often 4 KiB are kept, and the file that they are kept in, one after the other.
const SYNCS: u64 = 400;
const FILE_BYTES: usize = SYNCS as usize * PAGE.len();
const PAGE: [u8; 4_096] = [7; 4_096];

/// A file whose blocks are there already, as those of a write-ahead log are.
fn written(folder: &TempDir) -> Result<File> {
    let mut file = File::create(folder.path().join("file"))?;
    file.write_all(&vec![0; FILE_BYTES])?;
    file.sync_all()?;
    Ok(file)
}

/// What the file system takes to keep 4 KiB, at once after the last.
fn fdatasync() -> Result<Duration> {
    let folder = TempDir::new()?;
    let file = written(&folder)?;
    let mut times = Vec::new();
    for place in 0..SYNCS {
        let begun = Instant::now();
        keep(&file, place)?;
        times.push(begun.elapsed());
    }
    Ok(median(&mut times))
}

fn keep(file: &File, place: u64) -> io::Result<()> {
    file.write_all_at(&PAGE, place * PAGE.len() as u64)?;
    file.sync_data()
}

/// What no journal can be faster than: a task asks another thread to keep 4 KiB, after such a pause as is between two calls of a script, and waits.
async fn least(pause: Duration) -> Result<Duration> {
    let folder = TempDir::new()?;
    let file = written(&folder)?;
    let (sender, asked) = mpsc::channel::<(u64, oneshot::Sender<io::Result<()>>)>();
    let thread = thread::spawn(move || {
        for (place, done) in asked {
            let _ = done.send(keep(&file, place));
        }
    });
    let asking = tokio::spawn(async move {
        let mut times = Vec::new();
        for place in 0..SYNCS {
            thread::sleep(pause);
            let (begun, (done, kept)) = (Instant::now(), oneshot::channel());
            sender.send((place, done))?;
            kept.await??;
            times.push(begun.elapsed());
        }
        anyhow::Ok(times)
    });
    let mut times = asking.await??;
    thread.join().map_err(|_| anyhow::anyhow!("the thread panicked"))?;
    Ok(median(&mut times))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
