//! String literals without fields, and the beginnings of those with fields.

use rustpython_parser::{StringKind, Tok};

use super::{FSTRING, FString, Mode, Reader, TEMPLATE, Unreadable};

impl Reader<'_> {
    /// A string whose prefix stands here.
    pub(super) fn string(&mut self, prefix: &str) -> Result<(), Unreadable> {
        let start = self.at;
        self.at += prefix.len();
        let has = |letter: char| prefix.contains([letter, letter.to_ascii_uppercase()]);
        let Some(quote) = self.peek() else { return self.unreadable() };
        let triple = self.peek_at(1) == Some(quote) && self.peek_at(2) == Some(quote);
        self.at += if triple { 3 } else { 1 };
        if has('f') || has('t') {
            let marker = if has('f') { FSTRING } else { TEMPLATE };
            self.begin_fstring(marker, start)?;
            self.modes.push(Mode::FString(FString { marker, quote, triple, raw: has('r'), is_specification: false }));
            return Ok(());
        }
        let kind = match (has('b'), has('r')) {
            (true, true) => StringKind::RawBytes,
            (true, false) => StringKind::Bytes,
            (false, true) => StringKind::RawString,
            (false, false) if has('u') => StringKind::Unicode,
            (false, false) => StringKind::String,
        };
        let content = self.string_content(quote, triple)?;
        let value = self.source[content].replace("\r\n", "\n").replace('\r', "\n");
        let joined = self.reopened();
        self.push(Tok::String { value, kind, triple_quoted: triple }, start);
        if let Some(marker) = joined {
            self.push_lowered(Tok::Comma);
            self.end_fstring(marker);
        }
        Ok(())
    }

    /// Moves behind the closing quote; the range between the quotes.
    fn string_content(&mut self, quote: u8, triple: bool) -> Result<std::ops::Range<usize>, Unreadable> {
        let start = self.at;
        loop {
            if self.closes(quote, triple) {
                let end = self.at;
                self.at += if triple { 3 } else { 1 };
                return Ok(start..end);
            }
            match self.peek() {
                None => return self.unreadable(),
                Some(b'\r' | b'\n') if !triple => return self.unreadable(),
                Some(b'\\') => self.skip_escaped(),
                Some(_) => self.at += 1,
            }
        }
    }

    pub(super) fn closes(&self, quote: u8, triple: bool) -> bool {
        let length = if triple { 3 } else { 1 };
        (0..length).all(|ahead| self.peek_at(ahead) == Some(quote))
    }

    /// Skips a backslash and what stands behind it.
    pub(super) fn skip_escaped(&mut self) {
        self.at += 1;
        self.at += match self.line_end() {
            0 if self.peek().is_some() => 1,
            length => length,
        };
    }

    /// Adjacent strings are one: those before become the first parts of the f-string whose prefix is at `start`.
    fn begin_fstring(&mut self, marker: &'static str, start: usize) -> Result<(), Unreadable> {
        if let Some(before) = self.reopened() {
            // An f-string and a template string cannot be one.
            return if before == marker { Ok(()) } else { self.unreadable() };
        }
        let plain = self.tokens.iter().rev().take_while(|(token, _)| matches!(token, Tok::String { .. })).count();
        let first = self.tokens.len() - plain;
        let at = self.tokens.get(first).map_or(start, |(_, range)| usize::from(range.start()));
        let head = [Tok::Name { name: marker.to_owned() }, Tok::Lpar];
        self.tokens.splice(first..first, head.map(|token| (token, super::range(at, at))));
        if plain > 0 {
            self.push_lowered(Tok::Comma);
        }
        Ok(())
    }

    /// Opens the f-string again that ended just before; what it is called.
    fn reopened(&mut self) -> Option<&'static str> {
        let (_, marker) = self.last_fstring.take_if(|(end, _)| *end == self.tokens.len())?;
        self.tokens.pop();
        Some(marker)
    }

    pub(super) fn end_fstring(&mut self, marker: &'static str) {
        self.push_lowered(Tok::Rpar);
        self.last_fstring = Some((self.tokens.len(), marker));
    }
}
