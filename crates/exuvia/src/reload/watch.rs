//! Watching files for changes of any kind: written, renamed over, or a link that now leads elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// Links that lead to a file, at most.
const LINKS: usize = 8;

/// Tells when something happens in the folders of some files. Which of the files it concerns, and whether, is for
/// [`stamps`] to say.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
}

impl Watch {
    /// Watches nothing yet. `told` is notified of changes.
    pub(super) fn new(told: Arc<Notify>) -> notify::Result<Self> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may be events that were lost.
            if event.map_or(true, |event| is_a_change(&event.kind)) {
                told.notify_one();
            }
        })?;
        Ok(Self { watcher, folders: BTreeSet::new() })
    }

    /// Watches what leads to these files, as it is now: folders and links may be others than the last time.
    ///
    /// # Errors
    ///
    /// Folders that cannot be watched. The others are.
    pub(super) fn set(&mut self, files: &[PathBuf]) -> Result<(), Vec<notify::Error>> {
        let folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders(file)).collect();
        for folder in self.folders.difference(&folders) {
            // It may be gone.
            let _ = self.watcher.unwatch(folder);
        }
        // Those that were watched before too: what has this path now may be another folder.
        let watch = |folder: &PathBuf| self.watcher.watch(folder, RecursiveMode::NonRecursive).err();
        let errors: Vec<_> = folders.iter().filter_map(watch).collect();
        self.folders = folders;
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Reading the files is an event too, and must not lead to reading them again.
fn is_a_change(kind: &EventKind) -> bool {
    !kind.is_access() || matches!(kind, EventKind::Access(AccessKind::Close(AccessMode::Write)))
}

/// Where something happens when another file takes the place of this one.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..LINKS {
        let folder = path.parent().unwrap_or(&path).to_owned();
        found.extend(folder.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned));
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder.join(target);
    }
    found.extend(fs::canonicalize(file).ok().as_deref().and_then(Path::parent).map(Path::to_owned));
    found
}

/// What tells one content of a file from another, without reading it. None: it is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp(Option<[u64; 5]>);

/// The stamps of files as they are now.
pub(super) fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let found = fs::metadata(file).ok();
        // The time of the change, not that of the content: a file that is copied with its times has another one.
        Stamp(found.map(|file| {
            [file.dev(), file.ino(), file.size(), file.ctime().cast_unsigned(), file.ctime_nsec().cast_unsigned()]
        }))
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;

    fn watch() -> (Watch, Arc<Notify>) {
        let happened = Arc::new(Notify::new());
        (Watch::new(Arc::clone(&happened)).unwrap(), happened)
    }

    /// Whether the file is another one after this.
    async fn notices((watch, happened): &mut (Watch, Arc<Notify>), file: &Path, change: impl FnOnce()) -> bool {
        let files = [file.to_owned()];
        watch.set(&files).unwrap();
        let before = stamps(&files);
        // What happened before does not count.
        while timeout(Duration::from_millis(100), happened.notified()).await.is_ok() {}
        change();
        let told = timeout(Duration::from_secs(10), happened.notified()).await.is_ok();
        told && stamps(&files) != before
    }

    #[tokio::test]
    async fn every_way_to_change_a_file_is_noticed() {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        let file = at("deep/exuvia.toml");
        let mut watch = watch();
        watch.0.set(std::slice::from_ref(&file)).unwrap();
        fs::create_dir(at("deep")).unwrap();
        let told = timeout(Duration::from_secs(10), watch.1.notified()).await;
        assert!(told.is_ok(), "its folder comes to be");
        assert!(notices(&mut watch, &file, || fs::write(&file, "a").unwrap()).await, "it comes to be");
        assert!(notices(&mut watch, &file, || fs::write(&file, "b").unwrap()).await, "it is written");
        fs::write(at("deep/new"), "c").unwrap();
        assert!(notices(&mut watch, &file, || fs::rename(at("deep/new"), &file).unwrap()).await, "it is replaced");
        assert!(notices(&mut watch, &file, || fs::remove_file(&file).unwrap()).await, "it goes");
        // A link to a file in another folder, which is written there.
        fs::write(at("real.toml"), "a").unwrap();
        symlink(at("real.toml"), &file).unwrap();
        assert!(notices(&mut watch, &file, || fs::write(at("real.toml"), "b").unwrap()).await, "behind a link");
    }

    #[tokio::test]
    async fn a_folder_that_is_swapped_by_a_link_is_followed_each_time() {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        // As Kubernetes mounts files of a ConfigMap.
        let version = |name: &str| {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("exuvia.toml"), name).unwrap();
            symlink(name, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        version("..1");
        symlink("..data/exuvia.toml", at("exuvia.toml")).unwrap();
        let mut watch = watch();
        for (old, new) in [("..1", "..2"), ("..2", "..3"), ("..3", "..4")] {
            let swap = || {
                version(new);
                fs::remove_dir_all(at(old)).unwrap();
            };
            assert!(notices(&mut watch, &at("exuvia.toml"), swap).await, "{new}");
            assert_eq!(fs::read_to_string(at("exuvia.toml")).unwrap(), new);
        }
    }

    #[tokio::test]
    async fn reading_is_no_change() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("exuvia.toml");
        fs::write(&file, "a").unwrap();
        let (mut watch, happened) = watch();
        watch.set(std::slice::from_ref(&file)).unwrap();
        let before = stamps(std::slice::from_ref(&file));
        fs::read_to_string(&file).unwrap();
        assert!(timeout(Duration::from_millis(300), happened.notified()).await.is_err());
        assert_eq!(stamps(&[file]), before);
    }
}
