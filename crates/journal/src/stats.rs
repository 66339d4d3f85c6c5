//! Sums over runs and calls.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use exuvia_tool::{Cost, Principal};

/// Sums over the runs and calls that fit a [`Filter`](crate::Filter). `before` and `limit` of the filter are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// By principal, in order.
    pub principals: Vec<PrincipalStats>,
    /// By principal, server and tool, in order.
    pub tools: Vec<ToolStats>,
}

/// Sums over the runs of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrincipalStats {
    /// On whose behalf.
    pub principal: Principal,
    /// Runs: those that go on and those that were rejected included, direct calls left out.
    pub runs: u64,
    /// Those among them that did not return.
    pub failed_runs: u64,
    /// Direct calls.
    pub direct_calls: u64,
    /// What the runs used, in units of fuel.
    pub fuel: u64,
    /// What calls cost, in runs and direct: where a server or a tool is asked for, those of it.
    pub cost: Cost,
    /// How long runs took, in milliseconds. None: none has ended.
    pub latency: Option<Latency>,
    pub(crate) latencies: Latencies,
}

/// Sums over the calls of a tool that a principal made, in runs and directly.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolStats {
    /// On whose behalf.
    pub principal: Principal,
    /// The server.
    pub server: String,
    /// The tool, by the name its server gave it.
    pub tool: String,
    /// Calls: those that were refused and those without an outcome included.
    pub calls: u64,
    /// Those among them that did not succeed.
    pub failed_calls: u64,
    /// What they cost.
    pub cost: Cost,
    /// How long dispatched calls took, in milliseconds. None: none has ended.
    pub latency: Option<Latency>,
    pub(crate) latencies: Latencies,
}

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// The median.
    pub p50_ms: u64,
    /// What 95 of 100 do not exceed.
    pub p95_ms: u64,
}

impl Stats {
    /// The sums over principals, which have the costs of their calls from those over tools.
    pub(crate) fn of(mut principals: Vec<PrincipalStats>, tools: Vec<ToolStats>) -> Self {
        for sum in &mut principals {
            sum.cost = tools.iter().filter(|tool| tool.principal == sum.principal).map(|tool| tool.cost).sum();
        }
        Self { principals, tools }
    }

    /// The sums over several journals.
    #[must_use]
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut principals, mut tools) = (BTreeMap::new(), BTreeMap::new());
        for part in parts {
            for stats in part.principals {
                merge(&mut principals, stats.principal.clone(), stats, PrincipalStats::add);
            }
            for stats in part.tools {
                let name = (stats.principal.clone(), stats.server.clone(), stats.tool.clone());
                merge(&mut tools, name, stats, ToolStats::add);
            }
        }
        Self { principals: principals.into_values().collect(), tools: tools.into_values().collect() }
    }
}

fn merge<K: Ord, S>(sums: &mut BTreeMap<K, S>, key: K, stats: S, add: impl FnOnce(&mut S, &S)) {
    match sums.entry(key) {
        Entry::Vacant(place) => drop(place.insert(stats)),
        Entry::Occupied(mut sum) => add(sum.get_mut(), &stats),
    }
}

impl PrincipalStats {
    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.failed_runs += other.failed_runs;
        self.direct_calls += other.direct_calls;
        self.fuel += other.fuel;
        self.cost = self.cost + other.cost;
        self.latencies.merge(&other.latencies);
        self.latency = self.latencies.latency();
    }
}

impl ToolStats {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failed_calls += other.failed_calls;
        self.cost = self.cost + other.cost;
        self.latencies.merge(&other.latencies);
        self.latency = self.latencies.latency();
    }
}

/// How often each latency occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Latencies(BTreeMap<u64, u64>);

impl Latencies {
    /// One that occurred so often.
    pub(crate) fn of(ms: u64, count: u64) -> Self {
        Self(BTreeMap::from([(ms, count)]))
    }

    pub(crate) fn add(&mut self, ms: u64) {
        *self.0.entry(ms).or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(ms, count)| *self.0.entry(*ms).or_default() += count);
    }

    pub(crate) fn latency(&self) -> Option<Latency> {
        let all: u64 = self.0.values().sum();
        let at = |percent: u64| {
            let mut left = (all * percent).div_ceil(100);
            self.0.iter().find_map(|(&ms, &count)| {
                left = left.saturating_sub(count);
                (left == 0).then_some(ms)
            })
        };
        (all > 0).then_some(Latency { p50_ms: at(50)?, p95_ms: at(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_journals_have_the_percentiles_of_all_calls() {
        let part = |server: &str, ms: std::ops::RangeInclusive<u64>| {
            let mut latencies = Latencies::default();
            ms.for_each(|ms| latencies.add(ms));
            let (principal, latency) = (Principal::Operator, latencies.latency());
            let (server, tool) = (server.to_owned(), "get".to_owned());
            let tools = vec![ToolStats {
                principal,
                server,
                tool,
                calls: 50,
                failed_calls: 1,
                cost: Cost::from_micros(5),
                latency,
                latencies,
            }];
            Stats { principals: Vec::new(), tools }
        };
        let merged = Stats::merged([part("b", 1..=50), part("a", 7..=7), part("b", 51..=100)]).tools;
        let sum = |sum: &ToolStats| (sum.server.clone(), sum.calls, sum.failed_calls, sum.cost.micros());
        let sums: Vec<_> = merged.iter().map(sum).collect();
        assert_eq!(sums, [("a".to_owned(), 50, 1, 5), ("b".to_owned(), 100, 2, 10)]);
        assert_eq!(merged[1].latency, Some(Latency { p50_ms: 50, p95_ms: 95 }));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.latency(), None);
        (1..=100).for_each(|ms| latencies.add(ms));
        assert_eq!(latencies.latency(), Some(Latency { p50_ms: 50, p95_ms: 95 }));
    }
}
