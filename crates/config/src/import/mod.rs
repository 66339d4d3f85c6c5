//! The servers of other MCP clients, read from those clients' files.
//!
//! What a client would not start is not started here: its restrictions are [kept](restrictions), and servers that the folder
//! brings along need a [consent].

mod claude_code;
mod clients;
mod codex;
mod consent;
mod gemini;
mod goose;
mod moving;
mod opencode;
mod programs;
mod project;
mod restrictions;
mod settings;
pub(super) mod yaml;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::builder::ConfigBuilder;
use crate::paths::{Contents, read};
use crate::{ConfigError, Environment, McpServers, mcp_file};
pub use clients::KnownClient;
use consent::Consent;
pub use moving::{ClientFile, ClientPaths, ClientServers, FileSyntax, MovableServer, ServerScope};
use project::Project;
use restrictions::Restrictions;

/// The places of clients' files, and the options of the command line.
pub(super) struct Places<'a> {
    pub(super) environment: Environment<'a>,
    /// Where programs keep their configuration.
    pub(super) config_dir: Option<&'a Path>,
    /// The folder that this program was started in.
    pub(super) folder: &'a Path,
    /// Where a machine's administrator keeps what holds for everybody.
    pub(super) system: &'a Path,
    /// Whether servers that the folder brings along may be started.
    pub(super) starts_project: bool,
}

/// Whose word the servers of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The user's, or the administrator's.
    User,
    /// The user's, on this project alone.
    Local,
    /// Whoever made the folder: often a cloned repository.
    Project,
}

/// A place where a client keeps servers.
struct Source {
    file: PathBuf,
    /// The path of the object that holds them.
    object: Vec<String>,
    scope: Scope,
    format: Format,
}

/// How a client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Codex,
    Goose,
}

impl Source {
    fn new(file: impl Into<PathBuf>, scope: Scope, object: &[&str]) -> Self {
        let object = object.iter().map(|part| (*part).to_owned()).collect();
        Self { file: file.into(), object, scope, format: Format::Json }
    }
}

/// Adds the servers of a client. One whose name is taken is skipped, because the client's file cannot be edited to rename it.
pub(super) fn import(client: KnownClient, places: &Places<'_>, builder: &mut ConfigBuilder) {
    let error = |message: String| ConfigError::of_file(format!("--import {}", client.name()), message);
    let (Some(home), Some(config)) = ((places.environment.variable)("HOME"), places.config_dir) else {
        return builder.errors.push(error("there is no home directory".to_owned()));
    };
    let home = Path::new(&home);
    let project = Project::of(places.folder, home);
    let Gathered { sources, consent, restrictions } = gather(client, home, config, places, &project, builder);
    // Started at home, a user's file would be that of the folder as well.
    let is_users =
        |file: &Path| sources.iter().any(|source| source.scope == Scope::User && source.file.as_path() == file);
    let is_new = |source: &&Source| source.scope != Scope::Project || !is_users(&source.file);
    let mut are_there = false;
    for source in sources.iter().filter(is_new) {
        let before = builder.errors.len();
        are_there |= add(source, client, (places, &project), &consent, &restrictions, builder);
        if source.scope == Scope::Project && consent.is_nobodys() {
            // Nothing of it is used: errors in a folder's file must not disable the user's own servers.
            let errors: Vec<_> = builder.errors.drain(before..).collect();
            builder.config.notices.extend(errors);
        }
    }
    if !are_there {
        let mut looked: Vec<String> = sources.iter().map(|source| source.file.display().to_string()).collect();
        looked.dedup();
        builder.errors.push(error(format!("no servers found; searched {}", looked.join(", "))));
    }
}

/// Where a client keeps servers, and what its settings say of them.
struct Gathered {
    sources: Vec<Source>,
    consent: Consent,
    restrictions: Restrictions,
}

fn gather(
    client: KnownClient,
    home: &Path,
    config: &Path,
    places: &Places<'_>,
    project: &Project,
    builder: &mut ConfigBuilder,
) -> Gathered {
    let (mut consent, mut restrictions) = (Consent::new(places.starts_project), Restrictions::default());
    let sources = match client {
        KnownClient::ClaudeCode => {
            claude_code::sources(home, places, project, &mut consent, &mut restrictions, builder)
        }
        client => client.sources(home, config, project),
    };
    settings::read(client, &sources, (home, config, project), places.environment, &mut restrictions, builder);
    switch_off(client, &sources, places, &mut restrictions, builder);
    Gathered { sources, consent, restrictions }
}

