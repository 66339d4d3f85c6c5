//! Metrics of the gateway.
//!
//! Labels come from the configuration and from fixed lists: nothing that a script, a client or a server says makes a new
//! series.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use exuvia_access::budget::BudgetUse;
use exuvia_runtime::Report;
use exuvia_tool::Quantity;
use exuvia_upstream::{Failing, LaneCounts, ServerStatus};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::configuration::Configuration;
use crate::sessions::SessionCounts;
use crate::tool_pins::WithheldTools;

/// The media type of [`Gateway::metrics`](crate::Gateway::metrics).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    server: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct BudgetLabels {
    budget: String,
    of: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EntryLabels {
    entry: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabels {
    server: String,
}

/// Counts of one gateway.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    runs: Family<RunLabels, Counter>,
    run_seconds: Histogram,
    run_memory: Histogram,
    memory_held: Gauge,
    faults_miscounted: Gauge,
    fuel: Counter,
    rejected: Counter,
    in_flight: Family<StateLabels, Gauge>,
    direct_requests: Gauge,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<ServerLabels, Histogram>,
    append_failures: Family<EntryLabels, Counter>,
    journal_public: Gauge,
    ready: Family<ServerLabels, Gauge>,
    failing: Family<ServerLabels, Gauge>,
    lanes: Family<ServerLabels, Gauge>,
    lanes_failing: Family<ServerLabels, Gauge>,
    tools: Family<ServerLabels, Gauge>,
    withheld_tools: Family<ServerLabels, Gauge>,
    budget_used: Family<BudgetLabels, Gauge<f64, AtomicU64>>,
    budget_limit: Family<BudgetLabels, Gauge<f64, AtomicU64>>,
    budget_exceeded: Family<BudgetLabels, Counter>,
    held_calls: Gauge,
    parked: Counter,
    resumed: Counter,
    notifications_lost: Counter,
    sessions: SessionCounts,
    sessions_warm: Gauge,
    sessions_warm_memory: Gauge,
    /// The budgets that there are series of, and how often they were exceeded.
    budgets: Mutex<BTreeMap<BudgetLabels, u64>>,
    config_is_current: Gauge,
    config_taken: Gauge,
    /// The servers that there are series of, and the outcomes of their calls. Locked while any of those changes.
    known: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Metrics {
    /// `sessions` are counted where they are kept.
    pub(crate) fn new(sessions: SessionCounts) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("exuvia"),
            runs: Family::default(),
            // From 1 ms to some 4 min.
            run_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 10)),
            // From 16 MiB to 4 GiB.
            run_memory: Histogram::new(exponential_buckets(f64::from(1 << 24), 2.0, 9)),
            memory_held: Gauge::default(),
            faults_miscounted: Gauge::default(),
            fuel: Counter::default(),
            rejected: Counter::default(),
            in_flight: Family::default(),
            direct_requests: Gauge::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            append_failures: Family::default(),
            journal_public: Gauge::default(),
            ready: Family::default(),
            failing: Family::default(),
            lanes: Family::default(),
            lanes_failing: Family::default(),
            tools: Family::default(),
            withheld_tools: Family::default(),
            budget_used: Family::default(),
            budget_limit: Family::default(),
            budget_exceeded: Family::default(),
            held_calls: Gauge::default(),
            parked: Counter::default(),
            resumed: Counter::default(),
            notifications_lost: Counter::default(),
            sessions,
            sessions_warm: Gauge::default(),
            sessions_warm_memory: Gauge::default(),
            budgets: Mutex::default(),
            config_is_current: Gauge::default(),
            config_taken: Gauge::default(),
            known: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("runs", "Completed runs, by outcome", self.runs.clone());
        let help = "Run duration, queue time included";
        registry.register_with_unit("run", help, Unit::Seconds, self.run_seconds.clone());
        let help = "Peak memory of a run";
        registry.register_with_unit("run_memory_peak", help, Unit::Bytes, self.run_memory.clone());
        let help = "Memory reserved by executing runs out of runs.memory_bytes";
        registry.register_with_unit("runs_memory_held", help, Unit::Bytes, self.memory_held.clone());
        let help =
            "1 if a page fault of a script was not counted: it may have read memory of an earlier one. Report it";
        registry.register("page_faults_miscounted", help, self.faults_miscounted.clone());
        registry.register("fuel", "Fuel consumed by all runs", self.fuel.clone());
        registry.register("runs_rejected", "Runs rejected because the queue was full", self.rejected.clone());
        registry.register("runs_in_flight", "Runs in flight, by state", self.in_flight.clone());
        let help = "Requests to direct servers in flight, those waiting for client input included";
        registry.register("direct_requests_in_flight", help, self.direct_requests.clone());
        registry.register("calls", "Completed tool calls, by server and outcome", self.calls.clone());
        let help = "Tool call duration";
        registry.register_with_unit("call", help, Unit::Seconds, self.call_seconds.clone());
        let help = "Failed journal appends, by entry kind";
        registry.register("journal_append_failures", help, self.append_failures.clone());
        let help = "What retention never removes from the journal: public parts of records, index and tree";
        registry.register_with_unit("journal_public", help, Unit::Bytes, self.journal_public.clone());
        registry.register("server_ready", "1 if the server is up, else 0", self.ready.clone());
        let help = "1 if every call of the server fails, else 0";
        registry.register("server_failing", help, self.failing.clone());
        let help = "Connections to the server that belong to keys, roles, runs and clients";
        registry.register("server_lanes", help, self.lanes.clone());
        let help = "Those of them over which every call fails";
        registry.register("server_lanes_failing", help, self.lanes_failing.clone());
        registry.register("server_tools", "Tools that the server lists", self.tools.clone());
        let help = "Tools of the server that are withheld until they are accepted";
        registry.register("server_tools_withheld", help, self.withheld_tools.clone());
        let help = "What is used of a budget in its present period, as far as this process knows; of one with a counter for each \
                    key, of the key that is nearest to its limit";
        registry.register("budget_used", help, self.budget_used.clone());
        registry.register("budget_limit", "The limit of a budget", self.budget_limit.clone());
        let help = "Runs and calls that a budget refused; where it only reports, periods in which it was exceeded";
        registry.register("budget_exceeded", help, self.budget_exceeded.clone());
        registry.register(
            "held_calls",
            "Calls that wait for an approval with the instance of their run",
            self.held_calls.clone(),
        );
        let help = "Runs that were parked because they wait for approvals";
        registry.register("runs_parked", help, self.parked.clone());
        registry.register("runs_resumed", "Parked runs that were brought back", self.resumed.clone());
        let help = "Notifications of waiting approvals that reached nobody";
        registry.register("approval_notifications_lost", help, self.notifications_lost.clone());
        self.register_sessions();
        let registry = &mut self.registry;
        let help = "1 if the active configuration and certificate match their files, else 0";
        registry.register("config_last_reload_successful", help, self.config_is_current.clone());
        let help = "When they last matched";
        let name = "config_last_reload_success_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, self.config_taken.clone());
    }

    fn register_sessions(&mut self) {
        let (registry, counts) = (&mut self.registry, &self.sessions);
        let help = "Sessions of scripts whose interpreter is in memory";
        registry.register("script_sessions_warm", help, self.sessions_warm.clone());
        let help = "Memory of these interpreters";
        registry.register_with_unit(
            "script_sessions_warm_memory",
            help,
            Unit::Bytes,
            self.sessions_warm_memory.clone(),
        );
        let help = "Interpreters of sessions that were given up, by reason: warm, as many are in memory as may be; memory, a script \
                    needed theirs; idle";
        registry.register("script_sessions_evicted", help, counts.evicted.clone());
        let help = "Sessions that were brought back by running their scripts again";
        registry.register("script_sessions_revived", help, counts.revived.clone());
        let help = "Fuel charged for bringing sessions back";
        registry.register("script_sessions_revival_fuel", help, counts.revival_fuel.clone());
        let help = "Sessions that could not be brought back and never will be";
        registry.register("script_sessions_lost", help, counts.lost.clone());
    }

    /// How many interpreters of sessions are in memory, and how many bytes they hold.
    pub(crate) fn warm_sessions(&self, (sessions, bytes): (usize, u64)) {
        self.sessions_warm.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.sessions_warm_memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn run_ended(&self, report: &Report, took: Duration) {
        self.runs.get_or_create(&RunLabels { outcome: report.outcome.name().to_owned() }).inc();
        self.run_seconds.observe(took.as_secs_f64());
        self.fuel.inc_by(report.usage.fuel);
        if report.usage.memory_bytes_peak > 0 {
            self.run_memory.observe(report.usage.memory_bytes_peak as f64);
        }
    }

    /// A run that left no report.
    pub(crate) fn run_dropped(&self, outcome: &'static str) {
        self.runs.get_or_create(&RunLabels { outcome: outcome.to_owned() }).inc();
    }

    /// `entry` is the [kind](exuvia_journal::Event::kind) of what could not be recorded.
    pub(crate) fn entry_lost(&self, entry: &'static str) {
        self.append_failures.get_or_create(&EntryLabels { entry }).inc();
    }

    pub(crate) fn journal_public_bytes(&self, bytes: u64) {
        self.journal_public.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Whether page faults of scripts were counted right.
    pub(crate) fn faults_counted(&self, are_right: bool) {
        if !are_right && self.faults_miscounted.set(1) == 0 {
            tracing::error!(
                "a page was written without a page fault: a script may have read memory of an earlier one; all memory is scanned from now on; \
                 report this with the kernel's version"
            );
        }
    }

    pub(crate) fn memory_held(&self, bytes: u64) {
        self.memory_held.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The number of runs in flight that execute. The two may have been counted one after the other.
    pub(crate) fn runs_in_flight(&self, all: usize, executing: usize) {
        for (state, runs) in [("queued", all.saturating_sub(executing)), ("executing", executing)] {
            self.in_flight.get_or_create(&StateLabels { state }).set(i64::try_from(runs).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn direct_requests(&self, requests: usize) {
        self.direct_requests.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    pub(crate) fn configuration(&self, configuration: &Configuration) {
        self.config_is_current.set(i64::from(configuration.outdated().is_empty()));
        let taken = configuration.taken().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.config_taken.set(i64::try_from(taken.as_secs()).unwrap_or(i64::MAX));
    }

    /// What is used of each budget now. Series of others are removed.
    pub(crate) fn budgets(&self, used: &[BudgetUse]) {
        let mut before = std::mem::take(&mut *self.budgets.lock().unwrap_or_else(PoisonError::into_inner));
        let mut known = BTreeMap::new();
        for BudgetUse { budget, quantity, used, limit, exceeded, .. } in used {
            let labels = BudgetLabels { budget: budget.to_string(), of: quantity.name() };
            self.budget_used.get_or_create(&labels).set(in_units(*quantity, used.unwrap_or(0)));
            self.budget_limit.get_or_create(&labels).set(in_units(*quantity, *limit));
            // One that was configured otherwise counts anew.
            let counted = before.remove(&labels).filter(|counted| counted <= exceeded).unwrap_or(0);
            self.budget_exceeded.get_or_create(&labels).inc_by(exceeded - counted);
            known.insert(labels, *exceeded);
        }
        for labels in before.into_keys() {
            self.budget_used.remove(&labels);
            self.budget_limit.remove(&labels);
            self.budget_exceeded.remove(&labels);
        }
        *self.budgets.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// A call waits for an approval, as long as this exists.
    pub(crate) fn call_held(&self) -> HeldCount {
        self.held_calls.inc();
        HeldCount(self.held_calls.clone())
    }

    pub(crate) fn run_parked(&self) {
        self.parked.inc();
    }

    pub(crate) fn notification_lost(&self) {
        self.notifications_lost.inc();
    }

    pub(crate) fn run_resumed(&self) {
        self.resumed.inc();
    }

    pub(crate) fn rejected(&self) {
        self.rejected.inc();
    }

    /// `server` is one of the configuration, `outcome` a [code](exuvia_tool::CallError::code) or `ok`.
    pub(crate) fn call_ended(&self, server: &str, outcome: &str, took: Duration) {
        let mut known = self.known();
        known.entry(server.to_owned()).or_default().insert(outcome.to_owned());
        let labels = CallLabels { server: server.to_owned(), outcome: outcome.to_owned() };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.get_or_create(&ServerLabels { server: server.to_owned() }).observe(took.as_secs_f64());
    }

    /// Everything, as OpenMetrics text. What is a state and no count is taken now. `leaving` are servers that scripts still use
    /// though they are configured no more; other servers than `servers` are left out.
    pub(crate) fn text(
        &self,
        servers: &[ServerStatus],
        failing: &BTreeMap<String, Failing>,
        lanes: &BTreeMap<String, LaneCounts>,
        leaving: &[String],
        withheld: &WithheldTools,
    ) -> String {
        let mut known = self.known();
        let is_there = |name: &str| servers.iter().any(|server| server.name == name);
        known.retain(|name, outcomes| {
            if !is_there(name) {
                self.forget_state(name);
            }
            let is_counted = is_there(name) || leaving.contains(name);
            if !is_counted {
                self.forget_calls(name, outcomes);
            }
            is_counted
        });
        for server in servers {
            known.entry(server.name.clone()).or_default();
            let labels = ServerLabels { server: server.name.clone() };
            self.ready.get_or_create(&labels).set(i64::from(server.is_ready()));
            self.failing.get_or_create(&labels).set(i64::from(failing.contains_key(&server.name)));
            let lanes = lanes.get(&server.name).copied().unwrap_or_default();
            self.lanes.get_or_create(&labels).set(i64::try_from(lanes.open).unwrap_or(i64::MAX));
            self.lanes_failing.get_or_create(&labels).set(i64::try_from(lanes.failing).unwrap_or(i64::MAX));
            self.tools.get_or_create(&labels).set(i64::try_from(server.tools.len()).unwrap_or(i64::MAX));
            let withheld = withheld.count(&server.name);
            self.withheld_tools.get_or_create(&labels).set(i64::try_from(withheld).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
    fn forget_state(&self, server: &str) {
        let labels = ServerLabels { server: server.to_owned() };
        self.ready.remove(&labels);
        self.failing.remove(&labels);
        self.lanes.remove(&labels);
        self.lanes_failing.remove(&labels);
        self.tools.remove(&labels);
        self.withheld_tools.remove(&labels);
    }

    fn forget_calls(&self, server: &str, outcomes: &BTreeSet<String>) {
        self.call_seconds.remove(&ServerLabels { server: server.to_owned() });
        for outcome in outcomes {
            self.calls.remove(&CallLabels { server: server.to_owned(), outcome: outcome.clone() });
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call that is held.
pub(crate) struct HeldCount(Gauge);

impl Drop for HeldCount {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An amount in the unit of the configuration: costs are counted in millionths.
fn in_units(quantity: Quantity, amount: u64) -> f64 {
    let amount = amount as f64;
    if quantity == Quantity::Cost { amount / 1e6 } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exuvia_upstream::ServerState;

    fn server(name: &str) -> ServerStatus {
        let state = ServerState::Failed { message: String::new(), why: exuvia_tool::Absence::Failed };
        ServerStatus {
            name: name.to_owned(),
            state,
            tools: Default::default(),
            written: Default::default(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn removed_servers_have_no_series() {
        let metrics = Metrics::new(Default::default());
        let text = |servers: &[ServerStatus], leaving: &[String]| {
            metrics.text(servers, &BTreeMap::new(), &BTreeMap::new(), leaving, &WithheldTools::default())
        };
        let both = [server("crm"), server("billing")];
        for name in ["crm", "billing"] {
            metrics.call_ended(name, "ok", Duration::from_millis(1));
            metrics.call_ended(name, "denied", Duration::from_millis(1));
        }
        let lines = |text: &str, name: &str| text.lines().filter(|line| line.contains(&format!("\"{name}\""))).count();
        let whole = text(&both, &[]);
        assert_eq!(lines(&whole, "crm"), lines(&whole, "billing"));
        // Two outcomes, ready, failing, lanes, tools, withheld ones, and the buckets with their sum and count.
        assert!(lines(&whole, "crm") > 6, "{whole}");
        let leaving = text(&both[1..], &["crm".to_owned()]);
        assert_eq!(lines(&leaving, "crm"), lines(&whole, "crm") - 6, "{leaving}");
        let gone = text(&both[1..], &[]);
        assert_eq!((lines(&gone, "crm"), lines(&gone, "billing")), (0, lines(&whole, "billing")), "{gone}");
        // A call that ends late does not bring it back for long.
        metrics.call_ended("crm", "ok", Duration::from_millis(1));
        assert_eq!(lines(&text(&both[1..], &[]), "crm"), 0);
    }
}
