//! The files of a suite.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::SuiteError;

/// The largest file of a suite, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// How many files a suite may have.
const FILES: usize = 10_000;

/// How deep its folders may be.
const DEPTH: usize = 16;

/// The text of a file.
///
/// # Errors
///
/// It cannot be read, is no UTF-8, or is larger than 16 MiB.
pub(crate) fn text(file: &Path) -> Result<String, SuiteError> {
    let wrong = |error: std::io::Error| SuiteError::new(file, error);
    let mut text = String::new();
    fs::File::open(file).map_err(wrong)?.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(wrong)?;
    if text.len() as u64 > FILE_BYTES {
        return Err(SuiteError::new(file, format!("is larger than {} MiB", FILE_BYTES >> 20)));
    }
    Ok(text)
}

/// The files below `folder` with this extension, by their paths in it, in order. A file is itself.
///
/// # Errors
///
/// A folder cannot be read, or there is none, or there are more than 10,000 in 16 levels.
pub(crate) fn below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, SuiteError> {
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut found = Vec::new();
    collect(folder, extension, 0, &mut found)?;
    if found.is_empty() {
        return Err(SuiteError::new(folder, format!("no file there ends in .{extension}")));
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, extension: &str, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SuiteError> {
    let wrong = |error: std::io::Error| SuiteError::new(folder, error);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() && depth < DEPTH {
            collect(&path, extension, depth + 1, found)?;
        } else if path.is_file() && path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
        if found.len() > FILES {
            return Err(SuiteError::new(folder, format!("more than {FILES} files")));
        }
    }
    Ok(())
}
