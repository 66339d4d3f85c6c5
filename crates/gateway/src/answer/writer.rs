//! Writes a result with some detail: what is left out is counted, and lists of like objects are rows.

use std::fmt::Write as _;

use exuvia_text::tokens;

use super::outline::{Node, content};
use super::{binary, table};

/// What cutting a string has to save, in characters.
const SAVED: usize = 40;
/// How many names of members that are not shown are listed.
const NAMES: usize = 8;

/// How much of everything is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// Elements of a list.
    pub(super) items: usize,
    /// Characters of a string.
    pub(super) chars: usize,
    /// Members of an object.
    pub(super) members: usize,
    /// Levels.
    pub(super) depth: usize,
}

/// Writes a value with some detail, and stops soon after so many bytes.
pub(super) struct Writer {
    pub(super) out: String,
    pub(super) detail: Detail,
    pub(super) bytes: usize,
    /// Whether lists of like objects are rows.
    pub(super) has_rows: bool,
}

impl Writer {
    /// Writes what stands in a row of a table, where no other table fits.
    fn cell(&mut self, node: &Node<'_>, depth: usize) {
        let has_rows = std::mem::replace(&mut self.has_rows, false);
        self.value(node, depth);
        self.has_rows = has_rows;
    }

    pub(super) fn value(&mut self, node: &Node<'_>, depth: usize) {
        if self.out.len() > self.bytes {
            return;
        }
        match node {
            Node::Atom(atom) if atom.len() > self.detail.chars.saturating_add(SAVED) => {
                let _ = write!(self.out, "{}…", &atom[..atom.floor_char_boundary(self.detail.chars)]);
            }
            Node::Atom(atom) => self.out.push_str(atom),
            Node::Label(label) => self.out.push_str(label),
            Node::Text(text) => self.text(text),
            Node::List(items, count) => self.list(items, *count, depth),
            Node::Object(members, count) => self.object(members, *count, depth),
        }
    }

    /// A string, or its head with the number of characters that follow.
    fn text(&mut self, text: &str) {
        if text.len() <= self.detail.chars.saturating_add(SAVED) {
            return self.out.push_str(text);
        }
        if self.detail.chars < usize::MAX
            && let Some(label) = binary::label(text)
        {
            return self.out.push_str(&label);
        }
        let (head, more) = head(text, self.detail.chars);
        if more <= SAVED {
            self.out.push_str(text);
        } else {
            let _ = write!(self.out, "{head}\"…+{more} characters");
        }
    }

