//! Text with invisible characters escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::characters::{continues_picture, is_plain};
use crate::prose::head;

/// The text for a terminal or a log, its line breaks and tabs kept: every other character that does not show as itself is
/// spelled out as `\u{1b}`, so that none commands a terminal or hides. Emoji sequences stay whole.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

/// The text in one line: like [`printable`], with line breaks and tabs spelled out as well.
#[must_use]
pub fn line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The first `max_chars` characters of the text between double quotes, in one line. A cut is marked by `…` behind the quotes.
#[must_use]
pub fn quoted(text: &str, max_chars: usize) -> String {
    let head = head(text, max_chars);
    let mark = if head.len() < text.len() { "…" } else { "" };
    let mut quoted = String::with_capacity(head.len() + 2);
    quoted.push('"');
    for character in head.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_plain(character) => quoted.push(character),
            _ => quoted.extend(spelled(character)),
        }
    }
    quoted.push('"');
    quoted + mark
}

/// The text as [`printable`], every line but the first behind `indent`: no line of it begins where ours do.
#[must_use]
pub fn indented(text: &str, indent: &str) -> String {
    let text = printable(text.trim_end());
    if text.contains('\n') { text.replace('\n', &format!("\n{indent}")) } else { text }
}

/// JSON text that says the same without characters that do not show as themselves: inside its strings they are written as
/// `\u202e`.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let shows = |character: char| character == '\n' || is_plain(character);
    if text.chars().all(shows) {
        return Cow::Borrowed(text);
    }
    let mut json = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if shows(character) {
            json.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(json, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(json)
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        let shows = is_plain(character) || is_kept(character) || continues_picture(before, character);
        if shows {
            escaped.push(character);
        } else {
            escaped.extend(spelled(character));
        }
        before = shows.then_some(character);
    }
    escaped
}

/// `\n`, `\r` and `\t` by their names, others by their number.
fn spelled(character: char) -> impl Iterator<Item = char> {
    let (named, numbered) = match character {
        '\n' | '\r' | '\t' => (Some(character.escape_default()), None),
        _ => (None, Some(character.escape_unicode())),
    };
    named.into_iter().flatten().chain(numbered.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_a_terminal() {
        assert_eq!(printable("a\x1b[2J\r\n\tb\u{9d}0;x\u{7}"), "a\\u{1b}[2J\\r\n\tb\\u{9d}0;x\\u{7}");
        assert_eq!(line("a\nb\tc\u{202e}\u{2028}"), "a\\nb\\tc\\u{202e}\\u{2028}");
    }

    #[test]
    fn pictures_stay_whole_and_their_parts_hide_nothing_elsewhere() {
        for picture in ["❤\u{fe0f}", "👨\u{200d}👩\u{200d}👧", "🏳\u{fe0f}\u{200d}🌈", "👍🏽"] {
            assert_eq!(printable(picture), picture);
        }
        assert_eq!(printable("a\u{fe0f}\u{200d}b"), "a\\u{fe0f}\\u{200d}b");
        assert_eq!(printable("❤\u{fe0f}\u{fe01}"), "❤\u{fe0f}\\u{fe01}");
    }

    #[test]
    fn a_quoted_text_cannot_leave_its_quotes_or_its_line() {
        assert_eq!(quoted("a\"\\\nb\u{3164}", 99), r#""a\"\\\nb\u{3164}""#);
        assert_eq!(quoted("abcdef", 3), "\"abc\"…");
    }

    #[test]
    fn no_line_of_an_indented_text_begins_where_ours_do() {
        assert_eq!(indented("one\ntwo\x1b\n\n", "  "), "one\n  two\\u{1b}");
    }

    #[test]
    fn json_stays_json() {
        let written = "{\n \"a\": \"x\u{202e}\u{e0041}\u{9b}\"}";
        assert_eq!(json(written), "{\n \"a\": \"x\\u202e\\udb40\\udc41\\u009b\"}");
        assert!(matches!(json("{\"a\": \"ä\"}"), Cow::Borrowed(_)));
    }
}
