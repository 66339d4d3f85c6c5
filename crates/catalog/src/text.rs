//! Descriptions of servers: the first sentence, and words.

use std::collections::HashSet;

pub(crate) use exuvia_text::{block, cut, one_line};

/// How much of a description is looked at for its sentences, in bytes.
const HEAD_BYTES: usize = 4_000;

/// The most words of a heading.
const MAX_HEADING_WORDS: usize = 5;

/// One sentence of a description, or one heading, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Without the mark of a list before it and the point behind it.
    pub(crate) text: String,
    pub(crate) is_heading: bool,
}

/// The sentences and headings of a description.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    for paragraph in paragraphs(&text[..text.floor_char_boundary(HEAD_BYTES)]) {
        let line = one_line(&paragraph, HEAD_BYTES);
        let is_heading = is_heading(&line);
        let mut line = unmarked(&line);
        while !line.is_empty() {
            let end = if is_heading { line.len() } else { sentence_end(line) };
            let text = line[..end].trim_end_matches(['.', ' ', ':', '*']);
            if !text.is_empty() {
                statements.push(Statement { text: text.to_owned(), is_heading });
            }
            line = line[end..].trim_start_matches(['.', ' ']);
        }
    }
    statements
}

/// A text without the marks that begin a heading or an item of a list.
fn unmarked(line: &str) -> &str {
    let line = line.trim_start_matches(['#', '*', '-', '•', ' ']);
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match digits.strip_prefix(". ").or(digits.strip_prefix(") ")) {
        Some(item) if digits.len() < line.len() => item,
        _ => line,
    }
}

/// Whether a line is no sentence but stands above some: `# Usage`, `**Usage**`, `Args:`, `🎯 Purpose:`.
fn is_heading(line: &str) -> bool {
    let is_short = line.split(' ').count() <= MAX_HEADING_WORDS;
    line.starts_with('#') || is_short && (line.ends_with(':') || line.starts_with("**") && line.ends_with("**"))
}

/// Runs of lines up to a blank one, or to one that starts a new statement. Wrapped prose continues in lower case; a heading, a
/// list or a second statement does not.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines().map(str::trim) {
        match paragraphs.last_mut() {
            Some(last) if is_open && !line.is_empty() && continues(last, line) => {
                last.push(' ');
                last.push_str(line);
            }
            _ if !line.is_empty() => paragraphs.push(line.to_owned()),
            _ => {}
        }
        is_open = !line.is_empty();
    }
    paragraphs
}

/// Whether a line goes on with what stands in the one before it.
fn continues(before: &str, line: &str) -> bool {
    let is_in_parentheses = before.matches('(').count() > before.matches(')').count();
    !is_heading(before) && (line.starts_with(char::is_lowercase) || before.ends_with([',', '(']) || is_in_parentheses)
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

/// The shortest word that stands for those that begin with it, in bytes.
const MIN_PREFIX_BYTES: usize = 4;

/// The words of some texts, for [`is_known`].
pub(crate) fn known<'t>(texts: impl Iterator<Item = &'t str>) -> HashSet<String> {
    texts.flat_map(words).map(|word| singular(&word).to_owned()).collect()
}

/// Whether a word, or one that it begins with, is among these: `issues` where `issue` is, `repository` where `repo` is.
pub(crate) fn is_known(word: &str, known: &HashSet<String>) -> bool {
    let heads = (MIN_PREFIX_BYTES..word.len()).filter_map(|end| word.get(..end));
    known.contains(singular(word)) || heads.into_iter().any(|head| known.contains(head))
}

fn singular(word: &str) -> &str {
    word.trim_end_matches('s')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_a_reader_would_end_it() {
        let texts = |text| statements(text).into_iter().map(|statement| statement.text).collect::<Vec<_>>();
        assert_eq!(texts("Reads a file, e.g. a text. Then more."), ["Reads a file, e.g. a text", "Then more"]);
        assert_eq!(texts("Lists drives\nmatching criteria.\n\nArgs: x"), ["Lists drives matching criteria", "Args: x"]);
        assert_eq!(texts("Retrieve a user\nError Responses:\n400"), ["Retrieve a user", "Error Responses", "400"]);
        assert_eq!(texts("\n   Uses v1.2 of it."), ["Uses v1.2 of it"]);
        assert_eq!(texts("A zone (e.g.,\n\"Europe/Paris\"). More"), ["A zone (e.g., \"Europe/Paris\")", "More"]);
        assert_eq!(texts("1. One.\n- **Two** is it.\n"), ["One", "Two** is it"]);
    }

    #[test]
    fn headings_are_no_sentences() {
        for heading in ["# Usage of it", "**Usage**", "Args:", "🎯 Purpose:"] {
            assert!(statements(heading)[0].is_heading, "{heading}");
        }
        for sentence in ["Reads it.", "Reads all of these, in the order of their dates:", "**Note** that it fails."] {
            assert!(!statements(sentence)[0].is_heading, "{sentence}");
        }
    }

    #[test]
    fn words_are_compared_whatever_their_case() {
        assert_eq!(words("API-get-userName."), words("api Get user_name"));
        assert_ne!(words("get user"), words("get users"));
    }
}
