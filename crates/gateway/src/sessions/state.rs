//! What is kept of a session: a file beside a lock, which the process whose script runs holds.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ids::now_ms;

/// The version of the format.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;
const STATE: &str = "json";
const LOCK: &str = "lock";

/// A session between two scripts. What they left is in the journal, under the names of their runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SessionState {
    v: u32,
    /// Its name.
    pub name: String,
    /// Whose it is, as it is written: `operator`, `key:NAME`.
    pub principal: String,
    /// The profile of its clients, if they named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The runs of its scripts, in order.
    pub scripts: Vec<String>,
    /// What they used, in units of fuel.
    pub fuel: u64,
    /// When it began, in milliseconds since the epoch.
    pub began_ms: u64,
    /// When its last script ended.
    pub used_ms: u64,
    /// Why it cannot be brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
}

impl SessionState {
    pub(super) fn new(name: &str, principal: String, profile: Option<&str>) -> Self {
        let (name, profile, now) = (name.to_owned(), profile.map(str::to_owned), now_ms());
        let (scripts, fuel, lost) = Default::default();
        Self { v: VERSION, name, principal, profile, scripts, fuel, began_ms: now, used_ms: now, lost }
    }

    fn parse(text: &[u8]) -> io::Result<Self> {
        let state: Self = serde_json::from_slice(text).map_err(io::Error::other)?;
        if state.v == VERSION { Ok(state) } else { Err(io::Error::other("written by another version of this program")) }
    }
}

/// The file of a session, which nobody else may change until this is dropped. All methods block.
#[derive(Debug)]
pub(super) struct SessionFile {
    path: PathBuf,
    _lock: File,
}

impl SessionFile {
    /// Takes the session of this id in this directory. None: somebody else has it.
    ///
    /// # Errors
    ///
    /// The directory cannot be written.
    pub(super) fn take(directory: &Path, id: &str) -> io::Result<Option<Self>> {
        private(directory)?;
        let path = directory.join(id).with_extension(STATE);
        loop {
            let lock = File::options().create(true).write(true).truncate(false).open(path.with_extension(LOCK))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever forgets a session removes its lock.
            if is_at(&lock, &path.with_extension(LOCK)) {
                return Ok(Some(Self { path, _lock: lock }));
            }
        }
    }

    /// What the file says. None: there is no such session.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn read(&self) -> io::Result<Option<SessionState>> {
        read(&self.path)
    }

    /// Replaces what the file says, for good when it returns.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn write(&self, state: &SessionState) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    /// Forgets the session.
    ///
    /// # Errors
    ///
    /// The files cannot be removed.
    pub(super) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for SessionFile {
    /// Of a session that has not begun, or is forgotten, nothing is left.
    fn drop(&mut self) {
        if !self.path.exists() {
            // The next one to take it makes it again.
            let _ = fs::remove_file(self.path.with_extension(LOCK));
        }
    }
}

/// The sessions in a directory, by their ids. What cannot be read is left out. Blocks.
///
/// # Errors
///
/// The directory cannot be read.
pub(super) fn all(directory: &Path) -> io::Result<Vec<(String, SessionState)>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == STATE)
            && let Ok(Some(state)) = read(&path)
        {
            found.push((id, state));
        }
    }
    Ok(found)
}

fn read(path: &Path) -> io::Result<Option<SessionState>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut text)?;
    SessionState::parse(&text).map(Some)
}

/// A directory that only its owner reads.
fn private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Whether this file is the one at this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(one), Ok(other)) if place(&one) == place(&other))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_kept_for_good_and_belongs_to_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        assert!(SessionFile::take(directory.path(), "a").unwrap().is_none(), "somebody has it");
        assert!(SessionFile::take(directory.path(), "b").unwrap().is_some(), "another one");
        assert_eq!(taken.read().unwrap(), None);
        let mut state = SessionState::new("report", "key:ci".to_owned(), Some("team"));
        state.scripts.push("01J".to_owned());
        taken.write(&state).unwrap();
        assert_eq!(taken.read().unwrap(), Some(state.clone()));
        assert_eq!(all(directory.path()).unwrap(), [("a".to_owned(), state)]);
        taken.remove().unwrap();
        assert!(all(directory.path()).unwrap().is_empty());
        assert!(SessionFile::take(directory.path(), "a").unwrap().is_some(), "it can begin anew");
    }

    #[test]
    fn what_another_version_wrote_is_not_taken_for_a_new_session() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        let newer = SessionState { v: 2, ..SessionState::new("report", "operator".to_owned(), None) };
        taken.write(&newer).unwrap();
        assert!(taken.read().is_err());
    }
}
