//! The configuration of a gateway: read, checked, and as plain data.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by a panic"))]

mod error;
mod expand;
mod file;
mod servers;

pub use error::ConfigError;
pub use expand::expand;
pub use file::ConfigFile;
pub use rustls::pki_types::CertificateDer;
pub use servers::{
    ClientCredentials, CodeGrant, EnvFile, Environment, Era, Grant, HeaderCommand, Http, HttpProtocol, McpServers,
    OAuth, PASSED_VARIABLES, Proxy, ServerConfig, Share, Stdio, ToolLists, Transport, UpstreamLimits, check,
    is_loopback, parse_mcp_servers, parse_mcp_servers_at, passed_variables, relaxed_json, tool_pattern,
};
