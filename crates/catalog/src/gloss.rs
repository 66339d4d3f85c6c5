//! One-line explanations of parameters in a stub, where name and type leave open what to write.
//!
//! A number needs its range and its unit, a string or an object may have a format that only its description documents. One
//! call that fails because of it costs a model more than the words. So what a description says of formats, bounds, defaults and
//! examples is kept however long the rest of it is.

use std::collections::HashSet;

use exuvia_tool::Tool;
use serde_json::{Map, Value};

use crate::notes;
use crate::schema::{Document, Property};
use crate::shape::MAX_SHOWN_PARAMETERS;
use crate::text;
use crate::value_format;

/// The longest sentence of a gloss, in characters, and the longest gloss. What needs more is what documentation is for.
const MAX_SENTENCE_CHARS: usize = 100;
const MAX_CHARS: usize = 200;

/// How many sentences of a description are looked at.
const MAX_SENTENCES: usize = 12;

/// How many words a gloss must add to what is known without it.
const MIN_NEW_WORDS: usize = 3;

/// Words that add nothing to a name and a type.
const FILLERS: &str = "a an and any are array as be by can current existing for from given id identifier if in is it its list \
    name new not number object of on one optional or provided required specific specified string that the this to use used using \
    value when where which will with";

/// Parameters that go through pages: whoever needs one knows it.
const PAGING: [&str; 10] = [
    "page_token",
    "pagetoken",
    "next_page_token",
    "cursor",
    "start_cursor",
    "next_cursor",
    "start_at",
    "startat",
    "offset",
    "page",
];

/// `since: ISO 8601`: lines for the parameters that need an explanation beyond their names and `summary`, the tool's, and that is not
/// in `told`, to which it is added. Those with the same explanation share a line. In about `max_bytes` bytes.
pub(crate) fn lines(tool: &Tool, summary: &str, max_bytes: usize, told: &mut HashSet<String>) -> Vec<String> {
    if max_bytes == 0 {
        return Vec::new();
    }
    let document = Document::new(&tool.descriptor.input_schema);
    let object = document.object(document.root());
    let shown = object.properties.iter().zip(&tool.parameters).take(MAX_SHOWN_PARAMETERS);
    let names = tool.parameters.iter().take(MAX_SHOWN_PARAMETERS).map(|parameter| parameter.name.as_str());
    let known = text::known(names.chain([tool.name(), summary]));
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut room = max_bytes;
    for (property, parameter) in shown {
        if PAGING.contains(&property.name.to_lowercase().as_str()) {
            continue;
        }
        let Some(gloss) = of(document, property, &known) else { continue };
        room = room.saturating_sub(parameter.python_name.len() + gloss.len());
        if room == 0 {
            break;
        }
        // One example of what goes into parameters of one name is enough.
        let key = if gloss.starts_with(value_format::EXAMPLE) { "" } else { &gloss };
        if !told.insert(format!("{}: {key}", parameter.python_name)) {
            continue;
        }
        match lines.iter_mut().find(|(_, other)| *other == gloss) {
            Some((names, _)) => {
                names.push_str(", ");
                names.push_str(&parameter.python_name);
            }
            None => lines.push((parameter.python_name.clone(), gloss)),
        }
    }
    lines.into_iter().map(|(names, gloss)| format!("{names}: {gloss}")).collect()
}

fn of(document: Document<'_>, property: &Property<'_>, known: &HashSet<String>) -> Option<String> {
    let schema = property.schemas.first()?;
    let target = document.resolved(schema)?;
    let description =
        [schema.get("description"), target.get("description")].into_iter().flatten().find_map(Value::as_str);
    let description = description.map(without_opening).unwrap_or_default();
    let says_of_type = kind(document, target);
    let mut parts: Vec<String> = match says_of_type {
        Says::Everything => Vec::new(),
        Says::Number => value_format::of_number(description, property.name, has_default(target)),
        Says::Little => sentences(description, known, property.required),
    };
    let prose = parts.join(" ").to_lowercase();
    let facts = notes::stub_facts(target, says_of_type == Says::Little);
    // An example says what a pattern is for.
    let is_needed = |fact: &String| !(fact.starts_with("pattern ") && value_format::has_example(&prose));
    parts.extend(facts.into_iter().filter(|fact| !prose.contains(&fact.to_lowercase()) && is_needed(fact)));
    (!parts.is_empty()).then(|| text::cut(&parts.join("; "), MAX_CHARS))
}

