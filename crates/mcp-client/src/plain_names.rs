//! Printable names of tools and parameters.
//!
//! Names stand in lines of ours: in what a person is asked to approve, in configuration, in stubs, in the log. One that holds
//! a line break, an escape sequence, or characters that are not seen could make such a line say something else.

use std::collections::HashSet;

use exuvia_text::{is_plain_name, quoted};
use serde_json::{Map, Value};

/// How much of a name a notice repeats, in characters.
const NAME_CHARS: usize = 100;

/// A name for a notice to the operator.
pub(crate) fn shown(name: &str) -> String {
    quoted(name, NAME_CHARS)
}

/// What is wrong with the names of a tool and its parameters, if anything is: what comes behind "tool NAME".
pub(crate) fn fault(tool: &str, input_schema: &Value) -> Option<String> {
    if !is_plain_name(tool) {
        return Some("has a name with invisible or line-breaking characters".to_owned());
    }
    let parameter = hidden_parameter(input_schema)?;
    Some(format!("has a parameter {} with invisible or line-breaking characters", shown(parameter)))
}

/// A parameter whose name cannot be shown. Parameters stand in the parts of a schema that describe the same object.
fn hidden_parameter(root: &Value) -> Option<&str> {
    let (mut open, mut seen) = (vec![root], HashSet::new());
    while let Some(part) = open.pop() {
        let Some(map) = part.as_object() else { continue };
        if !seen.insert(std::ptr::from_ref(part).addr()) {
            continue;
        }
        let names = map.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        if let Some(hidden) = names.map(String::as_str).find(|name| !is_plain_name(name)) {
            return Some(hidden);
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            open.extend(map.get(key).and_then(Value::as_array).into_iter().flatten());
        }
        let reference = map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        open.extend(reference.and_then(|pointer| root.pointer(pointer)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_could_write_lines_of_ours_are_found() {
        for name in ["x\ny", "a\u{1b}[2J", "a\u{9b}", "\u{202e}x", "x\u{fe0f}", "\u{3164}", "a\u{2028}b", "a\u{e0041}"]
        {
            assert!(fault(name, &json!({})).is_some(), "{name:?}");
            let schema = json!({"properties": {"ok": {}, name: {}}});
            let told = fault("t", &schema).unwrap();
            assert!(told.contains("parameter") && !told.contains(name) && !told.contains('\n'), "{told}");
            for part in [json!({"allOf": [{"oneOf": [schema]}]}), json!({"$ref": "#/$defs/a", "$defs": {"a": schema}})]
            {
                assert!(fault("t", &part).is_some(), "{part}");
            }
        }
        let deep = json!({"properties": {"größe 日本": {"properties": {"in\nside": {}}}}, "allOf": [{"$ref": "#"}]});
        assert_eq!(fault("get user/größe.日本", &deep), None, "what lies deeper is quoted where it is shown");
    }
}
