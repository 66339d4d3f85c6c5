//! `exuvia bench`: workloads under budgets.

use std::fs;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_runtime::{Engine, EngineConfig};
use exuvia_suite::bench::{Baseline, Report, Tolerance, Workload, measure, write_plots};

use crate::exit;
use crate::suite_args::BenchArgs;
use crate::terminal::{self, Terminal};

pub(crate) async fn bench(args: BenchArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let workloads = chosen(&args.suite, args.filter.as_deref())?;
    // One after the other: what is measured is one run.
    let config = EngineConfig { concurrent_runs: 1, ..EngineConfig::default() };
    let engine = tokio::task::spawn_blocking(move || Engine::new(&config)).await.context("mapping the guest")??;
    let mut report = Report::default();
    for (place, workload) in workloads.iter().enumerate() {
        terminal.show_progress(format!("{} of {}: {}", place + 1, workloads.len(), workload.name));
        tokio::select! {
            measured = measure(&engine, workload, args.repeats) => report.add(measured),
            _ = tokio::signal::ctrl_c() => return Ok(exit::CANCELLED.into()),
        }
    }
    terminal.clear_progress();
    if let Some(folder) = &args.svg {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        write_plots(&report, folder)?;
    }
    if args.json {
        terminal::print_json(&serde_json::to_string_pretty(&report.to_json())?)?;
    } else {
        write!(stdout(), "{}", report.table(baseline.as_ref())).context("standard output")?;
    }
    let wrong = wrong(&report, baseline.as_ref(), &args);
    if !wrong.is_empty() {
        terminal.print(&wrong.join("\n"));
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { exit::RAISED.into() })
}

fn chosen(suite: &Path, filter: Option<&str>) -> Result<Vec<Workload>> {
    let mut workloads = Workload::below(suite)?;
    workloads.retain(|workload| filter.is_none_or(|filter| workload.name.contains(filter)));
    if workloads.is_empty() {
        bail!("{}: no workload has a name with {:?}", suite.display(), filter.unwrap_or_default());
    }
    Ok(workloads)
}

/// What failed, and what is no longer as it was.
fn wrong(report: &Report, baseline: Option<&Baseline>, args: &BenchArgs) -> Vec<String> {
    let mut wrong = report.failures();
    if let Some(baseline) = baseline {
        wrong.extend(baseline.differences(report, Tolerance(args.tolerance)));
        if args.filter.is_none() {
            wrong.extend(baseline.missing(report));
        }
    }
    wrong
}
