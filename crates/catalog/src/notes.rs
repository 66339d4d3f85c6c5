//! Documentation of one value beyond its type: the server's description, and the bounds of its schema.

use serde_json::{Map, Value};

use crate::python;
use crate::schema::{Document, Property};
use crate::text;

const MAX_DESCRIPTION_CHARS: usize = 8_000;
const MAX_ENUMERATION_CHARS: usize = 1_200;
const MAX_PATTERN_CHARS: usize = 120;
/// The longest fact in a stub, in characters.
const MAX_STUB_FACT_CHARS: usize = 80;
/// The longest pattern in a stub.
const MAX_STUB_PATTERN_CHARS: usize = 40;

/// The note on a parameter, whose default the signature shows if it is short.
pub(crate) fn of_parameter(document: Document<'_>, property: &Property<'_>) -> String {
    note(document, property, |default| python::short_literal(default).is_none())
}

/// The note on a key of an argument's class, whose type cannot show a default.
pub(crate) fn of_field(document: Document<'_>, property: &Property<'_>) -> String {
    note(document, property, |default| !default.is_null())
}

/// The note on a result or a key of one. What a server would have put in place of nothing is no news there.
pub(crate) fn of_result(document: Document<'_>, property: &Property<'_>) -> String {
    note(document, property, |_| false)
}

fn note(document: Document<'_>, property: &Property<'_>, tells_default: impl Fn(&Value) -> bool) -> String {
    let Some(written) = property.schemas.first().and_then(|schema| schema.as_object()) else { return String::new() };
    let target = property.schemas.first().and_then(|schema| document.resolved(schema)).unwrap_or(written);
    let description = description(written).or_else(|| description(target)).unwrap_or_default();
    let mut facts = bounds(target);
    let prose_tells = description.to_lowercase().contains("default");
    if let Some(default) = written.get("default").filter(|default| !prose_tells && tells_default(default)) {
        let shown =
            python::short_literal(default).unwrap_or_else(|| text::one_line(&python::json_head(default, 800), 200));
        facts.push(format!("default {shown}"));
    }
    // A fact that the prose already names is not repeated.
    let prose = description.to_lowercase();
    facts.retain(|fact| !prose.contains(&fact.to_lowercase()));
    match (description.is_empty(), facts.is_empty()) {
        (_, true) => description,
        (true, false) => facts.join(", "),
        (false, false) => format!("{description} ({})", facts.join(", ")),
    }
}

/// What a stub says of a parameter beyond its signature: the bounds of a number, and with `is_text` of a text or a list as well,
/// its format, and a default that the signature is too narrow for.
pub(crate) fn stub_facts(map: &Map<String, Value>, is_text: bool) -> Vec<String> {
    let number = |key: &str| map.get(key).filter(|value| value.is_number()).map(Value::to_string);
    let least = number("minimum").filter(|least| !matches!(least.as_str(), "0" | "1"));
    let most = number("maximum").filter(|most| !is_widest_integer(most));
    let mut facts = Vec::new();
    facts.extend(match (number("minimum"), least, most) {
        (Some(least), _, Some(most)) => Some(format!("{least}..{most}")),
        (_, Some(least), None) => Some(format!("min {least}")),
        (None, _, Some(most)) => Some(format!("max {most}")),
        _ => None,
    });
    if is_text {
        let is_long = |fact: &str| fact.starts_with("pattern ") && fact.chars().count() > MAX_STUB_PATTERN_CHARS;
        let of_text = bounds(map).into_iter();
        let of_text = of_text.filter(|fact| !is_trivial(fact) && !is_long(fact) && !facts.contains(fact));
        facts.extend(of_text.map(|fact| text::cut(&fact, MAX_STUB_FACT_CHARS)).collect::<Vec<_>>());
        let default = map.get("default").filter(|default| python::short_literal(default).is_none());
        facts
            .extend(default.map(|default| format!("default {}", text::one_line(&python::json_head(default, 400), 60))));
    }
    facts
}

/// Bounds that nobody misses by accident: one character at least, or no more than thousands.
fn is_trivial(fact: &str) -> bool {
    let numbers = fact.split(' ').filter_map(|word| word.parse::<u64>().ok());
    let is_length = fact.ends_with(" characters") || fact.ends_with(" character") || fact.ends_with(" item");
    is_length && numbers.into_iter().all(|number| number <= 1 || number >= 200)
}

