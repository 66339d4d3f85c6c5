//! `cargo bench --bench workspace`: what files cost: a workspace beside none, and work on a 200 MB file beside the machine's own Python.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use exuvia_benches::native::NativePython;
use exuvia_benches::orders::{self, files};
use exuvia_benches::{BenchTools, Table, bytes, engine, one_thread, returned, seconds};
use exuvia_runtime::{Engine, Limits, Report, Script, SystemIo};
use exuvia_workspace::{Access, Quota, Registry};

/// Runs of each short script, in turns, of which the median counts.
const ROUNDS: usize = 201;

/// Files of a workspace that is opened.
const FILES: usize = 10_000;

fn main() -> Result<()> {
    let (engine, runtime) = (engine()?, one_thread()?);
    let place = tempfile::tempdir()?;
    runtime.block_on(short(&engine, place.path()))?;
    runtime.block_on(counting())?;
    runtime.block_on(large(&engine, place.path()))
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

/// Opening a directory of many files: known, and as after a minute without use.
async fn counting() -> Result<()> {
    let place = tempfile::tempdir()?;
    for number in 0..FILES {
        std::fs::write(place.path().join(format!("{number}.txt")), "x")?;
    }
    let mut table = Table::new([format!("opening a workspace of {FILES} files").as_str(), "p50"]);
    for (name, access, is_known) in [
        ("whose count is known", Access::ReadWrite, true),
        ("whose files are counted: after 60 s without use", Access::ReadWrite, false),
        ("that is read-only, after as long", Access::ReadOnly, false),
    ] {
        let mut registry = Arc::<Registry>::default();
        let open = |registry: Arc<Registry>| {
            let directory = place.path().to_owned();
            async move { registry.open(directory, Quota::default(), access).await }
        };
        open(Arc::clone(&registry)).await?;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            if !is_known {
                registry = Arc::default();
            }
            let began = Instant::now();
            open(Arc::clone(&registry)).await?;
            times.push(began.elapsed());
        }
        table.row([name.into(), seconds(median(times))]);
    }
    println!("{table}");
    Ok(())
}

async fn large(engine: &Engine, directory: &Path) -> Result<()> {
    let native = NativePython::find();
    let (size, measured) = orders::measure(engine, directory, native.as_ref()).await?;
    let name = native.as_ref().map_or("no python3", |native| native.version.as_str());
    let size = format!("{} MB of CSV, memory_bytes = {} MiB", size / 1_000_000, orders::MEMORY_BYTES >> 20);
    let mut table = Table::new([size.as_str(), "time", "peak memory", name, "ratio"]);
    for script in measured {
        table.row([
            script.name.into(),
            seconds(script.time),
            bytes(i64::try_from(script.peak_bytes)?),
            script.native.map(seconds).unwrap_or_default(),
            script.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
