//! The number of steps that checking one value takes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::count::{Count, address};
use crate::schema::{self, Document};
use crate::walk::{Inner, Place, inner};
use crate::weight::{Demand, FEW_ITEMS, Weight};

/// How deep a recursive schema may go down in a value: twice what JSON itself may nest here.
const MAX_DESCENT: usize = 256;

/// How many pairs of a schema and a value are counted before the count itself is too much.
const MAX_PAIRS: usize = 100_000;

/// Beyond so many characters, numbers are distinguished by pairwise comparison: as doubles they are equal.
const PRECISE_CHARS: usize = 15;

/// Counts the steps that a validator takes for one value: each pair of schema and value is counted once and remembered.
pub(crate) struct Steps<'s> {
    document: Document<'s>,
    count: Count<'s>,
    known: HashMap<(usize, usize), u64>,
    nesting: usize,
    /// The count ends where it has met so many steps.
    most: u64,
}

impl<'s> Steps<'s> {
    /// The steps for `value`; none if they exceed `most` or are unknown.
    pub(crate) fn of_value(document: Document<'s>, schema: &'s Value, value: &'s Value, most: u64) -> Option<u64> {
        let count = Count::new(document);
        Self { document, count, known: HashMap::new(), nesting: 0, most }.of(schema, value)
    }

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
        let mut steps = own(self.count.own(schema, map), map, value);
        if let Some(reference) = schema::reference(map) {
            steps = self.sum(steps, self.document.target(reference)?, value)?;
        }
        for part in inner(map) {
            let part = self.of_part(&part, value)?;
            steps = self.bounded(steps.saturating_add(part).saturating_add(1))?;
        }
        let rounds = self.count.rounds(schema, map)?;
        let steps = self.bounded(steps.saturating_mul(rounds))?;
        self.nesting -= 1;
        self.known.insert(pair, steps);
        Some(steps)
    }

    fn of_part(&mut self, part: &Inner<'s>, value: &'s Value) -> Option<u64> {
        match (part.place, value) {
            (Place::Nowhere, _) => Some(0),
            (Place::Here, _) => self.of(part.schema, value),
            (Place::Key, Value::Object(map)) => map.get(part.name).map_or(Some(0), |value| self.of(part.schema, value)),
            (Place::Keys, Value::Object(map)) => {
                let demand = self.count.demand(part.schema)?;
                self.bounded(demand.over(Weight::of_keys(map)))
            }
            (Place::Inside, Value::Object(map)) => self.of_each(part.schema, map.values()),
            (Place::Inside, Value::Array(items)) => self.of_each(part.schema, items.iter()),
            _ => Some(0),
        }
    }

    fn of_each(&mut self, schema: &'s Value, values: impl Iterator<Item = &'s Value>) -> Option<u64> {
        let mut steps = 0_u64;
        for value in values {
            steps = self.sum(steps, schema, value)?;
        }
        Some(steps)
    }

    fn sum(&mut self, steps: u64, schema: &'s Value, value: &'s Value) -> Option<u64> {
        let more = self.of(schema, value)?;
        self.bounded(steps.saturating_add(more))
    }

    fn bounded(&self, steps: u64) -> Option<u64> {
        (steps <= self.most).then_some(steps)
    }
}

/// What the keywords of one schema take for a value, without the schemas inside it.
fn own(demand: Demand, map: &Map<String, Value>, value: &Value) -> u64 {
    // Comparisons are counted below, by what the items are.
    let steps = Demand { comparisons: 0, ..demand }.over(Weight::of_surface(value));
    match value {
        Value::Object(members) if looks_at_keys(map) => {
            let keys = Weight::of_keys(members);
            let of_patterns = map.get("patternProperties").and_then(Value::as_object).map_or(1, Map::len) as u64;
            let by_key = Demand { rules: of_patterns, states: demand.states, comparisons: 0 };
            steps.saturating_add(by_key.over(keys))
        }
        Value::Array(items) if map.get("uniqueItems") == Some(&Value::Bool(true)) => {
            steps.saturating_add(steps_to_distinguish(items))
        }
        _ => steps,
    }
}

