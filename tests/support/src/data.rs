//! Where the data of the tests and the built programs are.

use std::fs;
use std::path::PathBuf;

/// A file or folder of `tests/data`, from the test of any package.
///
/// Cargo names the package when it runs the test: compiled in, the path would tie a build to one clone.
///
/// # Panics
///
/// Cargo does not run the test.
#[must_use]
pub fn data(path: &str) -> PathBuf {
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"));
    let workspace = package.ancestors().find(|folder| folder.join("tests/data").is_dir());
    workspace.expect("tests/data is in the workspace").join("tests/data").join(path)
}

/// The files of a folder of `tests/data` whose names end so, in order.
///
/// # Panics
///
/// There is no such folder.
#[must_use]
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(data(folder)).unwrap_or_else(|error| panic!("tests/data/{folder}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// A program that cargo built beside this test: a binary or an example of the workspace.
///
/// # Panics
///
/// It is not there: only a part of the workspace was built.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps");
    let program = profile.join(name);
    assert!(program.exists(), "{name} is not built: run the tests of the whole workspace");
    program
}
