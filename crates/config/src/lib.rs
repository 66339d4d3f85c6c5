//! The configuration of a gateway: `exuvia.toml`, `mcpServers` files and the files of other clients, read, checked and explained.
//!
//! [`Sources`] say where it comes from; [`load`](Sources::load) gives a [`Config`], which is plain data, or [everything that is
//! wrong](ConfigErrors). [`schema`] is what editors check `exuvia.toml` with, and [`summary`] says what would run. Nothing here
//! starts or connects to anything.
//!
//! ```
//! use exuvia_config::{Paths, Sources, summary};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let file = folder.path().join("exuvia.toml");
//! let sources = Sources { config: Some(file.clone()), ..Sources::default() };
//!
//! std::fs::write(&file, "[servers.crm]\ncommand = 'crm-mcp'\nauto_execute = ['get_*']\n[limits]\nwall_ms = 5_000\n").unwrap();
//! let config = sources.load(&Paths::default()).unwrap();
//! assert_eq!(config.servers[0].config.name, "crm");
//! assert_eq!((config.limits.wall_ms, config.limits.tool_calls), (5_000, 10_000));
//! assert_eq!(summary(&config), "crm: runs crm-mcp; auto_execute get_*\n");
//!
//! std::fs::write(&file, "[servers.crm]\ncomand = 'crm-mcp'\n[limits]\nwall_ms = 5\n").unwrap();
//! let wrong = sources.load(&Paths::default()).unwrap_err();
//! let places: Vec<_> = wrong.errors.iter().map(|error| (error.line, error.key.as_str())).collect();
//! assert_eq!(places, [(Some(1), "servers.crm"), (Some(2), "servers.crm.comand"), (Some(4), "limits.wall_ms")]);
//! assert!(wrong.errors[1].message.contains("`command`"), "{wrong}");
//! ```

#[cfg(not(unix))]
compile_error!(
    "the program exuvia runs on Linux and macOS alone: on Windows use it in WSL, or use the sandbox from JavaScript (npm package exuvia)"
);

mod access;
mod admin;
mod approvals;
mod budget;
mod builder;
mod choices;
mod config;
mod credential_refs;
mod effective;
mod error;
mod expand;
mod exuvia_toml;
mod file;
mod flag;
mod functions;
#[doc(hidden)]
pub mod fuzzing;
mod identity_provider;
mod import;
mod journal;
mod listen;
mod mcp_file;
mod merged_policy;
mod paths;
mod pin;
mod profile;
mod role_credential;
mod runs;
mod server_refs;
mod servers;
mod sessions;
mod sources;
mod summary;
mod trust;
mod workspace;

pub use access::{AccessConfig, KeyConfig, LoweredLimits, RoleConfig};
pub use admin::AdminConfig;
pub use approvals::{ApprovalLimits, ApprovalsConfig, Webhook, WebhookSecret};
pub use budget::{BudgetAction, BudgetConfig, Each, Members, Period};
pub use config::{Collector, Config, ConfigErrors, ConfiguredServer};
pub use effective::effective_toml;
pub use error::ConfigError;
pub use expand::expand;
pub use exuvia_toml::{LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS, schema};
pub use file::ConfigFile;
pub use functions::FunctionsConfig;
pub use identity_provider::{ClaimPath, IdentityProviderConfig, Issuer, PublicUrl, RoleMapping, SigningAlgorithm};
pub use import::yaml::tree as yaml_tree;
pub use import::{ClientFile, ClientPaths, ClientServers, FileSyntax, KnownClient, MovableServer, ServerScope};
pub use ipnet::IpNet;
pub use journal::{DatabaseUrl, JournalConfig, JournalStore};
pub use listen::{HttpConfig, TlsFiles};
pub use paths::{Paths, from_home};
pub use pin::PinMode;
pub use profile::{FileAccess, Mode, Profile, Profiles};
pub use role_credential::{RoleCredential, UnusableCredential};
pub use runs::{OnDisconnect, QueueLimits, Runs};
pub use rustls::pki_types::CertificateDer;
pub use servers::{
    ClientCredentials, CodeGrant, EnvFile, Environment, Era, Grant, HeaderCommand, Http, HttpProtocol, McpServers,
    OAuth, PASSED_VARIABLES, Proxy, ServerConfig, Share, Stdio, ToolLists, Transport, UpstreamLimits, is_loopback,
    parse_mcp_servers, passed_variables,
};
pub use sessions::{SessionShare, SessionsConfig};
pub use sources::Sources;
pub use summary::summary;
pub use workspace::{WorkspaceConfig, WorkspaceShare, WorkspacesConfig};

use servers::{parse_mcp_servers_at, relaxed_json, tool_pattern};
