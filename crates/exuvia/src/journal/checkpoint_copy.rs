//! The newest signed checkpoint, copied to a second place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio_util::task::AbortOnDropHandle;

use crate::file_threads::FileThreads;

/// How often the checkpoint is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the last copy may take.
const LAST: Duration = Duration::from_secs(1);

/// Copies the checkpoint of a journal whenever there is a newer one. Ends when it is dropped.
pub(super) struct CheckpointCopy {
    files: Arc<Files>,
    _following: AbortOnDropHandle<()>,
}

struct Files {
    from: PathBuf,
    to: PathBuf,
}

impl CheckpointCopy {
    /// Must be called on a tokio runtime.
    pub(super) fn of(folder: &Path, to: &Path) -> Self {
        let files = Arc::new(Files { from: folder.join("checkpoint"), to: to.to_owned() });
        let _following = AbortOnDropHandle::new(tokio::spawn(follow(Arc::clone(&files))));
        Self { files, _following }
    }

    /// Copies the last checkpoint.
    pub(super) async fn finish(self) {
        let files = Arc::clone(&self.files);
        let threads = FileThreads::default();
        let copied = threads.run(move || files.copy(&[]));
        match tokio::time::timeout(LAST, copied).await {
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(error))) => self.files.warn(&error.to_string()),
            Ok(Err(unfinished)) => self.files.warn(&unfinished.to_string()),
            Err(_) => self.files.warn("the file system did not respond"),
        }
    }
}

/// Each failure is logged once, until a copy succeeds.
async fn follow(files: Arc<Files>) {
    let (threads, mut copied, mut is_failing) = (FileThreads::default(), Vec::new(), false);
    loop {
        let (job, before) = (Arc::clone(&files), copied.clone());
        let result = match threads.run(move || job.copy(&before)).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(unfinished) => Err(unfinished.to_string()),
        };
        match result {
            Ok(checkpoint) => (copied, is_failing) = (checkpoint, false),
            Err(error) if !is_failing => {
                files.warn(&error);
                is_failing = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(PERIOD).await;
    }
}

impl Files {
    /// Copies the checkpoint unless it is this one, and returns it. The copy is the old one or the new one, whatever happens.
    fn copy(&self, before: &[u8]) -> io::Result<Vec<u8>> {
        let checkpoint = fs::read(&self.from)?;
        if checkpoint != before {
            let temporary = self.to.with_extension("new");
            fs::write(&temporary, &checkpoint)?;
            fs::rename(&temporary, &self.to)?;
        }
        Ok(checkpoint)
    }

    fn warn(&self, error: &str) {
        tracing::warn!(file = %self.to.display(), error, "the checkpoint was not copied");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_copy_follows_the_checkpoint() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("checkpoint"), folder.path().join("copy"));
        fs::write(&from, "first").expect("written");
        let copy = CheckpointCopy::of(folder.path(), &to);
        while fs::read(&to).ok().as_deref() != Some(b"first") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fs::write(&from, "second").expect("written");
        copy.finish().await;
        assert_eq!(fs::read(&to).expect("there"), b"second");
    }
}
