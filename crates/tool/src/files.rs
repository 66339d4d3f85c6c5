//! The files of a run: what a script asks of its workspace, and what it is answered.
//!
//! The requests are those of `wasi:filesystem` 0.2, less what a workspace does not have: links, devices, permissions. They are
//! plain data, so that a run can be recorded and replayed with what it read.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::BoxFuture;

/// An open file or directory of one run. Handles are given out in the order of the requests, so that a replay gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHandle(pub u32);

impl FileHandle {
    /// The top of the workspace, which is always open.
    pub const ROOT: Self = Self(0);
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenHow {
    /// Make it if there is none.
    pub create: bool,
    /// Fail if there is one.
    pub exclusive: bool,
    /// Make it empty.
    pub truncate: bool,
    /// Fail unless it is a directory.
    pub directory: bool,
    /// It is to be read.
    pub read: bool,
    /// It is to be written.
    pub write: bool,
}

/// One request of a script to its files. Paths are relative to a directory handle, with `/` between their names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum FileRequest {
    /// Opens a file or a directory.
    Open { at: FileHandle, path: String, how: OpenHow },
    /// Reads at most `length` bytes. Fewer, but not none, may come before the end of the file.
    Read { file: FileHandle, offset: u64, length: u32 },
    /// Writes at `offset`, or at the end without one.
    Write { file: FileHandle, offset: Option<u64>, bytes: Vec<u8> },
    /// Cuts a file, or lengthens it with zeros.
    SetSize { file: FileHandle, size: u64 },
    /// Makes what was written durable.
    Sync { file: FileHandle },
    /// Describes an open file or directory.
    Stat { file: FileHandle },
    /// Describes a file or directory by its path.
    StatAt { at: FileHandle, path: String },
    /// Sets when a file was last written, since the Unix epoch.
    SetModified { at: FileHandle, path: String, modified: Duration },
    /// Lists a directory.
    List { directory: FileHandle },
    /// Makes a directory.
    CreateDirectory { at: FileHandle, path: String },
    /// Removes an empty directory.
    RemoveDirectory { at: FileHandle, path: String },
    /// Removes a file.
    RemoveFile { at: FileHandle, path: String },
    /// Gives a file or directory another path, in place of a file there.
    Rename { at: FileHandle, path: String, to: FileHandle, new_path: String },
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a device, a socket: never opened.
    Other,
}

/// What is known of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes; of a directory, 0.
    pub size: u64,
    /// When it was last written, since the Unix epoch.
    pub modified: Duration,
    /// The same for the same file, for as long as it exists.
    pub identity: u64,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
}

/// What was read of a file. Clones share it, with its digest once somebody has computed that.
#[derive(Clone)]
pub struct FileBytes(Arc<Content>);

struct Content {
    bytes: Vec<u8>,
    digest: OnceLock<[u8; 32]>,
}

impl FileBytes {
    /// The digest of the bytes, which `of` computes at most once for all clones.
    pub fn digest(&self, of: impl FnOnce(&[u8]) -> [u8; 32]) -> [u8; 32] {
        *self.0.digest.get_or_init(|| of(&self.0.bytes))
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Content { bytes, digest: OnceLock::new() }))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for FileBytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for FileBytes {}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileValue {
    /// It was done.
    Done,
    /// It was opened.
    Opened {
        /// The handle, to be [closed](RunFiles::close).
        file: FileHandle,
        /// What it is.
        kind: FileKind,
    },
    /// What was read. Empty: the end of the file.
    Bytes(FileBytes),
    /// All of it was written, so many bytes.
    Written(u64),
    /// What is known of it.
    Stat(FileStat),
    /// The entries, sorted by name.
    Entries(Vec<FileEntry>),
}

/// Why a request failed: the codes of `wasi:filesystem` that a workspace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileError {
    /// The handle is not open, or not open for this.
    BadDescriptor,
    /// It is used elsewhere.
    Busy,
    /// It exists.
    Exists,
    /// An argument makes no sense.
    Invalid,
    /// The host failed to read or write.
    Io,
    /// It is a directory.
    IsDirectory,
    /// Too many links on the way.
    Loop,
    /// A name, or the whole path, is too long, or too deep.
    NameTooLong,
    /// There is none.
    NotFound,
    /// The disk of the host is full.
    NoSpace,
    /// Part of the path is no directory.
    NotDirectory,
    /// The directory has entries.
    NotEmpty,
    /// The path leads out of the workspace, or to a link or device.
    NotPermitted,
    /// Too many files are open.
    TooManyOpen,
    /// The workspace has no more room: bytes or files.
    Quota,
    /// The workspace may only be read.
    ReadOnly,
    /// The workspace cannot do this.
    Unsupported,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadDescriptor => "the file is not open for this",
            Self::Busy => "the file is in use",
            Self::Exists => "it exists",
            Self::Invalid => "invalid argument",
            Self::Io => "the host failed to read or write",
            Self::IsDirectory => "it is a directory",
            Self::Loop => "too many links",
            Self::NameTooLong => "the name is too long, or the path too deep",
            Self::NotFound => "no such file",
            Self::NoSpace => "the disk of the host is full",
            Self::NotDirectory => "it is no directory",
            Self::NotEmpty => "the directory is not empty",
            Self::NotPermitted => "it leads out of the workspace, or is no regular file",
            Self::TooManyOpen => "too many open files",
            Self::Quota => "the workspace is full",
            Self::ReadOnly => "the workspace is read-only",
            Self::Unsupported => "a workspace cannot do this",
        })
    }
}

impl std::error::Error for FileError {}

/// What a request is answered.
pub type FileAnswer = Result<FileValue, FileError>;

/// The files of one run. Requests come one at a time.
pub trait RunFiles: Send + Sync + 'static {
    /// Answers a request. Dropping the future leaves the request done or not done, never half done.
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer>;

    /// Ends a handle.
    fn close(&self, file: FileHandle);
}
