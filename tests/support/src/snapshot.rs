//! Committed texts, and the one switch that writes them anew: `EXUVIA_TESTS=bless`.

use std::fs;
use std::path::Path;

/// Whether committed texts are written anew.
#[must_use]
pub fn is_blessing() -> bool {
    std::env::var("EXUVIA_TESTS").is_ok_and(|value| value == "bless")
}

/// Compares `found` with the text in `file`, or writes it there.
///
/// # Errors
///
/// They differ: the file, the first line that differs, and how to accept it.
///
/// # Panics
///
/// The file cannot be written.
pub fn compared(file: &Path, found: &str) -> Result<(), String> {
    if is_blessing() {
        fs::write(file, found).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return Ok(());
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    let (mut lines, mut number) = (found.lines().zip(expected.lines()), 1);
    let differing = lines.find(|(found, expected)| {
        number += usize::from(found == expected);
        found != expected
    });
    let told = differing.map_or_else(
        || format!("{} lines instead of {}", found.lines().count(), expected.lines().count()),
        |(found, expected)| format!("{found}\n  instead of\n{expected}"),
    );
    Err(format!("{}:{number}: {told}\n  EXUVIA_TESTS=bless accepts it", file.display()))
}

/// The same, for a test about one text.
///
/// # Panics
///
/// They differ.
pub fn assert_snapshot(file: &Path, found: &str) {
    if let Err(message) = compared(file, found) {
        panic!("{message}");
    }
}
