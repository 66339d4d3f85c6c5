//! Descriptions of servers: the first sentence, and words.

pub(crate) use exuvia_text::{block, cut, one_line};

/// How much of a description is looked at for its first sentence, in bytes.
const HEAD_BYTES: usize = 4_000;

/// The first sentence of a description, in one line.
pub(crate) fn first_sentence(text: &str, max_chars: usize) -> String {
    let line = one_line(&first_paragraph(&text[..text.floor_char_boundary(HEAD_BYTES)]), HEAD_BYTES);
    let line = line.trim_start_matches(['#', '*', '-', ' ']);
    cut(line[..sentence_end(line)].trim_end_matches(['.', ' ', ':']), max_chars)
}

/// The lines up to the first blank one, or up to one that starts a new statement. Wrapped prose continues in lower case; a
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
