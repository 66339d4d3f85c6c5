//! Errors of the host as a script sees them.

use std::io::{Error, ErrorKind};

use exuvia_tool::FileError;
use rustix::io::Errno;

/// What a script is shown of an error of the host: a code, never a path.
pub(crate) fn shown(error: &Error) -> FileError {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(errno) => of_errno(errno),
        // cap-std gives no number where it refuses a path itself.
        None => match error.kind() {
            ErrorKind::NotFound => FileError::NotFound,
            ErrorKind::PermissionDenied => FileError::NotPermitted,
            ErrorKind::AlreadyExists => FileError::Exists,
            ErrorKind::InvalidInput => FileError::Invalid,
            _ => FileError::Io,
        },
    }
}

fn of_errno(errno: Errno) -> FileError {
    match errno {
        Errno::NOENT => FileError::NotFound,
        Errno::EXIST => FileError::Exists,
        Errno::ISDIR => FileError::IsDirectory,
        Errno::NOTDIR => FileError::NotDirectory,
        Errno::NOTEMPTY => FileError::NotEmpty,
        Errno::NOSPC => FileError::NoSpace,
        Errno::DQUOT | Errno::FBIG => FileError::Quota,
        Errno::NAMETOOLONG => FileError::NameTooLong,
        Errno::LOOP => FileError::Loop,
        Errno::INVAL => FileError::Invalid,
        Errno::BUSY => FileError::Busy,
        Errno::ROFS => FileError::ReadOnly,
        Errno::MFILE | Errno::NFILE => FileError::TooManyOpen,
        // A link that leads out of the workspace, or what belongs to another user of the host. A socket is no device.
        Errno::ACCESS | Errno::PERM | Errno::XDEV | Errno::NXIO => FileError::NotPermitted,
        _ => FileError::Io,
    }
}
