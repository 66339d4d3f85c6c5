//! Whether everything works.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::ApiError;
use crate::operation::Ask;

/// Whether everything works.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    /// `ok`, `starting`, or `degraded`: something needs the operator.
    status: &'static str,
    /// The version of the program.
    version: &'static str,
    /// Whether the gateway has started.
    started: bool,
    /// Whether the journal keeps what is appended. While it does not, no script runs.
    recording: bool,
    /// What of the files is not in force, and why.
    outdated: Vec<OutdatedView>,
    /// Servers that are ready.
    servers_ready: usize,
    /// Servers that are configured.
    servers: usize,
    /// Scripts in flight.
    runs: usize,
}

/// A part of the files that is not in force.
#[derive(Serialize, JsonSchema)]
struct OutdatedView {
    /// Which part.
    what: String,
    /// Why.
    why: String,
}

pub(super) async fn show(ask: Ask) -> Result<Health, ApiError> {
    let version = env!("CARGO_PKG_VERSION");
    if !ask.admin.is_started() {
        let (started, recording, outdated) = (false, false, Vec::new());
        let status = "starting";
        return Ok(Health { status, version, started, recording, outdated, servers_ready: 0, servers: 0, runs: 0 });
    }
    let gateway = ask.admin.gateway()?;
    let outdated = gateway.configuration().outdated();
    let outdated: Vec<_> =
        outdated.into_iter().map(|part| OutdatedView { what: part.part.name().to_owned(), why: part.why }).collect();
    let (servers, failing, recording) = (gateway.servers(), gateway.failing(), gateway.is_recording());
    let servers_ready = servers.iter().filter(|server| server.is_ready()).count() - failing.len().min(servers.len());
    let is_well = recording && outdated.is_empty() && servers_ready == servers.len();
    Ok(Health {
        status: if is_well { "ok" } else { "degraded" },
        version,
        started: true,
        recording,
        outdated,
        servers_ready,
        servers: servers.len(),
        runs: gateway.runs(),
    })
}
