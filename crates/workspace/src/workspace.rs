//! One directory.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileExt, MetadataExt};
use cap_std::time::SystemTime;
use exuvia_tool::{FileEntry, FileError, FileKind, FileStat, OpenHow, locked};

use crate::error::shown;
use crate::path::{beneath, depth};
use crate::usage::{Accounts, Identity};
use crate::{OpenError, Quota, Usage, open, tree};

/// How many entries a listing may have. What lies beyond was not made by scripts within any quota.
const MAX_ENTRIES: usize = 100_000;

/// Whether a run may change a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may be read.
    ReadOnly,
    /// It may be read and changed.
    ReadWrite,
}

/// One directory of the host in which scripts keep files. Share one of these between all runs that use the directory: it is what
/// counts for them together.
pub struct Workspace {
    top: Dir,
    /// Whether the accounts say what it holds.
    is_counted: bool,
    accounts: Mutex<Accounts>,
}

/// An open file or directory.
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) kind: FileKind,
    pub(crate) identity: Identity,
}

impl Workspace {
    /// Opens a directory, which is made if there is none, and counts what it holds. Blocks, for as long as it takes to walk it.
    ///
    /// # Errors
    ///
    /// The directory cannot be used.
    pub fn open(directory: &Path, quota: Quota) -> Result<Self, OpenError> {
        let top = opened(directory)?;
        let usage = tree::usage(&top).map_err(OpenError::of(directory))?;
        let usage = usage.ok_or_else(|| OpenError::TooMany { directory: directory.to_owned() })?;
        Ok(Self { top, is_counted: true, accounts: Mutex::new(Accounts::of(usage, quota)) })
    }

    /// The same without counting what it holds, for whoever changes nothing: it takes as long for any number of files. Blocks.
    ///
    /// # Errors
    ///
    /// The directory cannot be used.
    pub fn open_to_read(directory: &Path, quota: Quota) -> Result<Self, OpenError> {
        let (top, usage) = (opened(directory)?, Usage::default());
        Ok(Self { top, is_counted: false, accounts: Mutex::new(Accounts::of(usage, quota)) })
    }

