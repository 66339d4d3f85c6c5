//! Many scripts in one process.

use anyhow::{Result, ensure};
use exuvia_benches::memory::memory;
use exuvia_benches::{BenchTools, bytes, engine, returned, run, workloads};
use exuvia_runtime::Engine;

const SCRIPTS: usize = 1_000;
const TOGETHER: usize = 8;

/// What the process may grow by over all these scripts: the allocator's own ups and downs.
const GROWTH_BYTES: i64 = 8 << 20;

/// 1,000 fresh scripts, eight at a time.
pub(crate) async fn memory_stays_flat() -> Result<String> {
    let engine = engine()?;
    scripts(&engine, SCRIPTS / 5).await?;
    let before = memory()?.anonymous;
    scripts(&engine, SCRIPTS).await?;
    let growth = memory()?.anonymous - before;
    let measured = format!("{SCRIPTS} scripts: {} before, {} more after", bytes(before), bytes(growth));
    ensure!(growth <= GROWTH_BYTES, "{measured}");
    Ok(measured)
}

async fn scripts(engine: &Engine, count: usize) -> Result<()> {
    let source = workloads::named("join").source;
    for _ in 0..count / TOGETHER {
        let runs: Vec<_> = (0..TOGETHER)
            .map(|_| {
                let (engine, tools) = (engine.clone(), BenchTools::new(2).host());
                tokio::spawn(async move { run(&engine, source, tools).await })
            })
            .collect();
        for run in runs {
            returned(&run.await?)?;
        }
    }
    engine.idle().await;
    Ok(())
}
