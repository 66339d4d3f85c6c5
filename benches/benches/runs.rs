//! `cargo bench --bench runs`: scripts one after the other in this process, by one client and by several: how long until the
//! report is there, how many a second, and the page faults of each. `cargo bench --bench runs -- --svg FOLDER` draws the same
//! against more numbers of clients, and against numbers of declared tools.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use exuvia_benches::plot::{Line, Plot};
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

/// What clients do: each sends this script again and again, with so many tools declared.
#[derive(Clone, Copy)]
struct Load {
    source: &'static str,
    expected: &'static str,
    tools: usize,
    clients: usize,
}

impl Load {
    const TRIVIAL: Self = Self { source: TRIVIAL, expected: "2", tools: 100, clients: 1 };
    const REALISTIC: Self = Self { source: REALISTIC, expected: "20", ..Self::TRIVIAL };
}

/// What a load comes to.
struct Measured {
    /// Of each script until its report, sorted.
    times: Vec<Duration>,
    scripts_per_second: f64,
    faults_each: f64,
}

impl Measured {
    fn percentile(&self, percent: usize) -> Duration {
        self.times[self.times.len() * percent / 100]
    }
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    println!("load: {}", fs::read_to_string("/proc/loadavg")?.trim());
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => print!("{}", table()?),
        // Cargo starts a benchmark in the folder of its package: what is given is seen from that of the workspace.
        ["--svg", folder] => draw(&Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder))?,
        _ => bail!("usage: [--svg FOLDER]"),
    }
    println!("load: {}", fs::read_to_string("/proc/loadavg")?.trim());
    Ok(())
}

fn table() -> Result<Table> {
    let mut table = Table::new(["script", "clients", "p50", "p95", "a second", "faults each"]);
    for (name, load) in [("trivial, 100 tools", Load::TRIVIAL), ("realistic, 20 calls", Load::REALISTIC)] {
        for clients in [1, 2, 8] {
            let measured = measure(Load { clients, ..load })?;
            let [p50, p95] = [50, 95].map(|percent| seconds(measured.percentile(percent)));
            let rate = format!("{:.0}", measured.scripts_per_second);
            table.row([name.into(), clients.to_string(), p50, p95, rate, format!("{:.1}", measured.faults_each)]);
        }
    }
    Ok(table)
}

/// Draws how long scripts take against the number of clients, and against the number of declared tools.
fn draw(folder: &Path) -> Result<()> {
    let clients = |load: Load| [1, 2, 4, 8, 16].map(|clients| (clients, Load { clients, ..load }));
    let tools = |load: Load| [1, 10, 100, 1_000, 10_000].map(|tools| (tools, Load { tools, ..load }));
    for (file, against, loads) in [
        ("latency-clients.svg", "clients", clients as fn(Load) -> [(usize, Load); 5]),
        ("latency-tools.svg", "declared tools", tools),
    ] {
        let mut lines = Vec::new();
        for (name, load) in [("trivial", Load::TRIVIAL), ("12 lines, 20 calls", Load::REALISTIC)] {
            let (mut p50, mut p95) = (Line::new(format!("{name}, p50")), Line::new(format!("{name}, p95")));
            for (number, load) in loads(load) {
                let measured = measure(load)?;
                for (line, percent) in [(&mut p50, 50), (&mut p95, 95)] {
                    line.points.push((number as f64, measured.percentile(percent).as_secs_f64() * 1e3));
                }
            }
            lines.extend([p50, p95]);
        }
        let title = format!("A fresh script until its report, {THREADS} threads");
        let plot = Plot { title: &title, x: against, y: "ms", lines: &lines };
        let file = folder.join(file);
        plot.write_svg(&file).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn measure(load: Load) -> Result<Measured> {
    // As the gateway has it: runs on threads of their own.
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let (engine, tools) = (engine()?, BenchTools::new(load.tools));
    let all = |time| {
        let (engine, tools) = (engine.clone(), tools.clone());
        runtime.block_on(async move {
            let clients: Vec<_> =
                (0..load.clients).map(|_| tokio::spawn(sends(engine.clone(), tools.clone(), load, time))).collect();
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
    let (scripts_per_second, faults) = (times.len() as f64 / begun.elapsed().as_secs_f64(), self::faults()? - faults);
    times.sort_unstable();
    let faults_each = faults as f64 / times.len() as f64;
    Ok(Measured { times, scripts_per_second, faults_each })
}

/// A client that waits for each report. Each script is a task of its own, as in the gateway.
async fn sends(engine: Engine, tools: BenchTools, load: Load, time: Duration) -> Result<Vec<Duration>> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let (engine, host, sent) = (engine.clone(), tools.host(), Instant::now());
        let report = tokio::spawn(async move { run(&engine, load.source, host).await }).await?;
        times.push(sent.elapsed());
        let result = returned(&report)?;
        ensure!(result == load.expected, "{result}");
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
