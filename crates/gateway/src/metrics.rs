//! What an operator's machine counts.
//!
//! Labels come from the configuration and from fixed lists: nothing that a script, a client or a server says makes a new
//! series.

use std::time::Duration;

use exuvia_runtime::Report;
use exuvia_upstream::ServerStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

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
    fuel: Counter,
    turned_away: Counter,
    on_their_way: Gauge,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<ServerLabels, Histogram>,
    ready: Family<ServerLabels, Gauge>,
    tools: Family<ServerLabels, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("exuvia"),
            runs: Family::default(),
            // From 1 ms to some 4 min.
            run_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 10)),
            // From 16 MiB to 4 GiB.
            run_memory: Histogram::new(exponential_buckets(f64::from(1 << 24), 2.0, 9)),
            fuel: Counter::default(),
            turned_away: Counter::default(),
            on_their_way: Gauge::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            ready: Family::default(),
            tools: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("runs", "Scripts that came to an end, by outcome", self.runs.clone());
        let help = "From a script's place in the queue to its report";
        registry.register_with_unit("run", help, Unit::Seconds, self.run_seconds.clone());
        let help = "The most memory that a script used";
        registry.register_with_unit("run_memory_peak", help, Unit::Bytes, self.run_memory.clone());
        registry.register("fuel", "Work of all scripts, in units of fuel", self.fuel.clone());
        registry.register("runs_turned_away", "Scripts that found no place in the queue", self.turned_away.clone());
        registry.register(
            "runs_on_their_way",
            "Scripts that execute or wait for their turn",
            self.on_their_way.clone(),
        );
        registry.register("calls", "Tool calls that came to an end, by server and outcome", self.calls.clone());
        let help = "From a tool call to its end";
        registry.register_with_unit("call", help, Unit::Seconds, self.call_seconds.clone());
        registry.register("server_ready", "Whether the server answers: 1, or 0", self.ready.clone());
        registry.register("server_tools", "Tools that the server lists", self.tools.clone());
    }

    pub(crate) fn run_ended(&self, report: &Report, took: Duration) {
        self.runs.get_or_create(&RunLabels { outcome: report.outcome.name().to_owned() }).inc();
        self.run_seconds.observe(took.as_secs_f64());
        self.fuel.inc_by(report.usage.fuel);
        if report.usage.memory_bytes_peak > 0 {
            self.run_memory.observe(report.usage.memory_bytes_peak as f64);
        }
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// `server` is one of the configuration, `outcome` a [code](exuvia_tool::CallError::code) or `ok`.
    pub(crate) fn call_ended(&self, server: &str, outcome: &str, took: Duration) {
        let labels = CallLabels { server: server.to_owned(), outcome: outcome.to_owned() };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.get_or_create(&ServerLabels { server: server.to_owned() }).observe(took.as_secs_f64());
    }

    /// Everything, as OpenMetrics text. What is a state and no count is taken now.
    pub(crate) fn text(&self, on_their_way: usize, servers: &[ServerStatus]) -> String {
        self.on_their_way.set(i64::try_from(on_their_way).unwrap_or(i64::MAX));
        for server in servers {
            let labels = ServerLabels { server: server.name.clone() };
            self.ready.get_or_create(&labels).set(i64::from(server.is_ready()));
            self.tools.get_or_create(&labels).set(i64::try_from(server.tools.len()).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
