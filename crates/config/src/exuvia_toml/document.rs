//! A TOML file as JSON, with the line of every key.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ConfigError;

/// The parser's message for a duplicate key: the one error after which the remaining document is usable.
const DUPLICATE: &str = "duplicate key";

/// The most values of a file: each takes some hundred bytes of memory, whatever its length.
const VALUES: usize = 100_000;

/// A file that has been read. Its parts are named by JSON pointers: `/servers/crm/args/0`.
pub(super) struct Document {
    file: String,
    pub(super) value: Value,
    lines: HashMap<String, usize>,
}

impl Document {
    /// Reads a text. Where it is no TOML there are errors, and the document is empty.
    pub(super) fn read(text: &str, file: &str) -> (Self, Vec<ConfigError>) {
        let places = Places::of(text);
        // Also where such a character stands in a text or a comment: nobody has so many of those either.
        if text.bytes().filter(|byte| b",=[{".contains(byte)).count() > VALUES {
            let error = ConfigError::of_file(file, format!("contains more than {VALUES} values"));
            return (
                Self { file: file.to_owned(), value: Value::Object(Map::new()), lines: HashMap::new() },
                vec![error],
            );
        }
        let (table, faults) = DeTable::parse_recoverable(text);
        let errors: Vec<_> = faults.iter().map(|fault| syntax_error(fault, text, file, &places)).collect();
        let mut lines = HashMap::new();
        let is_readable = faults.iter().all(|fault| fault.message() == DUPLICATE);
        let value =
            if is_readable { object(table.get_ref(), "", &places, &mut lines) } else { Value::Object(Map::new()) };
        (Self { file: file.to_owned(), value, lines }, errors)
    }

    /// Something wrong with a part.
    pub(super) fn error(&self, pointer: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::of_file(&self.file, message).at_key(self.key(pointer)).at_line(self.line(pointer))
    }

    /// The line of a part, or of the nearest part around it.
    pub(super) fn line(&self, pointer: &str) -> Option<usize> {
        let mut part = pointer;
        loop {
            if let Some(line) = self.lines.get(part) {
                return Some(*line);
            }
            part = &part[..part.rfind('/')?];
        }
    }

    /// The key as one writes it in TOML, `servers."a b".args[0]`.
    pub(super) fn key(&self, pointer: &str) -> String {
        let (mut key, mut around) = (String::new(), Some(&self.value));
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            if matches!(around, Some(Value::Array(_))) {
                key.push_str(&format!("[{part}]"));
            } else {
                let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                let dot = if key.is_empty() { "" } else { "." };
                match !part.is_empty() && part.chars().all(is_bare) {
                    true => key.push_str(&format!("{dot}{part}")),
                    false => key.push_str(&format!("{dot}{:?}", part.chars().take(120).collect::<String>())),
                }
            }
            around = match around {
                Some(Value::Array(items)) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                Some(value) => value.get(&part),
                None => None,
            };
        }
        key
    }
}

/// The pointer to a part of a part.
pub(super) fn below(pointer: &str, part: &str) -> String {
    format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"))
}

fn syntax_error(fault: &toml::de::Error, text: &str, file: &str, places: &Places) -> ConfigError {
    let Some(span) = fault.span() else { return ConfigError::of_file(file, fault.message()) };
    let line = places.line(span.start);
    let whole = text.lines().nth(line - 1).unwrap_or_default();
    let column = text.get(places.starts[line - 1]..span.start).map_or(1, |before| before.chars().count() + 1);
    // What is assigned may be a secret.
    let shown = whole.find(['=', '"', '\'']).map_or(whole, |end| &whole[..=end]).trim();
    let shown: String = shown.chars().take(120).flat_map(char::escape_debug).collect();
    let cut = if shown.len() < whole.trim().len() { ".." } else { "" };
    let message = match fault.message() {
        DUPLICATE => "duplicate key; rename or remove one",
        message => message,
    };
    ConfigError::of_file(file, format!("column {column}: {message}: {shown}{cut}")).at_line(line)
}

fn object(table: &DeTable<'_>, pointer: &str, places: &Places, lines: &mut HashMap<String, usize>) -> Value {
    let mut entries: Vec<_> = table.iter().collect();
    // The parser has sorted them by name; what counts is their order in the file.
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut map = Map::new();
    for (key, entry) in entries {
        let pointer = below(pointer, key.get_ref());
        lines.insert(pointer.clone(), places.line(key.span().start));
        map.insert(key.get_ref().to_string(), value(entry, &pointer, places, lines));
    }
    Value::Object(map)
}

fn value(spanned: &Spanned<DeValue<'_>>, pointer: &str, places: &Places, lines: &mut HashMap<String, usize>) -> Value {
    match spanned.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        // Null stands for what no key takes. TOML has no null.
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(text) => text.as_str().parse().map_or(Value::Null, float),
        DeValue::Datetime(time) if takes_time(pointer) => Value::String(time.to_string()),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Table(table) => object(table, pointer, places, lines),
        DeValue::Array(items) => {
            let read = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
                let pointer = format!("{pointer}/{index}");
                lines.insert(pointer.clone(), places.line(item.span().start));
                value(item, &pointer, places, lines)
            };
            Value::Array(items.iter().enumerate().map(read).collect())
        }
    }
}

/// Whether a date may stand here without quotes: the schema, as JSON has no dates, asks for a string.
fn takes_time(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').collect();
    matches!(parts[..], ["", "keys", _, "expires"])
}

/// JSON Schema takes 5.0 for a whole number; so it has to be one for everybody.
fn float(number: f64) -> Value {
    const EXACT: f64 = (1_u64 << 53) as f64;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        Value::from(number as i64)
    } else if number.fract() == 0.0 {
        Value::Null
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// Where the lines of a text begin.
struct Places {
    starts: Vec<usize>,
}

impl Places {
    fn of(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { starts: std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect() }
    }

    /// The line, from 1, that this offset is on.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}
