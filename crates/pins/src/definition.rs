//! What a server says of a tool, part by part.

use std::collections::BTreeMap;
use std::fmt;

use exuvia_tool::{Json, ToolAnnotations, ToolDescriptor, raw};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical::canonical;
use crate::digest::Digest;

/// The longest definition whose text is kept beside its digests, in bytes.
const TEXT_BYTES: usize = 16 << 10;

/// A part of what a server says of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The name for people.
    Title,
    /// What it does.
    Description,
    /// The schema of its arguments.
    InputSchema,
    /// The schema of its result.
    OutputSchema,
    /// What it claims of its effects.
    Annotations,
    /// Whatever else clients of a direct server are shown: icons, `_meta`, further annotations.
    Other,
}

impl Part {
    /// As it is named in `tools/list`, and `other`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::InputSchema => "inputSchema",
            Self::OutputSchema => "outputSchema",
            Self::Annotations => "annotations",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a server says of a tool: a digest of each part that it has, and the text unless that is longer than 16 KiB. Two are equal
/// if [nothing changed](Self::changed_parts) between them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Definition {
    parts: BTreeMap<Part, Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Definition {
    /// That of a tool. `written`: the tool as listed, where clients are shown it like that.
    #[must_use]
    pub fn of(tool: &ToolDescriptor, written: Option<&Json>) -> Self {
        let string = |text: &String| canonical(&Value::String(text.clone()));
        let mut texts = BTreeMap::new();
        texts.extend(tool.title.as_ref().map(|title| (Part::Title, string(title))));
        texts.extend(tool.description.as_ref().map(|description| (Part::Description, string(description))));
        texts.insert(Part::InputSchema, canonical(&tool.input_schema));
        texts.extend(tool.output_schema.as_ref().map(|schema| (Part::OutputSchema, canonical(schema))));
        texts.extend(claims(tool.annotations).map(|claims| (Part::Annotations, claims)));
        let mut parts: BTreeMap<Part, Digest> = texts.iter().map(|(part, text)| (*part, Digest::of(text))).collect();
        parts.extend(written.map(|written| (Part::Other, Digest::of(other(written)))));
        let bytes: usize = texts.values().map(String::len).sum();
        let text = (bytes <= TEXT_BYTES).then(|| joined(&texts));
        Self { parts, text }
    }

    /// The parts that differ. What clients of a direct server are shown beyond the rest counts where it is known of both.
    #[must_use]
    pub fn changed_parts(&self, other: &Self) -> Vec<Part> {
        let (one, two) = (&self.parts, &other.parts);
        let is_changed = |part: &Part| match (one.get(part), two.get(part)) {
            (Some(one), Some(two)) => one != two,
            (None, None) => false,
            _ => *part != Part::Other,
        };
        let mut changed: Vec<Part> = one.keys().chain(two.keys()).copied().filter(is_changed).collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// One digest of all parts, by which a person tells definitions apart.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let lines: String = self.parts.iter().map(|(part, digest)| format!("{part}:{}\n", digest.hex())).collect();
        Digest::of(lines)
    }

    /// The definition as canonical JSON, without what is [other](Part::Other). None: it is too long to be kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    pub(crate) fn forget_text(&mut self) {
        self.text = None;
    }

    /// Takes what clients of a direct server are shown beyond the rest, where that was not known before. Whether it was not.
    pub(crate) fn adopt_other(&mut self, listed: &Self) -> bool {
        match (self.parts.contains_key(&Part::Other), listed.parts.get(&Part::Other)) {
            (false, Some(other)) => self.parts.insert(Part::Other, *other).is_none(),
            _ => false,
        }
    }
}

