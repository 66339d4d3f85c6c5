//! What one text changes in another.

use exuvia_text::printable;
use similar::TextDiff;

use super::{DIGITS, FunctionText};

/// How many lines around a change are shown.
const AROUND: usize = 3;

/// What a text changes in the promoted one, as a unified diff, printable. Empty: nothing.
#[must_use]
pub fn function_diff(promoted: Option<&FunctionText>, text: &FunctionText) -> String {
    let old = promoted.map_or("", |promoted| promoted.source.as_str());
    if old == text.source {
        return String::new();
    }
    let title =
        promoted.map_or("nothing promoted".to_owned(), |promoted| format!("promoted {}", &promoted.sha256[..DIGITS]));
    let new = format!("{} {}", text.place(), &text.sha256[..DIGITS]);
    let changes = TextDiff::from_lines(old, &text.source);
    printable(&changes.unified_diff().context_radius(AROUND).header(&title, &new).to_string())
}
