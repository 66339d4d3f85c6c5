//! Functions as they are shown.

use exuvia_admin::{FunctionText, ListedFunction};
use exuvia_text::one_line;
use serde_json::{Value, json as object};

use super::super::runs::table;

/// How much of a text is shown in a table, in characters.
const CHARS: usize = 100;
/// How many digits of a digest are shown.
const DIGITS: usize = 12;

pub(super) fn table_of(all: Vec<ListedFunction>) -> String {
    let rows = all.into_iter().map(|listed| {
        let version = listed.version.map(|version| version.to_string()).unwrap_or_default();
        let sha256 = listed.sha256.map(|sha256| sha256[..DIGITS].to_owned()).unwrap_or_default();
        [one_line(&listed.name, CHARS), listed.state.to_owned(), version, sha256, one_line(&listed.note, CHARS)]
    });
    table(["FUNCTION", "STATE", ">VERSION", "SHA256", "NOTE"], rows)
}

pub(super) fn json(all: Vec<ListedFunction>) -> Value {
    let functions = all.into_iter().map(|listed| {
        object!({
            "name": listed.name,
            "state": listed.state,
            "version": listed.version,
            "sha256": listed.sha256,
            "note": listed.note,
        })
    });
    object!({"functions": functions.collect::<Vec<_>>()})
}

/// What is known of a text, a line each.
pub(super) fn about(text: &FunctionText) -> String {
    let first = format!("# {} ({}), sha256 {}", text.name, text.place(), text.sha256);
    let lines = text.history().into_iter().map(|line| format!("# {line}"));
    [first].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}
