//! Whether servers that a folder configures may be started: a user who clones a repository has not read what its servers run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::project::Project;
use super::{key, programs, take_out};
use crate::builder::ConfigBuilder;
use crate::{ConfigError, McpServers, ServerConfig};

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

    /// Takes out servers of the user that would run or load what lies in the project.
    pub(super) fn ask_for_programs(
        &self,
        servers: &mut McpServers,
        file: &str,
        project: &Project,
        folder: &Path,
        builder: &mut ConfigBuilder,
    ) {
        if self.starts_project {
            return;
        }
        let key_into = |server: &ServerConfig| {
            let key = programs::key_into(server, servers.env_files.get(&server.name), project, folder)?;
            Some((server.name.clone(), key))
        };
        let out: BTreeMap<String, &str> = servers.servers.iter().filter_map(key_into).collect();
        for (name, line) in take_out(servers, |name| out.contains_key(name)) {
            let message = "is in this folder, which is not trusted; server skipped; \
                pass --import-project";
            let key = format!("{}.{}", key(servers, &name), out.get(&name).copied().unwrap_or_default());
            builder.config.notices.push(ConfigError::of_file(file, message).at_key(key).at_line(Some(line)));
        }
    }

    /// Removes the servers of a project's file without a recorded consent, and reports which those are.
    pub(super) fn ask(&self, servers: &mut McpServers, file: &str, builder: &mut ConfigBuilder) {
        if self.all {
            return;
        }
        let out = take_out(servers, |name| !self.names.contains(name));
        let Some((first, line)) = out.first() else { return };
        let names: Vec<String> = out.iter().map(|(name, _)| name.escape_debug().to_string()).collect();
        let message = format!(
            "servers of this folder are not started without consent: {}; review what they run, then pass --import-project",
            names.join(", ")
        );
        let key = if out.len() == 1 { key(servers, first) } else { servers.object.clone() };
        builder.config.notices.push(ConfigError::of_file(file, message).at_key(key).at_line(Some(*line)));
    }
}
