//! Names and keywords.

use rustpython_parser::Tok;
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
        // CPython looks for keywords before it normalises: `𝐢𝐟` is a name.
        if let Some(keyword) = keyword(text) {
            self.push(keyword, start);
            return Ok(());
        }
        let name = if text.is_ascii() { text.to_owned() } else { self.normalised(text)? };
        self.push(Tok::Name { name }, start);
        Ok(())
    }

    /// Names are compared in normalisation form KC: `ｙｏｕｔｕｂｅ` is `youtube`.
    fn normalised(&self, text: &str) -> Result<String, Unreadable> {
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

fn keyword(text: &str) -> Option<Tok> {
    Some(match text {
        "False" => Tok::False,
        "None" => Tok::None,
        "True" => Tok::True,
        "and" => Tok::And,
        "as" => Tok::As,
        "assert" => Tok::Assert,
        "async" => Tok::Async,
        "await" => Tok::Await,
        "break" => Tok::Break,
        "class" => Tok::Class,
        "continue" => Tok::Continue,
        "def" => Tok::Def,
        "del" => Tok::Del,
        "elif" => Tok::Elif,
        "else" => Tok::Else,
        "except" => Tok::Except,
        "finally" => Tok::Finally,
        "for" => Tok::For,
        "from" => Tok::From,
        "global" => Tok::Global,
        "if" => Tok::If,
        "import" => Tok::Import,
        "in" => Tok::In,
        "is" => Tok::Is,
        "lambda" => Tok::Lambda,
        "nonlocal" => Tok::Nonlocal,
        "not" => Tok::Not,
        "or" => Tok::Or,
        "pass" => Tok::Pass,
        "raise" => Tok::Raise,
        "return" => Tok::Return,
        "try" => Tok::Try,
        "while" => Tok::While,
        "with" => Tok::With,
        "yield" => Tok::Yield,
        _ => return None,
    })
}
