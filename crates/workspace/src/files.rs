//! The files of one run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use exuvia_tool::{
    BoxFuture, FileAnswer, FileError, FileHandle, FileKind, FileRequest, FileValue, OpenHow, RunFiles, locked,
};

use crate::handles::Handles;
use crate::path::{names_directory, resolved};
use crate::workspace::{read, stat_of};
use crate::{Access, Workspace};

/// The most that one request reads, in bytes.
const MAX_READ_BYTES: u32 = 1 << 20;

/// A workspace as one run has it open. What it has open is closed when this is dropped and the request that goes on has ended.
pub struct WorkspaceFiles(Arc<Session>);

struct Session {
    workspace: Arc<Workspace>,
    access: Access,
    handles: Mutex<Handles>,
}

impl WorkspaceFiles {
    /// The files of a run that is about to start.
    #[must_use]
    pub fn new(workspace: Arc<Workspace>, access: Access) -> Self {
        Self(Arc::new(Session { workspace, access, handles: Mutex::default() }))
    }
}

impl RunFiles for WorkspaceFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let session = Arc::clone(&self.0);
        Box::pin(async move {
            // A disk may take its time, and the thread of a run is shared with others.
            let answer = tokio::task::spawn_blocking(move || session.answer(request)).await;
            answer.unwrap_or(Err(FileError::Io))
        })
    }

    fn close(&self, file: FileHandle) {
        let closed = locked(&self.0.handles).close(file);
        // Outside of the lock: it is the disk that is asked.
        drop(closed);
    }
}

impl Session {
    fn answer(&self, request: FileRequest) -> FileAnswer {
        match request {
            FileRequest::Open { at, path, how } => self.open(at, &path, how),
            FileRequest::Read { file, offset, length } => {
                let length = length.min(MAX_READ_BYTES) as usize;
                read(self.get(file)?.readable()?, offset, length).map(|bytes| FileValue::Bytes(bytes.into()))
            }
            FileRequest::Write { file, offset, bytes } => {
                self.workspace.write(self.get(file)?.writable()?, offset, &bytes).map(FileValue::Written)
            }
            FileRequest::SetSize { file, size } => done(self.workspace.set_size(self.get(file)?.writable()?, size)),
            FileRequest::Sync { file } => self.sync(file),
            FileRequest::Stat { file } => self.stat(file),
            FileRequest::StatAt { at, path } => self.workspace.stat_at(&self.existing(at, &path)?).map(FileValue::Stat),
            FileRequest::List { directory } => {
                let path = locked(&self.handles).directory(directory)?;
                self.workspace.list(&path).map(FileValue::Entries)
            }
            change => self.change(change),
        }
    }

    /// Answers what changes the directory itself.
    fn change(&self, request: FileRequest) -> FileAnswer {
        if self.access == Access::ReadOnly {
            return Err(FileError::ReadOnly);
        }
        let workspace = &self.workspace;
        done(match request {
            FileRequest::SetModified { at, path, modified } => {
                workspace.set_modified(&self.existing(at, &path)?, modified)
            }
            FileRequest::CreateDirectory { at, path } => workspace.create_directory(&self.path(at, &path)?),
            FileRequest::RemoveDirectory { at, path } => workspace.remove_directory(&self.path(at, &path)?),
            FileRequest::RemoveFile { at, path } => workspace.remove_file(&self.existing(at, &path)?),
            FileRequest::Rename { at, path, to, new_path } => self.rename((at, &path), (to, &new_path)),
            _ => Err(FileError::Unsupported),
        })
    }

    fn rename(&self, from: (FileHandle, &str), to: (FileHandle, &str)) -> Result<(), FileError> {
        let (old, new) = (self.existing(from.0, from.1)?, self.path(to.0, to.1)?);
        if names_directory(to.1) && self.workspace.stat_at(&old)?.kind != FileKind::Directory {
            return Err(FileError::NotDirectory);
        }
        self.workspace.rename(&old, &new)
    }

    fn open(&self, at: FileHandle, path: &str, how: OpenHow) -> FileAnswer {
        if self.access == Access::ReadOnly && (how.write || how.create || how.truncate) {
            return Err(FileError::ReadOnly);
        }
        let how = OpenHow { directory: how.directory || names_directory(path), ..how };
        let path = self.path(at, path)?;
        let (file, kind) = locked(&self.handles).open(&self.workspace, &path, how)?;
        Ok(FileValue::Opened { file, kind })
    }

    fn stat(&self, file: FileHandle) -> FileAnswer {
        let stat = match file {
            FileHandle::ROOT => self.workspace.stat_at(&PathBuf::new()),
            file => stat_of(&self.get(file)?.opened.file),
        };
        stat.map(FileValue::Stat)
    }

    fn sync(&self, file: FileHandle) -> FileAnswer {
        if file != FileHandle::ROOT {
            self.get(file)?.opened.file.sync_all().map_err(|error| crate::error::shown(&error))?;
        }
        Ok(FileValue::Done)
    }

    fn get(&self, file: FileHandle) -> Result<Arc<crate::handles::Handle>, FileError> {
        locked(&self.handles).get(file)
    }

    fn path(&self, at: FileHandle, path: &str) -> Result<PathBuf, FileError> {
        let base = locked(&self.handles).directory(at)?;
        resolved(&base, path, &self.workspace.quota())
    }

    /// The path of what is there. What is named as a directory is one.
    fn existing(&self, at: FileHandle, path: &str) -> Result<PathBuf, FileError> {
        let resolved = self.path(at, path)?;
        if names_directory(path) && self.workspace.stat_at(&resolved)?.kind != FileKind::Directory {
            return Err(FileError::NotDirectory);
        }
        Ok(resolved)
    }
}

fn done(result: Result<(), FileError>) -> FileAnswer {
    result.map(|()| FileValue::Done)
}
