//! Sums over runs and calls.

use exuvia_tool::Principal;

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
    /// How long runs took, in milliseconds. None: none has ended.
    pub latency: Option<Latency>,
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
    /// How long dispatched calls took, in milliseconds. None: none has ended.
    pub latency: Option<Latency>,
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

/// How often each latency occurred.
#[derive(Debug, Default)]
pub(crate) struct Latencies(std::collections::BTreeMap<u64, u64>);

impl Latencies {
    pub(crate) fn add(&mut self, ms: u64) {
        *self.0.entry(ms).or_default() += 1;
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
    fn percentiles_are_values_that_occurred() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.latency(), None);
        (1..=100).for_each(|ms| latencies.add(ms));
        assert_eq!(latencies.latency(), Some(Latency { p50_ms: 50, p95_ms: 95 }));
    }
}
