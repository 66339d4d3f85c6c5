//! `mcpServers` files, as Claude Desktop, Claude Code and Cursor write them.

use std::path::PathBuf;

use serde_json::Value;

use crate::expand::expand;
use crate::{ConfigError, ServerConfig, raw};

/// What an `mcpServers` file configures.
#[derive(Debug, Default)]
pub struct McpServers {
    /// The servers, in the file's order, without those that are disabled.
    pub servers: Vec<ServerConfig>,
    /// Entries that are well formed but of a kind that is not supported. The others work without them.
    pub unsupported: Vec<ConfigError>,
}

/// Reads the text of an `mcpServers` file.
///
/// Of an entry, `command`, `args`, `env`, `cwd`, `type` and `disabled` are used. Other keys belong to other programs and are
/// let pass. `file` names the file in errors; `lookup` gives the variables of the environment.
///
/// # Errors
///
/// Everything that is wrong with the file.
///
/// ```
/// let text = r#"{"mcpServers": {"crm": {"command": "crm-mcp", "args": ["--as", "${WHO}"]}}}"#;
/// let found = exuvia_upstream::parse_mcp_servers(text, "mcp.json", &|name| (name == "WHO").then(|| "ada".into())).unwrap();
/// assert_eq!(found.servers[0].args, ["--as", "ada"]);
///
/// let errors = exuvia_upstream::parse_mcp_servers(text, "mcp.json", &|_| None).unwrap_err();
/// assert!(errors[0].to_string().starts_with("mcp.json: mcpServers.crm.args: the variable WHO is not set"));
/// ```
pub fn parse_mcp_servers(
    text: &str,
    file: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<McpServers, Vec<ConfigError>> {
    let text = text.trim_start_matches('\u{feff}');
    let error = |message: String| vec![ConfigError { file: file.to_owned(), server: None, key: None, message }];
    let root: Value = serde_json::from_str(text).map_err(|e| error(format!("no JSON: {e}")))?;
    if !root.get("mcpServers").is_some_and(Value::is_object) {
        return Err(error("no object `mcpServers`; write {\"mcpServers\": {\"name\": {\"command\": ..}}}".to_owned()));
    }
    let mut found = McpServers::default();
    let mut errors = Vec::new();
    let mut names = std::collections::HashSet::new();
    // Taken apart as written: a tree has already lost one of two entries with the same name.
    for (name, entry) in raw::member(text, "mcpServers").into_iter().flat_map(raw::members) {
        let mut entry =
            Entry { file, lookup, errors: &mut errors, unsupported: &mut found.unsupported, name: &name, entry };
        if !names.insert(name.clone()) {
            entry.error(None, "there are two servers of this name; rename one");
        } else if let Some(server) = entry.read() {
            found.servers.push(server);
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

struct Entry<'a> {
    file: &'a str,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: &'a mut Vec<ConfigError>,
    unsupported: &'a mut Vec<ConfigError>,
    name: &'a str,
    entry: &'a str,
}

impl Entry<'_> {
    /// The server, unless it is disabled, of another kind, or wrong.
    fn read(&mut self) -> Option<ServerConfig> {
        let Ok(Value::Object(entry)) = serde_json::from_str(self.entry) else {
            self.error(None, "must be an object with a `command`");
            return None;
        };
        if entry.get("disabled") == Some(&Value::Bool(true)) {
            return None;
        }
        if self.name.is_empty() {
            self.error(None, "a server needs a name");
        }
        let kind = entry.get("type").or_else(|| entry.get("transport")).and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "stdio") || (entry.contains_key("url") && !entry.contains_key("command")) {
            let message = "servers over HTTP are not supported yet; this one is left out";
            let error = self.at(Some("url").filter(|_| entry.contains_key("url")), message);
            self.unsupported.push(error);
            return None;
        }
        let before = self.errors.len();
        let command = match entry.get("command") {
            Some(Value::String(command)) if !command.is_empty() => self.expanded("command", command),
            Some(_) => self.wrong("command", "a string"),
            None => self.wrong("command", "given"),
        };
        let args = self.args(entry.get("args"));
        let env = self.env(entry.get("env"));
        let cwd = match entry.get("cwd") {
            None | Some(Value::Null) => None,
            Some(Value::String(cwd)) => Some(PathBuf::from(self.expanded("cwd", cwd))),
            Some(_) => Some(PathBuf::from(self.wrong("cwd", "a string"))),
        };
        if self.errors.len() > before {
            return None;
        }
        let mut server = ServerConfig::new(self.name, command, args, self.lookup);
        server.env.extend(env);
        server.cwd = cwd;
        Some(server)
    }

    fn args(&mut self, args: Option<&Value>) -> Vec<String> {
        match args {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(args)) => {
                args.iter().map(|arg| self.scalar("args", arg, "an array of strings")).collect()
            }
            Some(_) => vec![self.wrong("args", "an array of strings")],
        }
    }

    fn env(&mut self, env: Option<&Value>) -> Vec<(String, String)> {
        match env {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(env)) => {
                let read = |(name, value): (&String, &Value)| {
                    if name.is_empty() || name.contains(['=', '\0']) {
                        self.error(Some("env"), &format!("`{name}` cannot name a variable"));
                    }
                    (name.clone(), self.scalar(&format!("env.{name}"), value, "a string"))
                };
                env.iter().map(read).collect()
            }
            Some(_) => vec![(String::new(), self.wrong("env", "an object of strings"))],
        }
    }

    /// A string, or a number or truth value that was meant as one.
    fn scalar(&mut self, key: &str, value: &Value, expected: &str) -> String {
        match value {
            Value::String(text) => self.expanded(key, text),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => self.wrong(key, expected),
        }
    }

    fn expanded(&mut self, key: &str, text: &str) -> String {
        let result = if text.contains('\0') {
            Err(vec!["holds a zero character".to_owned()])
        } else {
            expand(text, self.lookup)
        };
        result.unwrap_or_else(|messages| {
            for message in messages {
                self.error(Some(key), &message);
            }
            String::new()
        })
    }

    fn wrong(&mut self, key: &str, expected: &str) -> String {
        self.error(Some(key), &format!("must be {expected}"));
        String::new()
    }

    fn error(&mut self, key: Option<&str>, message: &str) {
        let error = self.at(key, message);
        self.errors.push(error);
    }

    fn at(&self, key: Option<&str>, message: &str) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            server: Some(self.name.to_owned()),
            key: key.map(str::to_owned),
            message: message.to_owned(),
        }
    }
}
