//! How much work a schema can make, before any of it is done.
//!
//! A schema comes from a server that nobody vouches for. Two lines of it can ask for more steps than there are atoms
//! (references that double at each level) or for a recursion that ends the process. So its size with all references
//! followed is counted first, and where it depends on the value, counted for the value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::schema::{self, Document};
use crate::walk::{Inner, Place, inner};

/// The largest schema that is compiled, in schemas with every reference written out.
const MAX_UNFOLDED: u64 = 100_000;

/// How deep schemas and references may nest. The stack of the caller has to hold it.
const MAX_NESTING: usize = 200;

/// How deep a recursive schema may go down in a value: twice what JSON itself may nest here.
const MAX_DESCENT: usize = 256;

/// How many steps one check may take.
const MAX_STEPS: u64 = 4_000_000;

/// How many pairs of a schema and a value are counted before the count itself is too much.
const MAX_PAIRS: usize = 100_000;

/// Keywords that change what references mean, or make them depend on the way they were reached.
const UNFOLLOWED: [&str; 7] =
    ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor", "$id", "id"];

/// What is known of a schema whose work is bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey {
    unfolded: u64,
    is_recursive: bool,
}

/// Surveys a schema document; none if its work cannot be bounded.
pub(crate) fn survey(root: &Value) -> Option<Survey> {
    let mut count = Count {
        document: Document::new(root),
        sizes: HashMap::new(),
        open: Vec::new(),
        is_recursive: false,
        stays: HashMap::new(),
    };
    let unfolded = count.size(root)?;
    (unfolded <= MAX_UNFOLDED).then_some(Survey { unfolded, is_recursive: count.is_recursive })
}

impl Survey {
    /// Whether checking `value` is known to end soon. `root` is the schema that was surveyed.
    pub(crate) fn allows(self, root: &Value, value: &Value) -> bool {
        if !self.is_recursive && self.unfolded.saturating_mul(values_in(value)) <= MAX_STEPS {
            return true;
        }
        let mut steps = Steps { document: Document::new(root), known: HashMap::new(), nesting: 0 };
        steps.of(root, value).is_some_and(|steps| steps <= MAX_STEPS)
    }
}

struct Count<'s> {
    document: Document<'s>,
    sizes: HashMap<usize, u64>,
    /// The schemas on the way from the root to where the count is.
    open: Vec<usize>,
    is_recursive: bool,
    /// The schemas that were followed without leaving the value: false while that is under way.
    stays: HashMap<usize, bool>,
}

impl<'s> Count<'s> {
    /// The number of schemas with references written out; none if that cannot be told.
    fn size(&mut self, schema: &'s Value) -> Option<u64> {
        let Some(map) = schema.as_object() else { return Some(1) };
        let address = address(schema);
        if self.open.contains(&address) {
            self.is_recursive = true;
            return Some(1);
        }
        if let Some(&size) = self.sizes.get(&address) {
            return Some(size);
        }
        if self.open.len() == MAX_NESTING || UNFOLLOWED.iter().any(|key| map.contains_key(*key)) {
            return None;
        }
        self.ends(schema, 0)?;
        self.open.push(address);
        let size = self.size_of_parts(map);
        self.open.pop();
        self.sizes.insert(address, size?);
        size
    }

    fn size_of_parts(&mut self, map: &'s Map<String, Value>) -> Option<u64> {
        let mut size = 1_u64;
        if let Some(reference) = schema::reference(map) {
            size = size.saturating_add(self.size(self.document.target(reference)?)?);
        }
        for part in inner(map).into_iter().filter(|part| part.place != Place::Nowhere) {
            size = size.saturating_add(self.size(part.schema)?);
        }
        // To know what is left over, a validator goes through the parts again.
        Some(if counts_leftovers(map) { size.saturating_mul(2) } else { size })
    }

    /// None if following the schema on one and the same value never ends. A recursion has to come to another value each
    /// time around.
    fn ends(&mut self, schema: &'s Value, nesting: usize) -> Option<()> {
        let Some(map) = schema.as_object() else { return Some(()) };
        match self.stays.get(&address(schema)) {
            Some(true) => return Some(()),
            Some(false) => return None,
            None if nesting == MAX_NESTING => return None,
            None => self.stays.insert(address(schema), false),
        };
        if let Some(reference) = schema::reference(map) {
            self.ends(self.document.target(reference)?, nesting + 1)?;
        }
        for part in inner(map).into_iter().filter(|part| part.place == Place::Here) {
            self.ends(part.schema, nesting + 1)?;
        }
        self.stays.insert(address(schema), true);
        Some(())
    }
}

fn counts_leftovers(map: &Map<String, Value>) -> bool {
    map.contains_key("unevaluatedProperties") || map.contains_key("unevaluatedItems")
}

/// The steps that a plain validator takes for one value, each pair of schema and value counted once and remembered.
struct Steps<'s> {
    document: Document<'s>,
    known: HashMap<(usize, usize), u64>,
    nesting: usize,
}

