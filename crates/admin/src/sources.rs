//! What the API reads that the program has: journals, stores, the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use exuvia_config::{
    AccessConfig, Config, ConfigErrors, ConfiguredServer, FunctionsConfig, Mode, PinMode, Transport, WorkspacesConfig,
};
use exuvia_journal::{AccessStore, ApprovalStore, FunctionStore, Journal};
use exuvia_pins::PinFolder;
use exuvia_policy::{Policy, Redaction};
use exuvia_tool::BoxFuture;

use crate::journals::Journals;

/// What a program gives its admin API.
pub trait Sources: Send + Sync {
    /// The journals that the command line would read: that of the process, and those beside it.
    fn journals(&self) -> BoxFuture<'_, Result<Journals, SourceError>>;

    /// The journal of the process. None: it is not open yet.
    fn journal(&self) -> Option<Arc<dyn Journal>>;

    /// The store of keys and budgets.
    fn access_store(&self) -> Result<Arc<dyn AccessStore>, SourceError>;

    /// The counters of budgets: those of the store, or of this process alone.
    fn counters(&self) -> Arc<dyn AccessStore>;

    /// Names the store of keys and budgets, without telling where it is: the same for all programs that share it. None: nobody can say.
    fn store_id(&self) -> Option<String>;

    /// The store of approvals.
    fn approvals(&self) -> Result<Arc<dyn ApprovalStore>, SourceError>;

    /// The store of saved functions.
    fn functions(&self) -> Result<Arc<dyn FunctionStore>, SourceError>;

    /// Where pins of tools are kept. None: the user has no home.
    fn pin_folder(&self) -> Option<PinFolder>;

    /// The configuration that was read last and is in use.
    fn config(&self) -> Arc<EffectiveConfig>;

    /// Reads a configuration that is not in use, from the text of an `exuvia.toml` in the place of the present one. Starts nothing.
    fn read_config<'a>(&'a self, toml: &'a str) -> BoxFuture<'a, Result<Config, ReadError>>;
}

/// A configuration cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// This is wrong with it.
    Wrong(ConfigErrors),
    /// It could not be looked at.
    Unavailable(SourceError),
}

/// A configuration that is in use, as far as the API shows or uses it.
#[derive(Debug, Clone, Default)]
pub struct EffectiveConfig {
    /// For people: a line for each server, list and profile, without secrets.
    pub summary: String,
    /// The same as an `exuvia.toml`, with the defaults.
    pub toml: String,
    /// Where traces are shown: a URL with `{trace_id}`.
    pub trace_url: Option<String>,
    /// What is hidden of recorded content.
    pub redaction: Redaction,
    /// Roles, keys, budgets.
    pub access: AccessConfig,
    /// What comes of tools that are not as they were first seen, by server.
    pub pins: BTreeMap<String, PinMode>,
    /// The files of scripts.
    pub workspaces: WorkspacesConfig,
    /// Saved functions. None: there are none.
    pub functions: Option<FunctionsConfig>,
    /// Who may call what.
    pub policy: Policy,
    /// The servers, in their order.
    pub servers: Vec<ServerSummary>,
}

/// A server of a configuration.
#[derive(Debug, Clone)]
pub struct ServerSummary {
    /// Its name.
    pub name: String,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// `code` or `direct`.
    pub mode: &'static str,
}

impl EffectiveConfig {
    /// What is shown and used of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            summary: exuvia_config::summary(config),
            toml: exuvia_config::effective_toml(config),
            trace_url: config.admin.trace_url.clone(),
            redaction: config.journal.redaction.clone(),
            access: config.access.clone(),
            pins: config.pins.clone(),
            workspaces: config.workspaces.clone(),
            functions: config.functions.clone(),
            policy: config.policy.clone(),
            servers: config.servers.iter().map(ServerSummary::of).collect(),
        }
    }
}

impl ServerSummary {
    fn of(server: &ConfiguredServer) -> Self {
        Self {
            name: server.config.name.clone(),
            transport: match server.config.transport {
                Transport::Stdio(_) => "stdio",
                Transport::Http(_) => "http",
            },
            mode: if server.mode == Mode::Direct { "direct" } else { "code" },
        }
    }
}

/// Something cannot be opened or read now.
#[derive(Debug)]
pub struct SourceError(Box<dyn std::error::Error + Send + Sync>);

impl SourceError {
    /// For this reason, which the operator is shown.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for SourceError {}
