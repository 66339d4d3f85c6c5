//! `mcpServers` files, as Claude Desktop, Claude Code, Cursor and VS Code write them.

mod entry;
mod http;
mod relaxed;
#[cfg(test)]
mod tests;
mod tool_lists;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use exuvia_tool::raw;

use crate::{ConfigError, ServerConfig};
use entry::ServerEntry;
pub(crate) use relaxed::json as relaxed_json;
pub use tool_lists::ToolLists;
pub(crate) use tool_lists::tool_pattern;

/// What the values of a configuration may refer to.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The variables of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The directory of token files, one for each server over HTTP. Without it, logins are not possible.
    pub token_dir: Option<&'a Path>,
}

/// What an `mcpServers` file configures.
#[derive(Debug, Default)]
#[must_use]
pub struct McpServers {
    /// The servers, in the file's order, without those that are disabled, of another kind, or wrong.
    pub servers: Vec<ServerConfig>,
    /// The key of the object that holds them: `mcpServers`, `servers`, or a path to it.
    pub object: String,
    /// The names of all that are not disabled, wrong ones too, with their lines.
    pub names: Vec<(String, usize)>,
    /// The names of those that are switched off.
    pub off: Vec<String>,
    /// The files with further variables of servers that are processes.
    pub env_files: BTreeMap<String, EnvFile>,
    /// The tool lists of servers in the file.
    pub tool_lists: BTreeMap<String, ToolLists>,
    /// What is left out, wrong or not supported. The others work without it.
    pub notices: Vec<ConfigError>,
    /// Everything that is wrong with the file as a whole.
    pub errors: Vec<ConfigError>,
}

/// A file with environment variables, which the caller reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, perhaps from the folder that an editor has open.
    pub path: String,
    /// The variables that the entry gives itself, which count for more.
    pub given: Vec<String>,
}

/// Where the objects with the entries stand, the first that is there: of most clients, of VS Code, and in its settings.
const OBJECTS: [&[&str]; 3] = [&["mcpServers"], &["servers"], &["mcp", "servers"]];

/// Reads the text of an `mcpServers` file; VS Code calls the object `servers`. Comments and trailing commas are let pass.
///
/// Of an entry, `type`, `disabled`, `enabled`, `command`, `args`, `env`, `cwd`, and `url`, `headers`, `headersHelper`, `oauth`
/// (Claude Code), `auth` (Cursor) are used, and what clients call their [lists of tools](ToolLists). Other keys belong to other
/// programs and are let pass. An entry that is wrong is left out, with a notice. `file` names the file in errors.
///
/// ```
/// use exuvia_config::{Environment, Transport, parse_mcp_servers};
///
/// let text = r#"{"mcpServers": {"crm": {"command": "crm-mcp", "args": ["--as", "${WHO}"], "disabledTools": ["drop"]}}}"#;
/// let ada = Environment { variable: &|name| (name == "WHO").then(|| "ada".into()), token_dir: None };
/// let found = parse_mcp_servers(text, "mcp.json", ada);
/// let Transport::Stdio(crm) = &found.servers[0].transport else { panic!() };
/// assert_eq!(crm.args, ["--as", "ada"]);
/// assert_eq!(found.tool_lists["crm"].never, ["drop"]);
///
/// let nobody = Environment { variable: &|_| None, token_dir: None };
/// let found = parse_mcp_servers(text, "mcp.json", nobody);
/// assert!(found.servers.is_empty());
/// assert!(found.notices[0].to_string().starts_with("mcp.json:1: mcpServers.crm.args: environment variable WHO is not set"));
/// ```
pub fn parse_mcp_servers(text: &str, file: &str, environment: Environment<'_>) -> McpServers {
    let text = match relaxed::json(text) {
        Ok(text) => text,
        Err(error) => return unusable(file, format!("invalid JSON: {error}")),
    };
    match OBJECTS.into_iter().find_map(|path| Some((path, object(&text, path)?))) {
        Some((path, object)) => entries(&text, object, path, file, environment),
        None => unusable(
            file,
            "missing object `mcpServers`; write {\"mcpServers\": {\"name\": {\"command\": ..}}}".to_owned(),
        ),
    }
}

/// Reads the entries of an object of such a file at this path. Where there is none there are no entries.
pub(crate) fn parse_mcp_servers_at(text: &str, path: &[&str], file: &str, environment: Environment<'_>) -> McpServers {
    match relaxed::json(text) {
        Ok(text) => match object(&text, path) {
            Some(object) => entries(&text, object, path, file, environment),
            None => McpServers::default(),
        },
        Err(error) => unusable(file, format!("invalid JSON: {error}")),
    }
}

fn unusable(file: &str, message: String) -> McpServers {
    McpServers { errors: vec![ConfigError::of_file(file, message)], ..Default::default() }
}

/// The object at this path. Of several members of a name the last counts, as for most who read JSON.
fn object<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    let member = |text: &'t str, key: &&str| raw::members(text).filter(|(name, _)| name == key).last();
    let found = path.iter().try_fold(text, |text, key| member(text, key).map(|(_, value)| value))?;
    found.starts_with('{').then_some(found)
}

fn entries(text: &str, object: &str, path: &[&str], file: &str, environment: Environment<'_>) -> McpServers {
    let key: Vec<String> = path.iter().map(|part| entry::plain(part)).collect();
    let key = key.join(".");
    let mut found = McpServers { object: key.clone(), ..McpServers::default() };
    let mut names = HashSet::new();
    // Taken apart as written: a tree has already lost one of two entries with the same name.
    for (name, source) in raw::members(object) {
        let entry = ServerEntry {
            text,
            file,
            object: &key,
            name: &name,
            source,
            environment,
            found: &mut found,
            faults: Vec::new(),
        };
        if !names.insert(name.clone()) {
            let error = entry.at(&[], "duplicate server name; rename one");
            found.errors.push(error);
        } else if let Some(server) = entry.read() {
            found.servers.push(server);
        }
    }
    found
}
