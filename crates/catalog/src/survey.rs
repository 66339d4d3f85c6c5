//! The work that a schema can cause, estimated before it is compiled.
//!
//! A schema comes from a server that nobody vouches for. Two lines of it can ask for more steps than there are atoms
//! (references that double at each level), for a recursion that ends the process, or for an automaton of a thousand states
//! over a text of megabytes. So its demand with all references followed is counted first, and where that is too much for
//! every value of a size, counted for the value itself ([`Steps`]).

use serde_json::Value;

use crate::count::Count;
use crate::patterns;
use crate::schema::Document;
use crate::steps::Steps;
use crate::walk::inner;
use crate::weight::{Demand, Weight};

/// The most rules of a schema that is compiled, with every reference written out.
const MAX_UNFOLDED: u64 = 100_000;

/// The most states of all the automata of one schema together.
const MAX_COMPILED_STATES: u64 = 40_000;

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
    let demand = count.demand(root)?;
    let states = compiled_states(root);
    if demand.rules > MAX_UNFOLDED || states > MAX_COMPILED_STATES {
        return None;
    }
    let to_compile = demand.rules.saturating_add(states);
    Some(Survey { demand, to_compile, is_recursive: count.is_recursive() })
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
    use serde_json::{Map, json};

    use super::*;

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
