//! One entry of an `mcpServers` file.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Environment, McpServers};
use crate::config::{ConfigError, HttpProtocol, ServerConfig, Stdio, Transport, check, expand};
use crate::raw;

/// An entry, and what is found out about it. Keys are paths inside the entry.
pub(super) struct Entry<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a str,
    /// The key of the object that holds the entries.
    pub(super) object: &'static str,
    pub(super) name: &'a str,
    /// The entry as written: a part of `text`.
    pub(super) source: &'a str,
    pub(super) environment: Environment<'a>,
    pub(super) found: &'a mut McpServers,
}

enum Kind {
    Stdio,
    Http(HttpProtocol),
}

impl Entry<'_> {
    /// The server, unless it is disabled, of another kind, or wrong.
    pub(super) fn read(&mut self) -> Option<ServerConfig> {
        let Ok(Value::Object(entry)) = serde_json::from_str(self.source) else {
            self.error(&[], "must be an object with a `command` or a `url`");
            return None;
        };
        if entry.get("disabled") == Some(&Value::Bool(true)) {
            return None;
        }
        self.found.names.push((self.name.to_owned(), line_of(self.text, self.source)));
        let before = self.found.errors.len();
        if let Err(message) = check::server_name(self.name) {
            self.error(&[], &message);
        }
        let transport = match self.kind(&entry)? {
            Kind::Stdio => Transport::Stdio(self.stdio(&entry)),
            Kind::Http(protocol) => Transport::Http(self.http(&entry, protocol)?),
        };
        (self.found.errors.len() == before).then(|| ServerConfig::new(self.name, transport))
    }

    fn kind(&mut self, entry: &Map<String, Value>) -> Option<Kind> {
        if entry.get("sandboxEnabled") == Some(&Value::Bool(true)) {
            self.notice(&["sandboxEnabled"], "only the editor has this sandbox; the server is left out");
            return None;
        }
        let url = entry.get("url").and_then(Value::as_str).unwrap_or_default();
        if url.starts_with("unix:") || url.starts_with("pipe:") {
            self.notice(&["url"], "servers on sockets and pipes are not supported; this one is left out");
            return None;
        }
        match entry.get("type").or_else(|| entry.get("transport")).and_then(Value::as_str) {
            Some("stdio") => Some(Kind::Stdio),
            // VS Code falls back to HTTP+SSE under this name.
            Some("http") => Some(Kind::Http(HttpProtocol::Auto)),
            Some("streamable-http" | "streamableHttp" | "streamable_http") => {
                Some(Kind::Http(HttpProtocol::Streamable))
            }
            Some("sse") => Some(Kind::Http(HttpProtocol::Sse)),
            Some(other) => {
                let kind: String = other.escape_debug().take(40).collect();
                self.notice(&["type"], &format!("servers of type `{kind}` are not supported; this one is left out"));
                None
            }
            None if entry.contains_key("url") && !entry.contains_key("command") => Some(Kind::Http(HttpProtocol::Auto)),
            None => Some(Kind::Stdio),
        }
    }

    fn stdio(&mut self, entry: &Map<String, Value>) -> Stdio {
        if entry.contains_key("envFile") {
            self.notice(&["envFile"], "is not read; name its variables in `env`");
        }
        let command = self.required(entry, "command");
        let args = self.texts(entry.get("args"), "args");
        let mut stdio = Stdio::new(command, args, self.environment.variable);
        stdio.env.extend(self.env(entry));
        stdio.cwd = self.optional(entry, &["cwd"]).map(PathBuf::from);
        stdio
    }

    pub(super) fn env(&mut self, entry: &Map<String, Value>) -> Vec<(String, String)> {
        let env = self.pairs(entry.get("env"), "env");
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
            Err(vec!["holds a zero character".to_owned()])
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
        self.found.errors.push(error);
    }

    pub(super) fn notice(&mut self, path: &[&str], message: &str) {
        let notice = self.at(path, message);
        self.found.notices.push(notice);
    }

    fn at(&self, path: &[&str], message: &str) -> ConfigError {
        let mut place = self.source;
        for key in path {
            let Some(value) = raw::member(place, key) else { break };
            place = value;
        }
        let key: Vec<String> = [self.object, self.name].iter().chain(path).map(|key| plain(key)).collect();
        ConfigError::of_file(self.file, message).at_key(key.join(".")).at_line(line_of(self.text, place))
    }
}

/// A key as a message can show it.
fn plain(key: &str) -> String {
    key.escape_debug().take(120).collect()
}

/// The line on which `part`, a part of `text`, begins.
fn line_of(text: &str, part: &str) -> usize {
    let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}
