//! Numbers that take unreasonable memory or time to compute with.

use serde_json::{Number, Value};

/// The longest number that is computed with, in characters: what Python converts to text by default.
const MAX_NUMBER_CHARS: usize = 4_300;

/// The greatest power of ten, either way: beyond what a double holds, and nothing to write out in full.
const MAX_EXPONENT: i64 = 400;

/// Whether a value holds a number such as `1e999999999`.
pub(crate) fn has_monstrous_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_monstrous(number),
        Value::Array(items) => items.iter().any(has_monstrous_number),
        Value::Object(map) => map.values().any(has_monstrous_number),
        _ => false,
    }
}

/// The length of a number as it is written.
pub(crate) fn chars_of(number: &Number) -> usize {
    number.as_str().len()
}

fn is_monstrous(number: &Number) -> bool {
    let number = number.as_str();
    if number.len() > MAX_NUMBER_CHARS {
        return true;
    }
    let exponent = number.split_once(['e', 'E']).map_or("0", |(_, exponent)| exponent);
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>();
    !exponent.is_ok_and(|exponent| exponent.abs() <= MAX_EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monstrous_numbers_are_found() {
        let found = |text: &str| has_monstrous_number(&serde_json::from_str(text).unwrap());
        assert!(
            found("[1e999999999]") && found("1E-401") && found(&"9".repeat(4301)) && found("1e99999999999999999999")
        );
        assert!(!found("{\"a\": 1e308}") && !found("123456789012345678901234567890") && !found("-1.5e-300"));
    }
}
