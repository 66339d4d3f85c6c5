//! What the check of arguments lets pass, and what it tells the author of a script.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn check_text(schema: Value, arguments: &str) -> Result<(), String> {
    common::check("get_contacts", schema, &serde_json::from_str(arguments).unwrap())
}

fn check(schema: Value, arguments: Value) -> Result<(), String> {
    check_text(schema, &arguments.to_string())
}

/// The message of the fault, without the tool and the signature around it.
fn fault(schema: Value, arguments: Value) -> String {
    let message = check(schema, arguments).unwrap_err();
    let first = message.lines().next().unwrap();
    first.strip_prefix("crm.get_contacts: ").unwrap().to_owned()
}

fn contacts() -> Value {
    json!({
        "type": "object",
        "properties": {
            "limit": {"type": "integer", "minimum": 1, "default": 10},
            "from": {"type": "string"},
            "sort": {"enum": ["name", "age"]},
            "cursor": {"type": "string", "default": null},
            "filters": {"type": "array", "items": {
                "type": "object", "properties": {"field": {"type": "string"}, "max-age": {"type": "number"}},
                "required": ["field"], "additionalProperties": false
            }},
            "target": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}]}
        },
        "required": ["from"],
        "additionalProperties": false
    })
}

#[test]
fn arguments_that_fit_pass() {
    for arguments in [
        json!({"from": "x"}),
        json!({"from": "x", "limit": 1, "sort": "age", "filters": [{"field": "a", "max-age": 1.5}], "target": {"id": 1}}),
    ] {
        assert_eq!(check(contacts(), arguments), Ok(()));
    }
}

