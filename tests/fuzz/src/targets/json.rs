//! JSON text that is scanned without being built.

use exuvia_tool::{Extent, Json, MAX_DEPTH, raw};
use serde_json::Value;

pub(super) const SCRAPS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\\"",
    "\\\\",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.50",
    "1e999",
    "18446744073709551617",
    "\"a\"",
    "\"a\":1,",
    "[[[[",
    "]]]]",
    "{\"a\":{",
    " ",
    "\n",
    "\u{feff}",
    "\u{2028}",
];

/// What is counted in a text, and what is cut out of it, is what serde_json finds when it builds the tree.
pub(super) fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Of what is no JSON nothing is known but that there is an end.
    let extent = Extent::of(text);
    assert!(raw::members(text).count() <= text.len() && raw::elements(text).count() <= text.len());
    let Ok(json) = Json::parse(text) else { return };
    assert_eq!(extent, Ok(json.extent()));
    let Ok(tree) = json.to_value() else { return };
    let counted = counted(&tree);
    // Of members with one name the tree has the last one alone.
    assert!((counted.depth..=MAX_DEPTH).contains(&json.extent().depth));
    assert!(json.extent().members >= counted.members && json.extent().values >= counted.values);
    assert_eq!(value(&serde_json::to_string(&json).expect("JSON")), tree);
    let has_twins = json.extent().members != counted.members;
    cut_out(text, &tree, has_twins);
    if !has_twins {
        assert_eq!((json.extent().values, json.extent().depth), (counted.values, counted.depth));
        assert_eq!(value(&json.into_leaf().to_string()), tree);
    }
}

/// The parts of an object or an array, cut out of its text.
fn cut_out(text: &str, tree: &Value, has_twins: bool) {
    match tree {
        Value::Object(object) => {
            let cut: Vec<_> = raw::members(text).map(|(name, part)| (name, value(part))).collect();
            assert!(cut.len() == object.len() || has_twins);
            for (name, last) in object {
                assert_eq!(cut.iter().rev().find(|(cut, _)| cut == name).map(|(_, value)| value), Some(last));
            }
        }
        Value::Array(elements) => {
            let cut: Vec<_> = raw::elements(text).map(value).collect();
            assert_eq!(&cut, elements);
        }
        _ => assert_eq!(raw::members(text).count() + raw::elements(text).count(), 0),
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn counted(tree: &Value) -> Extent {
    let (parts, members): (Vec<&Value>, usize) = match tree {
        Value::Array(elements) => (elements.iter().collect(), 0),
        Value::Object(object) => (object.values().collect(), object.len()),
        _ => return Extent { values: 1, ..Extent::default() },
    };
    let mut whole = Extent { depth: 0, values: 1, members, tree_bytes: 0 };
    for part in parts.into_iter().map(counted) {
        whole.depth = whole.depth.max(part.depth);
        whole.values += part.values;
        whole.members += part.members;
    }
    whole.depth += 1;
    whole
}
