//! What one run has open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exuvia_tool::{FileError, FileHandle, FileKind, OpenHow};

use crate::workspace::{Opened, Workspace};

/// One open file or directory. Closed in the accounts of its workspace when the last of its users drops it.
pub(crate) struct Handle {
    workspace: Arc<Workspace>,
    pub(crate) opened: Opened,
    pub(crate) path: PathBuf,
    pub(crate) how: OpenHow,
}

impl Handle {
    /// The open file, to be written.
    pub(crate) fn writable(&self) -> Result<&cap_std::fs::File, FileError> {
        if self.how.write { self.regular() } else { Err(FileError::BadDescriptor) }
    }

    /// The open file, to be read.
    pub(crate) fn readable(&self) -> Result<&cap_std::fs::File, FileError> {
        if self.how.read { self.regular() } else { Err(FileError::BadDescriptor) }
    }

    fn regular(&self) -> Result<&cap_std::fs::File, FileError> {
        if self.opened.kind == FileKind::File { Ok(&self.opened.file) } else { Err(FileError::IsDirectory) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.workspace.close(&self.opened);
    }
}

/// The handles of one run.
#[derive(Default)]
pub(crate) struct Handles {
    open: HashMap<FileHandle, Arc<Handle>>,
    given: u32,
}

impl Handles {
    pub(crate) fn get(&self, handle: FileHandle) -> Result<Arc<Handle>, FileError> {
        self.open.get(&handle).cloned().ok_or(FileError::BadDescriptor)
    }

    /// The path of an open directory.
    pub(crate) fn directory(&self, handle: FileHandle) -> Result<PathBuf, FileError> {
        if handle == FileHandle::ROOT {
            return Ok(PathBuf::new());
        }
        let handle = self.get(handle)?;
        if handle.opened.kind == FileKind::Directory { Ok(handle.path.clone()) } else { Err(FileError::NotDirectory) }
    }

    pub(crate) fn open(
        &mut self,
        workspace: &Arc<Workspace>,
        path: &Path,
        how: OpenHow,
    ) -> Result<(FileHandle, FileKind), FileError> {
        if self.open.len() >= workspace.quota().open_files {
            return Err(FileError::TooManyOpen);
        }
        let next = self.given.checked_add(1).ok_or(FileError::TooManyOpen)?;
        let opened = workspace.open_at(path, how)?;
        let kind = opened.kind;
        let handle = Handle { workspace: Arc::clone(workspace), opened, path: path.to_owned(), how };
        self.given = next;
        self.open.insert(FileHandle(next), Arc::new(handle));
        Ok((FileHandle(next), kind))
    }

    pub(crate) fn close(&mut self, handle: FileHandle) -> Option<Arc<Handle>> {
        self.open.remove(&handle)
    }
}
