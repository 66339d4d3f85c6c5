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
        // A name that the host's file system cannot have, or a size that it cannot.
        Errno::INVAL | Errno::ILSEQ | Errno::OVERFLOW => FileError::Invalid,
        Errno::BUSY | Errno::TXTBSY | Errno::AGAIN => FileError::Busy,
        Errno::OPNOTSUPP | Errno::NOSYS => FileError::Unsupported,
        Errno::ROFS => FileError::ReadOnly,
        Errno::MFILE | Errno::NFILE => FileError::TooManyOpen,
        // A link that leads out of the workspace, or what belongs to another user of the host. A socket is no device.
        Errno::ACCESS | Errno::PERM | Errno::XDEV | Errno::NXIO | Errno::NODEV => FileError::NotPermitted,
        _ => FileError::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_what_the_host_refused() {
        for (errno, expected) in [
            (Errno::NOSPC, FileError::NoSpace),
            (Errno::DQUOT, FileError::Quota),
            (Errno::FBIG, FileError::Quota),
            (Errno::ROFS, FileError::ReadOnly),
            (Errno::ACCESS, FileError::NotPermitted),
            (Errno::NODEV, FileError::NotPermitted),
            (Errno::NAMETOOLONG, FileError::NameTooLong),
            (Errno::ILSEQ, FileError::Invalid),
            (Errno::TXTBSY, FileError::Busy),
            (Errno::OPNOTSUPP, FileError::Unsupported),
            (Errno::MFILE, FileError::TooManyOpen),
            (Errno::IO, FileError::Io),
        ] {
            assert_eq!(shown(&Error::from_raw_os_error(errno.raw_os_error())), expected, "{errno}");
        }
    }
}
