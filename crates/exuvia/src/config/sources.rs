//! Files and flags together.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use exuvia_policy::PolicySource;
use exuvia_upstream::{ConfigError, Environment, McpServers, ServerConfig, Transport, parse_mcp_servers};

use super::paths::{self, Paths};
use super::{Config, ConfigErrors, flag, import, policy, resolve};
use crate::args::ServerArgs;

/// How large a file may be, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// A configuration while it is read.
#[derive(Default)]
pub(super) struct Found {
    pub(super) config: Config,
    /// The policy of the configuration file.
    pub(super) policy: PolicySource,
    /// The servers that are not disabled, right or wrong, each at its place.
    pub(super) named: Vec<Named>,
    pub(super) errors: Vec<ConfigError>,
}

/// A server's name, and where it is given.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) key: String,
}

/// What the command line says, with the files that it names; the default file where it names no server. `auto_execute` are
/// patterns of tools that run without asking, beside those of the file.
///
/// # Errors
///
/// Everything that is wrong with all of it.
pub(crate) fn load(args: &ServerArgs, auto_execute: &[String], paths: &Paths) -> Result<Config, ConfigErrors> {
    let environment = Environment { variable: &paths::variable, token_dir: paths.token_dir.as_deref() };
    let names_nothing =
        args.config.is_none() && args.mcp_configs.is_empty() && args.servers.is_empty() && args.imports.is_empty();
    let default_file = paths.default_file.as_deref().filter(|file| names_nothing && file.exists());
    if let Some(file) = default_file {
        tracing::info!(file = %file.display(), "no server is named: this file is used");
    }
    let mut found = Found::default();
    if let Some(file) = args.config.as_deref().or(default_file) {
        read_config(file, environment, &mut found);
    }
    for file in &args.mcp_configs {
        let name = file.display().to_string();
        match read(file) {
            Ok(text) => found.add(parse_mcp_servers(&text, &name, environment), &name),
            Err(message) => found.errors.push(ConfigError::of_file(name, message)),
        }
    }
    for server in &args.servers {
        match flag::server(server, environment) {
            Ok(server) => {
                let (name, file) = (server.name.clone(), flag::place(&server.name));
                found.named.push(Named { name, file, line: None, key: String::new() });
                found.config.servers.push(server.into());
            }
            Err(error) => found.errors.push(error),
        }
    }
    for client in &args.imports {
        import::import(*client, paths.config_dir.as_deref(), environment, &mut found);
    }
    found.finish(auto_execute)
}

fn read_config(file: &Path, environment: Environment<'_>, found: &mut Found) {
    let name = file.display().to_string();
    match (read(file), std::path::absolute(file)) {
        (Ok(text), Ok(place)) => resolve::file(&text, &name, place.parent().unwrap_or(&place), environment, found),
        (Err(message), _) => found.errors.push(ConfigError::of_file(name, message)),
        (_, Err(error)) => found.errors.push(ConfigError::of_file(name, error.to_string())),
    }
}

/// The text of a file.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| error.to_string())?;
    opened.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_BYTES { Err("is larger than 16 MiB".to_owned()) } else { Ok(text) }
}

impl Found {
    /// Adds what an `mcpServers` file has, but this program itself: its client's own file names it.
    pub(super) fn add(&mut self, mut servers: McpServers, file: &str) {
        for server in servers.servers.extract_if(.., |server| is_this_program(server)) {
            servers.names.retain(|(name, _)| *name != server.name);
            let key = format!("{}.{}", servers.object, server.name.escape_debug());
            self.config.notices.push(ConfigError::of_file(file, "is this program itself; left out").at_key(key));
        }
        let named = servers.names.into_iter().map(|(name, line)| Named {
            key: format!("{}.{}", servers.object, name.escape_debug()),
            name,
            file: file.to_owned(),
            line: Some(line),
        });
        self.named.extend(named);
        self.config.servers.extend(servers.servers.into_iter().map(Into::into));
        self.config.notices.extend(servers.notices);
        self.errors.extend(servers.errors);
    }

    fn finish(mut self, auto_execute: &[String]) -> Result<Config, ConfigErrors> {
        let servers: Vec<&str> = self.config.servers.iter().map(|server| server.config.name.as_str()).collect();
        self.config.policy = policy::whole(self.policy, auto_execute, &servers, &mut self.errors);
        self.errors.extend(twice(&self.named));
        if self.errors.is_empty() {
            return Ok(self.config);
        }
        // Together what is in one file, from its top to its end.
        let mut seen = HashSet::new();
        let files: Vec<String> =
            self.errors.iter().map(|error| error.file.clone()).filter(|file| seen.insert(file.clone())).collect();
        let rank = |error: &ConfigError| (files.iter().position(|file| *file == error.file), error.line);
        self.errors.sort_by_key(rank);
        Err(ConfigErrors(self.errors))
    }
}

fn is_this_program(server: &ServerConfig) -> bool {
    let Transport::Stdio(stdio) = &server.transport else { return false };
    let is_exuvia = Path::new(&stdio.command).file_stem().is_some_and(|name| name == env!("CARGO_PKG_NAME"));
    is_exuvia && stdio.args.first().is_some_and(|command| command == "stdio" || command == "serve")
}

/// An error for every server whose name is taken by one before it.
fn twice(named: &[Named]) -> Vec<ConfigError> {
    let mut first: HashMap<&str, &Named> = HashMap::new();
    let mut errors = Vec::new();
    for server in named {
        let Some(other) = first.get(server.name.as_str()) else {
            first.insert(&server.name, server);
            continue;
        };
        let line = other.line.map(|line| format!(":{line}")).unwrap_or_default();
        let message = format!("another server has this name, in {}{line}; rename one", other.file);
        errors.push(ConfigError::of_file(&server.file, message).at_key(&server.key).at_line(server.line));
    }
    errors
}
