//! Python literals as JSON: what `str(rows)` makes of rows, and `ast.literal_eval` reads.

/// How deep literals are read.
const MAX_DEPTH: usize = 32;

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// A dict, a list or a tuple as Python writes it, as JSON. `None` for everything else, and where a value is none of JSON's.
pub(crate) fn to_json(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    if text.len() > MAX_BYTES || !text.starts_with(['{', '[', '(']) {
        return None;
    }
    let mut literal = Literal { rest: text, json: String::with_capacity(text.len() + 16) };
    literal.value(MAX_DEPTH)?;
    literal.rest.is_empty().then_some(literal.json)
}

struct Literal<'t> {
    rest: &'t str,
    json: String,
}

impl Literal<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.rest.as_bytes().first()? {
            b'{' => self.items(depth, '}', ['{', '}'], true),
            b'[' => self.items(depth, ']', ['[', ']'], false),
            b'(' => self.items(depth, ')', ['[', ']'], false),
            b'\'' | b'"' => self.text(),
            _ => self.word(),
        }
    }

    /// What stands between brackets: values, or keys and values.
    fn items(&mut self, depth: usize, end: char, brackets: [char; 2], has_keys: bool) -> Option<()> {
        self.skip(1);
        self.json.push(brackets[0]);
        let mut is_first = true;
        while !self.takes(end) {
            if !is_first {
                self.json.push(',');
            }
            is_first = false;
            if has_keys {
                self.rest.starts_with(['\'', '"']).then_some(())?;
                self.text()?;
                self.takes(':').then_some(())?;
                self.json.push(':');
            }
            self.value(depth)?;
            if !self.takes(',') {
                self.takes(end).then_some(())?;
                break;
            }
        }
        self.json.push(brackets[1]);
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        let end = loop {
            match characters.next()? {
                (place, c) if c == quote => break place + 2,
                (_, '\\') => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    'x' => text.push(code_point(&mut characters, 2)?),
                    'u' => text.push(code_point(&mut characters, 4)?),
                    'U' => text.push(code_point(&mut characters, 8)?),
                    _ => return None,
                },
                (_, '\n') => return None,
                (_, c) => text.push(c),
            }
        };
        self.json.push_str(&serde_json::to_string(&text).ok()?);
        self.skip(end);
        Some(())
    }

    /// A number, `True`, `False` or `None`.
    fn word(&mut self) -> Option<()> {
        let end = self.rest.find([',', ']', '}', ')', ':', ' ', '\n']).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let written = match word {
            "True" => "true",
            "False" => "false",
            "None" => "null",
            number if serde_json::from_str::<serde_json::Number>(number).is_ok() => number,
            _ => return None,
        };
        self.json.push_str(written);
        self.skip(end);
        Some(())
    }

    fn takes(&mut self, wanted: char) -> bool {
        let takes = self.rest.starts_with(wanted);
        if takes {
            self.skip(1);
        }
        takes
    }

    /// Over these bytes and the spaces behind them.
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_ascii_start();
    }
}

fn code_point(characters: &mut std::str::CharIndices<'_>, digits: usize) -> Option<char> {
    let text: String = characters.take(digits).map(|(_, c)| c).collect();
    u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits).and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_python_writes_them_become_json() {
        for (python, json) in [
            ("[{'name': 'orders'}, {'name': None}]", r#"[{"name":"orders"},{"name":null}]"#),
            (r#" [('it\'s', "O'Neil", 1.5, -2), (True,), ()] "#, r#"[["it's","O'Neil",1.5,-2],[true],[]]"#),
            (r"{'a\n\x41\u00e9': {'b': [False, ], }}", "{\"a\\nAé\":{\"b\":[false]}}"),
        ] {
            assert_eq!(to_json(python).as_deref(), Some(json), "{python}");
        }
    }

    #[test]
    fn what_is_no_literal_of_json_is_none() {
        let deep = "[".repeat(1_000);
        let long = format!("['{}']", "x".repeat(MAX_BYTES));
        for text in [
            "'a'",
            "1",
            "{1: 2}",
            "{'a'}",
            "[1",
            "[1] 2",
            "[nan]",
            "[b'x']",
            "[datetime.date(2026, 1, 1)]",
            "['a",
            "[1 2]",
            "[,]",
            r"['\q']",
            r"['\xz1']",
            "[INFO] x",
            &deep,
            &long,
        ] {
            assert_eq!(to_json(text), None, "{text}");
        }
    }
}
