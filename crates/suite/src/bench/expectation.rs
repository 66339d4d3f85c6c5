//! How a workload should end.

use exuvia_runtime::Outcome;
use serde_json::Value;

/// The longest part of a value that a failure shows, in bytes.
const SHOWN_BYTES: usize = 200;

/// How a workload should end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Expectation {
    /// With any result.
    Returns,
    /// With this result.
    ReturnsValue(Value),
    /// With an exception of this kind: the name of its class, or `exited`.
    Raises(String),
    /// Stopped by the limit of this name.
    Stopped(String),
}

impl Expectation {
    /// Whether it ended so. Otherwise: how it ended instead, in one line.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn check(&self, outcome: &Outcome) -> Result<(), String> {
        let met = match (self, outcome) {
            (Self::Returns, Outcome::Returned(_)) => true,
            (Self::ReturnsValue(expected), Outcome::Returned(result)) => {
                result.to_value().is_ok_and(|value| equal(&value, expected))
            }
            (Self::Raises(kind), Outcome::Raised(error)) => error.kind == *kind,
            (Self::Stopped(limit), Outcome::Stopped(stop)) => stop.limit.name() == limit,
            _ => false,
        };
        if met { Ok(()) } else { Err(format!("{}, expected {}", ended(outcome), self.text())) }
    }

    fn text(&self) -> String {
        match self {
            Self::Returns => "a result".into(),
            Self::ReturnsValue(value) => head(&value.to_string()),
            Self::Raises(kind) => kind.clone(),
            Self::Stopped(limit) => format!("a stop by {limit}"),
        }
    }
}

/// Numbers are equal by their values, however they are written.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64().is_some_and(|one| other.as_f64() == Some(one))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Returned(result) => format!("returned {}", head(result.as_str())),
        Outcome::Raised(error) | Outcome::Denied(error) => {
            let line = error.line.map(|line| format!(" in line {line}")).unwrap_or_default();
            head(&format!("raised {}: {}", error.kind, error.message)) + &line
        }
        Outcome::Stopped(stop) => format!("stopped by {}", stop.limit.name()),
        Outcome::Fault(message) => format!("internal error: {message}"),
        other => other.name().to_owned(),
    }
}

fn head(text: &str) -> String {
    let text = text.replace('\n', " ");
    let kept = text.floor_char_boundary(SHOWN_BYTES);
    if kept < text.len() { format!("{}...", &text[..kept]) } else { text }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::Json;
    use serde_json::json;

    use super::*;

    fn returned(text: &str) -> Outcome {
        Outcome::Returned(Json::parse(text).unwrap())
    }

    #[test]
    fn a_result_is_compared_by_its_values() {
        let expected = Expectation::ReturnsValue(json!({"a": [1, 2.5]}));
        assert_eq!(expected.check(&returned(r#"{"a":[1.0,2.50]}"#)), Ok(()));
        let wrong = expected.check(&returned(r#"{"a":[1,2]}"#)).unwrap_err();
        assert_eq!(wrong, r#"returned {"a":[1,2]}, expected {"a":[1,2.5]}"#);
        assert!(expected.check(&returned(r#"{"a":[1,2.5],"b":1}"#)).is_err(), "a key too many");
    }

    #[test]
    fn another_end_is_a_failure_that_says_which() {
        let stopped = Expectation::Stopped("fuel".into()).check(&returned("1")).unwrap_err();
        assert_eq!(stopped, "returned 1, expected a stop by fuel");
        assert_eq!(Expectation::Returns.check(&Outcome::Cancelled).unwrap_err(), "cancelled, expected a result");
    }
}
