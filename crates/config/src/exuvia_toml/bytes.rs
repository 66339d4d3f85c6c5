//! Sizes: a number of bytes, or a text with a unit.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A size from `MIN` to `MAX` bytes, as it is written.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Bytes<const MIN: u64, const MAX: u64>(Value);

impl<const MIN: u64, const MAX: u64> Bytes<MIN, MAX> {
    /// The number of bytes, or what is wrong.
    pub(super) fn number(&self) -> Result<u64, String> {
        let number = match &self.0 {
            Value::String(text) => parse(text),
            number => number.as_u64(),
        };
        match number {
            None => Err("is too large".to_owned()),
            Some(number) if number < MIN => Err(format!("must be at least {}", shown(MIN))),
            Some(number) if number > MAX => Err(format!("must be at most {}", shown(MAX))),
            Some(number) => Ok(number),
        }
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Bytes<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{MIN}To{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // `minimum` and `maximum` concern numbers alone, `pattern` texts alone.
        json_schema!({
            "type": ["integer", "string"],
            "minimum": MIN,
            "maximum": MAX,
            "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$",
        })
    }
}

fn parse(text: &str) -> Option<u64> {
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?.trim_end_matches(' ');
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The size in its largest whole unit: `4 GiB`.
pub(super) fn shown(bytes: u64) -> String {
    let (unit, factor) =
        UNITS.into_iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)).unwrap_or(("B", 1));
    format!("{} {unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_size_is_a_number_or_a_text_with_a_unit() {
        let number = |value: Value| Bytes::<10, { 4 << 30 }>(value).number();
        assert_eq!(number(json!(1_000)), Ok(1_000));
        assert_eq!(number(json!("256 MiB")), Ok(256 << 20));
        assert_eq!(
            (number(json!("4GiB")), number(json!("10 B")), number(json!("1 KiB"))),
            (Ok(4 << 30), Ok(10), Ok(1024))
        );
        assert_eq!(number(json!(9)).unwrap_err(), "must be at least 10 B");
        assert_eq!(number(json!("5 GiB")).unwrap_err(), "must be at most 4 GiB");
        assert_eq!(number(json!("99999999999999999999 GiB")).unwrap_err(), "is too large");
        assert_eq!(number(json!("99999999999999 GiB")).unwrap_err(), "is too large");
    }
}
