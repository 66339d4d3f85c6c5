//! Numeric literals.

use rustpython_parser::Tok;
use rustpython_parser::ast::bigint::BigInt;

use super::words::continues_word;
use super::{NUMBER, Reader, Unreadable};

/// Longer integers are read and their value forgotten: turning digits into a number takes the square of their count.
const MAX_DIGITS: usize = 400;

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        let token = match (self.peek(), self.peek_at(1).map(|byte| byte.to_ascii_lowercase())) {
            (Some(b'0'), Some(b'x')) => self.based(16)?,
            (Some(b'0'), Some(b'o')) => self.based(8)?,
            (Some(b'0'), Some(b'b')) => self.based(2)?,
            _ => self.decimal()?,
        };
        self.number_end()?;
        self.push(token, start);
        Ok(())
    }

    fn based(&mut self, base: u32) -> Result<Tok, Unreadable> {
        self.at += 2;
        let start = self.at;
        if self.peek() == Some(b'_') {
            self.at += 1;
        }
        self.digits(base)?;
        Ok(integer(&self.source[start..self.at], base))
    }

    fn decimal(&mut self) -> Result<Tok, Unreadable> {
        let start = self.at;
        let mut is_float = false;
        if self.peek() != Some(b'.') {
            self.digits(10)?;
        }
        let whole = &self.source[start..self.at];
        if self.peek() == Some(b'.') {
            is_float = true;
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                self.digits(10)?;
            }
        }
        is_float |= self.exponent()?;
        let text = &self.source[start..self.at];
        if matches!(self.peek(), Some(b'j' | b'J')) {
            self.at += 1;
            return Ok(Tok::Complex { real: 0.0, imag: float(text) });
        }
        if is_float {
            return Ok(Tok::Float { value: float(text) });
        }
        let leads_with_zero = whole.len() > 1 && whole.starts_with('0');
        if leads_with_zero && whole.bytes().any(|byte| byte != b'0' && byte != b'_') {
            return self.unreadable();
        }
        Ok(integer(whole, 10))
    }

    /// Digits with single underscores between them.
    fn digits(&mut self, base: u32) -> Result<(), Unreadable> {
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| char::from(byte).is_digit(base)) {
                self.at += 1;
            }
            if self.at == start {
                return self.unreadable();
            }
            if self.peek() != Some(b'_') {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn exponent(&mut self) -> Result<bool, Unreadable> {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return Ok(false);
        }
        let sign = usize::from(matches!(self.peek_at(1), Some(b'+' | b'-')));
        if self.peek_at(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1 + sign;
            self.digits(10)?;
            return Ok(true);
        }
        // `1else` is a number and a keyword; `1e+` is nothing.
        if sign == 0 { Ok(false) } else { self.unreadable() }
    }

    /// Behind a number may stand a keyword and no other word.
    fn number_end(&self) -> Result<(), Unreadable> {
        let rest = &self.bytes[self.at..];
        let keywords: [&[u8]; 8] = [b"and", b"else", b"for", b"if", b"in", b"is", b"or", b"not"];
        let is_end = self.peek().is_none_or(|byte| !continues_word(byte));
        if is_end || keywords.iter().any(|keyword| rest.starts_with(keyword)) { Ok(()) } else { self.unreadable() }
    }
}

fn integer(text: &str, base: u32) -> Tok {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'_').collect();
    let value = if digits.len() > MAX_DIGITS { None } else { BigInt::parse_bytes(&digits, base) };
    value.map_or_else(|| Tok::Name { name: NUMBER.to_owned() }, |value| Tok::Int { value })
}

fn float(text: &str) -> f64 {
    text.replace('_', "").parse().unwrap_or(f64::NAN)
}
