//! The tokenizer: from source text to the tokens that the parser takes.
//!
//! The parser's own reader knows no f-string of Python 3.12 (`f"{d["a"]}"`), no template string and no lone carriage
//! return, and it does not normalize names. What is read differently here and by the interpreter would be a call that
//! nobody sees, so this reader follows CPython's rule by rule, and where it does not know CPython's rule it gives up:
//! a script that is not read is one that may call anything.
//!
//! What the grammar of the parser lacks is lowered to what it has, in place and on the same lines:
//!
//! - `f"a {x!r:>{w}}"` becomes a call of a name that no script can write, with the text's parts and the expressions of
//!   the fields as its arguments: [`FSTRING`]`("a ", (x), (w))`; a template string one of [`TEMPLATE`];
//! - `except A, B:` becomes `except (A, B):`, and `[T = x]` of a generic function, class or alias `[T, `[`DEFAULT`]`: (x,)]`;
//! - a number too long to be worth its value becomes the name [`NUMBER`].

mod code;
mod depth;
mod fstrings;
mod grammar;
mod indentation;
mod numbers;
mod soft_keywords;
mod strings;
mod words;

pub(crate) use depth::MAX_DEPTH;
use rustpython_parser::Tok;
use rustpython_parser::text_size::{TextRange, TextSize};

/// What an f-string is a call of.
pub(crate) const FSTRING: &str = "\0fstring";
/// What a template string is a call of.
pub(crate) const TEMPLATE: &str = "\0template";
/// What has the default of a type parameter as its bound.
pub(crate) const DEFAULT: &str = "\0default";
/// What a number of unknown value is.
pub(crate) const NUMBER: &str = "\0number";

/// How deep brackets may nest: as in CPython.
const MAX_BRACKETS: usize = 200;
/// How deep fields in f-strings may nest: as in CPython.
const MAX_FIELDS: usize = 150;

/// A token and where it stands, in bytes.
pub(crate) type Token = (Tok, TextRange);

/// The offset in bytes at which a text stopped being understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) usize);

/// The tokens of a script, as the parser takes them.
pub(crate) fn read(source: &str) -> Result<Vec<Token>, Unreadable> {
    let mut reader = Reader {
        source,
        bytes: source.as_bytes(),
        at: 0,
        tokens: Vec::with_capacity(source.len() / 4 + 8),
        brackets: Vec::new(),
        columns: vec![indentation::Column::default()],
        modes: Vec::new(),
        last_fstring: None,
    };
    reader.line_start()?;
    loop {
        if let Some(Mode::FString(fstring)) = reader.modes.last() {
            let fstring = *fstring;
            reader.fstring(fstring)?;
        } else if !reader.code()? {
            break;
        }
    }
    let mut tokens = reader.tokens;
    soft_keywords::resolve(&mut tokens);
    let tokens = grammar::lower(tokens);
    depth::check(&tokens)?;
    Ok(tokens)
}

/// What the reader is in the middle of, beside plain code.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// The characters of an f-string.
    FString(FString),
    /// The expression of a field; the number of brackets that were open before it.
    Field { base: usize },
}

/// An f-string under way, or the format specification of one of its fields.
#[derive(Debug, Clone, Copy)]
struct FString {
    marker: &'static str,
    quote: u8,
    triple: bool,
    raw: bool,
    is_specification: bool,
}

struct Reader<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    tokens: Vec<Token>,
    /// The brackets that are open, of all fields.
    brackets: Vec<u8>,
    columns: Vec<indentation::Column>,
    modes: Vec<Mode>,
    /// The number of tokens up to the end of the last f-string, and its name: a string that follows at once is part of it.
    last_fstring: Option<(usize, &'static str)>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn unreadable<T>(&self) -> Result<T, Unreadable> {
        Err(Unreadable(self.at))
    }

    /// The length of the line end that stands here, 0 if there is none. CPython takes `\r` and `\r\n` as `\n`.
    fn line_end(&self) -> usize {
        match (self.peek(), self.peek_at(1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\r' | b'\n'), _) => 1,
            _ => 0,
        }
    }

    fn push(&mut self, token: Tok, start: usize) {
        self.tokens.push((token, range(start, self.at)));
    }

    /// A token that does not stand in the text.
    fn push_lowered(&mut self, token: Tok) {
        self.push(token, self.at);
    }

    fn open(&mut self, bracket: u8) -> Result<(), Unreadable> {
        self.brackets.push(bracket);
        if self.brackets.len() > MAX_BRACKETS { self.unreadable() } else { Ok(()) }
    }

    fn close(&mut self, bracket: u8) -> Result<(), Unreadable> {
        let base = match self.modes.last() {
            Some(Mode::Field { base }) => *base,
            _ => 0,
        };
        let expected = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        if self.brackets.len() > base && self.brackets.pop() == Some(expected) { Ok(()) } else { self.unreadable() }
    }
}

fn range(start: usize, end: usize) -> TextRange {
    let size = |offset: usize| TextSize::new(u32::try_from(offset).unwrap_or(u32::MAX));
    TextRange::new(size(start), size(end))
}

#[cfg(test)]
mod tests;
