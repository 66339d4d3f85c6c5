//! What a suite used before.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Measurement, Report};
use crate::numbers::change_percent;
use crate::{SuiteError, files};

/// How far a workload may be from its baseline, either way, in percent. Less is good news, and wants a new baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance(pub f64);

impl Default for Tolerance {
    /// 1 %: two builds of the guest differ by less.
    fn default() -> Self {
        Self(1.0)
    }
}

/// What each workload used when the baseline was written: the JSON of a [`Report`].
#[derive(Debug, Clone, Deserialize)]
pub struct Baseline {
    workloads: BTreeMap<String, Known>,
}

/// What is compared. Time is not: it depends on the machine.
#[derive(Debug, Clone, Deserialize)]
struct Known {
    fuel: u64,
    tool_calls: u64,
    memory_bytes_peak: u64,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not what a report writes.
    pub fn read(file: &Path) -> Result<Self, SuiteError> {
        serde_json::from_str(&files::text(file)?).map_err(|error| SuiteError::new(file, error))
    }

    /// The fuel that this workload used.
    pub(super) fn fuel(&self, name: &str) -> Option<u64> {
        self.workloads.get(name).map(|known| known.fuel)
    }

    /// Whether this workload is in it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.workloads.contains_key(name)
    }

    /// The workloads of `report` that are beyond the tolerance or are not in the baseline, a line for each.
    #[must_use]
    pub fn differences(&self, report: &Report, tolerance: Tolerance) -> Vec<String> {
        let mut lines = Vec::new();
        for one in report.measurements() {
            match self.workloads.get(&one.name) {
                None => lines.push(format!("{}: is not in the baseline", one.name)),
                Some(known) => lines.extend(known.differences(one, tolerance)),
            }
        }
        lines
    }

    /// The workloads of the baseline that `report` does not have, a line for each: they were renamed or removed.
    #[must_use]
    pub fn missing(&self, report: &Report) -> Vec<String> {
        let has = |name: &String| report.measurements().iter().any(|one| one.name == *name);
        let gone = self.workloads.keys().filter(|name| !has(name));
        gone.map(|name| format!("{name}: is in the baseline only")).collect()
    }
}

impl Known {
    fn differences(&self, one: &Measurement, Tolerance(percent): Tolerance) -> Vec<String> {
        let mut lines = Vec::new();
        let compared = [
            ("units of fuel", one.fuel, self.fuel, one.has_exact_fuel()),
            ("bytes of memory at the peak", one.memory_bytes_peak, self.memory_bytes_peak, one.limit.is_none()),
            ("tool calls", one.tool_calls, self.tool_calls, one.limit.is_none()),
        ];
        for (what, now, before, is_exact) in compared {
            let change = change_percent(now, before);
            if is_exact && change.abs() > percent {
                lines.push(format!("{}: {now} {what}, {change:+.2} % of {before}", one.name));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exuvia_runtime::Limit;

    use super::*;

    fn measured(name: &str, fuel: u64, limit: Option<Limit>) -> Measurement {
        Measurement {
            name: name.into(),
            verdict: Ok(()),
            outcome: "returned",
            limit,
            fuel,
            tool_calls: 0,
            memory_bytes_peak: 1 << 20,
            time: Duration::ZERO,
        }
    }

    fn report(measurements: &[Measurement]) -> Report {
        let mut report = Report::default();
        measurements.iter().cloned().for_each(|one| report.add(one));
        report
    }

    #[test]
    fn a_report_is_a_baseline_and_what_leaves_its_tolerance_is_told() {
        let before = report(&[measured("a", 1_000, None), measured("b", 1_000, None), measured("d", 1, None)]);
        let baseline: Baseline = serde_json::from_value(before.to_json()).unwrap();
        let now = report(&[measured("a", 1_009, None), measured("b", 980, None), measured("c", 1, None)]);
        let lines = baseline.differences(&now, Tolerance(1.0));
        assert_eq!(lines, ["b: 980 units of fuel, -2.00 % of 1000", "c: is not in the baseline"]);
        assert!(baseline.differences(&now, Tolerance(5.0)).len() == 1);
        assert_eq!(baseline.missing(&now), ["d: is in the baseline only"]);
    }

    #[test]
    fn fuel_that_the_clock_cut_short_is_not_compared() {
        let before = report(&[measured("a", 1_000, Some(Limit::WallMs)), measured("b", 1_000, Some(Limit::Fuel))]);
        let baseline: Baseline = serde_json::from_value(before.to_json()).unwrap();
        let now = report(&[measured("a", 2_000, Some(Limit::WallMs)), measured("b", 2_000, Some(Limit::Fuel))]);
        assert_eq!(baseline.differences(&now, Tolerance::default()), ["b: 2000 units of fuel, +100.00 % of 1000"]);
    }
}
