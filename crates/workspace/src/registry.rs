//! The workspaces that are open in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::locked;

use crate::{Access, OpenError, Quota, Workspace};

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
    /// The workspace in this directory, which is made if there is none. Its quota is this one from now on. What it holds is counted for
    /// those who may change it.
    ///
    /// # Errors
    ///
    /// The directory cannot be used.
    pub async fn open(
        self: &Arc<Self>,
        directory: PathBuf,
        quota: Quota,
        access: Access,
    ) -> Result<Arc<Workspace>, OpenError> {
        if let Some(workspace) = self.opened(&directory, access) {
            workspace.set_quota(quota);
            workspace.used();
            return Ok(workspace);
        }
        let (registry, opening) = (Arc::clone(self), directory.clone());
        let opened = tokio::task::spawn_blocking(move || registry.open_now(opening, quota, access)).await;
        opened.unwrap_or_else(|error| Err(OpenError::of(&directory)(std::io::Error::other(error))))
    }

    /// The directories beneath `parent` that were not used for so long, and are not in use now, are removed. Blocks.
    ///
    /// # Errors
    ///
    /// The first that cannot be removed, by its path.
    pub fn remove_unused(&self, parent: &Path, unused: Duration) -> std::io::Result<u64> {
        let Ok(entries) = std::fs::read_dir(parent) else { return Ok(0) };
        let mut removed = 0;
        for entry in entries {
            let directory = entry?.path();
            removed += u64::from(self.remove_if(&directory, Some(unused)).map_err(at(&directory))?);
        }
        Ok(removed)
    }

    /// Removes a directory unless it is in use. Returns whether it is gone. Blocks.
    ///
    /// # Errors
    ///
    /// It cannot be removed. Names its path.
    pub fn remove(&self, directory: &Path) -> std::io::Result<bool> {
        let is_there = directory.exists();
        let removed = self.remove_if(directory, None).map_err(at(directory))?;
        Ok(removed || !is_there)
    }

    /// Removes a directory that was not used for so long, if that is asked, and is not in use now, and what an earlier removal of it has left.
    fn remove_if(&self, directory: &Path, unused: Option<Duration>) -> std::io::Result<bool> {
        let is_set_aside = directory.exists() && self.set_aside(directory, unused)?;
        let aside = aside(directory);
        if aside.exists() {
            std::fs::remove_dir_all(&aside)?;
        }
        Ok(is_set_aside)
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

    /// The one that is open, unless it does not do, or its count is old and nobody uses it.
    fn opened(&self, directory: &Path, access: Access) -> Option<Arc<Workspace>> {
        let mut open = locked(&self.0);
        let entry = open.get_mut(directory).filter(|entry| does(&entry.workspace, access))?;
        let is_used = Arc::strong_count(&entry.workspace) > 1;
        if !is_used && entry.workspace.is_counted() && entry.used.elapsed() > COUNT_HOLDS {
            open.remove(directory);
            return None;
        }
        entry.used = Instant::now();
        Some(Arc::clone(&entry.workspace))
    }

    fn open_now(&self, directory: PathBuf, quota: Quota, access: Access) -> Result<Arc<Workspace>, OpenError> {
        let opened = Arc::new(match access {
            Access::ReadOnly => Workspace::open_to_read(&directory, quota)?,
            Access::ReadWrite => Workspace::open(&directory, quota)?,
        });
        // Before it is listed: it is not one to remove any more.
        opened.used();
        let mut open = locked(&self.0);
        let entry =
            open.entry(directory).or_insert_with(|| Entry { workspace: Arc::clone(&opened), used: Instant::now() });
        // Another run may have been faster: there is one account.
        if !does(&entry.workspace, access) {
            entry.workspace = opened;
        }
        let workspace = Arc::clone(&entry.workspace);
        workspace.set_quota(quota);
        forget_idle(&mut open);
        Ok(workspace)
    }
}

/// Whether one that is open does for this access: whoever changes it needs its accounts.
fn does(workspace: &Workspace, access: Access) -> bool {
    workspace.is_counted() || access == Access::ReadOnly
}

/// An error with the path that it is about.
fn at(path: &Path) -> impl FnOnce(std::io::Error) -> std::io::Error {
    move |error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
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
        let kept = registry.open(directory("open"), Quota::default(), Access::ReadWrite).await.expect("it is new");
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

    #[tokio::test]
    async fn what_is_only_read_is_not_counted_until_somebody_may_change_it() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join("a"), "12345").expect("written");
        let registry = Arc::<Registry>::default();
        let open = async |access| {
            let opened = registry.open(place.path().to_owned(), Quota::default(), access).await;
            opened.expect("it is there")
        };
        let used = |workspace: &Workspace| (workspace.usage().bytes, workspace.usage().files);
        let read = open(Access::ReadOnly).await;
        assert_eq!(used(&read), (0, 0));
        let changed = open(Access::ReadWrite).await;
        assert_eq!(used(&changed), (5, 1));
        assert!(Arc::ptr_eq(&changed, &open(Access::ReadOnly).await), "one for all from now on");
    }

    #[tokio::test]
    async fn errors_name_the_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("file");
        std::fs::write(&file, "").expect("written");
        let registry = Arc::<Registry>::default();
        let error = registry.open(file.join("below"), Quota::default(), Access::ReadWrite).await.err().expect("a file");
        assert!(error.to_string().starts_with(&format!("{}: ", file.join("below").display())), "{error}");
        // A file where a directory is to be set aside.
        std::fs::create_dir(place.path().join("old")).expect("made");
        std::fs::write(place.path().join(".removed-old"), "").expect("written");
        let error = registry.remove(&place.path().join("old")).expect_err("in the way");
        assert!(error.to_string().starts_with(&format!("{}: ", place.path().join("old").display())), "{error}");
    }
}
