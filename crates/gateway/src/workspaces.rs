//! The files of runs.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_config::{FileAccess, WorkspaceConfig, WorkspaceShare, WorkspacesConfig};
use exuvia_replay::sha256_hex;
use exuvia_tool::{Principal, RunFiles, locked};
use exuvia_workspace::{Access, Browser, OpenError, Quota, Registry, Usage, Workspace, WorkspaceFiles};

use crate::Client;
use crate::ids::process_name;
use crate::own_directory::{is_plain, own_directory};

/// The name of the directory that all share.
const ALL: &str = "all";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The most directories of one workspace that are listed.
const MAX_USERS: usize = 1_000;

/// From one attempt to remove the files of a session that has ended to the next, in which a run of it may end.
const RETRY: Duration = Duration::from_secs(1);

/// Opens the workspaces of a gateway.
pub struct Workspaces {
    /// Where those are that name no directory. None: there is no place for them.
    directory: Option<PathBuf>,
    registry: Arc<Registry>,
    /// Sessions of another process may have the same names.
    process: String,
    /// The directories of sessions that were opened and not removed, by client.
    sessions: Mutex<HashMap<String, BTreeSet<PathBuf>>>,
}

impl Default for Workspaces {
    fn default() -> Self {
        Self::kept_in(None)
    }
}

/// The workspace of a client, to be looked into.
pub struct ClientWorkspace {
    /// Its name in the configuration.
    pub name: String,
    /// Its files. None: no script has used it yet.
    pub files: Option<Browser>,
}

impl Workspaces {
    /// Workspaces that name no directory are kept in this one.
    #[must_use]
    pub fn kept_in(directory: Option<PathBuf>) -> Self {
        Self { directory, registry: Arc::default(), process: process_name(), sessions: Mutex::default() }
    }

    /// The directory of a workspace for whoever acts. `session`: the client, which the directories of sessions are of.
    #[must_use]
    pub fn directory(
        &self,
        name: &str,
        workspace: &WorkspaceConfig,
        principal: &Principal,
        session: Option<&str>,
    ) -> Option<PathBuf> {
        let of_user = |user: &str| Some(self.directory.as_ref()?.join(name).join(user));
        let of_principal = || Some(own_directory(&self.directory.as_ref()?.join(name), principal));
        match (&workspace.path, workspace.share) {
            (Some(path), _) => Some(path.clone()),
            (None, WorkspaceShare::All) => of_user(ALL),
            (None, WorkspaceShare::Key) => of_principal(),
            (None, WorkspaceShare::Session) => {
                let session = format!("{} {principal} {}", self.process, session?);
                of_user(&format!("session-{}", &sha256_hex(session)[..32]))
            }
        }
    }

