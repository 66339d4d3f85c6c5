//! What a token claims.

use std::fmt;

use exuvia_config::ClaimPath;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The claims of a token. A claim that is there twice makes it unreadable: two readers could take different ones.
#[derive(Clone, PartialEq)]
pub(super) struct Claims(Map<String, Value>);

/// A claim of another type than it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Claims {
    /// Whether there is such a claim, null or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The texts of a claim that is a text or an array of texts. None: it is not there.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, Malformed> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(Value::Array(values)) => {
                values.iter().map(|value| value.as_str().ok_or(Malformed)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(Malformed),
        }
    }

    /// The scopes of `scope` and `scp`: words of a text (RFC 9068, 2.2.3), or an array.
    pub(super) fn scopes(&self) -> Result<Vec<&str>, Malformed> {
        let mut scopes = Vec::new();
        for name in SCOPES {
            scopes.extend(self.texts(name)?.into_iter().flatten().flat_map(str::split_ascii_whitespace));
        }
        Ok(scopes)
    }

    /// A time (NumericDate: seconds since the epoch, perhaps with a fraction) in milliseconds. None: it is not there.
    pub(super) fn time_ms(&self, name: &str) -> Result<Option<u64>, Malformed> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        if let Some(seconds) = value.as_u64() {
            return Ok(Some(seconds.saturating_mul(1_000)));
        }
        let seconds = value.as_f64().filter(|seconds| seconds.is_finite()).ok_or(Malformed)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        Ok(Some((seconds * 1_000.0) as u64))
    }

    /// Whether the value at this place is this text, or an array with this text in it.
    pub(super) fn have(&self, place: &ClaimPath, text: &str) -> bool {
        let [name, inner @ ..] = place.parts() else { return false };
        if inner.is_empty() && SCOPES.contains(&name.as_str()) {
            return self
                .texts(name)
                .ok()
                .flatten()
                .into_iter()
                .flatten()
                .any(|all| all.split_ascii_whitespace().any(|scope| scope == text));
        }
        match inner.iter().fold(self.0.get(name), |found, part| found?.get(part)) {
            Some(Value::String(found)) => found == text,
            Some(Value::Array(values)) => values.iter().any(|value| value == text),
            _ => false,
        }
    }
}

/// Claims whose texts hold several words.
const SCOPES: [&str; 2] = ["scope", "scp"];

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Unique)
    }
}

/// Reads an object each of whose names is there once.
struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Claims, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        Ok(Claims(claims))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Claims {
        serde_json::from_str(text).unwrap()
    }

    fn has(text: &str, place: &str, value: &str) -> bool {
        claims(text).have(&ClaimPath::parse(place).unwrap(), value)
    }

    #[test]
    fn a_claim_that_is_there_twice_is_an_error() {
        assert!(serde_json::from_str::<Claims>(r#"{"aud":"a","sub":"x","aud":"b"}"#).is_err());
        assert!(serde_json::from_str::<Claims>("[]").is_err());
    }

    #[test]
    fn a_value_is_found_by_name_or_by_pointer_in_texts_and_arrays() {
        let text = r#"{"groups":["a","b"],"one":"a","r":{"x":{"roles":["admin"]}},"https://e/roles":["c"],"n":1,"scope":"s t"}"#;
        for (place, value, expected) in [
            ("groups", "b", true),
            ("groups", "B", false),
            ("groups", "a b", false),
            ("one", "a", true),
            ("one", "", false),
            ("/r/x/roles", "admin", true),
            ("/r/roles", "admin", false),
            ("/r/x/roles/0", "admin", false),
            ("r", "x", false),
            ("https://e/roles", "c", true),
            ("n", "1", false),
            ("scope", "t", true),
            ("scope", "s t", false),
            ("none", "a", false),
        ] {
            assert_eq!(has(text, place, value), expected, "{place} {value}");
        }
    }

    #[test]
    fn scopes_are_words_or_an_array_under_either_name() {
        let scopes = |text: &str| claims(text).scopes().map(|scopes| scopes.join(","));
        assert_eq!(scopes(r#"{"scope":"a  b"}"#).as_deref(), Ok("a,b"));
        assert_eq!(scopes(r#"{"scp":["a","b"]}"#).as_deref(), Ok("a,b"));
        assert_eq!(scopes(r#"{"scope":["a"],"scp":"b"}"#).as_deref(), Ok("a,b"));
        assert_eq!(scopes("{}").as_deref(), Ok(""));
        for wrong in [r#"{"scope":1}"#, r#"{"scp":["a",1]}"#, r#"{"scope":null}"#] {
            assert_eq!(scopes(wrong), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_a_number_of_seconds_with_or_without_a_fraction() {
        let time = |value: &str| claims(&format!(r#"{{"exp":{value}}}"#)).time_ms("exp");
        assert_eq!(time("1700000000"), Ok(Some(1_700_000_000_000)));
        assert_eq!(time("1700000000.5"), Ok(Some(1_700_000_000_500)));
        assert_eq!(time("-5"), Ok(Some(0)));
        assert_eq!(time("1e400"), Err(Malformed));
        assert_eq!(time("1e300"), Ok(Some(u64::MAX)));
        assert_eq!(time("99999999999999999999"), Ok(Some(u64::MAX)));
        for wrong in [r#""1700000000""#, "null", "true", "[]"] {
            assert_eq!(time(wrong), Err(Malformed), "{wrong}");
        }
        assert_eq!(claims("{}").time_ms("exp"), Ok(None));
    }
}
