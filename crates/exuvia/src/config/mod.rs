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
#[cfg(test)]
mod fuzz;
mod http;
mod import;
mod limits;
mod mcp_file;
mod paths;
mod policy;
mod profile;
mod resolve;
mod schema;
mod server;
mod sources;
mod summary;
mod totals;
mod trust;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use exuvia_catalog::files::{Layout, Layouts};
use exuvia_config::{ConfigError, ServerConfig, UpstreamLimits};
use exuvia_gateway::{Mode, OnDisconnect, Profile, Profiles, QueueLimits};
use exuvia_policy::Policy;
use exuvia_runtime::{EngineConfig, Limits};
use exuvia_server::http::{HttpConfig, TlsFiles};

pub(crate) use import::KnownClient;
pub(crate) use paths::{Paths, from_home};
pub(crate) use schema::schema;
pub(crate) use sources::load;
pub(crate) use summary::summary;
pub(crate) use totals::{smaller_limit, totals};
pub(crate) use written::{LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS};

use crate::machine::Memory;

/// The most that a model is shown of one answer, in bytes: about 16,000 tokens.
const ANSWER_BYTES: usize = 64 << 10;

/// What the program runs on: everything looked up, everything checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The servers, in the order of the file, its includes, `--mcp-config` and `--server`.
    pub(crate) servers: Vec<Server>,
    /// Which servers clients meet that name a profile.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// Who may call what.
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) answer_bytes: usize,
    pub(crate) upstream_limits: UpstreamLimits,
    pub(crate) runs: Runs,
    /// Where MCP over HTTP is served, where it is said.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) http: HttpConfig,
    /// What makes that HTTPS. Read by who serves: nobody else needs to be able to.
    pub(crate) tls: Option<TlsFiles>,
    /// Where spans go, where it is said here.
    pub(crate) collector: Option<Collector>,
    /// What is configured and left out, for the operator.
    pub(crate) notices: Vec<ConfigError>,
    /// The files that it may come from, whether they are there or not.
    pub(crate) files: Vec<PathBuf>,
}

/// The address of a collector. Its path may hold a token.
#[derive(Clone)]
pub(crate) struct Collector(pub(crate) String);

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

/// How many scripts may be on their way.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Those that execute.
    pub(crate) concurrent: u32,
    /// The memory of those together, where it is said.
    pub(crate) memory_bytes: Option<u64>,
    /// All of them.
    pub(crate) queue: QueueLimits,
    /// What becomes of one whose client goes away.
    pub(crate) on_disconnect: OnDisconnect,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            concurrent: EngineConfig::default().concurrent_runs,
            memory_bytes: None,
            queue: QueueLimits::default(),
            on_disconnect: OnDisconnect::default(),
        }
    }
}

/// One server, and how its tools are shown.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: ServerConfig,
    pub(crate) mode: Mode,
    pub(crate) layout: Layout,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            profiles: BTreeMap::new(),
            policy: Policy::default(),
            limits: Limits::default(),
            answer_bytes: ANSWER_BYTES,
            upstream_limits: UpstreamLimits::default(),
            runs: Runs::default(),
            listen: None,
            http: HttpConfig::default(),
            tls: None,
            collector: None,
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
    /// The engine that it asks for, on a machine with this memory.
    pub(crate) fn engine(&self, memory: Option<Memory>) -> EngineConfig {
        let default = EngineConfig::default();
        let runs_memory_bytes = self.runs.memory_bytes.or(memory.map(Memory::for_runs));
        EngineConfig {
            concurrent_runs: self.runs.concurrent,
            runs_memory_bytes: runs_memory_bytes.unwrap_or(default.runs_memory_bytes),
            ..default
        }
    }

    /// How each server's stubs are cut into files.
    pub(crate) fn layouts(&self) -> Layouts {
        let servers = self.servers.iter();
        servers.fold(Layouts::default(), |layouts, server| layouts.with(&server.config.name, server.layout))
    }

    /// What clients meet: every server in its mode, and the named profiles.
    pub(crate) fn profiles(&self) -> Profiles {
        let default = self.servers.iter().map(|server| (server.config.name.clone(), server.mode));
        Profiles { default: Profile::new(default), named: self.profiles.clone() }
    }

    /// What whoever types a command meets: every server, for scripts.
    pub(crate) fn for_operator(&self) -> Profiles {
        Profiles::scripts(self.servers.iter().map(|server| server.config.name.clone()))
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub(crate) struct ConfigErrors {
    errors: Vec<ConfigError>,
    /// The files that it may come from, as far as that is known.
    pub(crate) files: Vec<PathBuf>,
}

impl ConfigErrors {
    /// How many there are and where the first one is, without a path or a value: for whoever asks for health.
    pub(crate) fn places(&self) -> String {
        let Some(first) = self.errors.first() else { return "it cannot be read".to_owned() };
        let file = Path::new(&first.file).file_name().unwrap_or_default().to_string_lossy();
        let line = first.line.map(|line| format!(":{line}")).unwrap_or_default();
        let key = if first.key.is_empty() { String::new() } else { format!(" {}", first.key) };
        let count = match self.errors.len() {
            1 => "an error at".to_owned(),
            more => format!("{more} errors, the first at"),
        };
        format!("{count} {file}{line}{key}; see the log")
    }
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
