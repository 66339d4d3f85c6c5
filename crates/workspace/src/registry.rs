//! The workspaces that are open in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use exuvia_tool::locked;

use crate::{OpenError, Quota, Workspace};

/// How long a count of a directory that nobody uses is trusted. Another process may change it meanwhile.
const COUNT_HOLDS: Duration = Duration::from_secs(60);

/// How many workspaces are kept open that nobody uses.
const IDLE_WORKSPACES: usize = 100;

/// Opens each directory once, whoever uses it, so that all who do share its accounts.
#[derive(Default)]
pub struct Registry(Mutex<HashMap<PathBuf, Entry>>);

struct Entry {
    workspace: Arc<Workspace>,
    used: Instant,
}

impl Registry {
    /// The workspace in this directory, which is made if there is none. Its quota is this one from now on.
    ///
    /// # Errors
    ///
    /// The directory cannot be used.
    pub async fn open(self: &Arc<Self>, directory: PathBuf, quota: Quota) -> Result<Arc<Workspace>, OpenError> {
        if let Some(workspace) = self.opened(&directory) {
            workspace.set_quota(quota);
            workspace.used();
            return Ok(workspace);
        }
        let registry = Arc::clone(self);
        let opened = tokio::task::spawn_blocking(move || registry.open_now(directory, quota)).await;
        opened.unwrap_or_else(|_| Err(OpenError::Io(std::io::Error::other("it could not be read"))))
    }

    /// The directories beneath `parent` that were not used for so long, and are not in use now, are removed. Blocks.
    ///
    /// # Errors
    ///
    /// The first that cannot be removed.
    pub fn remove_unused(&self, parent: &Path, unused: Duration) -> std::io::Result<u64> {
        let Ok(entries) = std::fs::read_dir(parent) else { return Ok(0) };
        let mut removed = 0;
        for entry in entries {
            let directory = entry?.path();
            // Held while it is removed, so that nobody opens it meanwhile.
            let mut open = locked(&self.0);
            let in_use = open.get(&directory).is_some_and(|entry| Arc::strong_count(&entry.workspace) > 1);
            let is_old = |used: SystemTime| used.elapsed().is_ok_and(|age| age > unused);
            if !in_use && std::fs::metadata(&directory)?.modified().is_ok_and(is_old) {
                open.remove(&directory);
                std::fs::remove_dir_all(&directory)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The one that is open, unless its count is old and nobody uses it.
    fn opened(&self, directory: &Path) -> Option<Arc<Workspace>> {
        let mut open = locked(&self.0);
        let entry = open.get_mut(directory)?;
        let is_used = Arc::strong_count(&entry.workspace) > 1;
        if !is_used && entry.used.elapsed() > COUNT_HOLDS {
            open.remove(directory);
            return None;
        }
        entry.used = Instant::now();
        Some(Arc::clone(&entry.workspace))
    }

    fn open_now(&self, directory: PathBuf, quota: Quota) -> Result<Arc<Workspace>, OpenError> {
        let opened = Arc::new(Workspace::open(&directory, quota)?);
        let mut open = locked(&self.0);
        // Another run may have been faster: there is one account.
        let entry = open.entry(directory).or_insert(Entry { workspace: opened, used: Instant::now() });
        let workspace = Arc::clone(&entry.workspace);
        workspace.set_quota(quota);
        workspace.used();
        forget_idle(&mut open);
        Ok(workspace)
    }
}

/// Closes those that were not used for longest.
fn forget_idle(open: &mut HashMap<PathBuf, Entry>) {
    let mut idle: Vec<_> = open
        .iter()
        .filter(|(_, entry)| Arc::strong_count(&entry.workspace) == 1)
        .map(|(directory, entry)| (entry.used, directory.clone()))
        .collect();
    idle.sort_unstable();
    let surplus = idle.len().saturating_sub(IDLE_WORKSPACES);
    for (_, directory) in idle.drain(..surplus) {
        open.remove(&directory);
    }
}
