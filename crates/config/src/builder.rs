//! The configuration as resolved so far, with its errors.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exuvia_policy::{PolicyError, PolicySource};

use crate::credential_refs::{self, CredentialRef};
use crate::functions::FUNCTIONS;
use crate::merged_policy::merged;
use crate::server_refs::{self, ServerRef};
use crate::{Config, ConfigError, ConfigErrors, McpServers, PinMode, ServerConfig, Stdio, Transport};

/// The name of the program that serves clients.
const PROGRAM: &str = "exuvia";
/// What runs programs from packages.
const RUNNERS: [&str; 5] = ["uvx", "uv", "npx", "pnpm", "bunx"];

/// A configuration while it is read.
#[derive(Default)]
pub(super) struct ConfigBuilder {
    pub(super) config: Config,
    /// The policy of the configuration file.
    pub(super) policy: PolicySource,
    /// The servers that its profiles name.
    pub(super) mentions: Vec<ServerRef>,
    /// What its roles show servers.
    pub(super) credentials: Vec<CredentialRef>,
    /// The servers that are not disabled, right or wrong, each at its place.
    pub(super) named: Vec<ServerDecl>,
    /// What the configuration file says of pins, for all servers and for each.
    pub(super) pin: Option<PinMode>,
    pub(super) pins: BTreeMap<String, PinMode>,
    /// The servers of `--server`: there, a name stands for whatever follows it today.
    pub(super) flagged: HashSet<String>,
    pub(super) errors: Vec<ConfigError>,
    /// The files that were looked for, whether they are there or not.
    pub(super) files: Vec<PathBuf>,
}

/// A server's name, and where it is given.
pub(super) struct ServerDecl {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) key: String,
}

impl ConfigBuilder {
    /// Adds what an `mcpServers` file has, but this program itself: its client's own file names it.
    pub(super) fn add(&mut self, mut servers: McpServers, file: &str) {
        for server in servers.servers.extract_if(.., |server| is_this_program(server)) {
            servers.names.retain(|(name, _)| *name != server.name);
            servers.tool_lists.remove(&server.name);
            let key = format!("{}.{}", servers.object, server.name.escape_debug());
            self.config.notices.push(ConfigError::of_file(file, "is Exuvia itself; skipped").at_key(key));
        }
        let named = servers.names.into_iter().map(|(name, line)| ServerDecl {
            key: format!("{}.{}", servers.object, name.escape_debug()),
            name,
            file: file.to_owned(),
            line: Some(line),
        });
        self.named.extend(named);
        for (name, lists) in std::mem::take(&mut servers.tool_lists) {
            let rules = self.policy.servers.entry(name).or_default();
            if let Some(only) = lists.only {
                rules.tools = only;
            }
            rules.deny.extend(lists.never);
        }
        self.config.servers.extend(servers.servers.into_iter().map(Into::into));
        self.config.notices.extend(servers.notices);
        self.errors.extend(servers.errors);
    }

