//! Errors and descriptions of files in the words of WASI.

use exuvia_tool::{FileAnswer, FileError, FileKind, FileStat, FileValue};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorStat, DescriptorType, ErrorCode};
use wasmtime_wasi::p2::{FsError, FsResult};

/// The value of an answer. The outer error is a fault of the guest, which has named what it does not have.
pub(super) fn value(answer: wasmtime::Result<FileAnswer>) -> FsResult<FileValue> {
    answer.map_err(FsError::trap)?.map_err(|error| of(&error).into())
}

/// The code of an error.
pub(super) fn of(error: &FileError) -> ErrorCode {
    match error {
        FileError::BadDescriptor => ErrorCode::BadDescriptor,
        FileError::Busy => ErrorCode::Busy,
        FileError::Exists => ErrorCode::Exist,
        FileError::Invalid => ErrorCode::Invalid,
        FileError::IsDirectory => ErrorCode::IsDirectory,
        FileError::Loop => ErrorCode::Loop,
        FileError::NameTooLong => ErrorCode::NameTooLong,
        FileError::NotFound => ErrorCode::NoEntry,
        FileError::NoSpace => ErrorCode::InsufficientSpace,
        FileError::NotDirectory => ErrorCode::NotDirectory,
        FileError::NotEmpty => ErrorCode::NotEmpty,
        FileError::NotPermitted => ErrorCode::NotPermitted,
        // WASI has no code for too many open files.
        FileError::TooManyOpen => ErrorCode::InsufficientMemory,
        FileError::Quota => ErrorCode::Quota,
        FileError::ReadOnly => ErrorCode::ReadOnly,
        FileError::Unsupported => ErrorCode::Unsupported,
        _ => ErrorCode::Io,
    }
}

/// An answer of another kind than its request: a fault of the host.
pub(super) fn unexpected() -> FsError {
    ErrorCode::Io.into()
}

pub(super) fn kind(kind: FileKind) -> DescriptorType {
    match kind {
        FileKind::File => DescriptorType::RegularFile,
        FileKind::Directory => DescriptorType::Directory,
        FileKind::Other => DescriptorType::Unknown,
    }
}

pub(super) fn stat(stat: &FileStat) -> DescriptorStat {
    let modified = Datetime { seconds: stat.modified.as_secs(), nanoseconds: stat.modified.subsec_nanos() };
    DescriptorStat {
        type_: kind(stat.kind),
        link_count: 1,
        size: stat.size,
        // What was read when is not kept: reading would change what the next script sees.
        data_access_timestamp: Some(modified),
        data_modification_timestamp: Some(modified),
        status_change_timestamp: Some(modified),
    }
}
