//! Answers of files as they are written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use exuvia_tool::{FileAnswer, FileEntry, FileError, FileHandle, FileKind, FileStat, FileValue};
use serde::{Deserialize, Serialize};

use super::head::malformed;
use super::time::time;
use crate::JournalError;

/// What a request was answered. Times are seconds and nanoseconds, bytes are base64 without padding.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireFileAnswer {
    Done,
    Opened(u32, WireKind),
    Bytes(String),
    Written(u64),
    Stat { kind: WireKind, size: u64, modified: (u64, u32), identity: u64 },
    Entries(Vec<(String, WireKind)>),
    Failed(WireFileError),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireKind {
    File,
    Directory,
    Other,
}

/// Defines the wire form of errors, and both ways between it and [`FileError`].
macro_rules! errors {
    ($($name:ident),*) => {
        #[derive(Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum WireFileError {
            $($name),*
        }

        impl From<FileError> for WireFileError {
            fn from(error: FileError) -> Self {
                match error {
                    $(FileError::$name => Self::$name,)*
                    _ => Self::Io,
                }
            }
        }

        impl From<WireFileError> for FileError {
            fn from(error: WireFileError) -> Self {
                match error {
                    $(WireFileError::$name => Self::$name),*
                }
            }
        }
    };
}

errors!(
    BadDescriptor,
    Busy,
    Exists,
    Invalid,
    Io,
    IsDirectory,
    Loop,
    NameTooLong,
    NotFound,
    NoSpace,
    NotDirectory,
    NotEmpty,
    NotPermitted,
    TooManyOpen,
    Quota,
    ReadOnly,
    Unsupported
);

impl From<FileKind> for WireKind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::File => Self::File,
            FileKind::Directory => Self::Directory,
            FileKind::Other => Self::Other,
        }
    }
}

impl From<WireKind> for FileKind {
    fn from(kind: WireKind) -> Self {
        match kind {
            WireKind::File => Self::File,
            WireKind::Directory => Self::Directory,
            WireKind::Other => Self::Other,
        }
    }
}

impl From<&FileAnswer> for WireFileAnswer {
    fn from(answer: &FileAnswer) -> Self {
        match answer {
            Ok(FileValue::Done) => Self::Done,
            Ok(FileValue::Opened { file, kind }) => Self::Opened(file.0, (*kind).into()),
            Ok(FileValue::Bytes(bytes)) => Self::Bytes(BASE64.encode(bytes)),
            Ok(FileValue::Written(bytes)) => Self::Written(*bytes),
            Ok(FileValue::Stat(stat)) => Self::Stat {
                kind: stat.kind.into(),
                size: stat.size,
                modified: (stat.modified.as_secs(), stat.modified.subsec_nanos()),
                identity: stat.identity,
            },
            Ok(FileValue::Entries(entries)) => {
                Self::Entries(entries.iter().map(|entry| (entry.name.clone(), entry.kind.into())).collect())
            }
            Err(error) => Self::Failed((*error).into()),
        }
    }
}

impl WireFileAnswer {
    pub(super) fn read(self) -> Result<FileAnswer, JournalError> {
        Ok(Ok(match self {
            Self::Done => FileValue::Done,
            Self::Opened(file, kind) => FileValue::Opened { file: FileHandle(file), kind: kind.into() },
            Self::Bytes(text) => FileValue::Bytes(BASE64.decode(text).map_err(malformed)?.into()),
            Self::Written(bytes) => FileValue::Written(bytes),
            Self::Stat { kind, size, modified: (seconds, nanos), identity } => {
                FileValue::Stat(FileStat { kind: kind.into(), size, modified: time(seconds, nanos)?, identity })
            }
            Self::Entries(entries) => FileValue::Entries(
                entries.into_iter().map(|(name, kind)| FileEntry { name, kind: kind.into() }).collect(),
            ),
            Self::Failed(error) => return Ok(Err(error.into())),
        }))
    }
}
