//! The configuration of a server. Plain data: everything is resolved.

pub(crate) mod check;
mod http;
mod limits;
mod mcp_servers;
mod proxy;
mod stdio;

use std::collections::BTreeMap;
use std::time::Duration;

pub use check::is_loopback;
use exuvia_tool::CredentialId;
pub use http::{ClientCredentials, CodeGrant, Grant, HeaderCommand, Http, HttpProtocol, OAuth};
pub use limits::UpstreamLimits;
pub use mcp_servers::{EnvFile, Environment, McpServers, ToolLists, parse_mcp_servers};
pub(crate) use mcp_servers::{parse_mcp_servers_at, relaxed_json, tool_pattern};
pub use proxy::Proxy;
use schemars::JsonSchema;
use serde::Deserialize;
pub use stdio::{PASSED_VARIABLES, Stdio, passed_variables};

use crate::RoleCredential;
use crate::choices::values_only;

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The server's name, unique among the servers.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// How long it may take to start, answer the handshake and list its tools. At the limit the server has failed. 30 s.
    pub start_timeout: Duration,
    /// How long one call to it may take; a run's own limit counts as well, the shorter one wins. 1 hour, so that the run's
    /// counts alone.
    pub call_timeout: Duration,
    /// A progress notification of the server gives the call as much time again as it had, up to this in all. None: progress gives no
    /// time.
    pub max_call_timeout: Option<Duration>,
    /// The era of the protocol that it speaks. Without it, it is found out at each first connection, which takes 10 s with a
    /// server of the legacy era that does not answer what it does not know.
    pub era: Option<Era>,
    /// How long a client may take to answer what the server asks it in the middle of a request. At the limit the server receives
    /// that the user made no choice. 1 minute.
    pub question_timeout: Duration,
    /// Who shares a connection to it. [`Share::All`].
    pub share: Share,
    /// The longest interval between refreshes of its tool list. 10 minutes.
    pub refresh: Duration,
    /// Whether clients speak with it themselves: its tools are kept as it lists them, and it may ask what a client can be
    /// asked. `false`.
    pub direct: bool,
    /// What callers show it instead, by the names of their credentials. Empty: all callers show the same.
    pub credentials: BTreeMap<CredentialId, RoleCredential>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each configured server")]
pub enum Transport {
    /// A child process, over its standard input and output.
    Stdio(Stdio),
    /// Over HTTP.
    Http(Http),
}

/// Which of the two forms of the protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28 and later: stateless, `server/discover`.
    Modern,
    /// Up to 2025-11-25: `initialize`, a session.
    Legacy,
}

/// Who shares a connection to a server, and with it the server's state, its failures and its circuit breaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum Share {
    /// Everybody.
    #[default]
    All,
    /// All runs of one virtual key, or of one user.
    Key,
    /// Nobody: every run has its own, which ends with the run.
    Run,
}

impl ServerConfig {
    /// A server with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        Self {
            name: name.into(),
            transport,
            start_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(3600),
            max_call_timeout: None,
            era: None,
            question_timeout: Duration::from_secs(60),
            share: Share::All,
            refresh: Duration::from_secs(600),
            direct: false,
            credentials: BTreeMap::new(),
        }
    }

    /// A child process with the defaults and the [passed variables](PASSED_VARIABLES), which `lookup` finds.
    #[must_use]
    pub fn stdio(
        name: impl Into<String>,
        command: impl Into<String>,
        args: impl IntoIterator<Item = String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self::new(name, Transport::Stdio(Stdio::new(command, args, lookup)))
    }
}
