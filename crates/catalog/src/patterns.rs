//! The cost of a regular expression, estimated before it is compiled.
//!
//! Patterns run on an engine whose time is linear in the text, and in the pattern as well: the product is what counts. The
//! size is read off the parsed pattern, in which `[ab]{900}` is still three characters.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};

use crate::walk::inner;

/// A pattern longer than this is not looked at.
const MAX_PATTERN_BYTES: usize = 10_000;

/// A class of characters beyond ASCII is a small automaton of its own, in which few states are awake at a time.
const STATES_OF_CLASS: u64 = 4;

/// Whether a pattern can be compiled: it is no longer than what is looked at, and asks for no look-around and no
/// back-references.
pub(crate) fn is_usable(pattern: &str) -> bool {
    parsed(pattern).is_some()
}

/// How many patterns a schema document has.
pub(crate) fn count(schema: &Value) -> u64 {
    let Some(map) = schema.as_object() else { return 0 };
    let of_keys = map.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
    let own = usize::from(map.contains_key("pattern")) + of_keys;
    inner(map).iter().map(|part| count(part.schema)).sum::<u64>() + own as u64
}

/// How many states of the pattern's automaton may be awake at once.
pub(crate) fn states(pattern: &str) -> u64 {
    parsed(pattern).map_or(0, |hir| size(&hir, &|class| if is_ascii(class) { 1 } else { STATES_OF_CLASS }))
}

/// How many states are made when the pattern is compiled.
pub(crate) fn compiled_states(pattern: &str) -> u64 {
    parsed(pattern).map_or(0, |hir| size(&hir, &|class| STATES_OF_CLASS.saturating_mul(ranges(class))))
}

fn parsed(pattern: &str) -> Option<Hir> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return None;
    }
    let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
    regex_syntax::parse(&translated).ok()
}

/// Depth is bounded by the parser.
fn size(hir: &Hir, of_class: &impl Fn(&Class) -> u64) -> u64 {
    let sum = |parts: &[Hir]| parts.iter().fold(1_u64, |sum, part| sum.saturating_add(size(part, of_class)));
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(class) => of_class(class),
        HirKind::Capture(capture) => size(&capture.sub, of_class).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
        HirKind::Repetition(repetition) => {
            // Without an upper bound the last copy is gone through again and again.
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            size(&repetition.sub, of_class).saturating_add(1).saturating_mul(u64::from(times))
        }
    }
}

fn is_ascii(class: &Class) -> bool {
    match class {
        Class::Unicode(class) => class.ranges().last().is_none_or(|range| range.end().is_ascii()),
        Class::Bytes(_) => true,
    }
}

fn ranges(class: &Class) -> u64 {
    match class {
        Class::Unicode(class) => class.ranges().len() as u64,
        Class::Bytes(class) => class.ranges().len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_and_not_written_out() {
        assert!((1_800..2_000).contains(&states("(?:[ab]*a[ab]{900})+c")));
        assert!(states("((a{900}){900}){900}") > 100_000_000);
        assert!(states("^[A-Za-z0-9_-]{1,64}$") < 150);
        assert!(states("^[A-Za-z0-9+/]*={0,2}$") < 12);
    }

    #[test]
    fn a_pattern_that_needs_another_engine_is_not_usable() {
        for pattern in ["^(?!x)", "(?=a)b", r"(a)\1", "(", &"a".repeat(20_000)] {
            assert!(!is_usable(pattern) && states(pattern) == 0, "{pattern}");
        }
        assert!(is_usable(r"^\p{L}+$") && compiled_states(r"^\p{L}{64}$") > 64 * 1_000);
    }
}
