//! Walks over a workspace.

use std::io;
use std::path::Path;

use cap_std::fs::{Dir, MetadataExt};

use crate::usage::Usage;

/// How deep a walk goes. What lies deeper was not made by a script.
const MAX_WALK_DEPTH: usize = 64;

/// How many entries a walk looks at.
const MAX_WALK_ENTRIES: u64 = 1_000_000;

/// What a directory holds, itself not counted. None: more than can be counted.
pub(crate) fn usage(top: &Dir) -> io::Result<Option<Usage>> {
    let mut usage = Usage::default();
    let counted = walk(top, MAX_WALK_DEPTH, &mut |_, bytes| {
        usage.files += 1;
        usage.bytes = usage.bytes.saturating_add(bytes);
        usage.files < MAX_WALK_ENTRIES
    })?;
    Ok(counted.then_some(usage))
}

/// How many levels of directories and files lie beneath `path`. An empty directory, or a file: 0.
pub(crate) fn height(top: &Dir, path: &Path) -> io::Result<usize> {
    if !top.symlink_metadata(path)?.is_dir() {
        return Ok(0);
    }
    let mut height = 0;
    walk(&top.open_dir(path)?, MAX_WALK_DEPTH, &mut |depth, _| {
        height = height.max(depth);
        true
    })?;
    Ok(height)
}

/// Calls `visit` with the depth, from 1, and the size of everything in `directory`, until it says no. False: it said so, or there is
/// more than `left` levels.
fn walk(directory: &Dir, left: usize, visit: &mut dyn FnMut(usize, u64) -> bool) -> io::Result<bool> {
    if left == 0 {
        return Ok(false);
    }
    for entry in directory.entries()? {
        let entry = entry?;
        // It may have been removed since.
        let Ok(metadata) = directory.symlink_metadata(entry.file_name()) else { continue };
        let bytes = if metadata.is_file() { metadata.size() } else { 0 };
        if !visit(MAX_WALK_DEPTH - left + 1, bytes) {
            return Ok(false);
        }
        if metadata.is_dir() && !walk(&entry.open_dir()?, left - 1, visit)? {
            return Ok(false);
        }
    }
    Ok(true)
}