/// Codex and opencode lay the files of a folder over the user's: what one of them switches off is off.
fn switch_off(
    client: KnownClient,
    sources: &[Source],
    places: &Places<'_>,
    restrictions: &mut Restrictions,
    builder: &mut ConfigBuilder,
) {
    if !matches!(client, KnownClient::Codex | KnownClient::Opencode) {
        return;
    }
    for Source { file, object, format, .. } in sources.iter().filter(|source| source.scope == Scope::Project) {
        let before = builder.errors.len();
        let ReadFile::Text(text) = text(file, builder) else {
            // Told when its servers are read.
            builder.errors.truncate(before);
            continue;
        };
        let text = match format {
            Format::Codex => codex::json(&text, places.environment).unwrap_or_default(),
            Format::Json | Format::Goose => text,
        };
        let object: Vec<&str> = object.iter().map(String::as_str).collect();
        let servers = mcp_file::parse(&text, "", Some(&object), places.folder, places.environment);
        restrictions.off.extend(servers.off);
    }
}

/// Adds the servers of one place. Tells whether there is such a place.
fn add(
    source: &Source,
    client: KnownClient,
    (places, project): (&Places<'_>, &Project),
    consent: &Consent,
    restrictions: &Restrictions,
    builder: &mut ConfigBuilder,
) -> bool {
    let Source { file, object, scope, format } = source;
    let text = match text(file, builder) {
        ReadFile::Text(text) => text,
        ReadFile::Absent => return false,
        ReadFile::Unusable => return true,
    };
    let name = file.display().to_string();
    let mut files = opencode::Files::default();
    if client == KnownClient::Opencode {
        files = opencode::Files::of(&text, file, places.environment, builder);
    }
    let text = match common_form(client, *format, text, places.environment) {
        Ok(text) => text,
        Err(message) => {
            builder.errors.push(ConfigError::of_file(name, message));
            return true;
        }
    };
    let variable = |name: &str| files.value(name).or_else(|| (places.environment.variable)(name));
    let environment = Environment { variable: &variable, ..places.environment };
    let object: Vec<&str> = object.iter().map(String::as_str).collect();
    let mut servers = mcp_file::parse(&text, &name, Some(&object), places.folder, environment);
    if servers.object.is_empty() && servers.errors.is_empty() {
        return false;
    }
    if *format != Format::Json {
        // Those of the JSON that it became are no use.
        servers.notices.iter_mut().for_each(|notice| notice.line = None);
    }
    restrictions.hold(&mut servers, &name, *scope == Scope::Project, builder);
    if *scope == Scope::Project {
        consent.ask(&mut servers, &name, builder);
    }
    leave_out_what_is_there(&mut servers, &name, builder);
    if *scope == Scope::User {
        consent.ask_for_programs(&mut servers, &name, project, places.folder, builder);
    }
    mcp_file::read_variables(&mut servers, &name, places.folder, builder);
    builder.add(servers, &name);
    true
}

/// The text of a client's file as that of an `mcpServers` file.
///
/// # Errors
///
/// It is not in the client's format. The message holds nothing of the text.
fn common_form(
    client: KnownClient,
    format: Format,
    text: String,
    environment: Environment<'_>,
) -> Result<String, String> {
    match format {
        Format::Json if client == KnownClient::Opencode => Ok(opencode::translated(&text)),
        Format::Json if client == KnownClient::Gemini => Ok(gemini::translated(&text)),
        Format::Json => Ok(text),
        Format::Codex => codex::json(&text, environment),
        Format::Goose => goose::json(&text),
    }
}

/// What became of reading a file.
enum ReadFile {
    Text(String),
    Absent,
    /// The file exists and cannot be read; the reason is reported.
    Unusable,
}

/// The text of a file, if it exists.
fn text(file: &Path, builder: &mut ConfigBuilder) -> ReadFile {
    if !builder.files.iter().any(|known| known == file) {
        builder.files.push(file.to_owned());
    }
    if matches!(file.try_exists(), Ok(false)) || file.parent().is_some_and(Path::is_file) {
        return ReadFile::Absent;
    }
    let name = file.display().to_string();
    match read(file) {
        Ok(Contents { text, doubts }) => {
            builder.doubt(&name, doubts);
            ReadFile::Text(text)
        }
        Err(message) => {
            builder.error(ConfigError::of_file(&name, message));
            ReadFile::Unusable
        }
    }
}

/// Takes the servers of these names out.
fn take_out(servers: &mut McpServers, is_out: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
    servers.servers.retain(|server| !is_out(&server.name));
    servers.tool_lists.retain(|name, _| !is_out(name));
    servers.env_files.retain(|name, _| !is_out(name));
    servers.names.extract_if(.., |(name, _)| is_out(name)).collect()
}

fn key(servers: &McpServers, name: &str) -> String {
    format!("{}.{}", servers.object, name.escape_debug())
}

fn leave_out_what_is_there(servers: &mut McpServers, file: &str, builder: &mut ConfigBuilder) {
    let taken: HashSet<String> = builder.named.iter().map(|named| named.name.clone()).collect();
    for (name, line) in take_out(servers, |name| taken.contains(name)) {
        let notice = ConfigError::of_file(file, "duplicate server name; skipped");
        builder.config.notices.push(notice.at_key(key(servers, &name)).at_line(Some(line)));
    }
}

#[cfg(test)]
mod tests;
