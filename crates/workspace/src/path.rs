//! Paths of a workspace.

use std::path::{Path, PathBuf};

use exuvia_tool::FileError;

use crate::Quota;

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_096;

/// Where `path` leads from the directory `base`, as names beneath the top of the workspace. Empty: the top.
///
/// `..` removes the name before it: no link can stand there that a script made.
pub(crate) fn resolved(base: &Path, path: &str, quota: &Quota) -> Result<PathBuf, FileError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(FileError::NameTooLong);
    }
    if path.contains('\0') {
        return Err(FileError::Invalid);
    }
    if path.starts_with('/') {
        return Err(FileError::NotPermitted);
    }
    let mut resolved = base.to_owned();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if resolved.pop() => {}
            ".." => return Err(FileError::NotPermitted),
            name if name.len() > quota.name_bytes => return Err(FileError::NameTooLong),
            name => resolved.push(name),
        }
    }
    if depth(&resolved) > quota.depth {
        return Err(FileError::NameTooLong);
    }
    Ok(resolved)
}

/// Whether a path can be that of a directory alone.
pub(crate) fn names_directory(path: &str) -> bool {
    !path.is_empty() && matches!(path.rsplit('/').next(), Some("" | "." | ".."))
}

/// How many names a path has.
pub(crate) fn depth(path: &Path) -> usize {
    path.components().count()
}

/// The path as cap-std takes it.
pub(crate) fn beneath(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(base: &str, path: &str) -> Result<String, FileError> {
        let quota = Quota { name_bytes: 8, depth: 3, ..Quota::default() };
        resolved(Path::new(base), path, &quota).map(|path| path.to_string_lossy().into_owned())
    }

    #[test]
    fn paths_stay_beneath_the_top() {
        assert_eq!(from("", "a/./b//c"), Ok("a/b/c".into()));
        assert_eq!(from("a/b", "../c"), Ok("a/c".into()));
        assert_eq!(from("", "."), Ok(String::new()));
        assert_eq!(from("a", "../.."), Err(FileError::NotPermitted));
        assert_eq!(from("", "a/../../b"), Err(FileError::NotPermitted));
        assert_eq!(from("", "/etc/passwd"), Err(FileError::NotPermitted));
        assert_eq!(from("", "a\0b"), Err(FileError::Invalid));
    }

    #[test]
    fn names_and_depth_are_bounded() {
        assert_eq!(from("", "12345678"), Ok("12345678".into()));
        assert_eq!(from("", "123456789"), Err(FileError::NameTooLong));
        assert_eq!(from("a/b", "c/d"), Err(FileError::NameTooLong));
        assert_eq!(from("", &"x/../".repeat(2_000)), Err(FileError::NameTooLong));
    }
}
