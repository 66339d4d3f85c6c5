//! `cargo bench --bench memory`: what an engine holds, and what a script holds while it waits for a tool.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use anyhow::Result;
use exuvia_benches::memory::{Memory, memory};
use exuvia_benches::{BenchTools, Table, bytes, returned};
use exuvia_runtime::{Engine, EngineConfig, Limits, Script};

/// Scripts that wait at the same time.
const SCRIPTS: usize = 16;

const WAITING: &str = "result = lab.wait(value=1)";

/// Holds some data while it waits, as scripts do: 10,000 small dicts.
const WAITING_WITH_DATA: &str = "rows = [{'id': n} for n in range(10_000)]\nresult = lab.wait(value=1)";

#[tokio::main]
async fn main() -> Result<()> {
    let mut table = Table::new(["", "anonymous", "private"]);
    let start = memory()?;
    let engine = Engine::new(&EngineConfig { concurrent_runs: SCRIPTS as u32, ..EngineConfig::default() })?;
    row(&mut table, "an engine", start, memory()?, 1);
    let idle = memory()?;
    let waiting = parked(&engine, WAITING).await?;
    row(&mut table, "a waiting script", idle, waiting, SCRIPTS);
    let spare = memory()?;
    row(&mut table, "what its slot keeps afterwards", idle, spare, SCRIPTS);
    row(&mut table, "a waiting script, in used slots", idle, parked(&engine, WAITING).await?, SCRIPTS);
    row(
        &mut table,
        "a waiting script that holds 10,000 dicts",
        idle,
        parked(&engine, WAITING_WITH_DATA).await?,
        SCRIPTS,
    );
    row(&mut table, "what its slot keeps afterwards", idle, memory()?, SCRIPTS);
    print!("{table}");
    Ok(())
}

/// The memory of this process while all scripts wait.
async fn parked(engine: &Engine, source: &str) -> Result<Memory> {
    let tools = BenchTools::new(2);
    let runs: Vec<_> = (0..SCRIPTS)
        .map(|_| tokio::spawn(engine.run(Script::new(source), Limits::default(), tools.host()).execute()))
        .collect();
    tools.waiting(SCRIPTS).await?;
    let held = memory()?;
    tools.release();
    for run in runs {
        returned(&run.await?)?;
    }
    engine.idle().await;
    Ok(held)
}

fn row(table: &mut Table, what: &str, before: Memory, after: Memory, shares: usize) {
    let share = |before: i64, after: i64| bytes((after - before) / shares as i64);
    table.row([what.to_owned(), share(before.anonymous, after.anonymous), share(before.private, after.private)]);
}
