//! Opening files beneath a directory.

use std::path::Path;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use exuvia_tool::{FileError, FileKind, OpenHow};
use rustix::fs::OFlags;

use crate::error::shown;
use crate::path::beneath;
use crate::usage::Identity;

/// Opens what exists. What is neither a regular file nor a directory is refused, without waiting for it (as a pipe would).
pub(crate) fn existing(top: &Dir, path: &Path, how: OpenHow) -> Result<(File, Metadata), FileError> {
    let mut options = OpenOptions::new();
    options.read(how.read || !how.write).write(how.write).follow(FollowSymlinks::No);
    options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    checked(top.open_with(beneath(path), &options))
}

/// Makes a file.
pub(crate) fn new(top: &Dir, path: &Path, how: OpenHow) -> Result<(File, Metadata), FileError> {
    let mut options = OpenOptions::new();
    options.read(how.read).write(true).create_new(true).follow(FollowSymlinks::No);
    checked(top.open_with(path, &options))
}

fn checked(opened: std::io::Result<File>) -> Result<(File, Metadata), FileError> {
    let file = opened.map_err(|error| shown(&error))?;
    let metadata = file.metadata().map_err(|error| shown(&error))?;
    match kind(&metadata) {
        FileKind::Directory => Ok((file, metadata)),
        // Another name of the file may lie outside of the workspace.
        FileKind::File if metadata.nlink() <= 1 => Ok((file, metadata)),
        FileKind::File | FileKind::Other => Err(FileError::NotPermitted),
    }
}

/// What this is.
pub(crate) fn kind(metadata: &Metadata) -> FileKind {
    let kind = metadata.file_type();
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => FileKind::File,
        (_, true) => FileKind::Directory,
        _ => FileKind::Other,
    }
}

/// Which file this is.
pub(crate) fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}
