//! What an argument must be.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::PolicyError;
use crate::key::Key;
use crate::source::Condition;

/// The memory that one compiled expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// A compiled condition.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    condition: Condition,
    under: Option<Place>,
    matching: Option<Regex>,
}

impl Check {
    pub(crate) fn compile(condition: &Condition, key: &Key) -> Result<Self, PolicyError> {
        let error = |message: String| PolicyError::new(key, message);
        if *condition == Condition::default() {
            return Err(error("write under, at_most, at_least, one_of or matching".into()));
        }
        let under = match &condition.under {
            Some(path) => {
                Some(Place::of(path, &['/']).ok_or_else(|| error(format!("under: {path:?} leads above its start")))?)
            }
            None => None,
        };
        let matching = match &condition.matching {
            Some(text) => {
                let whole = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(REGEX_BYTES).build();
                // The parts of the message that point into the expression would point beside it.
                Some(whole.map_err(|e| {
                    let text = e.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    error(format!("matching: {}", last.trim_start_matches("error: ")))
                })?)
            }
            None => None,
        };
        Ok(Self { condition: condition.clone(), under, matching })
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// What it must be, as the end of a sentence.
    pub(crate) fn holds(&self, value: &Value) -> Result<(), String> {
        if let Value::Array(elements) = value
            && !self.names(value)
        {
            return elements.iter().try_for_each(|element| self.holds(element));
        }
        let Condition { under, at_most, at_least, one_of, matching } = &self.condition;
        if let (Some(path), Some(under)) = (under, &self.under)
            && !value.as_str().is_some_and(|value| is_under(value, under))
        {
            return Err(format!("must be a path under {path}"));
        }
        let number = value.as_number().and_then(serde_json::Number::as_f64);
        if let Some(most) = at_most
            && !number.is_some_and(|number| number <= *most)
        {
            return Err(format!("must be a number of at most {most}"));
        }
        if let Some(least) = at_least
            && !number.is_some_and(|number| number >= *least)
        {
            return Err(format!("must be a number of at least {least}"));
        }
        if let Some(values) = one_of
            && !self.names(value)
        {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            return Err(format!("must be one of {}", values.join(", ")));
        }
        if let (Some(text), Some(regex)) = (matching, &self.matching)
            && !value.as_str().is_some_and(|value| regex.is_match(value))
        {
            return Err(format!("must match {text}"));
        }
        Ok(())
    }

    fn names(&self, value: &Value) -> bool {
        self.condition.one_of.as_ref().is_some_and(|values| values.contains(value))
    }
}

/// A path taken apart, with `.` and `..` resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    absolute: bool,
    components: Vec<String>,
}

impl Place {
    /// `None`: the path leads above its start.
    fn of(path: &str, separators: &[char]) -> Option<Self> {
        let mut components: Vec<String> = Vec::new();
        for component in path.split(separators) {
            match component {
                "" | "." => {}
                ".." => drop(components.pop()?),
                component => components.push(component.to_owned()),
            }
        }
        Some(Self { absolute: path.starts_with(separators), components })
    }

    fn holds(&self, other: &Self) -> bool {
        self.absolute == other.absolute && other.components.starts_with(&self.components)
    }
}

/// Whether a path lies under another, however its server reads it: with a backslash as a separator or as a letter, as it is
/// or percent-decoded.
fn is_under(path: &str, under: &Place) -> bool {
    let lies = |path: &str| {
        let read = |separators: &[char]| Place::of(path, separators).is_some_and(|place| under.holds(&place));
        !path.contains('\0') && !path.starts_with('~') && read(&['/']) && read(&['/', '\\'])
    };
    lies(path) && decoded(path).is_none_or(|decoded| lies(&decoded))
}

/// The path percent-decoded as often as it changes; `None` if it holds no percent-encoding.
fn decoded(path: &str) -> Option<String> {
    let mut text = path.to_owned();
    // Each round makes it shorter.
    while let Some(next) = decoded_once(&text) {
        text = next;
    }
    (text != path).then_some(text)
}

