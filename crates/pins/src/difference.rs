//! What differs between two definitions, for people.

use serde_json::Value;

/// The most differences that are shown of one tool.
const MAX_DIFFERENCES: usize = 50;

/// A text, or another value, that is not the same in two definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it is: `inputSchema.properties.limit.description`.
    pub place: String,
    /// What it was. A text is as it was written, anything else is JSON.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// What differs between two definitions as [canonical JSON](crate::Definition::text): at most 50 places.
#[must_use]
pub fn differences(before: &str, after: &str) -> Vec<Difference> {
    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut found = Vec::new();
    compare(String::new(), Some(&tree(before)), Some(&tree(after)), &mut found);
    found.truncate(MAX_DIFFERENCES);
    found
}

/// Recursive: definitions nest no deeper than what servers list.
fn compare(place: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after || found.len() >= MAX_DIFFERENCES {
        return;
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
        for (name, value) in before {
            compare(below(&place, name), Some(value), after.get(name), found);
        }
        for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            compare(below(&place, name), None, Some(value), found);
        }
        return;
    }
    let shown =
        |value: Option<&Value>| value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    found.push(Difference { place, before: shown(before), after: shown(after) });
}

/// The place of a member.
pub(crate) fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_by_its_place() {
        let before =
            r#"{"description":"Gets.","inputSchema":{"properties":{"a":{"type":"string"},"b":{}},"required":["a"]}}"#;
        let after =
            r#"{"inputSchema":{"properties":{"a":{"type":"integer"},"c":{}},"required":["a","c"]},"title":"Get"}"#;
        let found: Vec<String> = differences(before, after)
            .into_iter()
            .map(|Difference { place, before, after }| {
                format!("{place}: {} > {}", before.unwrap_or_default(), after.unwrap_or_default())
            })
            .collect();
        let properties = "inputSchema.properties";
        assert_eq!(
            found,
            [
                "description: Gets. > ".to_owned(),
                format!("{properties}.a.type: string > integer"),
                format!("{properties}.b: {{}} > "),
                format!("{properties}.c:  > {{}}"),
                r#"inputSchema.required: ["a"] > ["a","c"]"#.to_owned(),
                "title:  > Get".to_owned(),
            ]
        );
        assert_eq!(differences(before, before), []);
    }

    #[test]
    fn differences_are_bounded() {
        let many: serde_json::Map<String, Value> = (0..1_000).map(|number| (number.to_string(), Value::Null)).collect();
        assert_eq!(differences("{}", &Value::Object(many).to_string()).len(), MAX_DIFFERENCES);
    }
}
