//! The commands that a fix names: with the options of the doctor, they mean the same configuration.

use crate::args::ServerArgs;

/// What the doctor was given, as options of other commands.
pub(super) struct Commands {
    servers: Vec<String>,
    config: Vec<String>,
}

impl Commands {
    pub(super) fn of(args: &ServerArgs) -> Self {
        let option = |name: &str, value: String| [name.to_owned(), value];
        let config: Vec<String> =
            args.config.iter().flat_map(|file| option("--config", file.display().to_string())).collect();
        let mut servers = config.clone();
        servers.extend(args.mcp_configs.iter().flat_map(|file| option("--mcp-config", file.display().to_string())));
        servers.extend(args.servers.iter().flat_map(|server| option("--server", server.clone())));
        servers.extend(args.imports.iter().flat_map(|client| option("--import", client.name().to_owned())));
        if args.import_project {
            servers.push("--import-project".to_owned());
        }
        Self { servers, config }
    }

    /// The arguments of a client that meets the same servers.
    pub(super) fn of_client(&self) -> Vec<String> {
        [&["stdio".to_owned()], &self.servers[..]].concat()
    }

    /// Logs in to a server, with these options beside.
    pub(super) fn login(&self, server: &str, more: &[&str]) -> String {
        shown(&["login", server], more, &self.servers)
    }

    /// Reads the journal.
    pub(super) fn verify(&self) -> String {
        shown(&["audit", "verify"], &[], &self.config)
    }
}

fn shown(command: &[&str], more: &[&str], options: &[String]) -> String {
    let words = command.iter().chain(more).copied().chain(options.iter().map(String::as_str));
    let quoted = words.map(|word| shlex::try_quote(word).unwrap_or(word.into()).into_owned());
    ["exuvia".to_owned()].into_iter().chain(quoted).collect::<Vec<_>>().join(" ")
}