    /// The names of the directories of a workspace, sorted: at most 1,000. Blocks.
    #[must_use]
    pub fn users(&self, name: &str, workspace: &WorkspaceConfig) -> Vec<String> {
        if workspace.path.is_some() {
            return vec![ALL.to_owned()];
        }
        let entries = self.directory.as_ref().and_then(|directory| std::fs::read_dir(directory.join(name)).ok());
        let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_user(name)).take(MAX_USERS).collect();
        names.sort_unstable();
        names
    }

    /// The directory of this name, one of [`users`](Self::users). None: there is none. Blocks.
    #[must_use]
    pub fn of_user(&self, name: &str, workspace: &WorkspaceConfig, user: &str) -> Option<PathBuf> {
        match &workspace.path {
            Some(path) => (user == ALL).then(|| path.clone()),
            None if is_user(user) => {
                Some(self.directory.as_ref()?.join(name).join(user)).filter(|directory| directory.is_dir())
            }
            None => None,
        }
    }

    /// Looks into a directory of [`users`](Self::users). None: there is none.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub async fn browse(
        self: &Arc<Self>,
        name: &str,
        workspace: &WorkspaceConfig,
        user: &str,
    ) -> Result<Option<(Browser, Usage)>, OpenError> {
        let (this, name, user, config) = (Arc::clone(self), name.to_owned(), user.to_owned(), workspace.clone());
        let found = tokio::task::spawn_blocking(move || this.of_user(&name, &config, &user)).await;
        let Some(directory) = found.ok().flatten() else { return Ok(None) };
        let opened = self.registry.open(directory, quota(workspace), Access::ReadWrite).await?;
        let usage = opened.usage();
        Ok(Some((Browser::new(opened, Access::ReadWrite), usage)))
    }

    /// The files of a principal, to be read. None: there are none that outlast a session, or they cannot be opened.
    pub async fn of_principal(
        &self,
        name: &str,
        workspace: &WorkspaceConfig,
        principal: &Principal,
    ) -> Option<Arc<dyn RunFiles>> {
        let directory = self.directory(name, workspace, principal, None)?;
        let found = directory.clone();
        if !tokio::task::spawn_blocking(move || found.is_dir()).await.unwrap_or(false) {
            return None;
        }
        let opened = self.registry.open(directory, quota(workspace), Access::ReadOnly).await.ok()?;
        Some(Arc::new(WorkspaceFiles::new(opened, Access::ReadOnly)))
    }

    /// Opens a workspace for whoever acts.
    async fn open(
        &self,
        name: &str,
        workspace: &WorkspaceConfig,
        (principal, session): (&Principal, &str),
        access: Access,
    ) -> Result<Arc<Workspace>, OpenError> {
        let directory = self.directory(name, workspace, principal, Some(session)).ok_or(OpenError::NoPlace)?;
        if workspace.share == WorkspaceShare::Session {
            locked(&self.sessions).entry(session.to_owned()).or_default().insert(directory.clone());
        }
        let opened = self.registry.open(directory, quota(workspace), access).await;
        opened.inspect_err(|error| {
            tracing::error!(workspace = name, %principal, error = %error, "workspace not opened");
        })
    }

    /// The files of a run of a client that is about to start. None: it has none.
    pub(crate) async fn files(
        &self,
        config: &WorkspacesConfig,
        (identity, session): (&Identity, &str),
        profile: Option<&str>,
    ) -> Result<Option<Arc<dyn RunFiles>>, OpenError> {
        let role = identity.role().map(AsRef::as_ref);
        let Some((name, workspace)) = config.of(role, profile) else { return Ok(None) };
        let access = match workspace.access {
            FileAccess::ReadOnly => Access::ReadOnly,
            FileAccess::ReadWrite => Access::ReadWrite,
        };
        let opened = self.open(name, workspace, (identity.principal(), session), access).await?;
        Ok(Some(Arc::new(WorkspaceFiles::new(opened, access))))
    }

    /// The same, for a client to look into.
    pub(crate) async fn of_client(
        &self,
        config: &WorkspacesConfig,
        client: &Client,
        profile: Option<&str>,
    ) -> Result<Option<ClientWorkspace>, OpenError> {
        let role = client.identity().role().map(AsRef::as_ref);
        let Some((name, workspace)) = config.of(role, profile) else { return Ok(None) };
        let session: &str = client.name();
        let directory = self.directory(name, workspace, client.principal(), Some(session));
        // Whoever looks makes no directory.
        let is_there = tokio::task::spawn_blocking(|| directory.is_some_and(|directory| directory.is_dir())).await;
        let files = match is_there {
            Ok(true) => {
                let opened = self.open(name, workspace, (client.principal(), session), Access::ReadOnly).await?;
                Some(Browser::new(opened, Access::ReadOnly))
            }
            _ => None,
        };
        Ok(Some(ClientWorkspace { name: name.to_owned(), files }))
    }

    /// Whether a client has directories that go when its session ends.
    pub(crate) fn has_session(&self, session: &str) -> bool {
        locked(&self.sessions).contains_key(session)
    }

    /// Removes the directories of a session that has ended, as soon as no run has them open.
    pub(crate) async fn end_session(self: Arc<Self>, session: String) {
        let Some(directories) = locked(&self.sessions).remove(&session) else { return };
        let mut left: Vec<PathBuf> = directories.into_iter().collect();
        while !left.is_empty() {
            let this = Arc::clone(&self);
            let removal = tokio::task::spawn_blocking(move || {
                left.retain(|directory| match this.registry.remove(directory) {
                    Ok(is_gone) => !is_gone,
                    Err(error) => {
                        tracing::warn!(%error, "workspace of a session not removed");
                        false
                    }
                });
                left
            });
            left = removal.await.unwrap_or_default();
            if !left.is_empty() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Removes the directories of all sessions: the process ends. Blocks.
    pub fn end_sessions(&self) {
        let sessions = std::mem::take(&mut *locked(&self.sessions));
        for directory in sessions.into_values().flatten() {
            if let Err(error) = self.registry.remove(&directory) {
                tracing::warn!(%error, "workspace of a session not removed");
            }
        }
    }

    /// Removes what was not used for as long as its workspace is kept. The log has what cannot be removed. Blocks.
    pub fn remove_unused(&self, config: &WorkspacesConfig) -> u64 {
        let mut removed = 0;
        for (name, workspace) in &config.named {
            if let (Some(days), Some(directory)) = (workspace.keep_days, &self.directory) {
                match self.registry.remove_unused(&directory.join(name), DAY * days) {
                    Ok(directories) => removed += directories,
                    Err(error) => tracing::warn!(workspace = name, %error, "unused workspaces not removed"),
                }
            }
        }
        removed
    }
}

fn quota(workspace: &WorkspaceConfig) -> Quota {
    Quota { bytes: workspace.bytes, files: workspace.files, open_files: workspace.open_files, ..Quota::default() }
}

/// Whether a name can be that of a directory that was made here.
fn is_user(name: &str) -> bool {
    !name.starts_with('.') && name.chars().all(is_plain)
}
