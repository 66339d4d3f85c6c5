//! Restrictions in a client's settings, beside those in the entries of its servers.

use std::collections::BTreeSet;

use super::{key, take_out};
use crate::builder::ConfigBuilder;
use crate::{ConfigError, McpServers, ServerConfig, Transport, tool_pattern};

/// What settings forbid, of all files together.
#[derive(Debug, Default)]

pub(super) struct Restrictions {
    /// Servers that are switched off.
    pub(super) off: BTreeSet<String>,
    /// Those of a folder's file that are.
    pub(super) off_in_project: BTreeSet<String>,
    /// Tools that are never called, each with the file that says so.
    pub(super) denied: Vec<Denied>,
    /// Servers that are not to be used.
    pub(super) banned: Vec<Banned>,
    /// If it is there: the only servers that may be used.
    pub(super) allowed: Option<Vec<Banned>>,
}

/// An entry such as `mcp__crm__delete_contact`, without `mcp__`.
#[derive(Debug)]
pub(super) struct Denied {
    /// Where it stands.
    pub(super) file: String,
    pub(super) key: &'static str,
    pub(super) entry: String,
    /// What is written between a server and its tool.
    pub(super) between: &'static str,
}

/// What a server is known by in lists of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Banned {
    Name(String),
    Command(Vec<String>),
    /// `*` stands for any text.
    Url(String),
}

/// What an entry forbids of one server.
#[derive(Debug, PartialEq, Eq)]
enum Forbids {
    Server,
    Tool(String),
}

impl Restrictions {
    /// Takes out what may not be used, and adds to what the entries say of tools.
    pub(super) fn hold(&self, servers: &mut McpServers, file: &str, is_project: bool, builder: &mut ConfigBuilder) {
        take_out(servers, |name| self.off.contains(name) || (is_project && self.off_in_project.contains(name)));
        let banned: Vec<String> =
            servers.servers.iter().filter(|server| self.bans(server)).map(|server| server.name.clone()).collect();
        leave_out(servers, file, builder, "disabled in the settings", |name| {
            banned.iter().any(|banned| banned == name)
        });
        for Denied { file: settings, key, entry, between } in &self.denied {
            let denied_whole = |name: &str| forbids(entry, between, name) == Some(Forbids::Server);
            leave_out(servers, file, builder, &format!("listed in {key} of {settings}"), denied_whole);
            for server in &servers.servers {
                let Some(Forbids::Tool(tool)) = forbids(entry, between, &server.name) else { continue };
                let lists = servers.tool_lists.entry(server.name.clone()).or_default();
                match tool_patterns(&tool) {
                    Ok(patterns) => lists.never.extend(patterns),
                    Err(message) => {
                        builder.errors.push(ConfigError::of_file(settings, message).at_key(*key));
                    }
                }
            }
        }
    }

    /// Adds a list of the only servers that may be used.
    pub(super) fn only(&mut self, names: Vec<String>) {
        let names: Vec<Banned> = names.into_iter().map(Banned::Name).collect();
        match &mut self.allowed {
            Some(allowed) => allowed.retain(|entry| names.contains(entry)),
            None => self.allowed = Some(names),
        }
    }

    fn bans(&self, server: &ServerConfig) -> bool {
        let is = |entry: &Banned| entry.is(server);
        self.banned.iter().any(is) || self.allowed.as_ref().is_some_and(|allowed| !is_among(allowed, server))
    }
}

/// Commands and addresses say more than a name does: where there are any, they decide.
fn is_among(allowed: &[Banned], server: &ServerConfig) -> bool {
    let says_more = |entry: &Banned| {
        matches!(
            (&server.transport, entry),
            (Transport::Stdio(_), Banned::Command(_)) | (Transport::Http(_), Banned::Url(_))
        )
    };
    let decide_alone = allowed.iter().any(says_more);
    allowed.iter().filter(|entry| !decide_alone || says_more(entry)).any(|entry| entry.is(server))
}