fn looks_at_keys(map: &Map<String, Value>) -> bool {
    let keywords =
        ["properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"];
    keywords.iter().any(|keyword| map.contains_key(*keyword))
}

/// The steps of finding two equal items. They are hashed, and a hash distinguishes texts and small numbers; of other values a
/// hostile list may hold any number that share one.
fn steps_to_distinguish(items: &[Value]) -> u64 {
    let is_distinguished_by_hash = |item: &Value| match item {
        Value::Number(number) => crate::numbers::chars_of(number) <= PRECISE_CHARS,
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    };
    let once = items.iter().fold(0_u64, |steps, item| steps.saturating_add(Weight::of(item).steps()));
    let times = if items.iter().all(is_distinguished_by_hash) { FEW_ITEMS } else { FEW_ITEMS.max(items.len() as u64) };
    once.saturating_mul(times.min(items.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn steps(schema: &Value, value: &Value) -> Option<u64> {
        Steps::of_value(Document::new(schema), schema, value, 2_000_000)
    }

    #[test]
    fn what_grows_faster_than_the_value_is_counted() {
        let long = |n: usize| "9".repeat(300) + &format!("{n:04}");
        let numbers: Vec<Value> = (0..3_000).map(|n| serde_json::from_str(&long(n)).unwrap()).collect();
        let objects: Vec<Value> = (0..3_000).map(|n| json!({"a": n})).collect();
        let words: Vec<Value> = (0..3_000).map(|n| json!(format!("word{n}"))).collect();
        let unique = json!({"uniqueItems": true});
        assert!(steps(&unique, &json!(numbers)).is_none() && steps(&unique, &json!(objects)).is_none());
        assert!(steps(&unique, &json!(words)).unwrap() < 200_000);
        let options = json!({"items": {"enum": (0..2_000).collect::<Vec<_>>()}});
        assert!(steps(&options, &json!((0..2_000).collect::<Vec<_>>())).is_none());
        let lengths = json!({"anyOf": vec![json!({"minLength": 9}); 1_000]});
        assert!(steps(&lengths, &json!("x".repeat(1_000_000))).is_none());
        assert!(steps(&lengths, &json!("x".repeat(1_000))).is_some());
    }

    #[test]
    fn a_pattern_counts_with_its_text_and_its_keys() {
        let pattern = "(?:[ab]*a[ab]{900})+c";
        let text = json!("ab".repeat(50_000));
        assert!(steps(&json!({"pattern": pattern}), &text).is_none());
        assert!(steps(&json!({"pattern": pattern}), &json!("abc")).is_some());
        assert!(steps(&json!({"pattern": "^[a-z]+$"}), &text).is_some());
        let keyed = json!({"ab".repeat(50_000): 1});
        let of_keys = |schema: Value| steps(&schema, &keyed);
        assert!(of_keys(json!({"patternProperties": {pattern: {}}})).is_none());
        assert!(of_keys(json!({"propertyNames": {"pattern": pattern}})).is_none());
        assert!(of_keys(json!({"propertyNames": {"anyOf": [{"$ref": "#/x"}]}, "x": {"pattern": pattern}})).is_none());
        assert!(of_keys(json!({"patternProperties": {"^[a-z]+$": {}}})).is_some());
    }

    #[test]
    fn what_is_left_over_costs_a_round_for_each_level() {
        let nested = |levels: usize| (0..levels).fold(json!({"minLength": 1}), |inner, _| json!({"anyOf": [inner]}));
        let with = |levels: usize| {
            let mut schema = nested(levels);
            schema["unevaluatedProperties"] = json!(false);
            steps(&schema, &json!({"a": 1})).unwrap()
        };
        assert!(with(20) > 5 * with(4));
    }
}
