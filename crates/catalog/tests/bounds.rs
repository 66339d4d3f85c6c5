//! Every bound on the work that a server's schema causes, and on what an error reports, is tested on both sides.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use exuvia_catalog::closest;
use serde_json::{Map, Value, json};

fn check(schema: Value, arguments: &Value) -> Result<(), String> {
    common::check("get", schema, arguments)
}

/// The message of the one fault.
fn fault(schema: Value, arguments: &Value) -> String {
    let message = check(schema, arguments).unwrap_err();
    message.lines().next().unwrap().strip_prefix("crm.get: ").unwrap().to_owned()
}

#[test]
fn a_pattern_that_takes_too_much_memory_is_not_compiled() {
    let schema = |pattern: &str| json!({"properties": {"p": {"type": "string", "pattern": pattern}}});
    assert!(check(schema("^a{1000}$"), &json!({"p": "b"})).is_err());
    assert!(check(schema("^(?:[ab]{1000}){1000}$"), &json!({"p": "b"})).is_ok());
    assert!(check(schema("^(?:[ab]{1000}){1000}$"), &json!({"p": 1})).is_err());
}

#[test]
fn numbers_are_computed_with_up_to_a_size() {
    let number = |text: &str| serde_json::from_str::<Value>(&format!("{{\"n\":{text}}}")).unwrap();
    for (text, fits) in [
        ("9".repeat(4_300), true),
        ("9".repeat(4_301), false),
        ("1e400".to_owned(), true),
        ("1e401".to_owned(), false),
        ("1E+400".to_owned(), true),
        ("1E-401".to_owned(), false),
    ] {
        assert_eq!(check(json!({}), &number(&text)).is_ok(), fits, "{} characters", text.len());
        let listed = json!({"deep": [1, {"n": number(&text)["n"]}]});
        assert_eq!(check(json!({}), &listed).is_ok(), fits, "{} characters in a list", text.len());
    }
}

#[test]
fn references_are_followed_and_their_work_is_bounded() {
    // Each level names the next one twice.
    let doubling = |levels: usize| {
        let next = |level: usize| json!({"$ref": format!("#/$defs/l{}", level + 1)});
        let mut definitions: Map<String, Value> =
            (0..levels).map(|level| (format!("l{level}"), json!({"allOf": [next(level), next(level)]}))).collect();
        definitions.insert(format!("l{levels}"), json!({"type": "string"}));
        json!({"properties": {"p": {"$ref": "#/$defs/l0"}}, "$defs": definitions})
    };
    assert!(check(doubling(10), &json!({"p": 1})).is_err());
    assert!(check(doubling(60), &json!({"p": 1})).is_ok(), "what asks for unbounded work is not checked");
    let deep = |levels: usize| (0..levels).fold(json!({"type": "string"}), |inner, _| json!({"items": inner}));
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let checked = |levels: usize| check(json!({"properties": {"p": deep(levels)}}), &json!({"p": nested(levels)}));
    assert!(checked(100).is_err());
    assert!(checked(400).is_ok(), "what nests without end is not checked");
}

#[test]
fn values_in_errors_are_bounded() {
    let schema = || json!({"properties": {"p": {"type": "boolean"}}});
    let told = |value: Value| fault(schema(), &json!({"p": value}));
    let list = |items: usize| Value::from(vec![1; items]);
    let object = |keys: usize| Value::Object((0..keys).map(|key| (key.to_string(), json!(1))).collect());
    assert_eq!(told(list(20)), format!("p must be boolean, not [{}1]", "1,".repeat(19)));
    assert_eq!(told(list(21)), "p must be boolean, not a list of 21");
    assert!(told(object(20)).starts_with(r#"p must be boolean, not {"0":1,"1":1"#), "{}", told(object(20)));
    assert_eq!(told(object(21)), "p must be boolean, not an object with 21 keys");
    assert_eq!(told(json!("x".repeat(400))), format!("p must be boolean, not \"{}…", "x".repeat(59)));
    assert_eq!(told(json!("x".repeat(401))), "p must be boolean, not a text of 401 bytes");
    assert_eq!(told(json!("x".repeat(58))), format!("p must be boolean, not \"{}\"", "x".repeat(58)));
    assert_eq!(told(json!(null)), "p must be boolean, not None (leave it out)");
}

#[test]
fn options_and_paths_in_errors_are_bounded() {
    let schema = |count: usize| {
        let options: Vec<String> = (0..count).map(|number| format!("{number:08}")).collect();
        json!({"properties": {"p": {"enum": options}}})
    };
    let listed = |count: usize| {
        let told = fault(schema(count), &json!({"p": "x"}));
        let told = told.strip_prefix("p must be one of ").unwrap().strip_suffix(", not \"x\"").unwrap().to_owned();
        (told.matches('"').count() / 2, told.ends_with('…'), told.chars().count())
    };
    assert_eq!(listed(25), (25, false, 25 * 12 - 2));
    let (options, is_cut, chars) = listed(26);
    assert!(options < 26 && is_cut && chars <= 301, "{chars}");
    // Where the fault lies, inside names that a server chose.
    let long = "k".repeat(500);
    let schema = json!({"properties": {"p": {"properties": {long.clone(): {"type": "boolean"}}}}});
    let told = fault(schema, &json!({"p": {long: 1}}));
    assert!(told.starts_with("p.kkk") && told.chars().count() < 160, "{told}");
}

#[test]
fn three_names_are_suggested_of_ten_thousand_and_long_ones_by_their_beginning() {
    assert_eq!(
        closest("get_user", ["get_user1", "get_user2", "get_user3", "get_user4"]),
        ["get_user1", "get_user2", "get_user3"]
    );
    for (others, found) in [(9_999, 1), (10_000, 0)] {
        let names = std::iter::repeat_n("zzz", others).chain(["get_user"]);
        assert_eq!(closest("get_user", names).len(), found, "after {others} others");
    }
    let long = |end: &str| format!("{}{end}", "a".repeat(128));
    let candidate = long(&"z".repeat(300));
    assert_eq!(closest(&long(&"y".repeat(300)), [candidate.as_str()]), [candidate.as_str()]);
    let candidate = format!("{}{}", "a".repeat(40), "z".repeat(88));
    assert!(closest(&long(""), [candidate.as_str()]).is_empty());
}

#[test]
fn three_faults_are_reported_and_the_signature_is_cut() {
    let properties: Map<String, Value> =
        (0..200).map(|number| (format!("parameter_{number:03}"), json!({"type": "integer"}))).collect();
    let wrong = |count: usize| -> Value {
        (0..count).map(|number| (format!("parameter_{number:03}"), json!("x"))).collect::<Map<_, _>>().into()
    };
    for (count, told, and_more) in [(1, 1, false), (3, 3, false), (4, 3, true), (200, 3, true)] {
        let message = check(json!({"properties": properties}), &wrong(count)).unwrap_err();
        let (faults, signature) = message.split_once("\nsignature: ").unwrap();
        assert_eq!((faults.matches("must be integer").count(), faults.ends_with("; and more")), (told, and_more));
        assert!(signature.chars().count() <= 1_250, "{}", signature.chars().count());
    }
}
