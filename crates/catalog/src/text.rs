//! What a server wrote, made fit to be shown: untrusted text in one line, cut to a bound.

/// Whether a character may be shown. Control characters could break a line open, and the invisible ones that steer the
/// direction of text could make a stub read as something else than it is.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        && !matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// The text in one line: runs of white space become one space, characters that are not to be shown go.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let kept = word.chars().filter(|&c| is_shown(c));
        let start = line.len();
        if start > 0 {
            line.push(' ');
        }
        let before = line.len();
        line.extend(kept);
        if line.len() == before {
            line.truncate(start);
        }
    }
    line
}

/// The text with its lines kept: trailing space, surplus indentation and runs of blank lines go.
pub(crate) fn block(text: &str) -> String {
    let text = text.trim_start().replace('\t', "    ");
    let clean = |line: &str| line.chars().filter(|&c| is_shown(c)).collect::<String>().trim_end().to_owned();
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
    out.trim_end().to_owned()
}

/// The text cut to at most `max_chars` characters, at a word if one ends near, with a mark.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max_chars) else { return text.to_owned() };
    let head = &text[..end];
    let word_end = head.rfind(' ').filter(|&space| space > end / 2).unwrap_or(end);
    format!("{}…", head[..word_end].trim_end_matches([' ', ',', ';', ':', '.']))
}

/// The first sentence of a description, in one line.
pub(crate) fn first_sentence(text: &str, max_chars: usize) -> String {
    let line = one_line(&first_paragraph(text));
    let line = line.trim_start_matches(['#', '*', '-', ' ']);
    cut(line[..sentence_end(line)].trim_end_matches(['.', ' ', ':']), max_chars)
}

/// The lines up to the first blank one, or up to one that starts anew. Prose that is wrapped goes on in lower case; a
/// heading, a list or a second statement does not.
fn first_paragraph(text: &str) -> String {
    let mut paragraph = String::new();
    for line in text.trim_start().lines().map(str::trim) {
        let starts_anew = line.starts_with(|c: char| !c.is_alphabetic() || c.is_uppercase());
        if !paragraph.is_empty() && (line.is_empty() || starts_anew) {
            break;
        }
        paragraph.push_str(line);
        paragraph.push(' ');
    }
    paragraph
}

fn sentence_end(line: &str) -> usize {
    let mut from = 0;
    while let Some(at) = line[from..].find(". ").map(|at| at + from) {
        let last_word = line[..at].rsplit([' ', '(']).next().unwrap_or("");
        let goes_on = line[at + 2..].starts_with(char::is_lowercase);
        if !goes_on && !matches!(last_word, "e.g" | "i.e" | "etc" | "vs" | "cf") {
            return at;
        }
        from = at + 2;
    }
    line.len()
}

/// The words of a text in lower case, for comparing: `get_user`, `getUser` and "Get user." are the same.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            previous_lower = false;
            continue;
        }
        if words.is_empty() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_be_broken_open() {
        assert_eq!(one_line(" a\r\n\tb\u{202e}c \u{200b} d\u{7} "), "a bc d");
    }

    #[test]
    fn a_block_keeps_its_lines_and_loses_its_margin() {
        assert_eq!(block("First.\n\n\n    Args:\n        x: one\n\n"), "First.\n\nArgs:\n    x: one");
    }

    #[test]
    fn a_cut_is_marked_and_falls_on_a_word() {
        assert_eq!(cut("one two three", 9), "one two…");
        assert_eq!(cut("äöüäöü", 3), "äöü…");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn the_first_sentence_ends_where_a_reader_would_end_it() {
        assert_eq!(first_sentence("Reads a file, e.g. a text. Then more.", 99), "Reads a file, e.g. a text");
        assert_eq!(first_sentence("Lists drives\nmatching criteria.\n\nArgs: x", 99), "Lists drives matching criteria");
        assert_eq!(first_sentence("Notion | Retrieve a user\nError Responses:\n400", 99), "Notion | Retrieve a user");
        assert_eq!(first_sentence("\n   Uses v1.2 of it.", 99), "Uses v1.2 of it");
    }

    #[test]
    fn words_are_compared_whatever_their_case() {
        assert_eq!(words("API-get-userName."), words("api Get user_name"));
        assert_ne!(words("get user"), words("get users"));
    }
}