fn joined(texts: &BTreeMap<Part, String>) -> String {
    let members: Vec<String> = texts.iter().map(|(part, text)| format!("\"{part}\":{text}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The annotations that are read. None: there are none.
fn claims(annotations: ToolAnnotations) -> Option<String> {
    let ToolAnnotations { read_only, destructive, idempotent, open_world } = annotations;
    let hints = [
        ("destructiveHint", destructive),
        ("idempotentHint", idempotent),
        ("openWorldHint", open_world),
        ("readOnlyHint", read_only),
    ];
    let hints: Map<String, Value> =
        hints.into_iter().filter_map(|(name, hint)| Some((name.to_owned(), Value::Bool(hint?)))).collect();
    (!hints.is_empty()).then(|| canonical(&Value::Object(hints)))
}

/// The members of a written tool that its descriptor has not, and those that it names twice, of which the descriptor has one.
fn other(written: &Json) -> String {
    const KNOWN: [&str; 5] = ["name", "title", "description", "inputSchema", "outputSchema"];
    let mut members: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in raw::members(written.as_str()) {
        members.entry(name).or_default().push(value);
    }
    members.retain(|name, values| values.len() > 1 || !KNOWN.contains(&name.as_str()));
    let value = |text: &&str| {
        serde_json::from_str::<Value>(text).map_or_else(|_| (*text).to_owned(), |value| canonical(&value))
    };
    let canonical: BTreeMap<&String, Vec<String>> =
        members.iter().map(|(name, values)| (name, values.iter().map(value).collect())).collect();
    // Maps of texts: serializing them does not fail.
    serde_json::to_string(&canonical).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> ToolDescriptor {
        ToolDescriptor {
            name: "get".to_owned(),
            title: None,
            description: Some("Gets.".to_owned()),
            input_schema: json!({"type": "object", "required": ["b", "a"]}),
            output_schema: None,
            annotations: ToolAnnotations { read_only: Some(true), ..ToolAnnotations::default() },
        }
    }

    fn changed(change: impl FnOnce(&mut ToolDescriptor)) -> Vec<&'static str> {
        let mut other = tool();
        change(&mut other);
        let (before, after) = (Definition::of(&tool(), None), Definition::of(&other, None));
        assert_eq!(before.digest() == after.digest(), before.changed_parts(&after).is_empty());
        assert_eq!(before.changed_parts(&after), after.changed_parts(&before));
        before.changed_parts(&after).into_iter().map(Part::name).collect()
    }

    #[test]
    fn each_part_that_differs_is_named() {
        assert_eq!(changed(|_| ()), [""; 0]);
        assert_eq!(changed(|tool| tool.description = Some("Gets".to_owned())), ["description"]);
        assert_eq!(changed(|tool| tool.description = None), ["description"]);
        assert_eq!(changed(|tool| tool.title = Some(String::new())), ["title"]);
        assert_eq!(changed(|tool| tool.output_schema = Some(json!({}))), ["outputSchema"]);
        assert_eq!(changed(|tool| tool.annotations.read_only = None), ["annotations"]);
        assert_eq!(changed(|tool| tool.annotations.open_world = Some(false)), ["annotations"]);
        assert_eq!(changed(|tool| tool.input_schema = json!({"required": ["a", "b"], "type": "object"})), [""; 0]);
        let both = |tool: &mut ToolDescriptor| {
            tool.title = Some("Get".to_owned());
            tool.input_schema = json!({"type": "object"});
        };
        assert_eq!(changed(both), ["title", "inputSchema"]);
    }

    #[test]
    fn what_clients_of_a_direct_server_are_shown_counts_where_both_know_it() {
        let written = |text: &str| Definition::of(&tool(), Some(&Json::parse(text).expect("JSON")));
        let plain = written(r#"{"name": "get", "description": "Gets.", "icons": [1], "_meta": {"b": 1, "a": 2}}"#);
        let moved = written(r#"{"_meta": {"a": 2, "b": 1}, "icons": [1], "description": "Gets.", "name": "get"}"#);
        let other = written(r#"{"name": "get", "description": "Gets.", "icons": [2], "_meta": {"b": 1, "a": 2}}"#);
        let twice = written(
            r#"{"description": "Steals.", "name": "get", "description": "Gets.", "icons": [1], "_meta": {"b": 1, "a": 2}}"#,
        );
        assert_eq!(plain.changed_parts(&moved), []);
        assert_eq!(plain.changed_parts(&other), [Part::Other]);
        assert_eq!(plain.changed_parts(&twice), [Part::Other]);
        let mut unknown = Definition::of(&tool(), None);
        assert_eq!(unknown.changed_parts(&plain), []);
        assert!(unknown.adopt_other(&plain) && !unknown.adopt_other(&other));
        assert_eq!(unknown.changed_parts(&other), [Part::Other]);
    }

    #[test]
    fn a_long_text_is_not_kept_and_its_changes_are_seen() {
        let long = |end: &str| ToolDescriptor { description: Some("x".repeat(TEXT_BYTES) + end), ..tool() };
        let (one, other) = (Definition::of(&long("a"), None), Definition::of(&long("b"), None));
        assert_eq!((one.text(), one.changed_parts(&other)), (None, vec![Part::Description]));
        let text = Definition::of(&tool(), None).text().expect("short").to_owned();
        let keys: Vec<String> = raw::members(&text).map(|(name, _)| name).collect();
        assert_eq!(keys, ["description", "inputSchema", "annotations"]);
    }
}
