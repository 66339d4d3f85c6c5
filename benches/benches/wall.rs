//! `cargo bench --bench wall`: how long scripts take, by criterion, and how long beside the machine's own Python.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::{Duration, Instant};

use anyhow::Result;
use criterion::Criterion;
use exuvia_benches::native::NativePython;
use exuvia_benches::workloads::{self, CPU, Workload};
use exuvia_benches::{BenchTools, Table, engine, one_thread, returned, run, seconds};
use exuvia_runtime::Engine;
use tokio::runtime::Runtime;

/// Runs of one workload, of which the fastest counts.
const CPU_RUNS: usize = 3;

struct Bench {
    engine: Engine,
    runtime: Runtime,
}

impl Bench {
    fn once(&self, source: &str, tools: &BenchTools) -> Result<()> {
        let report = self.runtime.block_on(run(&self.engine, source, tools.host()));
        returned(&report).map(|_| ())
    }

    /// Times one script. The first run is checked; the others are alike.
    fn time(&self, criterion: &mut Criterion, name: &str, source: &str, tools: &BenchTools) -> Result<()> {
        self.once(source, tools)?;
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| self.once(source, tools));
        });
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .without_plots()
        .configure_from_args();
    let bench = Bench { engine: engine()?, runtime: one_thread()? };
    fresh(&mut criterion, &bench)?;
    calls(&mut criterion, &bench)?;
    bench.time(&mut criterion, "imports", workloads::named("imports").source, &BenchTools::new(0))?;
    criterion.final_summary();
    // A filter or another mode of criterion's asks for a part of this suite: the part above.
    let whole = std::env::args().skip(1).all(|argument| argument == "--bench");
    if whole { beside_native(&bench) } else { Ok(()) }
}

fn fresh(criterion: &mut Criterion, bench: &Bench) -> Result<()> {
    for tools in [0, 1, 100] {
        let name = format!("fresh script, {tools} tools");
        bench.time(criterion, &name, workloads::named("one_plus_one").source, &BenchTools::new(tools))?;
    }
    Ok(())
}

fn calls(criterion: &mut Criterion, bench: &Bench) -> Result<()> {
    let tools = BenchTools::new(1);
    for calls in [1, 10, 100] {
        let plain = format!("result = [lab.echo(value=n) for n in range({calls})]");
        bench.time(criterion, &format!("{calls} plain calls"), &plain, &tools)?;
        let parallel =
            format!("import asyncio\nresult = await asyncio.gather(*[lab.echo(value=n) for n in range({calls})])");
        bench.time(criterion, &format!("{calls} parallel calls"), &parallel, &tools)?;
    }
    Ok(())
}

/// The CPU workloads, in the sandbox and out of it.
fn beside_native(bench: &Bench) -> Result<()> {
    let native = NativePython::find();
    let version = native.as_ref().map_or("no python3 found: no ratios", |native| &native.version);
    let mut table = Table::new(["workload", "sandbox", version, "ratio"]);
    for workload in CPU {
        let here = fastest(bench, workload)?;
        let there = native.as_ref().map(|native| native.time(workload.source)).transpose()?;
        let ratio = there.map(|there| format!("{:.1}", here.as_secs_f64() / there.as_secs_f64()));
        let there = there.map(seconds);
        table.row([workload.name.into(), seconds(here), there.unwrap_or_default(), ratio.unwrap_or_default()]);
    }
    println!("\n{table}");
    Ok(())
}

/// The whole of a run, its fresh interpreter included.
fn fastest(bench: &Bench, workload: Workload) -> Result<Duration> {
    let tools = BenchTools::new(0);
    let mut fastest = Duration::MAX;
    for _ in 0..CPU_RUNS {
        let started = Instant::now();
        bench.once(workload.source, &tools)?;
        fastest = fastest.min(started.elapsed());
    }
    Ok(fastest)
}
