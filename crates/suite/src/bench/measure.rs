//! One workload, measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_runtime::{Engine, Limit, Outcome, Report, Script, Usage};

use super::Workload;
use super::lab::Lab;
use super::world::FixedWorld;
use crate::numbers::median;

/// What one workload did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Measurement {
    /// The workload's name.
    pub name: String,
    /// Whether it ended as its header states. Otherwise: how it ended.
    pub verdict: Result<(), String>,
    /// `returned`, `raised`, or another end.
    pub outcome: &'static str,
    /// The limit that stopped it.
    pub limit: Option<Limit>,
    /// Units of fuel; the same in every run.
    pub fuel: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// The most memory that the guest had, in bytes, the interpreter's own included.
    pub memory_bytes_peak: u64,
    /// The median of its runs, from start to end. Not a part of what is compared: it depends on the machine.
    pub time: Duration,
}

impl Measurement {
    /// Fuel for each call of a tool. None without calls.
    #[must_use]
    pub fn fuel_per_call(&self) -> Option<u64> {
        self.fuel.checked_div(self.tool_calls)
    }

    /// Whether equal runs must use equal fuel: a run that is stopped by the clock or by its memory reports less than it used.
    #[must_use]
    pub fn has_exact_fuel(&self) -> bool {
        matches!(self.limit, None | Some(Limit::Fuel | Limit::SourceBytes))
    }
}

/// Runs a workload so many times, at least once. Fuel that is not the same in all runs is a failure.
pub async fn measure(engine: &Engine, workload: &Workload, repeats: u32) -> Measurement {
    let mut usages = Vec::new();
    let mut times = Vec::new();
    let (first, time) = run(engine, workload).await;
    usages.push(first.usage);
    times.push(time);
    for _ in 1..repeats {
        let (report, time) = run(engine, workload).await;
        usages.push(report.usage);
        times.push(time);
    }
    let mut measured = Measurement {
        name: workload.name.clone(),
        verdict: workload.expectation.check(&first.outcome),
        outcome: first.outcome.name(),
        limit: if let Outcome::Stopped(stop) = &first.outcome { Some(stop.limit) } else { None },
        fuel: first.usage.fuel,
        tool_calls: first.usage.tool_calls,
        memory_bytes_peak: first.usage.memory_bytes_peak,
        time: median(times).unwrap_or_default(),
    };
    if let (Ok(()), true, Some(other)) = (&measured.verdict, measured.has_exact_fuel(), varying(&usages)) {
        measured.verdict = Err(format!("{} units of fuel, then {other}: it should not vary", measured.fuel));
    }
    measured
}

/// The fuel of a run that used other fuel than the first.
fn varying(usages: &[Usage]) -> Option<u64> {
    let first = usages.first()?.fuel;
    usages.iter().map(|usage| usage.fuel).find(|&fuel| fuel != first)
}

async fn run(engine: &Engine, workload: &Workload) -> (Report, Duration) {
    let lab = Lab::new(&workload.tools);
    let run = engine.run(Script::new(workload.source.as_str()), workload.limits.clone(), Arc::new(lab));
    let started = Instant::now();
    let report = run.with_io(Box::new(FixedWorld::default())).execute().await;
    (report, started.elapsed())
}
