//! JSON that is kept as text: what it amounts to, and its parts.

use exuvia_tool::raw::{member, place, short_members, too_deep};
use exuvia_tool::{Arguments, Json, MAX_DEPTH, MAX_TREE_BYTES};
use serde::Deserialize as _;
use serde::de::value::{BytesDeserializer, Error};

#[test]
fn one_text_is_one_value() {
    let json = |text: &str| Json::parse(text).unwrap();
    assert_eq!(json("[1]"), json("[1]"));
    assert_ne!(json("[1]"), json("[2]"));
    assert_eq!(json("[1]").extent().values, 2);
}

#[test]
fn text_that_is_not_json_is_an_error_with_a_reason() {
    let error = Json::deserialize(BytesDeserializer::<Error>::new(b"[1]")).unwrap_err();
    assert!(error.to_string().contains("expected a JSON value"), "{error}");
}

#[test]
fn a_tree_is_built_up_to_the_limit_and_not_beyond() {
    // A string takes its length, 24 bytes, and its node of 72.
    let string = |tree_bytes: usize| Json::parse(format!("\"{}\"", "x".repeat(tree_bytes - 24 - 72))).unwrap();
    assert!(string(MAX_TREE_BYTES).to_value().is_ok());
    assert!(string(MAX_TREE_BYTES + 1).to_value().is_err());
}

#[test]
fn a_text_that_names_each_member_once_stays_as_it_is() {
    for text in [r#"{ "a" : 1, "b":{"a":1} }"#, r#"[ {"a" : 1}, [ {"a" : 1} ] ]"#] {
        let mut arguments = Arguments::parse(text).unwrap();
        arguments.tree().unwrap();
        assert_eq!(arguments.as_str(), text);
    }
}

#[test]
fn short_members_are_short_each_and_together() {
    let text = r#"{"aa":1,"b":22222,"c":3,"d":4,"e":5}"#;
    let names = |each, all| short_members(text, each, all).map(|(name, _)| name).collect::<String>();
    for (each, all, found) in [(5, 7, "aacd"), (6, 100, "aabcde"), (2, 100, "cde"), (1, 100, ""), (5, 0, "")] {
        assert_eq!(names(each, all), found, "{each} {all}");
    }
    assert_eq!(short_members(text, 5, 7).last(), Some(("d".to_owned(), "4")));
}

#[test]
fn a_part_is_found_again_in_its_text() {
    let text = r#"{"a":[12],"b":[12]}"#;
    assert_eq!(place(text, member(text, "b").unwrap()), 14..18);
    assert_eq!(place(text, text), 0..text.len());
}

#[test]
fn one_level_more_than_may_be_is_too_deep() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(!too_deep(&nested(MAX_DEPTH)) && too_deep(&nested(MAX_DEPTH + 1)));
}
