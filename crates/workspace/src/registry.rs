//! The workspaces that are open in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
            if self.set_aside(&directory, Some(unused))? {
                removed += 1;
            }
            let aside = aside(&directory);
            if aside.exists() {
                std::fs::remove_dir_all(&aside)?;
            }
        }
        Ok(removed)
    }

    /// Removes a directory unless it is in use. Returns whether it is gone. Blocks.
    ///
    /// # Errors
    ///
    /// It cannot be removed.
    pub fn remove(&self, directory: &Path) -> std::io::Result<bool> {
        if directory.exists() && !self.set_aside(directory, None)? {
            return Ok(false);
        }
        let aside = aside(directory);
        if aside.exists() {
            std::fs::remove_dir_all(&aside)?;
        }
        Ok(true)
    }

    /// Renames a directory that was not used for so long, if that is asked, and is not in use now. The lock is held for no longer: what is removed may be large,
    /// and runs wait for it.
    fn set_aside(&self, directory: &Path, unused: Option<Duration>) -> std::io::Result<bool> {
        let mut open = locked(&self.0);
        let in_use = open.get(directory).is_some_and(|entry| Arc::strong_count(&entry.workspace) > 1);
        // One that cannot be looked at, or is gone, stays as it is.
        let used = || std::fs::metadata(directory).and_then(|metadata| metadata.modified());
        let is_old = |unused| used().is_ok_and(|used| used.elapsed().is_ok_and(|age| age > unused));
        if in_use || !unused.is_none_or(is_old) {
            return Ok(false);
        }
        open.remove(directory);
        std::fs::rename(directory, aside(directory))?;
        Ok(true)
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
        // Before it is listed: it is not one to remove any more.
        opened.used();
        let mut open = locked(&self.0);
        // Another run may have been faster: there is one account.
        let entry = open.entry(directory).or_insert(Entry { workspace: opened, used: Instant::now() });
        let workspace = Arc::clone(&entry.workspace);
        workspace.set_quota(quota);
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

/// Where a directory waits for its removal: also one that an earlier process did not finish.
fn aside(directory: &Path) -> PathBuf {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    directory.with_file_name(format!(".removed-{}", name.trim_start_matches(".removed-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_used_is_removed_and_what_is_open_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let registry = Arc::<Registry>::default();
        let directory = |name: &str| place.path().join(name);
        let kept = registry.open(directory("open"), Quota::default()).await.expect("it is new");
        for name in ["old", ".removed-earlier"] {
            std::fs::create_dir_all(directory(name).join("deep")).expect("it can be made");
        }
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(registry.remove_unused(place.path(), day).expect("it is read"), 0);
        assert!(directory("old").exists() && !directory(".removed-earlier").exists());
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(registry.remove_unused(place.path(), Duration::ZERO).expect("it is read"), 1);
        let left: Vec<_> = std::fs::read_dir(place.path())
            .expect("it is read")
            .map(|entry| entry.expect("it is read").file_name())
            .collect();
        assert_eq!(left, ["open"]);
        assert!(!registry.remove(&directory("open")).expect("looked at") && directory("open").exists());
        drop(kept);
        assert!(registry.remove(&directory("open")).expect("removed") && !directory("open").exists());
        assert!(registry.remove(&directory("never")).expect("looked at"));
    }
}
