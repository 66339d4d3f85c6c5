//! The file of a session, beside a lock that the process has whose script runs.
//!
//! The file repeats what the journal has, and says where to look there. The first lines are on the disk before the first script is answered;
//! further ones are left to the system, which writes them also when this process is killed. When the machine itself stopped, which the boot
//! id of the latest lines shows, what is missing is read from the journal: see `missed`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use super::state::{Line, SessionState, text};

/// The largest file that is read, in bytes: of ten thousand scripts.
const FILE_BYTES: u64 = 4 << 20;
const STATE: &str = "jsonl";
const LOCK: &str = "lock";

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
        private(directory).map_err(at(directory))?;
        let path = directory.join(id).with_extension(STATE);
        Self::locked(path.clone()).map_err(at(&path))
    }

    fn locked(path: PathBuf) -> io::Result<Option<Self>> {
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

    /// When the session was used. None: there is none.
    pub(super) fn used_ms(&self) -> Option<u64> {
        found(&self.path).map(|(used_ms, _)| used_ms)
    }

    /// What the file says. None: there is no such session. A line that is not whole is removed, so that the next one can follow.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn read(&self) -> io::Result<Option<SessionState>> {
        self.repaired().map_err(at(&self.path))
    }

    fn repaired(&self) -> io::Result<Option<SessionState>> {
        let Some(bytes) = content(&self.path)? else { return Ok(None) };
        let read = SessionState::parse(&bytes, boot())?;
        let whole = read.as_ref().map_or(0, |(_, whole)| *whole);
        if whole < bytes.len() {
            File::options().write(true).open(&self.path)?.set_len(whole as u64)?;
        }
        Ok(read.map(|(state, _)| state))
    }

    /// Adds lines. They survive this process when this returns; the first ones, and the first script with them, survive the machine.
    ///
    /// # Errors
    ///
    /// They cannot be written, and are not there.
    pub(super) fn append(&self, lines: &[Line]) -> io::Result<()> {
        self.appended(lines).map_err(at(&self.path))
    }

    fn appended(&self, lines: &[Line]) -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        // The file may have them already, without a script: the machine stopped then.
        let is_first = matches!(lines.first(), Some(Line::Began { .. }));
        added(&mut file, &text(lines)?, |file| {
            if is_first || boot().is_none() {
                file.sync_all()?;
            }
            if is_first { self.sync_directory() } else { Ok(()) }
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    /// Forgets the session because somebody asked for it: it is gone also if the machine stops.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub(super) fn end(&self) -> io::Result<()> {
        self.clear()?;
        self.sync_directory()
    }

    /// Forgets the session. Its next script begins a new one. If the machine stops soon, the session may be there again.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&self.path)(error)),
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

/// A session in a directory.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    /// When it was used, in milliseconds since the epoch.
    pub(super) used_ms: u64,
    /// None: its file cannot be read, because the machine stopped, or another version of this program made it.
    pub(super) state: Option<SessionState>,
}

/// The sessions in a directory. Blocks.
///
/// # Errors
///
/// The directory cannot be read.
pub(super) fn all(directory: &Path) -> io::Result<Vec<Listed>> {
    let mut all = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
        entries => entries.map_err(at(directory))?,
    };
    for entry in entries {
        let path = entry.map_err(at(directory))?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == STATE)
            && let Some((used_ms, state)) = found(&path)
        {
            all.push(Listed { id, used_ms, state });
        }
    }
    Ok(all)
}

/// When the session of a file was used, and what the file says. Of one that cannot be read its time counts. None: there is no file.
fn found(path: &Path) -> Option<(u64, Option<SessionState>)> {
    let read = content(path).and_then(|bytes| bytes.map_or(Ok(None), |bytes| SessionState::parse(&bytes, boot())));
    if let Ok(Some((state, _))) = read {
        return Some((state.used_ms, Some(state)));
    }
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((u64::try_from(since.as_millis()).unwrap_or(u64::MAX), None))
}

/// Adds text to a file and makes it safe. Otherwise the file is as it was: the lines in it are those that were answered.
fn added(file: &mut File, text: &[u8], make_safe: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let before = file.metadata()?.len();
    let done = file.write_all(text).and_then(|()| make_safe(file));
    if done.is_err() {
        file.set_len(before)?;
    }
    done
}