fn decoded_once(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut at, mut changed) = (Vec::with_capacity(bytes.len()), 0, false);
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|&byte| char::from(byte).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                changed = true;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    changed.then(|| String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(condition: Condition) -> Check {
        Check::compile(&condition, &Key::of("k")).unwrap()
    }

    #[test]
    fn a_path_lies_under_another_however_it_is_written() {
        let exports = check(Condition { under: Some("/exports/".into()), ..Condition::default() });
        for path in ["/exports", "/exports/a", "/exports/./a/../b", "//exports//a", "/exports/100%", "/exports/%61"] {
            assert_eq!(exports.holds(&json!(path)), Ok(()), "{path}");
        }
        for path in [
            "/exports/../etc",
            "/exportsx",
            "/",
            "",
            "exports/a",
            "../exports",
            "/exports/%2e%2e/etc",
            "/exports/a\u{0}",
            "/exports/%252e%252e/%2e%2e/etc",
            "/exports\\..\\etc",
            "~/exports",
            "/exports/..\\..",
            "file:///exports/a",
            "/exports\\a",
            "\\exports\\a",
        ] {
            assert!(exports.holds(&json!(path)).is_err(), "{path}");
        }
        assert!(exports.holds(&json!(7)).is_err());
        let here = check(Condition { under: Some(".".into()), ..Condition::default() });
        assert_eq!(here.holds(&json!("a.txt")), Ok(()));
        for path in ["/a", "../a", "a/../../b", "\\a", "%2fa", "~"] {
            assert!(here.holds(&json!(path)).is_err(), "{path}");
        }
        let relative = check(Condition { under: Some("out".into()), ..Condition::default() });
        assert_eq!(relative.holds(&json!("./out/a")), Ok(()));
        for path in ["/out/a", "out/../..", "~/out", "a/out"] {
            assert!(relative.holds(&json!(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers_only() {
        let few = check(Condition { at_most: Some(10.0), at_least: Some(0.0), ..Condition::default() });
        for value in [json!(0), json!(10), json!(9.5), json!(1e1), json!([1, 2, [3]]), json!([])] {
            assert_eq!(few.holds(&value), Ok(()), "{value}");
        }
        let huge: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
        for value in
            [json!(11), json!(10.5), json!("5"), json!(null), json!(true), json!({"a": 1}), json!([1, 11]), huge]
        {
            assert!(few.holds(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn values_and_expressions_must_match_as_a_whole() {
        let named =
            check(Condition { one_of: Some(vec![json!("a"), json!(1), json!(["x", "y"])]), ..Condition::default() });
        for value in [json!("a"), json!(1), json!(["x", "y"]), json!(["a", 1])] {
            assert_eq!(named.holds(&value), Ok(()), "{value}");
        }
        for value in [json!("A"), json!("1"), json!(["x"]), json!(null)] {
            assert!(named.holds(&value).is_err(), "{value}");
        }
        let slug = check(Condition { matching: Some("[a-z]+|x1".into()), ..Condition::default() });
        assert_eq!(slug.holds(&json!("x1")), Ok(()));
        for value in [json!("ab1"), json!("ab\nx"), json!(""), json!(1), json!("x1\n")] {
            assert!(slug.holds(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn what_does_not_compile_is_told() {
        let said = |condition: Condition| {
            Check::compile(&condition, &Key::of_server("a").below("constraints").below("t").below("x"))
                .unwrap_err()
                .to_string()
        };
        assert!(said(Condition::default()).starts_with("servers.a.constraints.t.x: write under"));
        assert!(said(Condition { under: Some("a/../..".into()), ..Condition::default() }).contains("leads above"));
        assert!(said(Condition { matching: Some("(?=a)".into()), ..Condition::default() }).contains("look-around"));
        assert!(
            said(Condition { matching: Some("a{1000}{1000}".into()), ..Condition::default() }).contains("size limit")
        );
    }
}
