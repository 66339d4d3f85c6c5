//! The shapes of many tools.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Shape;

/// The most tools whose shapes are kept. Beyond, the one that was learned from longest ago is forgotten.
const MAX_TOOLS: usize = 4_000;

/// The longest name of a server or tool, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Observations until only every eighth answer is looked at.
const MANY: u64 = 32;
const EVERY: u64 = 8;

/// A tool as its server lists it now: with another schema it is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ToolKey {
    /// The server's name in the configuration.
    pub server: String,
    /// The tool's own name.
    pub tool: String,
    /// The beginning of the SHA-256 of its input schema as JSON, in hexadecimal. `*`: any, of what documentation says of a tool.
    pub schema: String,
}

/// In place of a digest: advice for a tool whatever its schema.
const ANY_SCHEMA: &str = "*";

impl ToolKey {
    /// That of a tool with this input schema.
    #[must_use]
    pub fn new(server: &str, tool: &str, input_schema: &Value) -> Self {
        Self { server: server.to_owned(), tool: tool.to_owned(), schema: digest(&input_schema.to_string()) }
    }

    /// That of a tool with any schema.
    #[must_use]
    pub fn of_any_schema(server: &str, tool: &str) -> Self {
        Self { server: server.to_owned(), tool: tool.to_owned(), schema: ANY_SCHEMA.to_owned() }
    }

    /// Whether it is advice from documentation, for any schema.
    #[must_use]
    pub fn is_of_any_schema(&self) -> bool {
        self.schema == ANY_SCHEMA
    }
}

/// The beginning of the SHA-256 of a text, in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The shapes of tools: all that are known, and what was learned since they were read.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    known: Learned,
    fresh: Learned,
    /// Answers that came since `known` grew by one, by tool.
    skipped: IndexMap<ToolKey, u64>,
}

/// Shapes by tool, the one that was learned from last at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned(pub(crate) IndexMap<ToolKey, Shape>);

impl Shapes {
    /// Those that were learned before.
    #[must_use]
    pub fn new(known: Learned) -> Self {
        Self { known, ..Self::default() }
    }

    /// The shape of a tool's answers, if one was learned.
    #[must_use]
    pub fn get(&self, tool: &ToolKey) -> Option<&Shape> {
        self.known.get(tool)
    }

    /// What to show of a tool: what was learned, and beside that what its documentation says: what was imported of it, or else
    /// `shipped`. Where both say something of a value, what was learned is right.
    #[must_use]
    pub fn shown(&self, tool: &ToolKey, shipped: Option<&Shape>) -> Option<Shape> {
        let imported = self.known.get(&ToolKey::of_any_schema(&tool.server, &tool.tool));
        let documented = imported.or(shipped).cloned().map(Shape::unseen);
        match (self.get(tool).cloned(), documented) {
            (Some(learned), Some(documented)) => Some(learned.beside(documented)),
            (learned, documented) => learned.or(documented),
        }
    }

    /// Whether an answer of this tool is worth reading: the first ones are, later ones now and then.
    pub fn wants(&mut self, tool: &ToolKey) -> bool {
        let seen = self.known.get(tool).map_or(0, Shape::seen);
        if seen < MANY {
            return true;
        }
        let skipped = self.skipped.entry(tool.clone()).or_default();
        *skipped += 1;
        skipped.is_multiple_of(EVERY)
    }

    /// Adds what one answer of a tool was learned to be. Whether the shape of the tool is another one now, but for counts.
    pub fn add(&mut self, tool: &ToolKey, answer: Shape) -> bool {
        if tool.server.len() > MAX_NAME_BYTES || tool.tool.len() > MAX_NAME_BYTES {
            return false;
        }
        self.fresh.add(tool.clone(), answer.clone());
        let before = self.known.get(tool).cloned();
        self.known.add(tool.clone(), answer);
        match (before, self.known.get(tool)) {
            (Some(before), Some(after)) => !before.is_like(after),
            (before, after) => before.is_some() != after.is_some(),
        }
    }

    /// What was learned since the last time.
    #[must_use]
    pub fn take_fresh(&mut self) -> Learned {
        std::mem::take(&mut self.fresh)
    }

    /// Takes what others know now for what was known. What was learned since the last time stays. Whether something else is known then.
    pub fn replace_known(&mut self, mut known: Learned) -> bool {
        known.merge(self.fresh.clone());
        let is_other = known != self.known;
        self.known = known;
        is_other
    }

