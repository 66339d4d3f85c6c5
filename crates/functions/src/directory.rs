//! Functions in a directory: `NAME.py`, and in a namespace `NAMESPACE/NAME.py`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Function, FunctionError, FunctionName, MAX_SOURCE_BYTES};

/// The most files of a directory. Those beyond it, by their names, are not read.
pub const MAX_FILES: usize = 1_000;
/// The most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// How files of functions end.
const EXTENSION: &str = ".py";

/// One file of a directory.
#[derive(Debug, Clone)]
pub struct FunctionFile {
    /// Its name, as that of a function: `sales.report` for `sales/report.py`.
    pub name: String,
    /// The function, or why it is none.
    pub function: Result<Function, FunctionError>,
}

/// When the files of a directory were written, and how large they are: another one says that something changed. What may be called hangs on
/// digests alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, Option<SystemTime>, u64)>);

/// Looks at the files of a directory without reading them. Blocks.
///
/// # Errors
///
/// As for [`read_directory`].
pub fn stamp(directory: &Path) -> io::Result<Stamp> {
    let stamped = |(_, path): (String, PathBuf)| {
        let metadata = fs::metadata(&path);
        let (written, bytes) = metadata.map_or((None, 0), |metadata| (metadata.modified().ok(), metadata.len()));
        (path, written, bytes)
    };
    Ok(Stamp(files(directory)?.into_iter().map(stamped).collect()))
}

/// Reads a directory, in the order of names. Files that begin with `_` or `.` are passed over, and links out of it are as good as files: it
/// belongs to the operator. Blocks.
///
/// # Errors
///
/// It cannot be read. A file that cannot be read is a file that is no function.
pub fn read_directory(directory: &Path) -> io::Result<Vec<FunctionFile>> {
    let files = files(directory)?;
    Ok(files.into_iter().map(|(name, path)| FunctionFile { function: read(&name, &path), name }).collect())
}

/// The names of functions and their files, in order.
fn files(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for (name, is_directory) in entries(directory)? {
        if !is_directory {
            files.extend(
                function_name(&name).map(|name| (name.to_owned(), directory.join(format!("{name}{EXTENSION}")))),
            );
            continue;
        }
        let below = directory.join(&name);
        let inner = entries(&below)?.into_iter().filter(|(_, is_directory)| !is_directory);
        files.extend(inner.filter_map(|(file, _)| {
            let function = function_name(&file)?;
            Some((format!("{name}.{function}"), below.join(&file)))
        }));
    }
    files.sort();
    files.truncate(MAX_FILES);
    Ok(files)
}

fn function_name(file: &str) -> Option<&str> {
    file.strip_suffix(EXTENSION).filter(|name| !name.is_empty())
}

/// Names and whether they are directories, without hidden and private ones.
fn entries(directory: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)?.take(MAX_ENTRIES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with(['_', '.']) {
            continue;
        }
        // One that has just been removed is none.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        found.push((name, metadata.is_dir()));
    }
    Ok(found)
}

fn read(name: &str, path: &Path) -> Result<Function, FunctionError> {
    let name: FunctionName = name.parse()?;
    let unreadable = |error: io::Error| FunctionError::new(format!("it cannot be read: {}", error.kind()));
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(FunctionError::new("it is no file"));
    }
    let mut bytes = Vec::new();
    let most = MAX_SOURCE_BYTES as u64 + 1;
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unreadable)?;
    let source = String::from_utf8(bytes).map_err(|_| FunctionError::new("it is not UTF-8"))?;
    Function::read(name, &source)
}
