//! All measurements of a suite, for people and programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Baseline, Measurement};
use crate::numbers::{change_percent, grouped, millions};
use crate::table::Table;

/// All measurements of a suite.
#[derive(Debug, Default)]
pub struct Report {
    measurements: Vec<Measurement>,
}

impl Report {
    /// Adds one.
    pub fn add(&mut self, measurement: Measurement) {
        self.measurements.push(measurement);
    }

    /// All of them.
    #[must_use]
    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// The workloads that ended otherwise than their headers state, a line for each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = |one: &Measurement| one.verdict.as_ref().err().map(|why| format!("{}: {why}", one.name));
        self.measurements.iter().filter_map(failed).collect()
    }

    /// As JSON. It can be kept as a baseline.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let one = |one: &Measurement| {
            let value = json!({
                "pass": one.verdict.is_ok(),
                "failure": one.verdict.as_ref().err(),
                "outcome": one.outcome,
                "limit": one.limit.map(|limit| limit.name()),
                "fuel": one.fuel,
                "fuel_is_exact": one.has_exact_fuel(),
                "tool_calls": one.tool_calls,
                "fuel_per_call": one.fuel_per_call(),
                "memory_bytes_peak": one.memory_bytes_peak,
                "time_us": u64::try_from(one.time.as_micros()).unwrap_or(u64::MAX),
            });
            (one.name.clone(), value)
        };
        json!({"workloads": self.measurements.iter().map(one).collect::<Map<_, _>>()})
    }

    /// A table, with how each differs from the baseline if there is one.
    #[must_use]
    pub fn table(&self, baseline: Option<&Baseline>) -> impl fmt::Display {
        let mut table =
            Table::new(["workload", "", "end", "fuel", "change", "calls", "fuel/call", "peak memory", "time"]);
        for one in &self.measurements {
            let known = baseline.and_then(|baseline| baseline.fuel(&one.name));
            let end = one.limit.map_or_else(|| one.outcome.to_owned(), |limit| format!("by {}", limit.name()));
            table.row([
                one.name.clone(),
                if one.verdict.is_ok() { "pass".into() } else { "FAIL".into() },
                end,
                millions(one.fuel),
                known.map_or_else(|| "-".into(), |known| format!("{:+.2} %", change_percent(one.fuel, known))),
                one.tool_calls.to_string(),
                one.fuel_per_call().map_or_else(|| "-".into(), grouped),
                format!("{:.1} MiB", one.memory_bytes_peak as f64 / 1_048_576.0),
                milliseconds(one.time),
            ]);
        }
        table
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