impl<'s> Steps<'s> {
    fn of(&mut self, schema: &'s Value, value: &'s Value) -> Option<u64> {
        let Some(map) = schema.as_object() else { return Some(1) };
        let pair = (address(schema), address(value));
        if let Some(&steps) = self.known.get(&pair) {
            return Some(steps);
        }
        if self.known.len() >= MAX_PAIRS || self.nesting == MAX_DESCENT {
            return None;
        }
        self.nesting += 1;
        let mut steps = 1_u64;
        if let Some(reference) = schema::reference(map) {
            steps = steps.saturating_add(self.of(self.document.target(reference)?, value)?);
        }
        for part in inner(map) {
            steps = steps.saturating_add(self.of_part(&part, value)?);
        }
        let steps = if counts_leftovers(map) { steps.saturating_mul(2) } else { steps };
        self.nesting -= 1;
        self.known.insert(pair, steps);
        Some(steps)
    }

    fn of_part(&mut self, part: &Inner<'s>, value: &'s Value) -> Option<u64> {
        match (part.place, value) {
            (Place::Nowhere, _) => Some(0),
            (Place::Here, _) => self.of(part.schema, value),
            (Place::Key, Value::Object(map)) => map.get(part.name).map_or(Some(0), |value| self.of(part.schema, value)),
            (Place::Inside, Value::Object(map)) => self.of_each(part.schema, map.values()),
            (Place::Inside, Value::Array(items)) => self.of_each(part.schema, items.iter()),
            _ => Some(0),
        }
    }

    fn of_each(&mut self, schema: &'s Value, values: impl Iterator<Item = &'s Value>) -> Option<u64> {
        let mut steps = 0_u64;
        for value in values {
            steps = steps.saturating_add(self.of(schema, value)?);
        }
        Some(steps)
    }
}

/// Where a value lies: the same in one tree for as long as the tree is borrowed.
fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

fn values_in(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(values_in).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(values_in).sum::<u64>(),
        _ => 1,
    }
}

/// The longest number that is computed with, in characters: what Python converts to text by default.
const MAX_NUMBER_CHARS: usize = 4_300;

/// The greatest power of ten, either way: beyond what a double holds, and nothing to write out in full.
const MAX_EXPONENT: i64 = 400;

/// Whether a value holds a number that takes unreasonable memory to compute with, such as `1e999999999`.
pub(crate) fn has_monstrous_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_monstrous(&number.to_string()),
        Value::Array(items) => items.iter().any(has_monstrous_number),
        Value::Object(map) => map.values().any(has_monstrous_number),
        _ => false,
    }
}

fn is_monstrous(number: &str) -> bool {
    let exponent = number.split_once(['e', 'E']).map_or("0", |(_, exponent)| exponent);
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>();
    number.len() > MAX_NUMBER_CHARS || !exponent.is_ok_and(|exponent| exponent.abs() <= MAX_EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `levels` definitions, each of which names the next one twice.
    fn doubling(levels: usize) -> Value {
        let mut definitions = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            definitions.insert(format!("l{level}"), json!({"allOf": [next, next]}));
        }
        definitions.insert(format!("l{levels}"), json!({"type": "object"}));
        json!({"$ref": "#/$defs/l0", "$defs": definitions})
    }

    #[test]
    fn references_that_double_are_counted_and_not_followed() {
        assert!(survey(&doubling(8)).is_some());
        assert!(survey(&doubling(60)).is_none());
    }

    #[test]
    fn a_recursion_that_stays_on_the_spot_is_refused() {
        assert!(survey(&json!({"$ref": "#"})).is_none());
        assert!(survey(&json!({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}})).is_none());
        assert!(survey(&json!({"properties": {"next": {"$ref": "#"}}})).is_some());
        // Found on a way that moves first, and there all the same on one that does not.
        let both = json!({"properties": {"p": {"$ref": "#/$defs/a"}}, "allOf": [{"$ref": "#/$defs/a"}],
            "$defs": {"a": {"$ref": "#"}}});
        assert!(survey(&both).is_none());
    }

    #[test]
    fn a_recursion_that_doubles_is_measured_on_the_value() {
        let twice = json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
        let survey = survey(&twice).unwrap();
        let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(survey.allows(&twice, &nested(8)));
        assert!(!survey.allows(&twice, &nested(60)));
    }

    #[test]
    fn a_plain_recursion_allows_deep_values() {
        let plain = json!({"properties": {"a": {"$ref": "#"}}});
        let value = (0..100).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(survey(&plain).unwrap().allows(&plain, &value));
    }

    #[test]
    fn references_that_cannot_be_followed_are_refused() {
        assert!(survey(&json!({"$ref": "https://example.com"})).is_none());
        assert!(survey(&json!({"properties": {"a": {"$dynamicRef": "#x"}}})).is_none());
        assert!(survey(&json!({"properties": {"$id": {"type": "string"}}})).is_some());
    }

    #[test]
    fn monstrous_numbers_are_found() {
        let found = |text: &str| has_monstrous_number(&serde_json::from_str(text).unwrap());
        assert!(
            found("[1e999999999]") && found("1E-401") && found(&"9".repeat(4301)) && found("1e99999999999999999999")
        );
        assert!(!found("{\"a\": 1e308}") && !found("123456789012345678901234567890") && !found("-1.5e-300"));
    }
}
