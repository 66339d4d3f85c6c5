//! Arguments as a server takes them, where Python has another way to say the same: None for "not given", and 30.0 for 30.
//!
//! Nothing else is changed, and nothing that the schema accepts as it is.

use exuvia_tool::Parameter;
use serde_json::{Map, Number, Value};

use crate::schema::{Document, list, reference};

/// How deep schemas are followed.
const MAX_DEPTH: usize = 8;
/// How many values are looked at.
const MAX_VALUES: usize = 10_000;
/// The most digits of an integer that are written out.
const MAX_DIGITS: usize = 18;

/// Leaves out parameters that are null where the schema takes no null and requires none, and writes whole numbers without a
/// fraction where the schema asks for integers. Whether anything was changed.
pub(crate) fn fit(arguments: &mut Value, root: &Value, parameters: &[Parameter]) -> bool {
    let Some(members) = arguments.as_object_mut() else { return false };
    let has_null = members.values().any(Value::is_null);
    if !has_null && !members.values().any(has_whole_float) {
        return false;
    }
    let document = Document::new(root);
    let object = document.object(root);
    let schemas = |name: &str| object.properties.iter().find(|property| property.name == name);
    let is_left_out = |name: &str, value: &Value| {
        let is_optional = parameters.iter().any(|parameter| parameter.name == name && !parameter.required);
        let takes_null = || {
            schemas(name).is_none_or(|property| property.schemas.iter().any(|schema| takes_null(document, schema, 0)))
        };
        value.is_null() && is_optional && !takes_null()
    };
    let before = members.len();
    members.retain(|name, value| !is_left_out(name, value));
    let mut changed = members.len() < before;
    let mut left = MAX_VALUES;
    for (name, value) in members.iter_mut().filter(|(_, value)| has_whole_float(value)) {
        if let Some(property) = schemas(name) {
            changed |= whole(value, document, &property.schemas, 0, &mut left);
        }
    }
    changed
}

/// Whether a schema takes null, as far as that is plain to see. Where it is not, null is left as it is.
fn takes_null(document: Document<'_>, schema: &Value, depth: usize) -> bool {
    let Some(map) = schema.as_object() else { return schema != &Value::Bool(false) };
    // A default of null says what leaving it out means, not that null may be sent.
    if depth == MAX_DEPTH || map.get("nullable") == Some(&Value::Bool(true)) {
        return true;
    }
    if let Some(target) = reference(map).map(|reference| document.target(reference)) {
        return target.is_none_or(|target| takes_null(document, target, depth + 1));
    }
    let is_null = |value: &Value| value.is_null();
    let names_null = |types: &Value| match types {
        Value::Array(types) => types.iter().any(|name| name == "null"),
        one => one == "null",
    };
    let branches = |key: &str| list(map, key);
    let some =
        |key: &str| branches(key).is_empty() || branches(key).iter().any(|one| takes_null(document, one, depth + 1));
    map.get("type").is_none_or(names_null)
        && map.get("const").is_none_or(is_null)
        && map.get("enum").and_then(Value::as_array).is_none_or(|options| options.iter().any(is_null))
        && some("anyOf")
        && some("oneOf")
        && branches("allOf").iter().all(|one| takes_null(document, one, depth + 1))
}

/// Whether there is a number in it that is written with a fraction of nothing.
fn has_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => digits(number).is_some(),
        Value::Array(items) => items.iter().any(has_whole_float),
        Value::Object(members) => members.values().any(has_whole_float),
        _ => false,
    }
}

/// The digits before a fraction of nothing: `30` of `30.0`.
fn digits(number: &Number) -> Option<&str> {
    let (digits, fraction) = number.as_str().split_once('.')?;
    let is_nothing = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    (is_nothing && digits.len() <= MAX_DIGITS).then_some(digits)
}

fn whole(value: &mut Value, document: Document<'_>, schemas: &[&Value], depth: usize, left: &mut usize) -> bool {
    if depth == MAX_DEPTH || *left == 0 {
        return false;
    }
    *left -= 1;
    match value {
        Value::Number(number) => {
            let Some(digits) = digits(number) else { return false };
            let asked: Vec<Numbers> = schemas.iter().map(|schema| Numbers::of(document, schema, 0)).collect();
            let is_integer = asked.iter().any(|asked| asked.integer) && !asked.iter().any(|asked| asked.number);
            let Some(integer) = digits.parse::<i64>().ok().filter(|_| is_integer) else { return false };
            *value = integer.into();
            true
        }
        Value::Array(items) => {
            let schemas = parts(document, schemas, |map| map.get("items"));
            items.iter_mut().fold(false, |changed, item| whole(item, document, &schemas, depth + 1, left) | changed)
        }
        Value::Object(members) => members.iter_mut().fold(false, |changed, (name, member)| {
            let schemas = parts(document, schemas, |map| {
                map.get("properties")?.get(name).or_else(|| map.get("additionalProperties"))
            });
            whole(member, document, &schemas, depth + 1, left) | changed
        }),
        _ => false,
    }
}