    /// Makes what was [taken](Self::take_fresh) fresh again: it could not be stored.
    pub fn put_back(&mut self, taken: Learned) {
        let newer = std::mem::replace(&mut self.fresh, taken);
        self.fresh.merge(newer);
    }
}

impl Learned {
    /// The shape of a tool's answers, if one was learned.
    #[must_use]
    pub fn get(&self, tool: &ToolKey) -> Option<&Shape> {
        self.0.get(tool)
    }

    /// All, the one that was learned from longest ago first.
    pub fn iter(&self) -> impl Iterator<Item = (&ToolKey, &Shape)> {
        self.0.iter()
    }

    /// How many tools.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what was learned of one tool.
    pub fn add(&mut self, tool: ToolKey, shape: Shape) {
        let mut known = self.0.shift_remove(&tool).unwrap_or_default();
        known.merge(shape);
        self.0.insert(tool, known.bounded());
        while self.0.len() > MAX_TOOLS {
            self.0.shift_remove_index(0);
        }
    }

    /// Adds what was learned elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (tool, shape) in other.0 {
            self.add(tool, shape);
        }
    }

    /// The same of what may have been added before: a shape that says nothing beyond what is known is not counted again.
    pub fn import(&mut self, other: Self) {
        for (tool, shape) in other.0 {
            let is_known = self.0.get(&tool).is_some_and(|known| {
                let mut both = known.clone();
                both.merge(shape.clone());
                both.is_like(known)
            });
            if !is_known {
                self.add(tool, shape);
            }
        }
    }

    /// Those alone that are for any schema: what was imported of documentation.
    #[must_use]
    pub fn documented(mut self) -> Self {
        self.forget(|tool| !tool.is_of_any_schema());
        self
    }

    /// Forgets the tools for which this holds. How many those were.
    pub fn forget(&mut self, is_forgotten: impl Fn(&ToolKey) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|tool, _| !is_forgotten(tool));
        before - self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(answer: &str) -> Shape {
        let mut shape = Shape::default();
        shape.observe(answer);
        shape
    }

    #[test]
    fn a_tool_with_another_schema_is_another_tool() {
        let key = |schema| ToolKey::new("crm", "get", &schema);
        let mut shapes = Shapes::default();
        assert!(shapes.add(&key(json!({"a": 1})), shape("{\"id\": 1}")), "it was learned");
        assert!(!shapes.add(&key(json!({"a": 1})), shape("{\"id\": 2}")), "nothing new");
        assert!(shapes.add(&key(json!({"a": 1})), shape("{\"id\": null}")), "another shape");
        assert!(shapes.get(&key(json!({"a": 2}))).is_none());
        assert_eq!(shapes.get(&key(json!({"a": 1}))).expect("known").to_string(), "{\"id\": int | None}");
    }

    #[test]
    fn what_is_imported_twice_counts_once() {
        let key = ToolKey::new("crm", "get", &json!({}));
        let mut learned = Learned::default();
        learned.add(key.clone(), shape("{\"id\": 1}"));
        let mut all = Learned::default();
        for _ in 0..2 {
            all.import(learned.clone());
        }
        assert_eq!(all.get(&key).map(Shape::seen), Some(1));
        learned.add(key.clone(), shape("{\"id\": null}"));
        all.import(learned);
        assert_eq!(all.get(&key).expect("known").to_string(), "{\"id\": int | None}");
    }

    #[test]
    fn later_answers_are_read_now_and_then() {
        let key = ToolKey::new("crm", "get", &json!({}));
        let mut shapes = Shapes::default();
        let mut read = 0;
        for _ in 0..1_000 {
            if shapes.wants(&key) {
                read += 1;
                shapes.add(&key, shape("1"));
            }
        }
        assert_eq!(read, MANY + (1_000 - MANY) / EVERY);
    }

    #[test]
    fn what_is_put_back_is_fresh_again_beside_what_came_meanwhile() {
        let key = |tool| ToolKey::new("crm", tool, &json!({}));
        let mut shapes = Shapes::default();
        shapes.add(&key("get"), shape("1"));
        let taken = shapes.take_fresh();
        shapes.add(&key("get"), shape("null"));
        shapes.add(&key("list"), shape("[]"));
        shapes.put_back(taken);
        let fresh = shapes.take_fresh();
        assert_eq!((fresh.len(), fresh.get(&key("get")).expect("fresh").to_string().as_str()), (2, "int | None"));
    }

    #[test]
    fn what_others_know_replaces_what_was_known_and_not_what_is_fresh() {
        let key = |tool| ToolKey::new("crm", tool, &json!({}));
        let known = |tool| Learned(IndexMap::from([(key(tool), shape("1"))]));
        let mut shapes = Shapes::new(known("forgotten"));
        shapes.add(&key("get"), shape("1"));
        assert!(shapes.replace_known(known("imported")), "another tool");
        assert!(!shapes.replace_known(known("imported")), "the same");
        let is_known = ["forgotten", "imported", "get"].map(|tool| shapes.get(&key(tool)).is_some());
        assert_eq!(is_known, [false, true, true]);
        assert_eq!(shapes.take_fresh().len(), 1, "which is still to be stored");
    }

    #[test]
    fn what_is_fresh_is_taken_once_and_added_elsewhere() {
        let key = ToolKey::new("crm", "get", &json!({}));
        let mut known = Learned::default();
        known.add(key.clone(), shape("1"));
        let mut shapes = Shapes::new(known.clone());
        shapes.add(&key, shape("null"));
        let fresh = shapes.take_fresh();
        assert_eq!(fresh.get(&key).expect("fresh").to_string(), "None");
        assert!(shapes.take_fresh().is_empty());
        known.merge(fresh);
        assert_eq!(known.get(&key), shapes.get(&key));
    }

    #[test]
    fn what_is_documented_is_shown_for_any_schema_beside_what_was_seen() {
        let mut known = Learned::default();
        known.add(ToolKey::of_any_schema("crm", "get"), shape(r#"{"id": 1, "name": "x"}"#));
        let mut shapes = Shapes::new(known);
        let key = ToolKey::new("crm", "get", &json!({}));
        let told = |shape: Option<Shape>| shape.map(|shape| (shape.to_string(), shape.seen()));
        let shown = |shapes: &Shapes, shipped| told(shapes.shown(&key, shipped));
        let (shipped, other) = (shape(r#"{"ships": 1}"#), ToolKey::new("crm", "list", &json!({})));
        let imported = Some((r#"{"id": int, "name": str}"#.to_owned(), 0));
        assert_eq!([shown(&shapes, None), shown(&shapes, Some(&shipped))], [imported.clone(), imported]);
        assert!(shapes.get(&key).is_none() && shapes.shown(&other, None).is_none());
        assert_eq!(told(shapes.shown(&other, Some(&shipped))), Some((r#"{"ships": int}"#.to_owned(), 0)));
        shapes.add(&key, shape(r#"{"id": "7", "more": []}"#));
        let learned = r#"{"id": str, "more": list, "name"?: str}"#;
        assert_eq!(shown(&shapes, Some(&shipped)), Some((learned.to_owned(), 1)), "what was seen is right");
    }

    #[test]
    fn what_is_documented_keeps_its_keys_beside_what_was_seen() {
        let documented = r#"{"_links": {"self": {"href": "x"}, "html": {"href": "x"}, "git": {"href": "x"}}}"#;
        let mut known = Learned::default();
        known.add(ToolKey::of_any_schema("crm", "get"), shape(documented));
        let mut shapes = Shapes::new(known);
        let key = ToolKey::new("crm", "get", &json!({}));
        shapes.add(&key, shape(r#"{"_links": {"self": {"href": "x"}, "next": {"href": "x"}}}"#));
        let shown = shapes.shown(&key, None).expect("known").to_string();
        assert!(shown.starts_with(r#"{"_links": {"self": {"href": str}, "next": {"href": str}, "html"?: "#), "{shown}");
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut learned = Learned::default();
        for n in 0..=MAX_TOOLS {
            learned.add(ToolKey { server: "s".into(), tool: n.to_string(), schema: String::new() }, shape("1"));
        }
        assert_eq!(learned.len(), MAX_TOOLS);
        assert_eq!(learned.iter().next().expect("one").0.tool, "1");
        assert_eq!(learned.forget(|tool| tool.tool != "7"), MAX_TOOLS - 1);
    }
}
