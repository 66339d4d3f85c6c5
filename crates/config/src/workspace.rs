//! Directories in which scripts keep files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::FileAccess;
use crate::choices::values_only;

/// The workspaces of a configuration, and who has which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspacesConfig {
    /// By name.
    pub named: BTreeMap<String, WorkspaceConfig>,
    /// The one of everybody whose role and profile name none.
    pub everyone: Option<String>,
    /// By the name of a role.
    pub roles: BTreeMap<String, String>,
    /// By the name of a profile.
    pub profiles: BTreeMap<String, String>,
}

impl WorkspacesConfig {
    /// The workspace of a run: that of its role, else of its profile, else of everybody.
    #[must_use]
    pub fn of(&self, role: Option<&str>, profile: Option<&str>) -> Option<(&str, &WorkspaceConfig)> {
        let of_role = role.and_then(|role| self.roles.get(role));
        let of_profile = || profile.and_then(|profile| self.profiles.get(profile));
        let name = of_role.or_else(of_profile).or(self.everyone.as_ref())?;
        self.named.get_key_value(name).map(|(name, workspace)| (name.as_str(), workspace))
    }
}

impl WorkspacesConfig {
    /// A line for each workspace: who shares it, what it may hold, and who has it.
    pub(crate) fn summary(&self) -> Vec<String> {
        self.named
            .iter()
            .map(|(name, workspace)| format!("workspace {name}: {}{}", workspace.summary(), self.users(name)))
            .collect()
    }

    fn users(&self, name: &str) -> String {
        let of = |kind: &'static str, users: &BTreeMap<String, String>| {
            let users = users.iter().filter(|(_, used)| *used == name);
            users.map(|(user, _)| format!("{kind} {user}")).collect::<Vec<_>>()
        };
        let everyone = self.everyone.iter().filter(|used| *used == name).map(|_| "everybody".to_owned());
        let users: Vec<_> = everyone.chain(of("profile", &self.profiles)).chain(of("role", &self.roles)).collect();
        if users.is_empty() { "; used by nobody".to_owned() } else { format!("; for {}", users.join(", ")) }
    }
}

impl WorkspaceConfig {
    fn summary(&self) -> String {
        let Self { share, access, path, bytes, files, .. } = self;
        let share = match (path, share) {
            (Some(_), _) => "a directory of this machine",
            (None, WorkspaceShare::Key) => "one for each key",
            (None, WorkspaceShare::Session) => "one for each session",
            (None, WorkspaceShare::All) => "one for all",
        };
        let access = match access {
            FileAccess::ReadOnly => "read-only",
            FileAccess::ReadWrite => "read-write",
        };
        let kept = self.keep_days.map_or_else(String::new, |days| format!(", kept for {days} days"));
        format!("{share}, {access}, {bytes} bytes and {files} files{kept}")
    }
}

/// One workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceConfig {
    /// Who shares a directory.
    pub share: WorkspaceShare,
    /// What scripts may do with it.
    pub access: FileAccess,
    /// The directory of the host, where everybody shares one. None: one in the data directory.
    pub path: Option<PathBuf>,
    /// The sum of the sizes of its files, in bytes.
    pub bytes: u64,
    /// Its files and directories.
    pub files: u64,
    /// The files that one script may have open.
    pub open_files: usize,
    /// After how many days without use a directory is removed. None: never.
    pub keep_days: Option<u32>,
}

/// Who shares the directory of a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = values_only)]
pub enum WorkspaceShare {
    /// The scripts of one key, user or operator.
    #[default]
    Key,
    /// The scripts of one MCP session: of a client from its `initialize` on, or of one connection where the protocol has no sessions. They are
    /// removed when it ends.
    Session,
    /// All who have the workspace.
    All,
}
