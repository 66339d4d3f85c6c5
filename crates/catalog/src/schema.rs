//! Reading JSON Schema documents: references inside the document, and objects merged from their parts.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// How many references in a row are followed.
const MAX_REFERENCE_STEPS: usize = 32;

/// How many parts (`allOf`, branches) of one object are put together.
const MAX_PARTS: usize = 128;

/// How many properties of one object are looked at, those that several parts have once for each.
const MAX_PROPERTIES: usize = 20_000;

/// How many descriptions of one property are put together.
const MAX_SCHEMAS: usize = 8;

/// One schema document. References are resolved inside it and nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Document<'s> {
    root: &'s Value,
}

impl<'s> Document<'s> {
    pub(crate) fn new(root: &'s Value) -> Self {
        Self { root }
    }

    pub(crate) fn root(self) -> &'s Value {
        self.root
    }

    /// What a reference points at: `#`, or `#/` and a JSON pointer. Anything else is unknown.
    pub(crate) fn target(self, reference: &str) -> Option<&'s Value> {
        let pointer = reference.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The schema itself, or what its chain of references ends at.
    pub(crate) fn resolved(self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        let mut schema = schema;
        for _ in 0..MAX_REFERENCE_STEPS {
            let map = schema.as_object()?;
            match reference(map) {
                Some(reference) => schema = self.target(reference)?,
                None => return Some(map),
            }
        }
        None
    }

    /// The object that a schema describes, put together from `allOf` and the branches of `anyOf` and `oneOf`.
    pub(crate) fn object(self, schema: &'s Value) -> Object<'s> {
        self.object_of(schema, MAX_PROPERTIES)
    }

    /// The same up to its first property: enough to know whether it has one.
    pub(crate) fn head_of_object(self, schema: &'s Value) -> Object<'s> {
        self.object_of(schema, 1)
    }

    fn object_of(self, schema: &'s Value, max_properties: usize) -> Object<'s> {
        let mut object = Object { max_properties, ..Object::default() };
        let mut parts_left = MAX_PARTS;
        self.collect(schema, Presence::AsRequired, &mut object, &mut parts_left);
        object.parts = MAX_PARTS - parts_left;
        object
    }

    fn collect(self, schema: &'s Value, presence: Presence, object: &mut Object<'s>, parts_left: &mut usize) {
        let Some(map) = self.resolved(schema) else { return };
        if *parts_left == 0 || object.looked_at == object.max_properties {
            return;
        }
        *parts_left -= 1;
        object.take(map, presence);
        for part in list(map, "allOf") {
            self.collect(part, presence, object, parts_left);
        }
        for key in ["anyOf", "oneOf"] {
            let branches = list(map, key);
            for branch in branches {
                self.collect(branch, Presence::Optional, object, parts_left);
            }
            if presence == Presence::AsRequired {
                object.require_what_all_require(branches.iter().map(|branch| self.resolved(branch)));
            }
        }
    }
}

/// Whether the `required` of a part holds for the whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    AsRequired,
    /// One branch of several: its properties may be absent.
    Optional,
}

/// An object, as its schema and all the parts of its schema describe it.
#[derive(Default)]
pub(crate) struct Object<'s> {
    /// In schema order.
    pub(crate) properties: Vec<Property<'s>>,
    /// What the keys without a name of their own hold, if the schema says that there may be such.
    pub(crate) others: Option<&'s Value>,
    /// Whether `properties` or a rule about other keys was written down at all.
    pub(crate) is_described: bool,
    /// Whether there are more properties than are looked at.
    is_cut: bool,
    /// How many were looked at.
    pub(crate) looked_at: usize,
    max_properties: usize,
    /// Of how many parts it is put together.
    pub(crate) parts: usize,
    positions: HashMap<&'s str, usize>,
}

/// One named key of an object.
pub(crate) struct Property<'s> {
    /// The key.
    pub(crate) name: &'s str,
    /// What it holds: one schema, or one for each part that describes it.
    pub(crate) schemas: Vec<&'s Value>,
    /// Whether the object must have it.
    pub(crate) required: bool,
}

