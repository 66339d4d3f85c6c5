//! The files of runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_config::{FileAccess, WorkspaceConfig, WorkspaceShare, WorkspacesConfig};
use exuvia_replay::sha256_hex;
use exuvia_tool::{Principal, RunFiles};
use exuvia_workspace::{Access, OpenError, Quota, Registry, Workspace, WorkspaceFiles};

/// The longest name of a key that is the name of its directory as well, in bytes.
const PLAIN_NAME_BYTES: usize = 64;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Opens the workspaces of a gateway.
#[derive(Default)]
pub struct Workspaces {
    /// Where those are that name no directory. None: there is no place for them.
    directory: Option<PathBuf>,
    registry: Arc<Registry>,
}

impl Workspaces {
    /// Workspaces that name no directory are kept in this one.
    #[must_use]
    pub fn kept_in(directory: Option<PathBuf>) -> Self {
        Self { directory, registry: Arc::default() }
    }

    /// The directory of a workspace for whoever acts.
    #[must_use]
    pub fn directory(&self, name: &str, workspace: &WorkspaceConfig, principal: &Principal) -> Option<PathBuf> {
        match (&workspace.path, workspace.share) {
            (Some(path), _) => Some(path.clone()),
            (None, WorkspaceShare::All) => Some(self.directory.as_ref()?.join(name).join("all")),
            (None, WorkspaceShare::Key) => Some(self.directory.as_ref()?.join(name).join(directory_name(principal))),
        }
    }

    /// Opens a workspace for whoever acts.
    pub(crate) async fn open(
        &self,
        name: &str,
        workspace: &WorkspaceConfig,
        principal: &Principal,
    ) -> Result<Arc<Workspace>, OpenError> {
        let no_place = || OpenError::Io(std::io::Error::other("there is no data directory"));
        let directory = self.directory(name, workspace, principal).ok_or_else(no_place)?;
        let quota = Quota {
            bytes: workspace.bytes,
            files: workspace.files,
            open_files: workspace.open_files,
            ..Quota::default()
        };
        self.registry.open(directory, quota).await
    }

    /// The files of a run that is about to start. None: it has none.
    pub(crate) async fn files(
        &self,
        config: &WorkspacesConfig,
        identity: &Identity,
        profile: Option<&str>,
    ) -> Result<Option<Arc<dyn RunFiles>>, OpenError> {
        let role = identity.role().map(AsRef::as_ref);
        let Some((name, workspace)) = config.of(role, profile) else { return Ok(None) };
        let access = match workspace.access {
            FileAccess::ReadOnly => Access::ReadOnly,
            FileAccess::ReadWrite => Access::ReadWrite,
        };
        let opened = self.open(name, workspace, identity.principal()).await?;
        Ok(Some(Arc::new(WorkspaceFiles::new(opened, access))))
    }

    /// Removes what was not used for as long as its workspace is kept. Blocks.
    ///
    /// # Errors
    ///
    /// The first directory that cannot be removed.
    pub fn remove_unused(&self, config: &WorkspacesConfig) -> std::io::Result<u64> {
        let mut removed = 0;
        for (name, workspace) in &config.named {
            if let (Some(days), Some(directory)) = (workspace.keep_days, &self.directory) {
                removed += self.registry.remove_unused(&directory.join(name), DAY * days)?;
            }
        }
        Ok(removed)
    }
}

/// The name of a principal's directory: no two have one.
pub(crate) fn directory_name(principal: &Principal) -> String {
    let is_plain = |name: &str| {
        name.len() <= PLAIN_NAME_BYTES
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match principal {
        Principal::Operator => "operator".to_owned(),
        Principal::Key(name) if is_plain(name) => format!("key-{name}"),
        other => format!("other-{}", &sha256_hex(other.to_string())[..32]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_principals_have_one_directory() {
        let names =
            ["operator", "key:a", "key:A", "key:../b", "key:operator", "key:other-1", "user:a/b", "user:a/c", "key:é"];
        let directories: BTreeSet<_> =
            names.iter().map(|name| directory_name(&name.parse().expect("it is a principal"))).collect();
        assert_eq!(directories.len(), names.len());
        assert!(directories.iter().all(|name| !name.contains('/') && name != ".."), "{directories:?}");
    }
}