impl Banned {
    fn is(&self, server: &ServerConfig) -> bool {
        match (self, &server.transport) {
            (Self::Name(name), _) => *name == server.name,
            (Self::Command(command), Transport::Stdio(stdio)) => {
                command.split_first().is_some_and(|(program, args)| *program == stdio.command && args == stdio.args)
            }
            (Self::Url(pattern), Transport::Http(http)) => is_like(pattern, http.url.as_str()),
            _ => false,
        }
    }
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() || rest == "/" };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn leave_out(
    servers: &mut McpServers,
    file: &str,
    builder: &mut ConfigBuilder,
    why: &str,
    is_out: impl Fn(&str) -> bool,
) {
    for (name, line) in take_out(servers, is_out) {
        let notice = ConfigError::of_file(file, format!("{why}; skipped"));
        builder.config.notices.push(notice.at_key(key(servers, &name)).at_line(Some(line)));
    }
}

/// What this entry forbids of a server. Claude Code writes names with `_` for everything but letters, digits and `-`.
fn forbids(entry: &str, between: &str, server: &str) -> Option<Forbids> {
    forbids_as(entry, between, &written(server)).or_else(|| forbids_as(entry, between, server))
}

fn forbids_as(entry: &str, between: &str, server: &str) -> Option<Forbids> {
    if entry == "*" || entry == server {
        return Some(Forbids::Server);
    }
    let tool = entry
        .strip_prefix(server)
        .and_then(|rest| rest.strip_prefix(between))
        .or(entry.strip_prefix(&format!("*{between}")));
    if let Some(tool) = tool {
        return Some(if tool == "*" || tool.is_empty() { Forbids::Server } else { Forbids::Tool(tool.to_owned()) });
    }
    // A wildcard that stands in the name of the server: rather too much than too little.
    let (before, _) = entry.split_once(['*', '?'])?;
    format!("{server}{between}").starts_with(before).then_some(Forbids::Server)
}

fn written(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// A tool as it is named there, and under the names that are written so there.
fn tool_patterns(tool: &str) -> Result<Vec<String>, String> {
    let pattern = tool_pattern(tool)?;
    let other = pattern.replace('_', "[!a-zA-Z0-9-]");
    Ok(if other == pattern || other.len() > 1_024 { vec![pattern] } else { vec![pattern, other] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_forbids_a_tool_or_a_server_and_nothing_of_another() {
        let tool = |tool: &str| Some(Forbids::Tool(tool.to_owned()));
        for (entry, server, expected) in [
            ("crm", "crm", Some(Forbids::Server)),
            ("crm__*", "crm", Some(Forbids::Server)),
            ("crm__delete_contact", "crm", tool("delete_contact")),
            ("crm__delete_*", "crm", tool("delete_*")),
            ("my_crm__x", "my crm", tool("x")),
            ("*__drop", "crm", tool("drop")),
            ("*", "crm", Some(Forbids::Server)),
            ("c*", "crm", Some(Forbids::Server)),
            ("crm", "crm2", None),
            ("crm2__x", "crm", None),
            ("d*", "crm", None),
            ("other__x", "crm", None),
        ] {
            assert_eq!(forbids(entry, "__", server), expected, "{entry} {server}");
        }
        assert_eq!(tool_patterns("get_x").unwrap(), ["get_x", "get[!a-zA-Z0-9-]x"]);
        assert_eq!(tool_patterns("get-*").unwrap(), ["get-*"]);
    }

    #[test]
    fn addresses_are_compared_with_stars() {
        for (pattern, url, is) in [
            ("https://a.example/*", "https://a.example/mcp", true),
            ("https://*.example/mcp", "https://b.a.example/mcp", true),
            ("https://a.example", "https://a.example/", true),
            ("https://a.example/*", "https://a.example.evil/mcp", false),
            ("https://*/x/*/y", "https://h/x/z/y", true),
            ("https://*/x/*/y", "https://h/y", false),
        ] {
            assert_eq!(is_like(pattern, url), is, "{pattern} {url}");
        }
    }
}
