//! A gateway over servers that are real child processes.

use std::env;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail, ensure};
use exuvia_benches::{engine, program};
use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_gateway::{
    Client, Gateway, GatewayConfig, OnDisconnect, PrePass, Profiles, QueueLimits, Settings, StartedBy, now_ms,
};
use exuvia_journal::MemoryJournal;
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_upstream::{ServerState, Upstreams};

/// What the record of runs and calls may take, in bytes.
const JOURNAL_BYTES: usize = 16 << 20;

/// As the program puts it together.
pub(crate) struct Session {
    pub(crate) gateway: Gateway,
    pub(crate) upstreams: Arc<Upstreams>,
}

impl Session {
    /// One server, `echo`, that takes `delay_ms` per call.
    pub(crate) async fn echo(delay_ms: u64, limits: Limits, upstream: UpstreamLimits) -> Result<Self> {
        let arguments = format!("sample echo --delay-ms {delay_ms}");
        Self::start(vec![server("echo", &arguments)?], limits, upstream).await
    }

    pub(crate) async fn start(servers: Vec<ServerConfig>, limits: Limits, upstream: UpstreamLimits) -> Result<Self> {
        let upstreams = Arc::new(Upstreams::start(servers, upstream).await);
        for server in upstreams.servers().iter() {
            if let ServerState::Failed { message, .. } = &server.state {
                bail!("{} did not start: {message}", server.name);
            }
        }
        let names: Vec<String> = upstreams.servers().iter().map(|server| server.name.clone()).collect();
        let policy = Policy::compile(PolicySource::default(), names.iter().map(String::as_str));
        let policy = policy.map_err(|errors| anyhow!("{errors:?}"))?;
        let gateway = Gateway::new(GatewayConfig {
            engine: engine()?,
            upstreams: Arc::clone(&upstreams),
            journal: Arc::new(MemoryJournal::new(JOURNAL_BYTES, now_ms)),
            pre_pass: PrePass::On,
            settings: Settings {
                layouts: Default::default(),
                profiles: Profiles::scripts(names),
                policy: Arc::new(policy),
                queue: QueueLimits { runs: 10_000, runs_per_client: 10_000 },
                limits,
                answer_bytes: 64 << 10,
                on_disconnect: OnDisconnect::Cancel,
            },
        })?;
        Ok(Self { gateway, upstreams })
    }

    /// Runs a script through the gateway, to whatever end.
    pub(crate) async fn run(&self, source: &str) -> Report {
        let run = self.gateway.start(
            &self.gateway.default_view(),
            Script::new(source),
            StartedBy::Operator,
            &Client::new("gates"),
        );
        run.expect("room for a run").report().await
    }

    /// Runs a script that must return this JSON.
    pub(crate) async fn returns(&self, source: &str, expected: &str) -> Result<Report> {
        let report = self.run(source).await;
        let result = exuvia_benches::returned(&report)?;
        ensure!(result == expected, "{result} instead of {expected}: {source}");
        Ok(report)
    }
}

/// A bundled sample as a server.
pub(crate) fn server(name: &str, arguments: &str) -> Result<ServerConfig> {
    let program = program()?.display().to_string();
    let arguments = arguments.split(' ').map(str::to_owned);
    Ok(ServerConfig::stdio(name, program, arguments, &|variable| env::var(variable).ok()))
}