/// Whether the signature shows a default.
fn has_default(map: &Map<String, Value>) -> bool {
    map.get("default").is_some_and(|default| !default.is_null())
}

fn without_opening(description: &str) -> &str {
    let description = description.trim_start();
    ["(Optional)", "Optional.", "Optional:"]
        .iter()
        .find_map(|word| description.strip_prefix(word))
        .unwrap_or(description)
        .trim_start()
}

/// The first sentence, if it is short and adds something to what is `known`; of the others, and of one that does not, the part that
/// describes how to write the value.
fn sentences(description: &str, known: &HashSet<String>, is_required: bool) -> Vec<String> {
    let statements = text::statements(description);
    let mut parts: Vec<String> = Vec::new();
    let (mut chars, mut is_example) = (0, false);
    for (place, statement) in statements.iter().take(MAX_SENTENCES).enumerate() {
        let sentence = statement.text.as_str();
        // What the signature says already.
        if is_required && sentence.starts_with("Required") {
            continue;
        }
        if value_format::announces_example(sentence) {
            is_example = true;
            continue;
        }
        let is_short = sentence.chars().count() <= MAX_SENTENCE_CHARS;
        let is_whole = is_short && adds(sentence, known) && (place == 0 || value_format::is_format(sentence));
        let part = if std::mem::take(&mut is_example) && !sentence.is_empty() && !value_format::has_example(sentence) {
            Some(text::cut(&format!("{}{sentence}", value_format::EXAMPLE), MAX_SENTENCE_CHARS))
        } else if is_whole {
            Some(sentence.to_owned())
        } else {
            value_format::part(sentence, MAX_SENTENCE_CHARS)
        };
        let Some(part) = part else { continue };
        chars += part.chars().count();
        if chars > MAX_CHARS {
            break;
        }
        parts.push(part);
    }
    parts
}

/// What a type says of the form of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// A flag, or one of a few constants.
    Everything,
    /// All but range and unit.
    Number,
    Little,
}

fn kind(document: Document<'_>, map: &Map<String, Value>) -> Says {
    let is_literal =
        |values: &Value| values.as_array().is_some_and(|values| crate::literals::is_shown_as_literal(values));
    if map.contains_key("const") || map.get("enum").is_some_and(is_literal) {
        return Says::Everything;
    }
    let branches = ["anyOf", "oneOf"].iter().find_map(|key| map.get(*key)?.as_array());
    let names: Vec<&str> = match (map.get("type"), branches) {
        (Some(Value::String(name)), _) => vec![name],
        (Some(Value::Array(names)), _) => names.iter().filter_map(Value::as_str).collect(),
        (_, Some(branches)) => {
            let resolved = branches.iter().map(|branch| document.resolved(branch));
            resolved.map(|branch| branch.and_then(|map| map.get("type")?.as_str()).unwrap_or("")).collect()
        }
        _ => Vec::new(),
    };
    let all = |plain: &[&str]| !names.is_empty() && names.iter().all(|name| plain.contains(name));
    match () {
        () if all(&["boolean", "null"]) => Says::Everything,
        () if all(&["boolean", "integer", "number", "null"]) => Says::Number,
        () => Says::Little,
    }
}

fn adds(gloss: &str, known: &HashSet<String>) -> bool {
    let is_filler = |word: &str| FILLERS.split_whitespace().any(|filler| filler == word);
    let is_new = |word: &&String| !is_filler(word) && !text::is_known(word, known);
    text::words(gloss).iter().filter(is_new).count() >= MIN_NEW_WORDS
}
