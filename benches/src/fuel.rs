//! Fuel of the workloads, against the committed baseline.
//!
//! Fuel does not depend on the machine, so that this holds on any: it catches a slower guest where time is too noisy to.
//! Two builds of the same guest differ by up to 0.3 %.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use exuvia_runtime::{Engine, Limits, Outcome, Report, Script};

use crate::workloads::{CPU, SANDBOX, Workload};
use crate::{BenchTools, Table, engine, one_thread};

/// What each workload may use at the most.
const BUDGET: u64 = 5_000_000_000;

/// How far a workload may be from its baseline, either way, in percent. Less fuel than that is good news, and wants a new
/// baseline.
const TOLERANCE_PERCENT: f64 = 1.0;

/// Tools of the server that the workloads call.
const TOOLS: usize = 10;

type Baseline = BTreeMap<String, u64>;

/// Runs all workloads, prints what they used, and compares it with the baseline, or writes the baseline anew.
///
/// # Errors
///
/// A workload uses more or less than it may, does not end as it should, or is not in the baseline.
#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
pub fn check(bless: bool) -> Result<()> {
    let measured = measure()?;
    if bless {
        let mut text = serde_json::to_string_pretty(&measured)?;
        text.push('\n');
        fs::write(file(), text).with_context(|| file().display().to_string())?;
        println!("{} workloads: the baseline is written", measured.len());
        return Ok(());
    }
    let baseline: Baseline =
        serde_json::from_slice(&fs::read(file())?).with_context(|| file().display().to_string())?;
    print!("{}", table(&measured, &baseline));
    let wrong = differences(&measured, &baseline);
    ensure!(wrong.is_empty(), "{}\nif that is meant: `just fuel --bless`", wrong.join("\n"));
    Ok(())
}

fn file() -> PathBuf {
    PathBuf::from("fuel.baseline.json")
}

fn measure() -> Result<Baseline> {
    let (engine, runtime) = (engine()?, one_thread()?);
    let workloads = CPU.iter().chain(&SANDBOX);
    workloads.map(|workload| Ok((workload.name.to_owned(), runtime.block_on(fuel(&engine, *workload))?))).collect()
}

/// The fuel of one workload; the second run must use exactly as much as the first.
async fn fuel(engine: &Engine, workload: Workload) -> Result<u64> {
    let first = run(engine, workload).await;
    expected_end(workload, &first)?;
    let second = run(engine, workload).await;
    let (first, second) = (first.usage.fuel, second.usage.fuel);
    ensure!(first == second, "{}: {first} units of fuel, then {second}: it should not vary", workload.name);
    Ok(first)
}

async fn run(engine: &Engine, workload: Workload) -> Report {
    let limits = Limits { fuel: BUDGET, ..Limits::default() };
    let tools = BenchTools::new(TOOLS);
    let run = engine.run(Script::new(workload.source), limits, tools.host());
    run.with_io(Box::new(tools.fixed_io())).execute().await
}

fn expected_end(workload: Workload, report: &Report) -> Result<()> {
    match &report.outcome {
        Outcome::Returned(_) if !workload.name.contains("error") => Ok(()),
        Outcome::Raised(_) if workload.name.contains("error") => Ok(()),
        other => bail!("{}: {other:?}", workload.name),
    }
}

fn table(measured: &Baseline, baseline: &Baseline) -> Table {
    let mut table = Table::new(["workload", "fuel", "baseline", "change"]);
    for (name, &fuel) in measured {
        let known = baseline.get(name).copied();
        let change = known.map_or_else(|| "new".into(), |known| format!("{:+.2} %", percent(fuel, known)));
        table.row([name.clone(), millions(fuel), known.map_or_else(|| "-".into(), millions), change]);
    }
    table
}

fn differences(measured: &Baseline, baseline: &Baseline) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, &fuel) in measured {
        match baseline.get(name) {
            None => wrong.push(format!("{name}: is not in the baseline")),
            Some(&known) if percent(fuel, known).abs() > TOLERANCE_PERCENT => {
                wrong.push(format!("{name}: {fuel} units of fuel, {:+.2} % of {known}", percent(fuel, known)));
            }
            Some(_) => {}
        }
    }
    let gone = baseline.keys().filter(|name| !measured.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name}: is in the baseline only")));
    wrong
}

fn percent(fuel: u64, known: u64) -> f64 {
    (fuel as f64 / known as f64 - 1.0) * 100.0
}

fn millions(fuel: u64) -> String {
    format!("{:.3} M", fuel as f64 / 1e6)
}
