//! `cargo bench --bench runs`: scripts one after the other in this process, by one client and by several: how long until the
//! report is there, how many a second, and the page faults of each.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::{BenchTools, Table, engine, returned, run, seconds};
use exuvia_runtime::Engine;
use tokio::runtime::Builder;

/// How long each is measured, after as long of warming up at most.
const WHILE: Duration = Duration::from_secs(3);
const WARM: Duration = Duration::from_millis(500);

/// Processors that runs share.
const THREADS: usize = 2;

const TRIVIAL: &str = "result = 1 + 1";

/// Twelve lines with 20 calls, as a model writes them.
const REALISTIC: &str = "\
import asyncio, json, re, statistics
from collections import Counter
answers = await asyncio.gather(*[lab.echo(value=n, note=f'row {n}') for n in range(20)])
rows = [{'name': f'row {n}', 'tag': 'abc'[n % 3], 'answer': answer} for n, answer in enumerate(answers)]
numbers = [int(re.search(r'[0-9]+', row['name']).group()) for row in rows]
tags = Counter(row['tag'] for row in rows)
summary = {'mean': statistics.mean(numbers), 'spread': statistics.pstdev(numbers)}
summary['tags'] = dict(tags.most_common())
text = json.dumps(summary, sort_keys=True)
lines = sorted(text.split(','), key=len)
print(text, len(lines))
result = len(rows)";

fn main() -> Result<()> {
    println!("load: {}", fs::read_to_string("/proc/loadavg")?.trim());
    let mut table = Table::new(["script", "clients", "p50", "p95", "a second", "faults each"]);
    for (name, source, expected) in [("trivial, 100 tools", TRIVIAL, "2"), ("realistic, 20 calls", REALISTIC, "20")] {
        for clients in [1, 2, 8] {
            table.row(row(name, source, expected, clients)?);
        }
    }
    print!("{table}");
    println!("load: {}", fs::read_to_string("/proc/loadavg")?.trim());
    Ok(())
}

fn row(name: &str, source: &'static str, expected: &'static str, clients: usize) -> Result<[String; 6]> {
    // As the gateway has it: runs on threads of their own.
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let (engine, tools) = (engine()?, BenchTools::new(100));
    let all = |time| {
        let (engine, tools) = (engine.clone(), tools.clone());
        runtime.block_on(async move {
            let clients: Vec<_> = (0..clients)
                .map(|_| tokio::spawn(sends(engine.clone(), tools.clone(), source, expected, time)))
                .collect();
            let mut times = Vec::new();
            for client in clients {
                times.append(&mut client.await??);
            }
            anyhow::Ok(times)
        })
    };
    all(WARM)?;
    let (faults, begun) = (faults()?, Instant::now());
    let mut times = all(WHILE)?;
    let (rate, faults) = (times.len() as f64 / begun.elapsed().as_secs_f64(), self::faults()? - faults);
    times.sort_unstable();
    let at = |percent: usize| seconds(times[times.len() * percent / 100]);
    let faults = faults as f64 / times.len() as f64;
    Ok([name.into(), clients.to_string(), at(50), at(95), format!("{rate:.0}"), format!("{faults:.1}")])
}

/// A client that waits for each report. Each script is a task of its own, as in the gateway.
async fn sends(
    engine: Engine,
    tools: BenchTools,
    source: &'static str,
    expected: &'static str,
    time: Duration,
) -> Result<Vec<Duration>> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let (engine, host, sent) = (engine.clone(), tools.host(), Instant::now());
        let report = tokio::spawn(async move { run(&engine, source, host).await }).await?;
        times.push(sent.elapsed());
        let result = returned(&report)?;
        ensure!(result == expected, "{result}");
    }
    Ok(times)
}

/// Page faults of this process so far.
fn faults() -> Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the name in parentheses, which may hold blanks: the eighth field (proc_pid_stat(5), minflt).
    let fields = stat.rsplit(')').next().context("a name in parentheses")?;
    Ok(fields.split_whitespace().nth(7).context("minor faults")?.parse()?)
}