    /// Whether [`usage`](Self::usage) says what it holds.
    pub(crate) fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// What it holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        locked(&self.accounts).usage
    }

    /// What it may hold.
    #[must_use]
    pub fn quota(&self) -> Quota {
        locked(&self.accounts).quota
    }

    /// What it may hold from now on. What is there stays.
    pub(crate) fn set_quota(&self, quota: Quota) {
        locked(&self.accounts).quota = quota;
    }

    /// Marks it as used now, by the time of its directory. Where that cannot be written, it is not.
    pub(crate) fn used(&self) {
        let _ = self.top.set_times(".", None, Some(SystemTimeSpec::SymbolicNow));
    }

    pub(crate) fn open_at(&self, path: &Path, how: OpenHow) -> Result<Opened, FileError> {
        let mut accounts = locked(&self.accounts);
        let found = open::existing(&self.top, path, how);
        let is_new = how.create && !how.directory && matches!(found, Err(FileError::NotFound));
        let (file, metadata) = if is_new {
            accounts.room_for_file()?;
            let made = open::new(&self.top, path, how)?;
            accounts.usage.files += 1;
            made
        } else {
            if how.create && how.exclusive && (found.is_ok() || self.top.symlink_metadata(beneath(path)).is_ok()) {
                return Err(FileError::Exists);
            }
            found?
        };
        let kind = open::kind(&metadata);
        match kind {
            FileKind::Directory if how.write || how.truncate => return Err(FileError::IsDirectory),
            FileKind::File if how.directory => return Err(FileError::NotDirectory),
            _ => {}
        }
        if how.truncate && metadata.size() > 0 {
            file.set_len(0).map_err(|error| shown(&error))?;
            accounts.resized(metadata.size(), 0);
        }
        let identity = open::identity(&metadata);
        if kind == FileKind::File {
            accounts.opened(identity);
        }
        Ok(Opened { file, kind, identity })
    }

    pub(crate) fn close(&self, opened: &Opened) {
        if opened.kind == FileKind::File {
            // Of a file that the disk fails to describe, nothing is freed.
            let size = opened.file.metadata().map_or(0, |metadata| metadata.size());
            locked(&self.accounts).closed(opened.identity, size);
        }
    }

    /// Writes all of it, or nothing where there is no room for all of it.
    pub(crate) fn write(&self, file: &File, offset: Option<u64>, bytes: &[u8]) -> Result<u64, FileError> {
        let mut accounts = locked(&self.accounts);
        let before = size(file)?;
        let offset = offset.unwrap_or(before);
        let end = offset.checked_add(bytes.len() as u64).ok_or(FileError::Quota)?;
        if !bytes.is_empty() && end.saturating_sub(before) > accounts.room() {
            return Err(FileError::Quota);
        }
        let written = write_all(file, offset, bytes);
        if written.is_err() {
            // What of it lies behind the end goes again; where that fails as well, it counts.
            let _ = size(file).map(|now| if now > before { file.set_len(before) } else { Ok(()) });
        }
        accounts.resized(before, size(file)?);
        written.map_err(|error| shown(&error))?;
        Ok(bytes.len() as u64)
    }

    pub(crate) fn set_size(&self, file: &File, new: u64) -> Result<(), FileError> {
        let mut accounts = locked(&self.accounts);
        let before = size(file)?;
        if new.saturating_sub(before) > accounts.room() {
            return Err(FileError::Quota);
        }
        file.set_len(new).map_err(|error| shown(&error))?;
        accounts.resized(before, new);
        Ok(())
    }

    pub(crate) fn stat_at(&self, path: &Path) -> Result<FileStat, FileError> {
        self.top.symlink_metadata(beneath(path)).map(|metadata| stat(&metadata)).map_err(|error| shown(&error))
    }

    pub(crate) fn set_modified(&self, path: &Path, modified: Duration) -> Result<(), FileError> {
        if path.as_os_str().is_empty() {
            // That of the top says when the workspace was used last.
            return Ok(());
        }
        let time = UNIX_EPOCH.checked_add(modified).ok_or(FileError::Invalid)?;
        let time = SystemTimeSpec::from(SystemTime::from_std(time));
        self.top.set_symlink_times(beneath(path), None, Some(time)).map_err(|error| shown(&error))
    }

    pub(crate) fn list(&self, path: &Path) -> Result<Vec<FileEntry>, FileError> {
        let mut entries = Vec::new();
        for entry in self.top.read_dir(beneath(path)).map_err(|error| shown(&error))? {
            let entry = entry.map_err(|error| shown(&error))?;
            // A name that is no UTF-8 was not made by a script, and cannot be opened by one.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // It may have been removed since.
            let Ok(metadata) = entry.metadata() else { continue };
            if entries.len() == MAX_ENTRIES {
                return Err(FileError::Quota);
            }
            entries.push(FileEntry { name, kind: open::kind(&metadata) });
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    pub(crate) fn create_directory(&self, path: &Path) -> Result<(), FileError> {
        let mut accounts = locked(&self.accounts);
        if path.as_os_str().is_empty() || self.top.symlink_metadata(path).is_ok() {
            return Err(FileError::Exists);
        }
        accounts.room_for_file()?;
        self.top.create_dir(path).map_err(|error| shown(&error))?;
        accounts.usage.files += 1;
        Ok(())
    }

    pub(crate) fn remove_directory(&self, path: &Path) -> Result<(), FileError> {
        let mut accounts = locked(&self.accounts);
        self.not_top(path)?;
        self.top.remove_dir(path).map_err(|error| shown(&error))?;
        accounts.usage.files = accounts.usage.files.saturating_sub(1);
        Ok(())
    }

    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), FileError> {
        let mut accounts = locked(&self.accounts);
        self.not_top(path)?;
        let metadata = self.top.symlink_metadata(path).map_err(|error| shown(&error))?;
        self.top.remove_file_or_symlink(path).map_err(|error| shown(&error))?;
        accounts.removed(open::identity(&metadata), file_size(&metadata));
        Ok(())
    }

    pub(crate) fn rename(&self, path: &Path, new: &Path) -> Result<(), FileError> {
        let mut accounts = locked(&self.accounts);
        self.not_top(path)?;
        self.not_top(new)?;
        let moved = self.top.symlink_metadata(path).map_err(|error| shown(&error))?;
        let replaced = self.top.symlink_metadata(new).ok();
        let height = tree::height(&self.top, path).map_err(|error| shown(&error))?;
        if depth(new) + height > accounts.quota.depth {
            return Err(FileError::NameTooLong);
        }
        self.top.rename(path, &self.top, new).map_err(|error| shown(&error))?;
        let is_same = |replaced: &cap_std::fs::Metadata| open::identity(replaced) == open::identity(&moved);
        if let Some(replaced) = replaced.filter(|replaced| !is_same(replaced)) {
            accounts.removed(open::identity(&replaced), file_size(&replaced));
        }
        Ok(())
    }

    fn not_top(&self, path: &Path) -> Result<(), FileError> {
        if path.as_os_str().is_empty() { Err(FileError::NotPermitted) } else { Ok(()) }
    }
}

fn opened(directory: &Path) -> Result<Dir, OpenError> {
    let made = std::fs::create_dir_all(directory);
    made.and_then(|()| Dir::open_ambient_dir(directory, ambient_authority())).map_err(OpenError::of(directory))
}

/// What is known of an open file.
pub(crate) fn stat_of(file: &File) -> Result<FileStat, FileError> {
    file.metadata().map(|metadata| stat(&metadata)).map_err(|error| shown(&error))
}

/// Reads at most `length` bytes.
pub(crate) fn read(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, FileError> {
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, offset).map_err(|error| shown(&error))?;
    bytes.truncate(read);
    Ok(bytes)
}

fn write_all(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                bytes = &bytes[written..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn stat(metadata: &cap_std::fs::Metadata) -> FileStat {
    let modified = metadata.modified().ok().and_then(|at| at.into_std().duration_since(UNIX_EPOCH).ok());
    FileStat {
        kind: open::kind(metadata),
        size: file_size(metadata),
        modified: modified.unwrap_or_default(),
        identity: metadata.ino(),
    }
}

fn file_size(metadata: &cap_std::fs::Metadata) -> u64 {
    if metadata.is_file() { metadata.size() } else { 0 }
}

fn size(file: &File) -> Result<u64, FileError> {
    file.metadata().map(|metadata| metadata.size()).map_err(|error| shown(&error))
}
