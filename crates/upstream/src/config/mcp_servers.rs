//! `mcpServers` files, as Claude Desktop, Claude Code and Cursor write them.

use std::path::PathBuf;

use serde_json::Value;

use crate::config::{ConfigError, ServerConfig, Stdio, Transport, expand};
use crate::raw;

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
/// let exuvia_upstream::Transport::Stdio(crm) = &found.servers[0].transport else { panic!() };
/// assert_eq!(crm.args, ["--as", "ada"]);
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
        let mut stdio = Stdio::new(command, args, self.lookup);
        stdio.env.extend(env);
        stdio.cwd = cwd;
        Some(ServerConfig::new(self.name, Transport::Stdio(stdio)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<McpServers, Vec<ConfigError>> {
        parse_mcp_servers(text, "mcp.json", &|name| match name {
            "PATH" => Some("/bin".into()),
            "TOKEN" => Some("s3cret".into()),
            "LC_ALL" => Some("() { evil; }".into()),
            "OTHER" => Some("not passed".into()),
            _ => None,
        })
    }

    fn process(server: &ServerConfig) -> &Stdio {
        match &server.transport {
            Transport::Stdio(stdio) => stdio,
            Transport::Http(_) => panic!("{} is no process", server.name),
        }
    }

    fn said(text: &str) -> Vec<String> {
        parsed(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_of_each_client_are_read() {
        // Claude Desktop.
        let desktop = r#"{"mcpServers": {"filesystem": {"command": "npx", "args": ["-y", "@mcp/fs", "/home/ada"]}},
            "globalShortcut": ""}"#;
        let server = &parsed(desktop).unwrap().servers[0];
        let (name, server) = (&server.name, process(server));
        assert_eq!((name.as_str(), server.command.as_str()), ("filesystem", "npx"));
        assert_eq!(server.args, ["-y", "@mcp/fs", "/home/ada"]);
        assert_eq!(server.env, [("PATH".to_owned(), "/bin".to_owned())].into());
        // Claude Code.
        let code = r#"{"mcpServers": {"b": {"type": "stdio", "command": "${BIN:-/opt/bin}/b", "args": [],
            "env": {"API_KEY": "${TOKEN}"}, "timeout": 9, "alwaysAllow": ["x"]}, "a": {"command": "a", "args": null}}}"#;
        let servers = parsed(code).unwrap().servers;
        assert_eq!(servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let first = process(&servers[0]);
        assert_eq!((first.command.as_str(), first.env["API_KEY"].as_str()), ("/opt/bin/b", "s3cret"));
        // Cursor.
        let cursor = r#"{"mcpServers": {"c": {"command": "c", "env": {"T": "${env:TOKEN}", "PORT": 8080, "PATH": "/mine"},
            "cwd": "/srv", "disabled": false}, "off": {"command": 7, "disabled": true}}}"#;
        let servers = parsed(cursor).unwrap().servers;
        assert_eq!(servers.len(), 1);
        let first = process(&servers[0]);
        assert_eq!(first.cwd.as_deref(), Some(std::path::Path::new("/srv")));
        assert_eq!((&*first.env["T"], &*first.env["PORT"], &*first.env["PATH"]), ("s3cret", "8080", "/mine"));
    }

    #[test]
    fn servers_over_http_are_told_and_the_others_work() {
        let text = r#"{"mcpServers": {"web": {"url": "https://x.example/mcp", "headers": {}}, "old": {"type": "sse",
            "url": "https://x.example/sse"}, "a": {"command": "a"}}}"#;
        let found = parsed(text).unwrap();
        assert_eq!((found.servers.len(), found.unsupported.len()), (1, 2));
        assert!(found.unsupported[0].to_string().starts_with("mcp.json: mcpServers.web.url: servers over HTTP"));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = r#"{"mcpServers": {"a": {}, "b": {"command": 7, "args": "x", "env": [], "cwd": 1}, "c": 7,
            "d": {"command": "${GONE}", "args": ["${LOST}", ["x"]], "env": {"K": "${env:MISSING}", "A=B": "x"}},
            "e": {"command": "e"}, "e": {"command": "f"}}}"#;
        assert_eq!(
            said(text),
            [
                "mcp.json: mcpServers.a.command: must be given",
                "mcp.json: mcpServers.b.command: must be a string",
                "mcp.json: mcpServers.b.args: must be an array of strings",
                "mcp.json: mcpServers.b.env: must be an object of strings",
                "mcp.json: mcpServers.b.cwd: must be a string",
                "mcp.json: mcpServers.c: must be an object with a `command`",
                "mcp.json: mcpServers.d.command: the variable GONE is not set; set it, or write ${GONE:-default}",
                "mcp.json: mcpServers.d.args: the variable LOST is not set; set it, or write ${LOST:-default}",
                "mcp.json: mcpServers.d.args: must be an array of strings",
                "mcp.json: mcpServers.d.env.K: the variable MISSING is not set; set it, or write ${MISSING:-default}",
                "mcp.json: mcpServers.d.env: `A=B` cannot name a variable",
                "mcp.json: mcpServers.e: there are two servers of this name; rename one",
            ]
        );
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        assert!(said("{")[0].starts_with("mcp.json: no JSON: EOF while parsing"));
        for text in ["[]", "{}", r#"{"mcpServers": []}"#, r#"{"servers": {}}"#] {
            assert!(said(text)[0].contains("no object `mcpServers`"), "{text}");
        }
        assert!(parsed("\u{feff}{\"mcpServers\": {}}").unwrap().servers.is_empty());
    }
}
