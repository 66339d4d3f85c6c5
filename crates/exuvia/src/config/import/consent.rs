//! Whether servers may be started that a folder brings along: whoever clones a repository has not read what its servers run.

use std::collections::BTreeSet;
use std::path::Path;

use exuvia_upstream::{ConfigError, McpServers};

use super::{Scope, key, take_out};
use crate::config::found::Found;

/// What the user has consented to.
#[derive(Debug, Default)]
pub(super) struct Consent {
    /// By the command line, to whatever this folder brings along.
    starts_project: bool,
    /// To every server of this folder.
    all: bool,
    /// To those that have one of these names.
    names: BTreeSet<String>,
}

impl Consent {
    /// That of the command line.
    pub(super) fn new(starts_project: bool) -> Self {
        Self { starts_project, all: starts_project, names: BTreeSet::new() }
    }

    /// Adds what a client has recorded where only its user writes.
    pub(super) fn add(&mut self, all: bool, names: impl IntoIterator<Item = String>) {
        self.all |= all;
        self.names.extend(names);
    }

    /// Whether there is none.
    pub(super) fn is_nobodys(&self) -> bool {
        !self.all && self.names.is_empty()
    }

    /// Takes out servers of the user whose variables the folder would give: they decide what a program loads.
    pub(super) fn ask_for_variables(
        &self,
        servers: &mut McpServers,
        file: &str,
        scope: Scope,
        folder: &Path,
        found: &mut Found,
    ) {
        if self.starts_project || scope == Scope::Project {
            return;
        }
        let of_folder = |path: &str| folder.join(path).starts_with(folder);
        let files = servers.env_files.iter().filter(|(_, file)| of_folder(&file.path));
        let names: Vec<String> = files.map(|(name, _)| name.clone()).collect();
        for (name, line) in take_out(servers, |name| names.iter().any(|other| other == name)) {
            let message = "lies in this folder, whose files are not used without consent; the server is left out; pass --import-project";
            let key = format!("{}.envFile", key(servers, &name));
            found.config.notices.push(ConfigError::of_file(file, message).at_key(key).at_line(Some(line)));
        }
    }

    /// Removes the servers of a project's file without a recorded consent, and reports which those are.
    pub(super) fn ask(&self, servers: &mut McpServers, file: &str, found: &mut Found) {
        if self.all {
            return;
        }
        let out = take_out(servers, |name| !self.names.contains(name));
        let Some((first, line)) = out.first() else { return };
        let names: Vec<String> = out.iter().map(|(name, _)| name.escape_debug().to_string()).collect();
        let message = format!(
            "of this folder, whose servers are not started without consent: {}; read what they run, then pass --import-project",
            names.join(", ")
        );
        let key = if out.len() == 1 { key(servers, first) } else { servers.object.clone() };
        found.config.notices.push(ConfigError::of_file(file, message).at_key(key).at_line(Some(*line)));
    }
}