/// The present boot of the machine. None: nobody knows, so that each line has to be on the disk.
pub(super) fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    };
    BOOT.get_or_init(read).as_deref()
}

fn content(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(io::Error::other(format!("larger than {FILE_BYTES} bytes")));
    }
    Ok(Some(bytes))
}

/// An error with the path that it is about. For the operator.
fn at(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
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

    fn script(run: &str) -> Line {
        Line::Script { run: run.to_owned(), fuel: 1, ended_ms: 1 }
    }

    #[test]
    fn a_session_is_kept_and_belongs_to_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        assert!(SessionFile::take(directory.path(), "a").unwrap().is_none(), "somebody has it");
        assert!(SessionFile::take(directory.path(), "b").unwrap().is_some(), "another one");
        assert_eq!(taken.read().unwrap(), None);
        let begins = SessionState::new("report", "key:ci".to_owned(), Some("team"));
        taken.append(&begins.begin(boot())).unwrap();
        taken.append(&[script("01J")]).unwrap();
        let state = taken.read().unwrap().expect("a session");
        assert_eq!((state.scripts.len(), state.may_lack_scripts(boot())), (1, false));
        let listed = all(directory.path()).unwrap();
        assert_eq!((listed.len(), listed[0].id.as_str(), &listed[0].state), (1, "a", &Some(state)));
        taken.clear().unwrap();
        assert!(all(directory.path()).unwrap().is_empty());
        drop(taken);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
        assert!(SessionFile::take(directory.path(), "a").unwrap().is_some(), "it can begin anew");
    }

    #[test]
    fn a_line_follows_one_that_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        taken.append(&SessionState::new("report", "operator".to_owned(), None).begin(boot())).unwrap();
        taken.append(&[script("01J"), script("01K")]).unwrap();
        let path = directory.path().join("a.jsonl");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        assert_eq!(taken.read().unwrap().expect("a session").scripts, ["01J"]);
        taken.append(&[script("01L")]).unwrap();
        assert_eq!(taken.read().unwrap().expect("a session").scripts, ["01J", "01L"]);
    }

    #[test]
    fn a_line_that_is_not_understood_cuts_nothing_off_in_the_same_boot() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        let state = SessionState::new("report", "operator".to_owned(), None);
        let path = directory.path().join("a.jsonl");
        for earlier in [false, true] {
            taken.clear().unwrap();
            taken.append(&state.begin(boot())).unwrap();
            taken.append(&[script("01J")]).unwrap();
            let boot = boot().unwrap_or_default();
            let mut text = fs::read_to_string(&path).unwrap() + "{\"later\":1}\n";
            if earlier {
                text = text.replace(boot, "earlier") + &format!("{{\"boot\":\"{boot}\"}}\n");
            }
            fs::write(&path, &text).unwrap();
            taken.append(&[script("01K")]).unwrap();
            let whole = fs::read(&path).unwrap();
            let read = taken.read().unwrap().expect("a session");
            assert!(read.lost.is_some_and(|why| why.contains("not understood")), "{earlier}");
            assert_eq!(fs::read(&path).unwrap(), whole, "{earlier}");
        }
    }

    #[test]
    fn errors_name_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let taken = SessionFile::take(directory.path(), "a").unwrap().expect("nobody has it");
        let path = directory.path().join("a.jsonl");
        fs::create_dir(&path).unwrap();
        let names = |error: io::Error, path: &Path| error.to_string().starts_with(&format!("{}: ", path.display()));
        for error in [taken.read().err(), taken.append(&[script("01J")]).err(), taken.clear().err()] {
            assert!(names(error.expect("a directory is no file"), &path));
        }
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(names(SessionFile::take(&file, "a").expect_err("a file is no directory"), &file));
    }

    #[test]
    fn lines_that_could_not_be_written_are_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one\n").unwrap();
        let file = || File::options().append(true).open(&path).unwrap();
        assert!(added(&mut file(), b"two\n", |_| Err(io::Error::other("no disk"))).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        added(&mut file(), b"three\n", |_| Ok(())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
    }
}