    /// Tells what is wrong, once: a file may be read for more than one reason.
    pub(super) fn error(&mut self, error: ConfigError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Tells what is to be known of a file that is used.
    pub(super) fn doubt(&mut self, file: &str, doubts: Vec<String>) {
        let doubts = doubts.into_iter().map(|doubt| ConfigError::of_file(file, doubt));
        // A file may be read for more than one reason.
        let new: Vec<_> = doubts.filter(|doubt| !self.config.notices.contains(doubt)).collect();
        self.config.notices.extend(new);
    }

    pub(super) fn finish(mut self, auto_execute: &[String]) -> Result<Config, ConfigErrors> {
        let pin = |name: &str| {
            let default = if self.flagged.contains(name) { PinMode::Off } else { PinMode::default() };
            self.pins.get(name).copied().or(self.pin).unwrap_or(default)
        };
        let names = self.config.servers.iter().map(|server| server.config.name.clone());
        self.config.pins = names.map(|name| (name.clone(), pin(&name))).collect();
        if self.config.functions.is_some() {
            self.errors.extend(self.named.iter().filter(|server| server.name == FUNCTIONS).map(reserved));
        }
        let functions = self.config.functions.iter().map(|_| FUNCTIONS);
        let servers = self.config.servers.iter().map(|server| server.config.name.as_str());
        let servers: Vec<&str> = servers.chain(functions).collect();
        self.config.policy = merged(self.policy, auto_execute, &servers, &mut self.errors);
        compile_roles(&mut self.config, &mut self.errors);
        server_refs::resolve(self.mentions, &mut self.config, &mut self.errors);
        let named: Vec<String> = self.named.iter().map(|server| server.name.clone()).collect();
        credential_refs::resolve(self.credentials, &named, &mut self.config, &mut self.errors);
        self.errors.extend(twice(&self.named));
        if self.errors.is_empty() {
            self.config.files = self.files;
            return Ok(self.config);
        }
        // Together what is in one file, from its top to its end.
        let mut seen = HashSet::new();
        let files: Vec<String> =
            self.errors.iter().map(|error| error.file.clone()).filter(|file| seen.insert(file.clone())).collect();
        let rank = |error: &ConfigError| (files.iter().position(|file| *file == error.file), error.line);
        self.errors.sort_by_key(rank);
        Err(ConfigErrors { errors: self.errors, files: self.files })
    }
}

/// What each role may do, over all servers there are.
fn compile_roles(config: &mut Config, errors: &mut Vec<ConfigError>) {
    for role in config.access.roles.values_mut() {
        match config.policy.for_role(role.rules.clone()) {
            Ok(policy) => role.policy = Arc::new(policy),
            // What is wrong with it in its file is reported already, where it is.
            Err(wrong) if errors.is_empty() => {
                let error = |error: PolicyError| {
                    ConfigError::of_file("the policy", error.message).at_key(error.key.to_string())
                };
                errors.extend(wrong.into_iter().map(error));
            }
            Err(_) => {}
        }
    }
}

pub(crate) fn is_this_program(server: &ServerConfig) -> bool {
    let Transport::Stdio(stdio) = &server.transport else { return false };
    own_arguments(stdio).is_some()
}

/// The arguments of this program, where a server is this program: started itself, or by a runner of packages, whose words come before.
pub(crate) fn own_arguments(stdio: &Stdio) -> Option<&[String]> {
    let is_served = |words: &[String]| words.first().is_some_and(|command| command == "stdio" || command == "serve");
    match Path::new(&stdio.command).file_stem()?.to_str()? {
        PROGRAM => is_served(&stdio.args).then_some(&stdio.args),
        runner if RUNNERS.contains(&runner) => {
            let is_package = |word: &str| word.split('@').next() == Some(PROGRAM);
            let place = (1..stdio.args.len())
                .find(|place| is_package(&stdio.args[place - 1]) && is_served(&stdio.args[*place..]))?;
            Some(&stdio.args[place..])
        }
        _ => None,
    }
}

/// A server that has the name of the functions.
fn reserved(server: &ServerDecl) -> ConfigError {
    let message = "the name `functions` is that of the functions of [functions]; rename the server";
    ConfigError::of_file(&server.file, message).at_key(&server.key).at_line(server.line)
}

/// An error for every server whose name is taken by one before it.
fn twice(named: &[ServerDecl]) -> Vec<ConfigError> {
    let mut first: HashMap<&str, &ServerDecl> = HashMap::new();
    let mut errors = Vec::new();
    for server in named {
        let Some(other) = first.get(server.name.as_str()) else {
            first.insert(&server.name, server);
            continue;
        };
        let line = other.line.map(|line| format!(":{line}")).unwrap_or_default();
        let message = format!("duplicate server name, also in {}{line}; rename one", other.file);
        errors.push(ConfigError::of_file(&server.file, message).at_key(&server.key).at_line(server.line));
    }
    errors
}
