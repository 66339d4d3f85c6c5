//! `[servers.NAME]`, resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use exuvia_catalog::files::Layout;

use super::document::below;
use super::file_types;
use super::resolve::Resolver;
use crate::servers::check;
use crate::{ConfiguredServer, Era, ServerConfig, Stdio, Transport, passed_variables};

/// The longest notes on a server, in bytes: some 500 tokens.
const MAX_NOTES_BYTES: usize = 2_000;

impl Resolver<'_> {
    /// The server, or `None` with the reason reported.
    pub(super) fn server(
        &mut self,
        name: &str,
        written: &file_types::Server,
        pointer: &str,
    ) -> Option<ConfiguredServer> {
        let before = self.errors.len();
        if let Err(message) = check::server_name(name) {
            self.error(pointer, message);
        }
        self.costs(written, pointer);
        let env = self.environment(written, pointer);
        let stdio = written.command.as_deref().map(|command| self.stdio(command, written, &env, pointer));
        let http = written.url.as_deref().map(|url| self.http(url, name, written, env, pointer));
        // Neither or both of them were reported already.
        let transport = match (stdio, http) {
            (Some(stdio), None) => Transport::Stdio(stdio?),
            (None, Some(http)) => Transport::Http(http?),
            _ => return None,
        };
        let mut config = ServerConfig::new(name, transport);
        config.start_timeout = written.start_timeout_ms.map_or(config.start_timeout, Duration::from_millis);
        config.call_timeout = written.call_timeout_ms.map_or(config.call_timeout, Duration::from_millis);
        config.max_call_timeout = written.max_call_timeout_ms.map(Duration::from_millis);
        config.question_timeout = written.question_timeout_ms.map_or(config.question_timeout, Duration::from_millis);
        config.refresh = written.refresh_ms.map_or(config.refresh, Duration::from_millis);
        config.era = match written.era {
            None | Some(file_types::Era::Auto) => None,
            Some(file_types::Era::Modern) => Some(Era::Modern),
            Some(file_types::Era::Legacy) => Some(Era::Legacy),
        };
        config.share = written.share.unwrap_or_default();
        let mode = written.mode.unwrap_or_default();
        let layout = match written.stubs {
            None | Some(file_types::Stubs::Server) => Layout::Server,
            Some(file_types::Stubs::Tool) => Layout::Tool,
        };
        let notes = written.notes.clone();
        if notes.as_ref().is_some_and(|notes| notes.trim().is_empty() || notes.len() > MAX_NOTES_BYTES) {
            self.error(&below(pointer, "notes"), format!("must have 1 to {MAX_NOTES_BYTES} bytes"));
        }
        (self.errors.len() == before).then_some(ConfiguredServer { config, mode, layout, notes })
    }

    /// Reports costs that are none: the policy has those that are.
    fn costs(&mut self, written: &file_types::Server, pointer: &str) {
        let costs = below(pointer, "costs");
        let of_tools = written.costs.iter().map(|(tool, price)| (below(&costs, tool), price));
        let of_calls = written.cost_per_call.iter().map(|price| (below(pointer, "cost_per_call"), price));
        for (pointer, price) in of_calls.chain(of_tools) {
            self.cost(price, &pointer);
        }
    }

    /// The whole environment of what is started for a server.
    fn environment(&mut self, written: &file_types::Server, pointer: &str) -> BTreeMap<String, String> {
        if written.command.is_none() && written.headers_command.is_none() {
            for (key, is_there) in [("env", !written.env.is_empty()), ("env_pass", !written.env_pass.is_empty())] {
                // A server that has no address either gets the error that it needs one or the other.
                if is_there && written.url.is_some() {
                    self.error(&below(pointer, key), "requires `command` or `headers_command`");
                }
            }
        }
        let mut env = passed_variables(self.environment.variable);
        for (index, name) in written.env_pass.iter().enumerate() {
            if let Err(message) = check::variable_name(name) {
                self.error(&format!("{pointer}/env_pass/{index}"), message);
            }
            env.extend((self.environment.variable)(name).map(|value| (name.clone(), value)));
        }
        for (name, value) in &written.env {
            let pointer = below(&below(pointer, "env"), name);
            if let Err(message) = check::variable_name(name) {
                self.error(&pointer, message);
            }
            env.insert(name.clone(), self.text(value, &pointer));
        }
        env
    }

    fn stdio(
        &mut self,
        command: &str,
        written: &file_types::Server,
        env: &BTreeMap<String, String>,
        pointer: &str,
    ) -> Option<Stdio> {
        let command = self.program(command, &below(pointer, "command"));
        let args = self.texts(&written.args, &below(pointer, "args"));
        let cwd: Option<PathBuf> = written.cwd.as_deref().and_then(|cwd| self.path(cwd, &below(pointer, "cwd")));
        Some(Stdio { command: command?, args, env: env.clone(), cwd })
    }

    /// A program: a path where it looks like one, else a name for the `PATH`.
    pub(super) fn program(&mut self, text: &str, pointer: &str) -> Option<String> {
        let program = self.some_text(text, pointer)?;
        if !program.contains('/') {
            return Some(program);
        }
        let path = self.path(text, pointer)?.into_os_string().into_string();
        path.map_err(|_| self.error(pointer, "the path of this file is not UTF-8")).ok()
    }
}
