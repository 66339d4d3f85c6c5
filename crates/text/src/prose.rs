//! Prose with invisible characters removed.

use crate::is_plain;

/// The first `max_chars` characters of the text in one line: runs of white space become one space, characters that do not
/// show as themselves go. What is longer is [`cut`].
#[must_use]
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    let (mut chars, mut gap) = (0, false);
    for character in text.chars() {
        if character.is_whitespace() {
            gap = true;
        } else if is_plain(character) {
            if gap && !line.is_empty() {
                line.push(' ');
                chars += 1;
            }
            gap = false;
            line.push(character);
            chars += 1;
            // One more than fits: that is how `cut` knows.
            if chars > max_chars {
                break;
            }
        }
    }
    cut(&line, max_chars)
}

/// The first `max_chars` characters of the text with its lines kept: trailing space, surplus indentation and runs of blank
/// lines go, and characters that do not show as themselves. What is longer is [`cut`].
#[must_use]
pub fn block(text: &str, max_chars: usize) -> String {
    // White space is taken away below: what is beyond this is not looked at.
    let head = head(text.trim_start(), max_chars.saturating_mul(4));
    let text = head.replace('\t', "    ");
    let clean = |line: &str| line.chars().filter(|&c| is_plain(c)).collect::<String>().trim_end().to_owned();
    let lines: Vec<String> = text.lines().map(clean).collect();
    let indent_of = |line: &String| line.len() - line.trim_start().len();
    // The first line of a Python docstring stands apart: it is not indented when the rest is.
    let indented = lines.iter().skip(1).filter(|line| !line.is_empty());
    let margin = indented.map(indent_of).min().unwrap_or(0);
    let mut out = String::with_capacity(text.len());
    for (index, line) in lines.iter().enumerate() {
        let line = if index == 0 { line.trim_start() } else { line.get(margin..).unwrap_or("") };
        if line.is_empty() && (out.is_empty() || out.ends_with("\n\n")) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    cut(out.trim_end(), max_chars)
}

/// The text cut to at most `max_chars` characters, at a word if one ends near, with a mark.
#[must_use]
pub fn cut(text: &str, max_chars: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max_chars) else { return text.to_owned() };
    let head = &text[..end];
    let word_end = head.rfind(' ').filter(|&space| space > end / 2).unwrap_or(end);
    format!("{}…", head[..word_end].trim_end_matches([' ', ',', ';', ':', '.']))
}

/// The first `max_chars` characters.
pub(crate) fn head(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_be_broken_open() {
        assert_eq!(one_line(" a\r\n\tb\u{202e}c \u{200b} d\u{7}\u{2028}e\u{fe0f} ", 99), "a bc d e");
    }

    #[test]
    fn only_what_is_shown_of_a_long_text_is_looked_at() {
        assert_eq!(one_line("one two three four", 9), "one two…");
        assert_eq!(one_line("one two", 7), "one two");
        assert_eq!(one_line(&"x ".repeat(10_000_000), 5), "x x…");
        assert_eq!(block(&"x\n".repeat(10_000_000), 5), "x\nx\nx…");
    }

    #[test]
    fn a_block_keeps_its_lines_and_loses_its_margin() {
        assert_eq!(block("First.\n\n\n    Args:\n        x: one\n\n", 99), "First.\n\nArgs:\n    x: one");
        assert_eq!(block("a\u{e0041}\u{180e}b\u{2029}c", 99), "abc");
    }

    #[test]
    fn a_cut_is_marked_and_falls_on_a_word() {
        assert_eq!(cut("one two three", 9), "one two…");
        assert_eq!(cut("äöüäöü", 3), "äöü…");
        assert_eq!(cut("short", 5), "short");
    }
}
