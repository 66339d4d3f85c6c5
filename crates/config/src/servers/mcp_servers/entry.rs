//! One entry of an `mcpServers` file.

use exuvia_tool::raw;
use serde_json::{Map, Value};

use super::{EnvFile, Environment, McpServers};
use crate::servers::check;
use crate::{ConfigError, HttpProtocol, ServerConfig, Stdio, Transport, expand};

/// An entry, and what is found out about it. Keys are paths inside the entry.
pub(super) struct ServerEntry<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a str,
    /// The key of the object that holds the entries.
    pub(super) object: &'a str,
    pub(super) name: &'a str,
    /// The entry as written: a part of `text`.
    pub(super) source: &'a str,
    pub(super) environment: Environment<'a>,
    pub(super) found: &'a mut McpServers,
    /// What is wrong with it. It costs this server alone: the file is another program's, and the others work.
    pub(super) faults: Vec<ConfigError>,
}

/// Where VS Code keeps its entries. It alone replaces `~/` in arguments.
const VS_CODE: [&str; 2] = ["servers", "mcp.servers"];

/// What becomes of a server that is wrong.
const LEFT_OUT: &str = "server skipped";

enum Kind {
    Stdio,
    Http(HttpProtocol),
}

impl ServerEntry<'_> {
    /// The server, unless it is disabled, of another kind, or wrong.
    pub(super) fn read(mut self) -> Option<ServerConfig> {
        let server = self.server();
        if self.faults.is_empty() {
            return server;
        }
        let left_out = |fault: ConfigError| ConfigError { message: format!("{}; {LEFT_OUT}", fault.message), ..fault };
        self.found.notices.extend(self.faults.into_iter().map(left_out));
        None
    }

    fn server(&mut self) -> Option<ServerConfig> {
        let Ok(Value::Object(entry)) = serde_json::from_str(self.source) else {
            self.error(&[], "must be an object with a `command` or a `url`");
            return None;
        };
        if self.is_off(&entry) {
            self.found.off.push(self.name.to_owned());
            return None;
        }
        self.found.names.push((self.name.to_owned(), line_of(self.text, self.source)));
        if let Err(message) = check::server_name(self.name) {
            self.error(&[], &message);
        }
        let transport = match self.kind(&entry)? {
            Kind::Stdio => Transport::Stdio(self.stdio(&entry)),
            Kind::Http(protocol) => Transport::Http(self.http(&entry, protocol)?),
        };
        let lists = self.tool_lists(&entry);
        if !lists.is_empty() {
            self.found.tool_lists.insert(self.name.to_owned(), lists);
        }
        Some(ServerConfig::new(self.name, transport))
    }

    fn kind(&mut self, entry: &Map<String, Value>) -> Option<Kind> {
        if entry.get("sandboxEnabled") == Some(&Value::Bool(true)) {
            self.notice(&["sandboxEnabled"], "editor sandboxes are not supported; server skipped");
            return None;
        }
        let address = address(entry);
        let url = entry.get(address).and_then(Value::as_str).unwrap_or_default();
        if url.starts_with("unix:") || url.starts_with("pipe:") {
            self.notice(&[address], "servers on sockets and pipes are not supported; server skipped");
            return None;
        }
        let is_http = entry.contains_key(address) && !entry.contains_key("command");
        let Some(kind) = entry.get("type").or_else(|| entry.get("transport")).and_then(Value::as_str) else {
            return Some(if is_http { Kind::Http(HttpProtocol::Auto) } else { Kind::Stdio });
        };
        match kind.to_lowercase().replace(['-', '_'], "").as_str() {
            "stdio" | "local" => Some(Kind::Stdio),
            // VS Code falls back to HTTP+SSE under this name.
            "http" | "remote" => Some(Kind::Http(HttpProtocol::Auto)),
            "streamablehttp" => Some(Kind::Http(HttpProtocol::Streamable)),
            "sse" => Some(Kind::Http(HttpProtocol::Sse)),
            _ => {
                let kind: String = kind.escape_debug().take(40).collect();
                self.notice(&["type"], &format!("servers of type `{kind}` are not supported; server skipped"));
                None
            }
        }
    }

    fn stdio(&mut self, entry: &Map<String, Value>) -> Stdio {
        let (command, mut args) = self.command(entry);
        args.extend(self.texts(entry.get("args"), "args"));
        if VS_CODE.contains(&self.object) {
            args = args.into_iter().map(|arg| self.at_home(arg)).collect();
        }
        let mut stdio = Stdio::new(command, args, self.environment.variable);
        let env = self.env(entry);
        if let Some(path) = self.optional(entry, &["envFile"]).filter(|path| !path.is_empty()) {
            let given = env.iter().map(|(name, _)| name.clone()).collect();
            let path = self.at_home(path);
            self.found.env_files.insert(self.name.to_owned(), EnvFile { path, given });
        }
        stdio.env.extend(env);
        stdio.cwd = self.optional(entry, &["cwd"]).map(|cwd| self.at_home(cwd).into());
        stdio
    }

    /// The program and its first arguments: opencode writes both as one array, Zed once wrote an object.
    fn command(&mut self, entry: &Map<String, Value>) -> (String, Vec<String>) {
        let (command, args) = match entry.get("command") {
            Some(words @ Value::Array(_)) => {
                let mut words = self.texts(Some(words), "command").into_iter();
                let program = words.next().unwrap_or_else(|| self.wrong(&["command"], "given"));
                (program, words.collect())
            }
            Some(Value::Object(command)) => {
                let program = self.optional(command, &["command", "path"]);
                let program = program.unwrap_or_else(|| self.wrong(&["command", "path"], "given"));
                (program, self.texts(command.get("args"), "command"))
            }
            _ => (self.required(entry, "command"), Vec::new()),
        };
        (self.at_home(command), args)
    }

    /// A path that may begin with `~/`. No shell will replace it.
    fn at_home(&self, path: String) -> String {
        let home = || (self.environment.variable)("HOME").filter(|home| !home.is_empty());
        match path.strip_prefix("~/").and_then(|rest| Some((home()?, rest))) {
            Some((home, rest)) => format!("{}/{rest}", home.trim_end_matches('/')),
            None => path,
        }
    }

    pub(super) fn env(&mut self, entry: &Map<String, Value>) -> Vec<(String, String)> {
        let mut env = self.pairs(entry.get("environment"), "environment");
        env.extend(self.pairs(entry.get("command").and_then(|command| command.get("env")), "command"));
        env.extend(self.pairs(entry.get("env"), "env"));
        for (name, _) in &env {
            if let Err(message) = check::variable_name(name) {
                self.error(&["env"], &message);
            }
        }
        env
    }

    /// A string that must be there and hold something.
    pub(super) fn required(&mut self, entry: &Map<String, Value>, key: &str) -> String {
        match entry.get(key) {
            Some(Value::String(text)) if !text.is_empty() => self.expanded(&[key], text),
            Some(_) => self.wrong(&[key], "a string"),
            None => self.wrong(&[key], "given"),
        }
    }

    /// The string at the end of `path`, whose last part is a key of `object`.
    pub(super) fn optional(&mut self, object: &Map<String, Value>, path: &[&str]) -> Option<String> {
        match object.get(path.last().copied().unwrap_or_default()) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(self.expanded(path, text)),
            Some(_) => Some(self.wrong(path, "a string")),
        }
    }

    fn texts(&mut self, texts: Option<&Value>, key: &str) -> Vec<String> {
        match texts {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(texts)) => {
                texts.iter().map(|text| self.scalar(&[key], text, "an array of strings")).collect()
            }
            Some(_) => vec![self.wrong(&[key], "an array of strings")],
        }
    }

    pub(super) fn pairs(&mut self, pairs: Option<&Value>, key: &str) -> Vec<(String, String)> {
        match pairs {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(pairs)) => {
                let read =
                    |(name, value): (&String, &Value)| (name.clone(), self.scalar(&[key, name], value, "a string"));
                pairs.iter().map(read).collect()
            }
            Some(_) => {
                self.wrong(&[key], "an object of strings");
                Vec::new()
            }
        }
    }

    /// A string, or a number or truth value that was meant as one.
    pub(super) fn scalar(&mut self, path: &[&str], value: &Value, expected: &str) -> String {
        match value {
            Value::String(text) => self.expanded(path, text),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => self.wrong(path, expected),
        }
    }

    fn expanded(&mut self, path: &[&str], text: &str) -> String {
        let result = if text.contains('\0') {
            Err(vec!["contains a NUL character".to_owned()])
        } else {
            expand(text, self.environment.variable)
        };
        result.unwrap_or_else(|messages| {
            for message in messages {
                self.error(path, &message);
            }
            String::new()
        })
    }

    pub(super) fn wrong(&mut self, path: &[&str], expected: &str) -> String {
        self.error(path, &format!("must be {expected}"));
        String::new()
    }

    pub(super) fn error(&mut self, path: &[&str], message: &str) {
        let error = self.at(path, message);
        self.faults.push(error);
    }

    pub(super) fn notice(&mut self, path: &[&str], message: &str) {
        let notice = self.at(path, message);
        self.found.notices.push(notice);
    }

    pub(super) fn at(&self, path: &[&str], message: &str) -> ConfigError {
        let mut place = self.source;
        for key in path {
            let Some(value) = raw::member(place, key) else { break };
            place = value;
        }
        let key: Vec<String> = std::iter::once(&self.name).chain(path).map(|key| plain(key)).collect();
        let key = format!("{}.{}", self.object, key.join("."));
        ConfigError::of_file(self.file, message).at_key(key).at_line(line_of(self.text, place))
    }
}

/// The key of the address: that of most clients, or of Gemini or Windsurf.
pub(super) fn address(entry: &Map<String, Value>) -> &'static str {
    ["httpUrl", "serverUrl"].into_iter().find(|key| entry.contains_key(*key)).unwrap_or("url")
}

/// A key as a message can show it.
pub(super) fn plain(key: &str) -> String {
    key.escape_debug().take(120).collect()
}

/// The line on which `part`, a part of `text`, begins.
fn line_of(text: &str, part: &str) -> usize {
    let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}
