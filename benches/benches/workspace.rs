//! `cargo bench --bench workspace`: what files cost: a workspace beside none, and work on a 200 MB file beside the machine's own Python.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use exuvia_benches::native::NativePython;
use exuvia_benches::{BenchTools, Table, bytes, engine, one_thread, returned, seconds};
use exuvia_runtime::{Engine, Limits, Report, Script, SystemIo};
use exuvia_workspace::{Access, Quota, Registry, WorkspaceFiles};

/// Runs of each short script, in turns, of which the median counts.
const ROUNDS: usize = 201;

/// The lines of the large file, and about what each has, in bytes.
const LINES: u32 = 5_000_000;

/// Scripts on the large file. `PATH` is the directory that it is in.
const LARGE: [(&str, &str); 3] = [
    (
        "sum of a column, line by line",
        "total = 0\nwith open('PATH/orders.csv') as file:\n    next(file)\n    for line in file:\n        \
         total += int(line.split(',')[2])\nresult = total",
    ),
    (
        "the same by csv",
        "import csv\nwith open('PATH/orders.csv', newline='') as file:\n    \
         result = sum(int(row[2]) for row in csv.reader(file) if row[2] != 'total')",
    ),
    (
        "into sqlite3 on a file, and grouped",
        "import csv, os, sqlite3\nif os.path.exists('PATH/orders.db'):\n    os.remove('PATH/orders.db')\n\
         db = sqlite3.connect('PATH/orders.db')\ndb.execute('create table orders (id, region, total integer, note)')\n\
         with open('PATH/orders.csv', newline='') as file:\n    rows = csv.reader(file)\n    next(rows)\n    \
         db.executemany('insert into orders values (?, ?, ?, ?)', rows)\ndb.commit()\n\
         result = db.execute('select region, sum(total) from orders group by region order by region').fetchall()\ndb.close()",
    ),
];

fn main() -> Result<()> {
    let (engine, runtime) = (engine()?, one_thread()?);
    let place = tempfile::tempdir()?;
    runtime.block_on(short(&engine, place.path()))?;
    runtime.block_on(large(&engine, place.path()))
}

/// What a run takes its files from, opened as a gateway opens it.
async fn files(registry: &Arc<Registry>, directory: &Path) -> Result<SystemIo> {
    let quota = Quota { bytes: 4 << 30, ..Quota::default() };
    let workspace = registry.open(directory.to_owned(), quota).await?;
    Ok(SystemIo::new().with_files(Arc::new(WorkspaceFiles::new(workspace, Access::ReadWrite))))
}

async fn timed(engine: &Engine, source: &str, limits: &Limits, io: SystemIo) -> Report {
    let run = engine.run(Script::new(source), limits.clone(), BenchTools::new(1).host());
    run.with_io(Box::new(io)).execute().await
}

async fn short(engine: &Engine, directory: &Path) -> Result<()> {
    let registry = Arc::<Registry>::default();
    let limits = Limits::default();
    let write = "with open('a.txt', 'w') as file:\n    file.write('x' * 1_000)\nresult = len(open('a.txt').read())";
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (case, times) in times.iter_mut().enumerate() {
            let began = Instant::now();
            let io = if case == 0 { SystemIo::new() } else { files(&registry, directory).await? };
            returned(&timed(engine, if case == 2 { write } else { "1 + 1" }, &limits, io).await)?;
            times.push(began.elapsed());
        }
    }
    let [without, with, write] = times.map(median);
    let mut table = Table::new(["fresh script", "p50", "more than without"]);
    let more = |time: Duration| seconds(time.saturating_sub(without));
    table.row(["1 + 1, without a workspace".into(), seconds(without), String::new()]);
    table.row(["1 + 1, with one".into(), seconds(with), more(with)]);
    table.row(["a file of 1,000 bytes written and read".into(), seconds(write), more(write)]);
    println!("{table}");
    Ok(())
}

async fn large(engine: &Engine, directory: &Path) -> Result<()> {
    let size = orders(&directory.join("orders.csv")).context("writing the file")?;
    let native = NativePython::find();
    let limits = Limits { fuel: i64::MAX as u64, wall_ms: 600_000, memory_bytes: 256 << 20, ..Limits::default() };
    let registry = Arc::<Registry>::default();
    let name = native.as_ref().map_or("no python3", |native| native.version.as_str());
    let size = format!("{} MB of CSV, memory_bytes = 256 MiB", size / 1_000_000);
    let mut table = Table::new([size.as_str(), "time", "peak memory", name, "ratio"]);
    for (name, source) in LARGE {
        let began = Instant::now();
        let io = files(&registry, directory).await?;
        let report = timed(engine, &source.replace("PATH", "/workspace"), &limits, io).await;
        let time = began.elapsed();
        returned(&report)?;
        let peak = bytes(i64::try_from(report.usage.memory_bytes_peak)?);
        let native =
            native.as_ref().map(|native| native.time(&source.replace("PATH", &directory.display().to_string())));
        let native = native.transpose()?;
        let ratio = native.map(|native| format!("{:.2}", time.as_secs_f64() / native.as_secs_f64()));
        table.row([
            name.into(),
            seconds(time),
            peak,
            native.map(seconds).unwrap_or_default(),
            ratio.unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Writes orders, and returns the size of the file in bytes.
fn orders(path: &Path) -> Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "id,region,total,note")?;
    for id in 0..LINES {
        writeln!(file, "{id},region-{},{},a note of order {id}", id % 7, id % 1_000)?;
    }
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
