//! The work that a schema can cause, estimated before it is compiled.
//!
//! A schema comes from a server that nobody vouches for. Two lines of it can ask for more steps than there are atoms
//! (references that double at each level), for a recursion that ends the process, or for an automaton of a thousand states
//! over a text of megabytes. So its demand with all references followed is counted first, and where that is too much for
//! every value of a size, counted for the value itself ([`Steps`]).

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::patterns;
use crate::schema::{self, Document};
use crate::steps::Steps;
use crate::walk::{Place, inner};
use crate::weight::{Demand, Weight};

/// The most rules of a schema that is compiled, with every reference written out.
const MAX_UNFOLDED: u64 = 100_000;

/// The most states of all the automata of one schema together.
const MAX_COMPILED_STATES: u64 = 40_000;

/// How deep schemas and references may nest. The stack of the caller has to hold it.
const MAX_NESTING: usize = 200;

/// Keywords that change what references mean, or make them depend on the way they were reached.
const UNFOLLOWED: [&str; 7] =
    ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor", "$id", "id"];

/// What is known of a schema whose work is bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey {
    /// What it asks for each value, with references written out. Of a recursive schema, only down to where it recurs.
    pub(crate) demand: Demand,
    /// What it takes to compile it, in rules and states.
    pub(crate) to_compile: u64,
    pub(crate) is_recursive: bool,
}

/// Surveys a schema document; none if its work cannot be bounded.
pub(crate) fn survey(root: &Value) -> Option<Survey> {
    let mut count = Count::new(Document::new(root));
    let Size { demand, .. } = count.size(root)?;
    let states = compiled_states(root);
    if demand.rules > MAX_UNFOLDED || states > MAX_COMPILED_STATES {
        return None;
    }
    let to_compile = demand.rules.saturating_add(states);
    Some(Survey { demand, to_compile, is_recursive: count.is_recursive })
}

impl Survey {
    /// The most steps that checking `value` takes; none if that is more than `most`. `root` is the schema that was surveyed.
    pub(crate) fn steps(self, root: &Value, value: &Value, most: u64) -> Option<u64> {
        let at_most = self.demand.over(Weight::of(value));
        if !self.is_recursive && at_most <= most {
            return Some(at_most);
        }
        Steps::of_value(Document::new(root), root, value, most)
    }
}

/// A schema with references written out.
#[derive(Debug, Clone, Copy)]
struct Size {
    demand: Demand,
    /// How deep schemas nest that apply to the same value.
    height: u64,
}

/// Counts the schemas of one document.
pub(crate) struct Count<'s> {
    document: Document<'s>,
    sizes: HashMap<usize, Size>,
    owns: HashMap<usize, Demand>,
    /// The schemas on the way from the root to where the count is.
    open: Vec<usize>,
    is_recursive: bool,
    /// The schemas that were followed without leaving the value: false while that is under way.
    stays: HashMap<usize, bool>,
}

impl<'s> Count<'s> {
    pub(crate) fn new(document: Document<'s>) -> Self {
        let (sizes, owns, open, stays) = Default::default();
        Self { document, sizes, owns, open, is_recursive: false, stays }
    }

    /// What a schema asks for each value; none if that cannot be told.
    pub(crate) fn demand(&mut self, schema: &'s Value) -> Option<Demand> {
        self.size(schema).map(|size| size.demand)
    }

    /// What the keywords of a schema ask, without the schemas inside it.
    pub(crate) fn own(&mut self, schema: &'s Value, map: &Map<String, Value>) -> Demand {
        *self.owns.entry(address(schema)).or_insert_with(|| Demand::of(map))
    }

    /// How often the parts of a schema are gone through: again and again where it asks what they left over.
    pub(crate) fn rounds(&mut self, schema: &'s Value, map: &Map<String, Value>) -> Option<u64> {
        if !counts_leftovers(map) {
            return Some(1);
        }
        // Each level of branches is checked anew by the levels above it.
        self.size(schema).map(|size| size.height.saturating_add(2))
    }

    fn size(&mut self, schema: &'s Value) -> Option<Size> {
        let leaf = Size { demand: Demand { rules: 1, ..Demand::default() }, height: 0 };
        let Some(map) = schema.as_object() else { return Some(leaf) };
        let address = address(schema);
        if self.open.contains(&address) {
            self.is_recursive = true;
            return Some(leaf);
        }
        if let Some(&size) = self.sizes.get(&address) {
            return Some(size);
        }
        if self.open.len() == MAX_NESTING || UNFOLLOWED.iter().any(|key| map.contains_key(*key)) {
            return None;
        }
        self.ends(schema, 0)?;
        self.open.push(address);
        let size = self.size_of_parts(schema, map);
        self.open.pop();
        self.sizes.insert(address, size?);
        size
    }

    fn size_of_parts(&mut self, schema: &'s Value, map: &'s Map<String, Value>) -> Option<Size> {
        let (mut demand, mut height) = (self.own(schema, map), 0);
        let mut add = |part: Size, place: Place| {
            demand += part.demand;
            height = if place == Place::Here { height.max(part.height.saturating_add(1)) } else { height };
        };
        if let Some(reference) = schema::reference(map) {
            add(self.size(self.document.target(reference)?)?, Place::Here);
        }
        for part in inner(map).into_iter().filter(|part| part.place != Place::Nowhere) {
            add(self.size(part.schema)?, part.place);
        }
        // See `rounds`.
        let demand = if counts_leftovers(map) { demand.times(height.saturating_add(2)) } else { demand };
        Some(Size { demand, height })
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

/// Where a value lies: the same in one tree for as long as the tree is borrowed.
pub(crate) fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

/// The states of the automata of all patterns of a document. Each is compiled once, whatever refers to it.
fn compiled_states(schema: &Value) -> u64 {
    let Some(map) = schema.as_object() else { return 0 };
    let own = map.get("pattern").and_then(Value::as_str).into_iter();
    let of_keys = map.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let patterns = own.chain(of_keys.map(|(pattern, _)| pattern.as_str()));
    let states = patterns.fold(0_u64, |sum, pattern| sum.saturating_add(patterns::compiled_states(pattern)));
    inner(map).iter().fold(states, |sum, part| sum.saturating_add(compiled_states(part.schema)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MOST: u64 = 4_000_000;

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
        assert!(survey.steps(&twice, &nested(8), MOST).is_some());
        assert!(survey.steps(&twice, &nested(60), MOST).is_none());
    }

    #[test]
    fn a_plain_recursion_allows_deep_values() {
        let plain = json!({"properties": {"a": {"$ref": "#"}}});
        let value = (0..100).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(survey(&plain).unwrap().steps(&plain, &value, MOST).is_some());
    }

    #[test]
    fn references_that_cannot_be_followed_are_refused() {
        assert!(survey(&json!({"$ref": "https://example.com"})).is_none());
        assert!(survey(&json!({"properties": {"a": {"$dynamicRef": "#x"}}})).is_none());
        assert!(survey(&json!({"properties": {"$id": {"type": "string"}}})).is_some());
    }

    #[test]
    fn automata_are_bounded_before_they_are_made() {
        let many: Map<String, Value> =
            (0..100).map(|n| (format!("p{n}"), json!({"pattern": format!("^\\p{{L}}{{{n}}}x$")}))).collect();
        assert!(survey(&json!({"properties": many})).is_none());
        assert!(survey(&json!({"properties": {"a": {"pattern": "^[a-z]{3}$"}}})).is_some());
    }
}
