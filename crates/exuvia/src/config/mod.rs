//! Configuration: what the user wrote (`written`) and what the program runs on ([`Config`]).
//!
//! A file is read to a [`document`], checked against the schema that editors use (`schema`), then
//! [resolved](resolve): variables, paths, defaults. Each step tells all of its errors and hands on what is right, so
//! that everything wrong is told at once.

mod bytes;
mod complaint;
mod document;
mod flag;
mod found;
mod http;
mod import;
mod limits;
mod paths;
mod policy;
mod resolve;
mod schema;
mod server;
mod sources;
mod summary;
mod written;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use exuvia_catalog::files::{Layout, Layouts};
use exuvia_gateway::QueueLimits;
use exuvia_policy::Policy;
use exuvia_runtime::{EngineConfig, Limits};
use exuvia_server::http::HttpConfig;
use exuvia_upstream::{ConfigError, ServerConfig, UpstreamLimits};

pub(crate) use import::KnownClient;
pub(crate) use paths::Paths;
pub(crate) use schema::schema;
pub(crate) use sources::load;
pub(crate) use summary::summary;

/// The most that a model is shown of one answer, in bytes: about 16,000 tokens.
const ANSWER_BYTES: usize = 64 << 10;

/// What the program runs on: everything looked up, everything checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The servers, in the order of the file, its includes, `--mcp-config` and `--server`.
    pub(crate) servers: Vec<Server>,
    /// Who may call what.
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) answer_bytes: usize,
    pub(crate) upstream_limits: UpstreamLimits,
    pub(crate) runs: Runs,
    /// Where MCP over HTTP is served, where it is said.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) http: HttpConfig,
    /// What is configured and left out, for the operator.
    pub(crate) notices: Vec<ConfigError>,
    /// The files that it may come from, whether they are there or not.
    pub(crate) files: Vec<PathBuf>,
}

/// How many scripts may be on their way.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Those that execute.
    pub(crate) concurrent: u32,
    /// All of them.
    pub(crate) queue: QueueLimits,
}

impl Default for Runs {
    fn default() -> Self {
        Self { concurrent: EngineConfig::default().concurrent_runs, queue: QueueLimits::default() }
    }
}

/// One server, and how its tools are shown.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: ServerConfig,
    pub(crate) mode: Mode,
    pub(crate) layout: Layout,
}

/// Who calls a server's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Scripts.
    Code,
    /// Clients, which see the tools as they are.
    Direct,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            policy: Policy::default(),
            limits: Limits::default(),
            answer_bytes: ANSWER_BYTES,
            upstream_limits: UpstreamLimits::default(),
            runs: Runs::default(),
            listen: None,
            http: HttpConfig::default(),
            notices: Vec::new(),
            files: Vec::new(),
        }
    }
}

impl From<ServerConfig> for Server {
    fn from(config: ServerConfig) -> Self {
        Self { config, mode: Mode::Code, layout: Layout::Server }
    }
}

impl Config {
    /// How each server's stubs are cut into files.
    pub(crate) fn layouts(&self) -> Layouts {
        let servers = self.servers.iter();
        servers.fold(Layouts::default(), |layouts, server| layouts.with(&server.config.name, server.layout))
    }

    /// Takes out the servers that clients are to see as they are, and names them.
    pub(crate) fn take_direct(&mut self) -> Vec<String> {
        let is_direct = |server: &mut Server| server.mode == Mode::Direct;
        self.servers.extract_if(.., is_direct).map(|server| server.config.name).collect()
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub(crate) struct ConfigErrors {
    errors: Vec<ConfigError>,
    /// The files that it may come from, as far as that is known.
    pub(crate) files: Vec<PathBuf>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.errors.len() > 1 {
            write!(f, "{} errors in the configuration", self.errors.len())?;
        }
        for (index, error) in self.errors.iter().enumerate() {
            let gap = if index == 0 && self.errors.len() == 1 { "" } else { "\n" };
            write!(f, "{gap}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
