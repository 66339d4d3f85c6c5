//! What it takes to start a server.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The variables that every server gets from the gateway's own environment, as far as they are set. Everything else must be
/// named in the server's `env`: tokens of one server are no business of another.
pub const PASSED_VARIABLES: &[&str] =
    &["HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

/// One server over stdio. Plain data: nothing here is looked up any more.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The server's name, unique among the servers.
    pub name: String,
    /// The program. Without a slash it is looked for on the `PATH` in [`env`](Self::env).
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory; the gateway's own if not given.
    pub cwd: Option<PathBuf>,
    /// How long it may take to start, answer the handshake and list its tools. At the limit the server has failed. 30 s.
    pub start_timeout: Duration,
}

impl ServerConfig {
    /// A server with the defaults and the [passed variables](PASSED_VARIABLES), which `lookup` finds.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        command: impl Into<String>,
        args: impl IntoIterator<Item = String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        // Bash passes functions as values that start like this; they are code, and nobody meant to send them.
        let passed = |name: &str| lookup(name).filter(|value| !value.starts_with("()"));
        let env = PASSED_VARIABLES.iter().filter_map(|&name| Some((name.to_owned(), passed(name)?))).collect();
        Self {
            name: name.into(),
            command: command.into(),
            args: args.into_iter().collect(),
            env,
            cwd: None,
            start_timeout: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and variables hold tokens.
        f.debug_struct("ServerConfig").field("name", &self.name).field("command", &self.command).finish_non_exhaustive()
    }
}

/// Bounds on what servers may send and on what is asked of one at a time.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamLimits {
    /// The longest line of a server, in bytes. An answer in a longer line ends its call as `limit-reached`. JSON in JSON is
    /// escaped, so this should be twice the largest `call_result_bytes`. 128 MiB.
    pub line_bytes: usize,
    /// Calls to one server at a time. Further calls wait, within their timeouts. 128.
    pub calls_in_flight: usize,
    /// Tools of one server; further ones are left out with a warning. 10,000.
    pub tools: usize,
    /// Pages of one tool list; what follows is left out with a warning. 1,000.
    pub list_pages: usize,
    /// All pages of one tool list together, in bytes; what follows is left out with a warning. 64 MiB.
    pub list_bytes: usize,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self { line_bytes: 128 << 20, calls_in_flight: 128, tools: 10_000, list_pages: 1_000, list_bytes: 64 << 20 }
    }
}

/// Bounds on one call.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// How long the call may take, waiting for its turn and for a restart of its server included. At the limit it ends as
    /// `timed-out`, and the server is told.
    pub timeout: Duration,
    /// The value of the call as JSON text, in bytes. A larger one ends the call as `limit-reached`.
    pub result_bytes: u64,
}

/// Something in a configuration that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file, as it was given.
    pub file: String,
    /// The server, if it concerns one.
    pub server: Option<String>,
    /// The key in the server's entry, if it concerns one.
    pub key: Option<String>,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(server) = &self.server {
            write!(f, "mcpServers.{server}")?;
            if let Some(key) = &self.key {
                write!(f, ".{key}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}