    fn list(&mut self, items: &[Node<'_>], count: usize, depth: usize) {
        if depth >= self.detail.depth && count > 0 {
            let _ = write!(self.out, "[… {count} items]");
            return;
        }
        let shown = items.len().min(self.detail.items);
        if self.has_rows
            && let Some(columns) = table::columns(&items[..shown])
        {
            let begun = self.out.len();
            self.cell_list(items, count, shown, depth);
            let plain = self.out.split_off(begun);
            self.rows(&columns, &items[..shown], count, depth);
            // Rows are another form to read: it has to pay.
            let (rows, most) = (tokens(&self.out[begun..], usize::MAX), tokens(&plain, usize::MAX));
            if rows.saturating_mul(10) > most.saturating_mul(8) {
                self.out.truncate(begun);
                self.out.push_str(&plain);
            } else {
                self.rest(items, shown, count, "\n");
                self.out.push(']');
            }
            return;
        }
        self.plain_list(items, count, shown, depth);
    }

    /// Writes `[120 objects, columns id,name:` and a line for each row, without what closes the list.
    fn rows(&mut self, columns: &[&str], rows: &[Node<'_>], count: usize, depth: usize) {
        let names: Vec<&str> = columns.iter().map(|name| content(name)).collect();
        let _ = write!(self.out, "[{count} objects, columns {}:", names.join(","));
        for row in rows {
            let Node::Object(members, _) = row else { continue };
            for (place, (_, value)) in members.iter().enumerate() {
                self.out.push(if place == 0 { '\n' } else { ',' });
                match value {
                    Node::Text(text) if table::is_bare(content(text)) => self.out.push_str(content(text)),
                    _ => self.cell(value, depth + 2),
                }
            }
        }
        if rows.len() == count {
            self.out.push('\n');
        }
    }

    /// A list without rows in it.
    fn cell_list(&mut self, items: &[Node<'_>], count: usize, shown: usize, depth: usize) {
        let has_rows = std::mem::replace(&mut self.has_rows, false);
        self.plain_list(items, count, shown, depth);
        self.has_rows = has_rows;
    }

    fn plain_list(&mut self, items: &[Node<'_>], count: usize, shown: usize, depth: usize) {
        self.out.push('[');
        for (place, item) in items[..shown].iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.value(item, depth + 1);
        }
        self.rest(items, shown, count, if shown > 0 { ", " } else { "" });
        self.out.push(']');
    }

    /// How many elements of a list are not shown, and which members they have that those shown have not.
    fn rest(&mut self, items: &[Node<'_>], shown: usize, count: usize, before: &str) {
        if count == shown {
            return;
        }
        let _ = write!(self.out, "{before}… {} more", count - shown);
        let names = |items: &[Node<'_>]| -> Vec<String> {
            let mut names = Vec::new();
            for item in items {
                let Node::Object(members, _) = item else { continue };
                for (name, _) in members.iter().filter(|(name, _)| name.len() <= 80) {
                    if names.len() < 4 * NAMES && !names.iter().any(|known| known == name) {
                        names.push((*name).to_owned());
                    }
                }
            }
            names
        };
        let known = names(&items[..shown]);
        let others: Vec<String> =
            names(&items[shown..]).into_iter().filter(|name| !known.contains(name)).take(NAMES).collect();
        if !others.is_empty() && known.len() < 4 * NAMES {
            let _ = write!(self.out, ", some with {}", others.join(", "));
        }
    }

    fn object(&mut self, members: &[(&str, Node<'_>)], count: usize, depth: usize) {
        let shown = if depth >= self.detail.depth { 0 } else { members.len().min(self.detail.members) };
        self.out.push('{');
        for (place, (name, value)) in members[..shown].iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.name(name);
            self.out.push(':');
            self.value(value, depth + 1);
        }
        if count > shown {
            let names: Vec<&str> =
                members[shown..].iter().map(|(name, _)| *name).filter(|name| name.len() <= 80).collect();
            let names = &names[..names.len().min(NAMES)];
            let more = if names.len() < count - shown { ", …" } else { "" };
            let _ = write!(
                self.out,
                "{}… {} more: {}{more}",
                if shown > 0 { ", " } else { "" },
                count - shown,
                names.join(", ")
            );
        }
        self.out.push('}');
    }

    fn name(&mut self, name: &str) {
        let (head, more) = head(name, self.detail.chars);
        if more <= SAVED {
            self.out.push_str(name);
        } else {
            let _ = write!(self.out, "{head}…\"");
        }
    }
}

/// The beginning of a string with its first quote, cut between characters and escapes, and how many characters follow.
fn head(text: &str, chars: usize) -> (&str, usize) {
    let (mut number, mut end) = (0, None);
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if number == chars && end.is_none() {
            end = Some(at);
        }
        if characters.peek().is_none() {
            break;
        }
        if character == '\\' && characters.next().is_some_and(|(_, escaped)| escaped == 'u') {
            let _ = characters.nth(3);
        }
        number += 1;
    }
    match end {
        Some(end) => (&text[..end], number - chars),
        None => (text, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_cut_between_characters_and_escapes() {
        assert_eq!(head(r#""abc""#, 2), (r#""ab"#, 1));
        assert_eq!(head(r#""a\"\u00e9ä""#, 2), (r#""a\""#, 2));
        assert_eq!(head(r#""a\"\u00e9ä""#, 3), (r#""a\"\u00e9"#, 1));
        assert_eq!(head(r#""abc""#, 3).1, 0);
        assert_eq!(head(r#""abc""#, 9), (r#""abc""#, 0));
        assert_eq!(head(r#""""#, 0).1, 0);
    }
}