#[test]
fn a_fault_has_place_expectation_and_value() {
    for (arguments, expected) in [
        (json!({"from": "x", "limit": "ten"}), r#"limit must be integer, not "ten""#),
        (json!({"from": "x", "limit": 0}), "limit must be at least 1, not 0"),
        (json!({}), "missing argument from_"),
        (json!({"from": 5}), "from_ must be string, not 5"),
        (json!({"from": "x", "sort": "size"}), r#"sort must be one of "name", "age", not "size""#),
        (json!({"from": "x", "limt": 1}), r#"no argument "limt" (did you mean limit?)"#),
        (json!({"from": "x", "filters": [{"field": "a"}, {}]}), r#"filters[1] must have the key "field""#),
        (json!({"from": "x", "filters": [{"field": "a", "x": 1}]}), r#"filters[0] has no key "x""#),
        (
            json!({"from": "x", "filters": [{"field": "a", "max-age": "z"}]}),
            r#"filters[0]["max-age"] must be number, not "z""#,
        ),
        (json!({"from": "x", "target": 5}), "target must be string or object, not 5"),
        (json!({"from": "x", "target": {"id": "y"}}), r#"target.id must be integer, not "y""#),
        (json!({"from": "x", "limit": null}), "limit must be integer, not None (leave it out)"),
    ] {
        assert_eq!(fault(contacts(), arguments.clone()), expected, "{arguments}");
    }
}

#[test]
fn the_message_ends_with_the_signature() {
    let message = check(json!({"properties": {"limit": {"type": "integer"}}}), json!({"limit": "ten"})).unwrap_err();
    let expected =
        "crm.get_contacts: limit must be integer, not \"ten\"\nsignature: crm.get_contacts(limit: int = ...) -> Any";
    assert_eq!(message, expected);
}

#[test]
fn up_to_three_faults_are_reported() {
    let schema = json!({"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}, "c": {"type": "integer"}, "d": {"type": "integer"}}});
    let told = fault(schema, json!({"a": "x", "b": "x", "c": "x", "d": "x"}));
    assert_eq!(told.matches("must be integer").count(), 3);
    assert!(told.ends_with("; and more"), "{told}");
}

#[test]
fn long_values_are_cut_in_messages() {
    let told = fault(json!({"properties": {"a": {"type": "integer"}}}), json!({"a": "x".repeat(100_000)}));
    assert_eq!(told, "a must be integer, not a text of 100000 bytes");
    let keys: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("{n}{}", "k".repeat(200)), json!(1))).collect();
    assert!(check(json!({"additionalProperties": false}), Value::Object(keys)).unwrap_err().len() < 1000);
}

#[test]
fn only_objects_are_arguments() {
    for arguments in [json!([1]), json!("x"), json!(null)] {
        assert!(fault(json!({}), arguments).starts_with("the arguments must be an object, not "));
    }
}

#[test]
fn integers_keep_their_precision() {
    let schema = || json!({"properties": {"id": {"type": "integer", "minimum": 9007199254740993_i64}}});
    assert_eq!(check_text(schema(), r#"{"id": 123456789012345678901234567890}"#), Ok(()));
    assert_eq!(check_text(schema(), r#"{"id": 9007199254740993}"#), Ok(()));
    assert!(check_text(schema(), r#"{"id": 9007199254740992}"#).is_err());
    assert!(check_text(schema(), r#"{"id": 123456789012345678901234567890.5}"#).is_err());
}

#[test]
fn a_default_of_null_lets_null_pass() {
    assert_eq!(check(contacts(), json!({"from": "x", "cursor": null})), Ok(()));
    assert_eq!(fault(contacts(), json!({"from": "x", "cursor": 5})), "cursor must be string or null, not 5");
}

#[test]
fn a_schema_that_does_not_compile_lets_every_object_pass_and_nothing_else() {
    for schema in [
        json!({"type": 5}),
        json!({"properties": {"a": {"$ref": "#"}}, "$ref": "#"}),
        json!({"properties": {"a": {"$dynamicRef": "#x"}}}),
        json!({"properties": 5}),
        json!("no schema"),
    ] {
        assert_eq!(check(schema.clone(), json!({"a": 1})), Ok(()), "{schema}");
        assert!(check(schema, json!(1)).is_err());
    }
}

#[test]
fn one_part_that_does_not_compile_does_not_cost_the_others_their_check() {
    for odd in [
        json!({"pattern": "(?=x)y"}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"type": "file"}),
        json!({"exclusiveMinimum": true, "minimum": 1}),
        json!({"required": true}),
    ] {
        let schema = json!({"$schema": "https://example.com/unknown", "$id": "not a uri",
            "properties": {"odd": odd, "limit": {"type": "integer"}}});
        assert_eq!(check(schema.clone(), json!({"odd": "q"})), Ok(()), "{schema}");
        assert!(check(schema.clone(), json!({"limit": "x"})).is_err(), "{schema}");
    }
}

#[test]
fn the_draft_that_a_schema_names_is_the_one_that_counts() {
    // In draft 7, `items` may be a list of schemas; in 2020-12 that is `prefixItems`.
    let schema = |draft: &str| json!({"$schema": draft, "properties": {"a": {"items": [{"type": "integer"}]}}});
    assert!(check(schema("http://json-schema.org/draft-07/schema#"), json!({"a": ["x"]})).is_err());
    let modern = json!({"properties": {"a": {"prefixItems": [{"type": "integer"}]}}});
    assert!(check(modern, json!({"a": ["x"]})).is_err());
}

#[test]
fn bombs_end_soon() {
    let mut definitions = serde_json::Map::new();
    for level in 0..100 {
        let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        definitions.insert(format!("l{level}"), json!({"anyOf": [next, next], "properties": {"x": next}}));
    }
    definitions.insert("l100".to_owned(), json!({"type": "object"}));
    let doubling = json!({"$ref": "#/$defs/l0", "$defs": definitions});
    let thrice = json!([{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]);
    let recursive = json!({"type": "object", "properties": {"a": {"allOf": thrice}}});
    let branching = json!({"type": "object", "properties": {"a": {"anyOf": thrice}}});
    let patterns =
        json!({"properties": {"a": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}, "b": {"pattern": "(x{999}){999}"}}});
    let numbers = json!({"properties": {"a": {"multipleOf": 0.1}, "b": {"type": "integer"}}});
    let deep = (0..100).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
    let start = Instant::now();
    let _ = check(doubling, deep.clone());
    let _ = check(recursive, deep.clone());
    let _ = check(branching, deep);
    let _ = check(patterns, json!({"a": "a".repeat(100_000), "b": "x"}));
    for number in ["1e999999999", "1e-999999999", "-1E+999999999"] {
        assert!(check_text(numbers.clone(), &format!(r#"{{"a": {number}, "b": {number}}}"#)).is_err());
    }
    let _ = check_text(
        serde_json::from_str(r#"{"properties": {"a": {"multipleOf": 1e-999999999}}}"#).unwrap(),
        r#"{"a": 5}"#,
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_deepest_values_are_checked_on_a_small_stack() {
    let schema = json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}}, "required": ["a"]});
    let deep = (0..120).fold(json!({"a": 5}), |inner, _| json!({"a": inner}));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(move || check(schema, deep)).unwrap().join().unwrap().ok();
}

#[test]
fn a_value_that_fits_no_form_is_told_by_each_of_them() {
    let schema = json!({"properties": {"filter": {"anyOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind", "value"]},
        {"type": "string"},
    ]}}});
    let message = check(schema, json!({"filter": {"kind": "b"}})).unwrap_err();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "crm.get_contacts: filter fits no form of it:", "{message}");
    assert_eq!(&lines[1..3], [r#"- filter.kind must be "a", not "b""#, r#"- filter must have the key "value""#]);
    assert!(lines[3].starts_with("signature: "), "{message}");
}
