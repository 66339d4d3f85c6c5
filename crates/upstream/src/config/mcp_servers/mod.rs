//! `mcpServers` files, as Claude Desktop, Claude Code, Cursor and VS Code write them.

mod entry;
mod http;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use exuvia_tool::Json;
use serde_json::Value;

use crate::config::{ConfigError, ServerConfig};
use crate::raw;
use entry::Entry;

/// What the values of a configuration may refer to.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The variables of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Where tokens of servers over HTTP are kept, one file for each. Without it nobody can log in to one.
    pub token_dir: Option<&'a Path>,
}

/// What an `mcpServers` file configures.
#[derive(Debug, Default)]
#[must_use]
pub struct McpServers {
    /// The servers, in the file's order, without those that are disabled, of another kind, or wrong.
    pub servers: Vec<ServerConfig>,
    /// The key of the object that holds them: `mcpServers` or `servers`.
    pub object: &'static str,
    /// The names of all that are not disabled, wrong ones too, with their lines.
    pub names: Vec<(String, usize)>,
    /// What is well formed but not supported and left out. The others work without it.
    pub notices: Vec<ConfigError>,
    /// Everything that is wrong with the file.
    pub errors: Vec<ConfigError>,
}

/// Reads the text of an `mcpServers` file; VS Code calls the object `servers`.
///
/// Of an entry, `type`, `disabled`, `command`, `args`, `env`, `cwd`, and `url`, `headers`, `headersHelper`, `oauth` (Claude
/// Code), `auth` (Cursor) are used. Other keys belong to other programs and are let pass. `file` names the file in errors.
///
/// ```
/// use exuvia_upstream::{Environment, Transport, parse_mcp_servers};
///
/// let text = r#"{"mcpServers": {"crm": {"command": "crm-mcp", "args": ["--as", "${WHO}"]}}}"#;
/// let ada = Environment { variable: &|name| (name == "WHO").then(|| "ada".into()), token_dir: None };
/// let found = parse_mcp_servers(text, "mcp.json", ada);
/// let Transport::Stdio(crm) = &found.servers[0].transport else { panic!() };
/// assert_eq!(crm.args, ["--as", "ada"]);
///
/// let nobody = Environment { variable: &|_| None, token_dir: None };
/// let found = parse_mcp_servers(text, "mcp.json", nobody);
/// assert!(found.errors[0].to_string().starts_with("mcp.json:1: mcpServers.crm.args: the variable WHO is not set"));
/// ```
pub fn parse_mcp_servers(text: &str, file: &str, environment: Environment<'_>) -> McpServers {
    let text = text.trim_start_matches('\u{feff}');
    let unusable =
        |message: String| McpServers { errors: vec![ConfigError::of_file(file, message)], ..Default::default() };
    let root: Value = match Json::parse(text).and_then(|text| text.to_value()) {
        Ok(root) => root,
        Err(error) => return unusable(format!("no JSON: {error}")),
    };
    let Some(object) = ["mcpServers", "servers"].into_iter().find(|key| root.get(key).is_some_and(Value::is_object))
    else {
        return unusable("no object `mcpServers`; write {\"mcpServers\": {\"name\": {\"command\": ..}}}".to_owned());
    };
    let mut found = McpServers { object, ..McpServers::default() };
    let mut names = HashSet::new();
    // Taken apart as written: a tree has already lost one of two entries with the same name.
    for (name, source) in raw::member(text, object).into_iter().flat_map(raw::members) {
        let mut entry = Entry { text, file, object, name: &name, source, environment, found: &mut found };
        if !names.insert(name.clone()) {
            entry.error(&[], "there are two servers of this name; rename one");
        } else if let Some(server) = entry.read() {
            found.servers.push(server);
        }
    }
    found
}
