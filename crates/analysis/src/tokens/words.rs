//! Names and keywords.

use rustpython_parser::Tok;
use rustpython_parser::lexer::KEYWORDS;
use unicode_normalization::UnicodeNormalization;

use super::{Reader, Unreadable};

impl Reader<'_> {
    /// A keyword, a name, or the prefix of a string.
    pub(super) fn word(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        while self.peek().is_some_and(continues_word) {
            self.at += 1;
        }
        let text = &self.source[start..self.at];
        if matches!(self.peek(), Some(b'"' | b'\'')) && is_prefix(text) {
            self.at = start;
            return self.string(text);
        }
        // CPython looks for keywords before it normalizes: `𝐢𝐟` is a name.
        if let Some(keyword) = keyword(text) {
            self.push(keyword, start);
            return Ok(());
        }
        let name = if text.is_ascii() { text.to_owned() } else { self.normalized(text)? };
        self.push(Tok::Name { name }, start);
        Ok(())
    }

    /// Names are compared in normalization form KC: `ｙｏｕｔｕｂｅ` is `youtube`.
    fn normalized(&self, text: &str) -> Result<String, Unreadable> {
        let mut chars = text.chars();
        let begins = chars.next().is_some_and(|first| first == '_' || unicode_ident::is_xid_start(first));
        if begins && chars.all(unicode_ident::is_xid_continue) { Ok(text.nfkc().collect()) } else { self.unreadable() }
    }
}

/// Whether a byte belongs to the word before it. As in CPython, everything beyond ASCII does at first.
pub(super) fn continues_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

fn is_prefix(text: &str) -> bool {
    text.len() <= 2
        && matches!(
            text.to_ascii_lowercase().as_str(),
            "r" | "u" | "b" | "br" | "rb" | "f" | "fr" | "rf" | "t" | "tr" | "rt"
        )
}

/// The words that are keywords everywhere: `match`, `case` and `type` are not.
fn keyword(text: &str) -> Option<Tok> {
    KEYWORDS.get(text).filter(|word| !matches!(word, Tok::Match | Tok::Case | Tok::Type)).cloned()
}
