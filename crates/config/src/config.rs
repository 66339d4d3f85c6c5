//! A configuration that was read: everything looked up, everything checked, plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use exuvia_catalog::files::{Layout, Layouts};
use exuvia_policy::Policy;
use exuvia_tool::Limits;

use crate::functions::FUNCTIONS;
use crate::{
    AccessConfig, AdminConfig, ApprovalsConfig, ConfigError, FunctionsConfig, HttpConfig, JournalConfig, Mode, PinMode,
    Profile, Profiles, Runs, ServerConfig, SessionsConfig, TlsFiles, UpstreamLimits, WorkspacesConfig,
};

/// The most that a model is shown of one answer, in bytes: about 16,000 tokens.
pub(crate) const ANSWER_BYTES: usize = 64 << 10;

/// About how many tokens of a script's result and log a model is shown.
pub(crate) const PREVIEW_TOKENS: usize = 2_000;

/// What a gateway runs on: everything looked up, everything checked.
#[derive(Debug)]
pub struct Config {
    /// The servers, in the order of the file, its includes, `--mcp-config` and `--server`.
    pub servers: Vec<ConfiguredServer>,
    /// Which servers clients meet that name a profile.
    pub profiles: BTreeMap<String, Profile>,
    /// Who may call what.
    pub policy: Policy,
    /// The limits of every run.
    pub limits: Limits,
    /// The most that a model is shown of one answer, in bytes.
    pub answer_bytes: usize,
    /// About how many tokens of a script's result and log a model is shown.
    pub preview_tokens: usize,
    /// Whether the shapes of answers are learned, and shown in stubs.
    pub learn_shapes: bool,
    /// Whether the shapes that ship with the program are shown of servers that are recognized.
    pub shipped_shapes: bool,
    /// What comes of tools that are not as they were first seen, for each server.
    pub pins: BTreeMap<String, PinMode>,
    /// The limits of every server.
    pub upstream_limits: UpstreamLimits,
    /// How many scripts may be in flight.
    pub runs: Runs,
    /// The address of MCP over HTTP, if configured.
    pub listen: Option<SocketAddr>,
    /// The limits of that.
    pub http: HttpConfig,
    /// The certificate for HTTPS. Read by `serve` alone, because other commands need no access to it.
    pub tls: Option<TlsFiles>,
    /// Where spans are exported to, if configured here.
    pub collector: Option<Collector>,
    /// Where runs and calls are recorded.
    pub journal: JournalConfig,
    /// The listener of the admin API.
    pub admin: AdminConfig,
    /// How people learn that approvals wait, and how much may.
    pub approvals: ApprovalsConfig,
    /// Where scripts keep files.
    pub workspaces: WorkspacesConfig,
    /// How scripts go on where earlier ones stopped. None: they do not.
    pub sessions: Option<SessionsConfig>,
    /// Saved functions. None: there are none.
    pub functions: Option<FunctionsConfig>,
    /// Who may use it beside the operator.
    pub access: AccessConfig,
    /// What is configured and left out, for the operator.
    pub notices: Vec<ConfigError>,
    /// The files that it may come from, whether they are there or not.
    pub files: Vec<PathBuf>,
}

/// The address of a collector. Its path may hold a token.
#[derive(Clone)]
pub struct Collector(pub String);

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

/// One server, and how its tools are shown.
#[derive(Debug)]
pub struct ConfiguredServer {
    /// Its settings.
    pub config: ServerConfig,
    /// Who calls its tools.
    pub mode: Mode,
    /// How its stubs are cut into files.
    pub layout: Layout,
    /// What models are to read of its data before they write a script.
    pub notes: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            profiles: BTreeMap::new(),
            policy: Policy::default(),
            limits: Limits::default(),
            answer_bytes: ANSWER_BYTES,
            preview_tokens: PREVIEW_TOKENS,
            learn_shapes: true,
            shipped_shapes: true,
            pins: BTreeMap::new(),
            upstream_limits: UpstreamLimits::default(),
            runs: Runs::default(),
            listen: None,
            http: HttpConfig::default(),
            tls: None,
            collector: None,
            journal: JournalConfig::default(),
            admin: AdminConfig::default(),
            approvals: ApprovalsConfig::default(),
            workspaces: WorkspacesConfig::default(),
            sessions: None,
            functions: None,
            access: AccessConfig::default(),
            notices: Vec::new(),
            files: Vec::new(),
        }
    }
}

impl From<ServerConfig> for ConfiguredServer {
    fn from(config: ServerConfig) -> Self {
        Self { config, mode: Mode::Code, layout: Layout::Server, notes: None }
    }
}

impl Config {
    /// How each server's stubs are cut into files, and the notes on it.
    #[must_use]
    pub fn layouts(&self) -> Layouts {
        let servers = self.servers.iter();
        servers.fold(Layouts::default(), |layouts, server| {
            let layouts = layouts.with(&server.config.name, server.layout);
            match &server.notes {
                Some(notes) => layouts.with_notes(&server.config.name, notes),
                None => layouts,
            }
        })
    }

    /// What clients meet: every server in its mode, and the named profiles.
    #[must_use]
    pub fn profiles(&self) -> Profiles {
        let default = self.servers.iter().map(|server| (server.config.name.clone(), server.mode));
        let files = |name| self.workspaces.of(None, name).map(|(_, workspace)| workspace.access);
        let with = |profile: Profile, name| {
            let profile = profile.with_files(files(name)).with_sessions(self.sessions.is_some());
            match &self.functions {
                Some(functions) => profile.with_functions(FUNCTIONS, functions.expose),
                None => profile,
            }
        };
        let named = self.profiles.iter();
        let named = named.map(|(name, profile)| (name.clone(), with(profile.clone(), Some(name.as_str()))));
        Profiles { default: with(Profile::new(default), None), named: named.collect() }
    }

    /// The profiles of an operator's command: every server, for scripts.
    #[must_use]
    pub fn for_operator(&self) -> Profiles {
        let functions = self.functions.iter().map(|_| FUNCTIONS.to_owned());
        Profiles::scripts(self.servers.iter().map(|server| server.config.name.clone()).chain(functions))
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors {
    /// Each of them, those of one file together.
    pub errors: Vec<ConfigError>,
    /// The files that it may come from, as far as that is known.
    pub files: Vec<PathBuf>,
}

impl ConfigErrors {
    /// The number of errors and the place of the first, without a path or a value: for health endpoints.
    #[must_use]
    pub fn places(&self) -> String {
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
