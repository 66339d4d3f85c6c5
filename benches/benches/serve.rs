//! `cargo bench --bench serve`: what `exuvia serve` adds to a direct call, how many scripts it runs in a second, what it
//! holds, and how soon it is ready.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use exuvia_benches::{Served, Table, bytes, seconds};
use exuvia_tests::{HttpClient, WebServer};
use serde_json::json;

/// Direct calls of each kind, in turns.
const CALLS: usize = 2_000;
/// How long scripts are sent.
const WHILE: Duration = Duration::from_secs(5);
/// How often a start is measured.
const STARTS: usize = 9;

#[tokio::main]
async fn main() -> Result<()> {
    direct_calls().await?;
    scripts().await?;
    starts().await
}

/// The same call of the same server over HTTP, by itself and through the gateway.
async fn direct_calls() -> Result<()> {
    let upstream = WebServer::start(&["--json", "--era", "modern"]);
    let config = format!("auto_execute = [\"*.*\"]\n[servers.one]\nurl = \"{}\"\nmode = \"direct\"\n", upstream.url());
    let daemon = Served::start(&config)?;
    let mut clients = [HttpClient::connect(upstream.address()).await, HttpClient::connect(daemon.address()).await];
    let mut times = [Vec::with_capacity(CALLS), Vec::with_capacity(CALLS)];
    for call in 0..CALLS {
        let names = ["echo", "one__echo"];
        for ((client, times), name) in clients.iter_mut().zip(&mut times).zip(names) {
            let begun = Instant::now();
            let params = json!({"name": name, "arguments": {"value": call}});
            let answer = client.ask("/mcp", "tools/call", params, json!({})).await;
            times.push(begun.elapsed());
            let message = answer.message();
            ensure!(message["result"]["structuredContent"]["value"] == call, "{message}");
        }
    }
    times.iter_mut().for_each(|times| times.sort());
    let mut table = Table::new(["a direct call over HTTP", "p50", "p99"]);
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100];
    for (name, times) in ["of the server itself", "through exuvia serve"].iter().zip(&times) {
        table.row([(*name).into(), seconds(at(times, 50)), seconds(at(times, 99))]);
    }
    let added = |percent| at(&times[1], percent).saturating_sub(at(&times[0], percent));
    table.row(["added".into(), seconds(added(50)), seconds(added(99))]);
    println!("{table}");
    Ok(())
}

/// Scripts of many clients at once: with the journal on the disk, and with one in memory, which is what serving itself costs.
async fn scripts() -> Result<()> {
    let mut table = Table::new(["scripts through HTTP", "clients", "a second", "memory"]);
    for (journal, key) in [("", ""), (", journal in memory", "store = \"memory\"\n")] {
        scripts_with(&mut table, journal, key).await?;
    }
    println!("{table}");
    Ok(())
}

async fn scripts_with(table: &mut Table, journal: &str, key: &str) -> Result<()> {
    let mut config = format!("auto_execute = [\"*.*\"]\n[journal]\n{key}");
    config.extend(["one", "two", "three"].map(Served::echo));
    let daemon = Served::start(&config)?;
    ready(daemon.address()).await;
    table.row([format!("none, at rest{journal}"), "0".into(), "-".into(), bytes(daemon.memory()?)]);
    let five = "import asyncio\nresult = len(await asyncio.gather(*[one.echo(value=i) for i in range(3)], \
        two.echo(value=1), three.echo(value=1)))";
    for (name, code, expected) in [("no call", "result = 5", "5"), ("5 calls of 3 servers", five, "5")] {
        for clients in [1, 16, 200] {
            let begun = Instant::now();
            let all: Vec<_> = (0..clients).map(|_| tokio::spawn(sends(daemon.address(), code, expected))).collect();
            let mut scripts = 0;
            let mut memory = 0;
            for client in all {
                scripts += client.await??;
                memory = memory.max(daemon.memory()?);
            }
            let rate = scripts as f64 / begun.elapsed().as_secs_f64();
            table.row([format!("{name}{journal}"), clients.to_string(), format!("{rate:.0}"), bytes(memory)]);
        }
    }
    Ok(())
}

async fn sends(address: SocketAddr, code: &'static str, expected: &'static str) -> Result<usize> {
    let (mut client, begun, mut scripts) = (HttpClient::connect(address).await, Instant::now(), 0);
    while begun.elapsed() < WHILE {
        let text = client.execute(code).await;
        ensure!(text == expected, "{text}");
        scripts += 1;
    }
    Ok(scripts)
}

/// From the start of the process to a ready one.
async fn starts() -> Result<()> {
    let mut table = Table::new(["from start to ready", "median"]);
    for servers in [0, 16] {
        let config: String = (0..servers).map(|n| Served::echo(&format!("echo{n}"))).collect();
        let mut times = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            let begun = Instant::now();
            let daemon = Served::start(&config)?;
            ready(daemon.address()).await;
            times.push(begun.elapsed());
        }
        times.sort();
        table.row([format!("{servers} servers"), seconds(times[STARTS / 2])]);
    }
    println!("{table}");
    Ok(())
}

async fn ready(address: SocketAddr) {
    let mut client = HttpClient::connect(address).await;
    while client.send("GET", "/readyz", &[], "").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
