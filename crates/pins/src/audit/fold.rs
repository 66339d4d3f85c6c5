//! Text as a model may read it, whatever it is written with.

use exuvia_text::is_plain;
use unicode_normalization::UnicodeNormalization as _;

/// How much of a text is read, in bytes.
const MAX_BYTES: usize = 256 << 10;

/// The text in small letters, without characters that do not show, with ASCII letters for those that look like them (`ｉ`, `і`),
/// ASCII for typographic quotes and dashes, and one space for several. Lines stay.
pub(super) fn folded(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkc() {
        match c {
            '\n' => {
                folded.truncate(folded.trim_end_matches(' ').len());
                folded.push('\n');
            }
            c if c.is_whitespace() && (folded.is_empty() || folded.ends_with([' ', '\n'])) => {}
            c if c.is_whitespace() => folded.push(' '),
            c if c.is_ascii() && !c.is_ascii_control() => folded.push(c.to_ascii_lowercase()),
            '\u{2018}' | '\u{2019}' | '\u{02bc}' | '`' => folded.push('\''),
            '\u{201c}' | '\u{201d}' => folded.push('"'),
            '\u{2010}'..='\u{2015}' => folded.push('-'),
            c if is_plain(c) => folded.extend(ascii_of(c)),
            _ => {}
        }
    }
    folded
}

/// The ASCII letters that a character looks like, or itself.
fn ascii_of(c: char) -> impl Iterator<Item = char> {
    let mut buffer = [0; 4];
    let skeleton: String = unicode_security::skeleton(c.encode_utf8(&mut buffer)).collect();
    let is_ascii = !skeleton.is_empty() && skeleton.is_ascii();
    let ascii = if is_ascii { skeleton.to_ascii_lowercase() } else { c.to_lowercase().collect() };
    ascii.chars().collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_reads_the_same() {
        for text in [
            "ignore previous",
            "IGNORE  previous",
            "іgnоrе\u{200b} prev\u{ad}ious",
            "ｉｇｎｏｒｅ\tprevious",
            "i\u{e0041}gnore previous",
        ] {
            assert_eq!(folded(text), "ignore previous", "{text}");
        }
        assert_eq!(folded("Don\u{2019}t \u{2014} \u{201c}a\u{201d}  \n b\u{1b}"), "don't - \"a\"\nb");
        assert_eq!(folded("Größe 日本"), "größe 日本");
    }

    #[test]
    fn only_the_beginning_of_a_very_long_text_is_read() {
        assert_eq!(folded(&"ä".repeat(MAX_BYTES)).chars().count(), MAX_BYTES / 2);
    }
}