fn description(map: &Map<String, Value>) -> Option<String> {
    let description = map.get("description")?.as_str()?;
    Some(text::one_line(description, MAX_DESCRIPTION_CHARS)).filter(|line| !line.is_empty())
}

/// The constraints of a schema beyond its type, as short as possible.
fn bounds(map: &Map<String, Value>) -> Vec<String> {
    let mut facts = Vec::new();
    let number = |key: &str| map.get(key).filter(|value| value.is_number()).map(Value::to_string);
    facts.extend(range(number("minimum"), number("maximum"), ""));
    facts.extend(number("exclusiveMinimum").map(|bound| format!("> {bound}")));
    facts
        .extend(number("exclusiveMaximum").filter(|bound| !is_widest_integer(bound)).map(|bound| format!("< {bound}")));
    facts.extend(number("multipleOf").map(|step| format!("a multiple of {step}")));
    facts.extend(range(number("minLength"), number("maxLength"), " characters"));
    facts.extend(range(number("minItems"), number("maxItems"), " items"));
    if let Some(format) = map.get("format").and_then(Value::as_str) {
        facts.push(format!("format {}", text::one_line(format, 40)));
    }
    if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
        facts.push(format!("pattern {}", text::one_line(pattern, MAX_PATTERN_CHARS)));
    }
    if map.get("uniqueItems") == Some(&Value::Bool(true)) {
        facts.push("no duplicates".to_owned());
    }
    facts.extend(long_enumeration(map));
    facts
}

/// The values of an enumeration that the type does not show.
fn long_enumeration(map: &Map<String, Value>) -> Option<String> {
    let values = map.get("enum")?.as_array().filter(|values| !crate::literals::is_shown_as_literal(values))?;
    let mut listed = String::new();
    for value in values {
        if listed.len() > 4 * MAX_ENUMERATION_CHARS {
            break;
        }
        let comma = if listed.is_empty() { "" } else { ", " };
        listed.push_str(comma);
        listed.push_str(&python::json_head(value, 4 * MAX_ENUMERATION_CHARS));
    }
    Some(format!("one of {}", text::one_line(&listed, MAX_ENUMERATION_CHARS)))
}

fn range(least: Option<String>, most: Option<String>, unit: &str) -> Option<String> {
    // No length is below zero, so a bound of zero says nothing there.
    let least = least.filter(|least| unit.is_empty() || least != "0");
    match (least, most.filter(|most| !is_widest_integer(most))) {
        (Some(least), Some(most)) if least == most => Some(format!("{least}{unit}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{}", counted(&least, unit))),
        (None, Some(most)) => Some(format!("at most {most}{}", counted(&most, unit))),
        _ => None,
    }
}

/// The unit for a number of things.
fn counted<'u>(number: &str, unit: &'u str) -> &'u str {
    if number == "1" { unit.trim_end_matches('s') } else { unit }
}

/// The largest integer of JavaScript: schema generators write it where no bound was set.
fn is_widest_integer(bound: &str) -> bool {
    bound == "9007199254740991"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn noted(schema: Value) -> String {
        let property = Property { name: "p", schemas: vec![&schema], required: false };
        of_field(Document::new(&schema), &property)
    }

    #[test]
    fn a_note_adds_what_the_type_lacks() {
        let schema = json!({"type": "integer", "description": "How\n many", "minimum": 1, "maximum": 9, "default": 5});
        assert_eq!(noted(schema), "How many (1 to 9, default 5)");
        assert_eq!(noted(json!({"type": "string", "minLength": 0, "maxLength": 9})), "at most 9 characters");
        assert_eq!(noted(json!({"exclusiveMinimum": 0, "maximum": 9007199254740991_i64})), "> 0");
        assert_eq!(noted(json!({"type": "string"})), "");
    }

    #[test]
    fn a_note_says_nothing_twice() {
        assert_eq!(noted(json!({"description": "Rows, default 5.", "default": 5})), "Rows, default 5.");
        assert_eq!(noted(json!({"enum": ["a", "b"]})), "");
    }

    #[test]
    fn an_enumeration_too_long_for_the_type_is_in_the_note() {
        let values: Vec<String> = (0..100).map(|n| format!("value{n}")).collect();
        assert!(noted(json!({"enum": values})).starts_with(r#"one of "value0", "value1","#));
    }
}