impl<'s> Object<'s> {
    /// Whether keys may be there that have no name here.
    pub(crate) fn is_open(&self) -> bool {
        self.others.is_some() || !self.is_described || self.is_cut
    }

    fn take(&mut self, map: &'s Map<String, Value>, presence: Presence) {
        let properties = map.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if self.looked_at == self.max_properties {
                self.is_cut = true;
                break;
            }
            self.looked_at += 1;
            match self.positions.get(name.as_str()).map(|&position| &mut self.properties[position]) {
                Some(property) if property.schemas.len() == MAX_SCHEMAS || property.schemas.contains(&schema) => {}
                Some(property) => property.schemas.push(schema),
                None => {
                    self.positions.insert(name, self.properties.len());
                    self.properties.push(Property { name, schemas: vec![schema], required: false });
                }
            }
        }
        if presence == Presence::AsRequired {
            self.require(list(map, "required").iter().filter_map(Value::as_str));
        }
        let additional = map.get("additionalProperties");
        self.is_described |= properties.is_some() || additional.is_some();
        let patterns = map.get("patternProperties").and_then(Value::as_object).and_then(|map| map.values().next());
        self.others = self.others.or(additional.filter(|schema| **schema != Value::Bool(false))).or(patterns);
    }

    fn require<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            if let Some(&position) = self.positions.get(name) {
                self.properties[position].required = true;
            }
        }
    }

    fn require_what_all_require(&mut self, branches: impl Iterator<Item = Option<&'s Map<String, Value>>>) {
        let required = |branch: Option<&'s Map<String, Value>>| -> Vec<&str> {
            branch.map(|map| list(map, "required").iter().filter_map(Value::as_str).collect()).unwrap_or_default()
        };
        let mut branches = branches.map(required);
        let Some(first) = branches.next() else { return };
        let common = branches
            .map(HashSet::<&str>::from_iter)
            .fold(first, |common, next| common.into_iter().filter(|name| next.contains(name)).collect());
        self.require(common.into_iter());
    }
}

/// The reference of a schema.
pub(crate) fn reference(map: &Map<String, Value>) -> Option<&str> {
    map.get("$ref").and_then(Value::as_str)
}

/// The array under a key; empty if there is none.
pub(crate) fn list<'s>(map: &'s Map<String, Value>, key: &str) -> &'s [Value] {
    map.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys(schema: &Value) -> Vec<(String, bool)> {
        let object = Document::new(schema).object(schema);
        object.properties.iter().map(|property| (property.name.to_owned(), property.required)).collect()
    }

    #[test]
    fn parts_and_branches_make_one_object() {
        let schema = json!({
            "properties": {"b": {}, "a": {}}, "required": ["a", "unknown"],
            "allOf": [{"$ref": "#/$defs/p"}],
            "oneOf": [{"properties": {"x": {}, "k": {}}, "required": ["x", "k"]}, {"properties": {"k": {}}, "required": ["k"]}],
            "$defs": {"p": {"properties": {"c": {}}, "required": ["c"]}}
        });
        let expected = [("b", false), ("a", true), ("c", true), ("x", false), ("k", true)];
        assert_eq!(keys(&schema), expected.map(|(name, required)| (name.to_owned(), required)));
    }

    #[test]
    fn references_that_lead_nowhere_end() {
        let schema = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
        assert!(Document::new(&schema).resolved(&schema).is_none());
        let schema = json!({"$ref": "https://example.com/schema"});
        assert!(Document::new(&schema).resolved(&schema).is_none());
        let cycle = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}], "properties": {"a": {}}});
        assert_eq!(keys(&cycle).len(), 1);
    }

    #[test]
    fn other_keys_are_open_only_where_the_schema_says_so() {
        let others = |schema: Value| Document::new(&schema).object(&schema).others.is_some();
        assert!(!others(json!({"properties": {}})) && !others(json!({"additionalProperties": false})));
        assert!(others(json!({"additionalProperties": {}})) && others(json!({"patternProperties": {"^x": {}}})));
    }
}
