//! Tokens outside strings: white space, operators, and what else begins with them.

use rustpython_parser::Tok;

use super::{FString, Mode, Reader, Unreadable};

impl Reader<'_> {
    /// Reads one token of code. False at the end of the text.
    pub(super) fn code(&mut self) -> Result<bool, Unreadable> {
        self.skip_blanks()?;
        let Some(byte) = self.peek() else {
            if !self.brackets.is_empty() || !self.modes.is_empty() {
                return self.unreadable();
            }
            self.finish();
            return Ok(false);
        };
        match byte {
            b'\r' | b'\n' => {
                let start = self.at;
                self.at += self.line_end();
                self.push(Tok::Newline, start);
                self.line_start()?;
            }
            b'0'..=b'9' => self.number()?,
            b'.' if self.peek_at(1).is_some_and(|next| next.is_ascii_digit()) => self.number()?,
            b'"' | b'\'' => self.string("")?,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => self.word()?,
            _ => self.punctuation(byte)?,
        }
        Ok(true)
    }

    /// Skips white space, comments, continued lines, and inside brackets and fields line ends.
    fn skip_blanks(&mut self) -> Result<(), Unreadable> {
        let inside = !self.brackets.is_empty() || !self.modes.is_empty();
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\x0c') => self.at += 1,
                Some(b'#') => self.comment(),
                Some(b'\r' | b'\n') if inside => self.at += self.line_end(),
                Some(b'\\') => self.continuation()?,
                _ => return Ok(()),
            }
        }
    }

    fn punctuation(&mut self, byte: u8) -> Result<(), Unreadable> {
        if let Some(Mode::Field { base }) = self.modes.last()
            && self.brackets.len() == *base
            && self.field_punctuation(byte)?
        {
            return Ok(());
        }
        let start = self.at;
        let rest = &self.bytes[start..];
        let Some((length, token)) = (1..=3).rev().find_map(|n| Some((n, operator(rest.get(..n)?)?))) else {
            return self.unreadable();
        };
        match byte {
            b'(' | b'[' | b'{' => self.open(byte)?,
            b')' | b']' | b'}' => self.close(byte)?,
            _ => {}
        }
        self.at += length;
        self.push(token, start);
        Ok(())
    }

    /// What ends the expression of a field, or says how its value is shown.
    fn field_punctuation(&mut self, byte: u8) -> Result<bool, Unreadable> {
        match (byte, self.peek_at(1)) {
            (b'}', _) => {
                self.at += 1;
                self.end_field_expression();
                self.modes.pop();
            }
            (b':', _) => {
                self.at += 1;
                self.end_field_expression();
                self.begin_specification()?;
            }
            (b'!', next) if next != Some(b'=') => self.conversion()?,
            (b'=', next) if next != Some(b'=') => {
                self.at += 1;
                self.skip_blanks()?;
                if !matches!(self.peek(), Some(b'}' | b'!' | b':')) {
                    return self.unreadable();
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn end_field_expression(&mut self) {
        self.push_lowered(Tok::Rpar);
        self.push_lowered(Tok::Comma);
    }

    fn begin_specification(&mut self) -> Result<(), Unreadable> {
        let around = self.modes.iter().rev().find_map(|mode| match mode {
            Mode::FString(fstring) => Some(*fstring),
            Mode::Field { .. } => None,
        });
        let Some(around) = around else { return self.unreadable() };
        self.modes.push(Mode::FString(FString { is_specification: true, ..around }));
        Ok(())
    }

    /// `!r`, before a format specification or the end of the field.
    fn conversion(&mut self) -> Result<(), Unreadable> {
        if !matches!(self.peek_at(1), Some(b'r' | b's' | b'a')) {
            return self.unreadable();
        }
        self.at += 2;
        self.skip_blanks()?;
        if matches!(self.peek(), Some(b'}' | b':')) { Ok(()) } else { self.unreadable() }
    }
}

/// The token of each spelling.
macro_rules! operators {
    ($text:expr; $($spelling:literal $token:ident),*) => {
        match $text { $($spelling => Some(Tok::$token),)* _ => None }
    };
}

fn operator(text: &[u8]) -> Option<Tok> {
    operators!(text;
        b"..." Ellipsis, b"**=" DoubleStarEqual, b"//=" DoubleSlashEqual, b"<<=" LeftShiftEqual,
        b">>=" RightShiftEqual, b"!=" NotEqual, b"%=" PercentEqual, b"&=" AmperEqual, b"**" DoubleStar,
        b"*=" StarEqual, b"+=" PlusEqual, b"-=" MinusEqual, b"->" Rarrow, b"//" DoubleSlash, b"/=" SlashEqual,
        b":=" ColonEqual, b"<<" LeftShift, b"<=" LessEqual, b"==" EqEqual, b">=" GreaterEqual, b">>" RightShift,
        b"@=" AtEqual, b"^=" CircumflexEqual, b"|=" VbarEqual, b"%" Percent, b"&" Amper, b"(" Lpar, b")" Rpar,
        b"*" Star, b"+" Plus, b"," Comma, b"-" Minus, b"." Dot, b"/" Slash, b":" Colon, b";" Semi, b"<" Less,
        b"=" Equal, b">" Greater, b"@" At, b"[" Lsqb, b"]" Rsqb, b"^" CircumFlex, b"{" Lbrace, b"|" Vbar, b"}" Rbrace,
        b"~" Tilde
    )
}
