//! One-line explanations of parameters in a stub, where name and type leave open what to write.
//!
//! A number, a flag or one of a few constants needs none; a string or an object may have a format that only its description
//! documents. One call that fails because of it costs a model more than the words.

use std::collections::HashSet;

use exuvia_tool::Tool;
use serde_json::Value;

use crate::schema::{Document, Property};
use crate::shape::MAX_SHOWN_PARAMETERS;
use crate::text;

/// The longest gloss, in characters. What needs more is what documentation is for.
const MAX_CHARS: usize = 100;

/// How many bytes the glosses of one tool take.
const MAX_BYTES: usize = 4_000;

/// How many words a gloss must add to the names of the tool and the parameter.
const MIN_NEW_WORDS: usize = 3;

/// Words that add nothing to a name and a type.
const FILLERS: [&str; 32] = [
    "a",
    "an",
    "and",
    "are",
    "array",
    "as",
    "be",
    "by",
    "can",
    "for",
    "from",
    "id",
    "identifier",
    "if",
    "in",
    "is",
    "it",
    "list",
    "name",
    "number",
    "of",
    "on",
    "optional",
    "or",
    "required",
    "string",
    "that",
    "the",
    "this",
    "to",
    "which",
    "with",
];

/// `since: ISO 8601`: a line for each parameter that needs an explanation beyond its name and that is not in `told`, to which
/// it is added.
pub(crate) fn lines(tool: &Tool, told: &mut HashSet<String>) -> Vec<String> {
    let document = Document::new(&tool.descriptor.input_schema);
    let object = document.object(document.root());
    let shown = object.properties.iter().zip(&tool.parameters).take(MAX_SHOWN_PARAMETERS);
    let glosses = shown.filter_map(|(property, parameter)| {
        let gloss = of(document, property, tool.name())?;
        Some(format!("{}: {gloss}", parameter.python_name))
    });
    let mut room = MAX_BYTES;
    let fits = |line: &String| {
        room = room.saturating_sub(line.len());
        room > 0
    };
    glosses.take_while(fits).filter(|line| told.insert(line.clone())).collect()
}

fn of(document: Document<'_>, property: &Property<'_>, tool_name: &str) -> Option<String> {
    let schema = property.schemas.first()?;
    let written = schema.get("description").and_then(Value::as_str)?;
    if says_it_all(document, schema) {
        return None;
    }
    let written = written.trim_start();
    let written =
        ["(Optional)", "Optional.", "Optional:"].iter().find_map(|word| written.strip_prefix(word)).unwrap_or(written);
    let gloss = text::first_sentence(written, MAX_CHARS + 1);
    let is_whole = gloss.chars().count() <= MAX_CHARS && !gloss.ends_with('…');
    (is_whole && adds(&gloss, &[property.name, tool_name])).then_some(gloss)
}

/// Whether a type describes the form of its values completely.
fn says_it_all(document: Document<'_>, schema: &Value) -> bool {
    let Some(map) = document.resolved(schema) else { return false };
    if map.contains_key("enum") || map.contains_key("const") {
        return true;
    }
    let is_plain = |name: &str| matches!(name, "boolean" | "integer" | "number" | "null");
    let branches = ["anyOf", "oneOf"].iter().find_map(|key| map.get(*key)?.as_array());
    match (map.get("type"), branches) {
        (Some(Value::String(name)), _) => is_plain(name),
        (Some(Value::Array(names)), _) => names.iter().filter_map(Value::as_str).all(is_plain),
        (_, Some(branches)) => {
            branches.iter().all(|branch| branch.get("type").and_then(Value::as_str).is_some_and(is_plain))
        }
        _ => false,
    }
}

fn adds(gloss: &str, names: &[&str]) -> bool {
    let stem = |word: &str| word.trim_end_matches('s').to_owned();
    let known: Vec<String> = names.iter().flat_map(|name| text::words(name)).map(|word| stem(&word)).collect();
    let is_new = |word: &&String| !FILLERS.contains(&word.as_str()) && !known.contains(&stem(word));
    text::words(gloss).iter().filter(is_new).count() >= MIN_NEW_WORDS
}
