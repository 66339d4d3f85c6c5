//! The bounds of a workspace.

/// What a workspace may hold, and what one run may have open in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The sum of the sizes of its files, in bytes. A hole in a file counts as if it were written.
    pub bytes: u64,
    /// Its files and directories.
    pub files: u64,
    /// The files and directories that one run may have open.
    pub open_files: usize,
    /// The longest name of a file or directory, in bytes of UTF-8.
    pub name_bytes: usize,
    /// How many names a path may have.
    pub depth: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self { bytes: 1 << 30, files: 10_000, open_files: 100, name_bytes: 255, depth: 20 }
    }
}
