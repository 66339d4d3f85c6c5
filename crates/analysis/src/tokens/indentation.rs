//! Indentation: the beginnings of lines.

use rustpython_parser::Tok;

use super::{Reader, Unreadable};

/// How deep blocks may nest: as in CPython.
const MAX_BLOCKS: usize = 99;
const TAB_COLUMNS: usize = 8;

/// How far a line is indented, with tabs to the next multiple of eight and with tabs as one: both must agree on which of
/// two lines is deeper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Column {
    wide: usize,
    narrow: usize,
}

impl Reader<'_> {
    /// Skips lines without code, then compares the indentation of the next one with the blocks that are open.
    pub(super) fn line_start(&mut self) -> Result<(), Unreadable> {
        loop {
            let column = self.column()?;
            if self.peek() == Some(b'#') {
                self.comment();
            }
            match (self.line_end(), self.peek()) {
                (0, None) => return Ok(()),
                (0, Some(_)) => return self.indent_to(column),
                (length, _) => self.at += length,
            }
        }
    }

    pub(super) fn comment(&mut self) {
        while self.peek().is_some() && self.line_end() == 0 {
            self.at += 1;
        }
    }

    /// A backslash, the end of its line, and something behind it.
    pub(super) fn continuation(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        let length = self.line_end();
        self.at += length;
        if length == 0 || self.peek().is_none() { self.unreadable() } else { Ok(()) }
    }

    fn column(&mut self) -> Result<Column, Unreadable> {
        let mut column = Column::default();
        // If a line begins with continuations, the first indented one determines the column.
        let mut continued = 0;
        loop {
            match self.peek() {
                Some(b' ') => column = Column { wide: column.wide + 1, narrow: column.narrow + 1 },
                Some(b'\t') => {
                    column = Column { wide: (column.wide / TAB_COLUMNS + 1) * TAB_COLUMNS, narrow: column.narrow + 1 };
                }
                Some(b'\x0c') => column = Column::default(),
                Some(b'\\') => {
                    continued = if continued == 0 { column.wide } else { continued };
                    self.continuation()?;
                    continue;
                }
                _ if continued > 0 => return Ok(Column { wide: continued, narrow: continued }),
                _ => return Ok(column),
            }
            self.at += 1;
        }
    }

    fn indent_to(&mut self, column: Column) -> Result<(), Unreadable> {
        let current = self.columns.last().copied().unwrap_or_default();
        if column.wide > current.wide {
            if column.narrow <= current.narrow || self.columns.len() > MAX_BLOCKS {
                return self.unreadable();
            }
            self.columns.push(column);
            self.push_lowered(Tok::Indent);
            return Ok(());
        }
        while self.columns.last().is_some_and(|open| open.wide > column.wide) {
            self.columns.pop();
            self.push_lowered(Tok::Dedent);
        }
        if self.columns.last() == Some(&column) { Ok(()) } else { self.unreadable() }
    }

    /// The end of the text: ends the line and all blocks.
    pub(super) fn finish(&mut self) {
        if !matches!(self.tokens.last(), None | Some((Tok::Newline | Tok::Dedent, _))) {
            self.push_lowered(Tok::Newline);
        }
        for _ in 1..self.columns.len() {
            self.push_lowered(Tok::Dedent);
        }
    }
}
