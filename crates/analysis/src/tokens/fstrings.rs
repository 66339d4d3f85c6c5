//! The characters of f-strings, and where their fields begin and end.

use rustpython_parser::Tok;

use super::{FString, MAX_FIELDS, Mode, Reader, Unreadable};

impl Reader<'_> {
    /// Reads up to the next field, or to the end of the f-string or of the format specification.
    pub(super) fn fstring(&mut self, fstring: FString) -> Result<(), Unreadable> {
        loop {
            if self.closes(fstring.quote, fstring.triple) {
                return self.close_fstring(fstring);
            }
            match self.peek() {
                None => return self.unreadable(),
                Some(b'\r' | b'\n') if !fstring.triple => return self.unreadable(),
                Some(b'{') if self.peek_at(1) != Some(b'{') => return self.begin_field(),
                Some(b'}') if fstring.is_specification => return self.close_specification(),
                Some(brace @ (b'{' | b'}')) => {
                    // Inside a specification CPython's versions disagree on what a doubled brace is.
                    if fstring.is_specification || self.peek_at(1) != Some(brace) {
                        return self.unreadable();
                    }
                    self.at += 2;
                }
                Some(b'\\') => self.escaped(fstring.raw)?,
                Some(_) => self.at += 1,
            }
        }
    }

    fn close_fstring(&mut self, fstring: FString) -> Result<(), Unreadable> {
        if fstring.is_specification {
            return self.unreadable();
        }
        self.at += if fstring.triple { 3 } else { 1 };
        self.modes.pop();
        self.end_fstring(fstring.marker);
        Ok(())
    }

    /// The brace that ends a specification ends its field.
    fn close_specification(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        self.modes.pop();
        self.modes.pop();
        Ok(())
    }

    fn begin_field(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        if self.modes.len() >= 2 * MAX_FIELDS {
            return self.unreadable();
        }
        self.push_lowered(Tok::Lpar);
        self.modes.push(Mode::Field { base: self.brackets.len() });
        Ok(())
    }

    fn escaped(&mut self, raw: bool) -> Result<(), Unreadable> {
        match (self.peek_at(1), self.peek_at(2)) {
            // A backslash does not keep a brace from beginning a field.
            (Some(b'{' | b'}'), _) => self.at += 1,
            (Some(b'N'), Some(b'{')) if !raw => {
                self.at += 3;
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-') {
                    self.at += 1;
                }
                if self.peek() != Some(b'}') {
                    return self.unreadable();
                }
                self.at += 1;
            }
            _ => self.skip_escaped(),
        }
        Ok(())
    }
}
