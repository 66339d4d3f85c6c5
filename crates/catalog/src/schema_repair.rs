//! Schemas repaired so that they compile. A repair only makes more arguments pass.
//!
//! A rule inside a negation works the other way round: so where rules are taken, the negations go as well, and "exactly one
//! of these" becomes "any of these".

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::numbers::has_monstrous_number;
use crate::patterns;
use crate::schema;
use crate::walk::change_each;

/// The memory that one compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Compiles a schema; none if it is none.
pub(crate) fn validator(schema: &Value) -> Option<Validator> {
    if has_monstrous_number(schema) {
        return None;
    }
    // Patterns run on an engine whose time is linear: the script chooses the text and the server the pattern.
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options().offline().with_pattern_options(patterns).build(schema).ok()
}

/// The schema without what only matters between documents, without references that lead out of this one, without patterns
/// that another engine would take and texts that hold documents of their own, and with null where it is the default
/// or the schema is `nullable`.
pub(crate) fn mended(root: &Value) -> Value {
    let (mut mended, mut is_weaker) = (root.clone(), false);
    change_each(&mut mended, &mut |map| is_weaker |= mend(map, root));
    if is_weaker {
        change_each(&mut mended, &mut turn_negations);
    }
    mended
}

/// Tells whether a rule was taken.
fn mend(map: &mut Map<String, Value>, root: &Value) -> bool {
    let mut is_weaker = false;
    for key in ["$id", "id", "$anchor"] {
        if map.get(key).is_some_and(Value::is_string) {
            map.remove(key);
        }
    }
    let leads_out = |reference: &str| schema::Document::new(root).target(reference).is_none();
    if schema::reference(map).is_some_and(leads_out) {
        is_weaker |= map.remove("$ref").is_some();
    }
    if map.get("pattern").and_then(Value::as_str).is_some_and(|pattern| !patterns::is_usable(pattern)) {
        is_weaker |= map.remove("pattern").is_some();
    }
    let of_keys = map.get("patternProperties").and_then(Value::as_object);
    if of_keys.is_some_and(|of_keys| !of_keys.keys().all(|pattern| patterns::is_usable(pattern))) {
        remove_patterns_of_keys(map);
        is_weaker = true;
    }
    // Drafts 6 and 7 would have the text decoded and parsed.
    is_weaker |= map.remove("contentEncoding").is_some();
    is_weaker |= map.remove("contentMediaType").is_some();
    if map.get("default") == Some(&Value::Null) || map.get("nullable") == Some(&Value::Bool(true)) {
        allow_null(map);
    }
    is_weaker
}

fn turn_negations(map: &mut Map<String, Value>) {
    for key in ["not", "if", "then", "else", "maxContains"] {
        map.remove(key);
    }
    let Some(branches) = map.remove("oneOf") else { return };
    if !map.contains_key("anyOf") {
        map.insert("anyOf".to_owned(), branches);
    } else if let Some(parts) = map.entry("allOf").or_insert_with(|| Value::Array(Vec::new())).as_array_mut() {
        parts.push(serde_json::json!({ "anyOf": branches }));
    }
}

/// FastMCP and others write `{"type": "string", "default": null}` for what their server takes as "a string or null", OpenAPI
/// `{"type": "string", "nullable": true}`.
fn allow_null(map: &mut Map<String, Value>) {
    let default = map.remove("default");
    map.remove("nullable");
    let strict = Value::Object(std::mem::take(map));
    map.insert("anyOf".to_owned(), Value::Array(vec![strict, serde_json::json!({"type": "null"})]));
    map.extend(default.map(|default| ("default".to_owned(), default)));
}

/// The schema without the parts that are known to keep real schemas from compiling, and without those that cost most.
pub(crate) fn loosened(mut schema: Value) -> Value {
    change_each(&mut schema, &mut |map| loosen(map));
    schema
}

fn loosen(map: &mut Map<String, Value>) {
    for key in ["$schema", "pattern", "format", "uniqueItems", "propertyNames"] {
        map.remove(key);
    }
    remove_patterns_of_keys(map);
    turn_negations(map);
    for key in ["unevaluatedProperties", "unevaluatedItems"] {
        map.remove(key);
    }
    for key in ["exclusiveMinimum", "exclusiveMaximum"] {
        if map.get(key).is_some_and(Value::is_boolean) {
            map.remove(key);
        }
    }
    if map.get("required").is_some_and(|required| !required.is_array()) {
        map.remove("required");
    }
    if map.get("type").is_some_and(|types| !names_types(types)) {
        map.remove("type");
    }
}

fn remove_patterns_of_keys(map: &mut Map<String, Value>) {
    if map.remove("patternProperties").is_some() {
        map.remove("additionalProperties");
        map.remove("unevaluatedProperties");
    }
}

fn names_types(types: &Value) -> bool {
    let names_one = |name: &Value| {
        let names = ["null", "boolean", "integer", "number", "string", "array", "object"];
        name.as_str().is_some_and(|name| names.contains(&name))
    };
    types.as_array().map_or_else(|| names_one(types), |list| !list.is_empty() && list.iter().all(names_one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(schema: Value, value: Value) -> bool {
        validator(&schema).unwrap().is_valid(&value)
    }

    #[test]
    fn repairing_a_schema_never_rejects_more() {
        let (a, b) = (json!({"pattern": "^a"}), json!({"pattern": "^b"}));
        for (schema, value) in [
            (json!({"oneOf": [a, b]}), json!("a")),
            (json!({"oneOf": [a, b], "anyOf": [a, b]}), json!("a")),
            (json!({"not": a}), json!("b")),
            (json!({"if": a, "then": {"minLength": 9}}), json!("b")),
            (json!({"contains": a, "maxContains": 1}), json!(["a", "b", "b"])),
            (json!({"patternProperties": {"^a": {}}, "additionalProperties": false}), json!({"a": 1})),
            (json!({"allOf": [{"patternProperties": {"^a": {}}}], "unevaluatedProperties": false}), json!({"a": 1})),
        ] {
            assert!(passes(schema.clone(), value.clone()) && passes(loosened(schema.clone()), value), "{schema}");
        }
    }

    #[test]
    fn null_passes_where_it_is_the_default_or_the_schema_is_nullable() {
        let target =
            json!({"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a", "default": null}}});
        for schema in [
            json!({"properties": {"x": {"type": "string", "default": null}}}),
            json!({"properties": {"x": {"type": "string", "nullable": true}}}),
            json!({"properties": {"x": {"type": "string", "nullable": true, "default": null}}}),
            target,
        ] {
            assert!(
                passes(mended(&schema), json!({"x": null})) && !passes(mended(&schema), json!({"x": 1})),
                "{schema}"
            );
        }
        let strict = json!({"properties": {"x": {"type": "string", "nullable": false}}});
        assert!(!passes(mended(&strict), json!({"x": null})));
    }

    #[test]
    fn a_pattern_that_takes_another_engine_is_left_to_the_server() {
        let unusable = json!({"pattern": "^(?!a)"});
        let schema = json!({"properties": {"x": unusable, "y": {"pattern": "^b"}}, "not": {"required": ["x", "z"]}});
        let mended = mended(&schema);
        assert_eq!(mended, json!({"properties": {"x": {}, "y": {"pattern": "^b"}}}));
        assert!(passes(mended, json!({"x": "a"})));
        assert!(passes(super::mended(&json!({"oneOf": [unusable, {"type": "string"}]})), json!("b")));
    }
}