/// What schemas, and the branches of them, say of a part.
fn parts<'s>(
    document: Document<'s>,
    schemas: &[&'s Value],
    part: impl Fn(&'s Map<String, Value>) -> Option<&'s Value>,
) -> Vec<&'s Value> {
    let mut found = Vec::new();
    for map in schemas.iter().filter_map(|schema| document.resolved(schema)) {
        let branches = ["anyOf", "oneOf", "allOf"].iter().flat_map(|key| list(map, key));
        let branches = branches.filter_map(|branch| document.resolved(branch));
        found.extend(std::iter::once(map).chain(branches).take(MAX_DEPTH).filter_map(&part));
    }
    found.truncate(MAX_DEPTH);
    found
}

/// Which numbers a schema names.
#[derive(Clone, Copy, Default)]
struct Numbers {
    integer: bool,
    number: bool,
}

impl Numbers {
    fn of(document: Document<'_>, schema: &Value, depth: usize) -> Self {
        let Some(map) = document.resolved(schema).filter(|_| depth < MAX_DEPTH) else { return Self::default() };
        let types: Vec<&str> = match map.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let own = Self { integer: types.contains(&"integer"), number: types.contains(&"number") };
        let branches = ["anyOf", "oneOf", "allOf"].iter().flat_map(|key| list(map, key)).take(64);
        branches
            .map(|branch| Self::of(document, branch, depth + 1))
            .fold(own, |all, one| Self { integer: all.integer | one.integer, number: all.number | one.number })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fitted(schema: Value, arguments: &str) -> String {
        let required = list(schema.as_object().expect("an object"), "required").to_vec();
        let parameters: Vec<Parameter> = schema["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .map(|name| Parameter {
                python_name: name.clone(),
                name: name.clone(),
                required: required.contains(&json!(name)),
            })
            .collect();
        let mut value: Value = serde_json::from_str(arguments).expect("JSON");
        let before = value.clone();
        let changed = fit(&mut value, &schema, &parameters);
        let texts = [before, value.clone()].map(|value| value.to_string());
        assert_eq!(changed, texts[0] != texts[1]);
        value.to_string()
    }

    #[test]
    fn none_is_left_out_where_no_null_is_taken() {
        let schema = json!({
            "properties": {
                "cursor": {"type": "string"}, "id": {"type": "string"}, "by": {"enum": ["a", "b"]},
                "of": {"$ref": "#/$defs/of"}, "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "may": {"type": ["string", "null"]}, "default": {"type": "string", "default": null},
                "nullable": {"type": "string", "nullable": true}, "any": {}, "one": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["id"],
            "$defs": {"of": {"type": "object"}},
        });
        let all = r#"{"cursor":null,"id":null,"by":null,"of":null,"either":null,"may":null,"default":null,"nullable":null,"any":null,"one":null,"other":null}"#;
        let expected = r#"{"id":null,"may":null,"nullable":null,"any":null,"one":null,"other":null}"#;
        assert_eq!(fitted(schema, all), expected);
    }

    #[test]
    fn whole_numbers_become_integers_where_integers_are_asked_for() {
        let schema = json!({"properties": {
            "limit": {"type": "integer"}, "ratio": {"type": "number"}, "both": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
            "ids": {"type": "array", "items": {"type": "integer"}}, "may": {"type": ["integer", "null"]},
            "page": {"$ref": "#/$defs/page"},
        }, "$defs": {"page": {"properties": {"size": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}}});
        let given = r#"{"limit":30.0,"ratio":1.0,"both":2.0,"ids":[1.0,2,2.5],"may":-7.00,"page":{"size":5.0,"x":1.0},"y":3.0}"#;
        let expected =
            r#"{"limit":30,"ratio":1.0,"both":2.0,"ids":[1,2,2.5],"may":-7,"page":{"size":5,"x":1.0},"y":3.0}"#;
        assert_eq!(fitted(schema.clone(), given), expected);
        let unchanged = r#"{"limit":30.5,"ids":["1.0"],"may":1e+3,"page":1000000000000000000000.0}"#;
        assert_eq!(fitted(schema, unchanged), unchanged);
    }

    #[test]
    fn schemas_that_lead_to_themselves_end() {
        let schema = json!({"properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/$defs/b"}},
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}, "b": {"$ref": "#/$defs/b"}}});
        let deep = format!("{{\"a\":{}1.0{},\"b\":null}}", "[".repeat(100), "]".repeat(100));
        assert!(fitted(schema, &deep).contains("1.0"));
    }
}
