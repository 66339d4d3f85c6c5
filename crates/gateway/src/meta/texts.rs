//! An argument of one text or several: models send a list where a text is documented, and write a list as a text.

use serde::{Deserialize, Deserializer};

/// The texts of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts(Vec<String>);

impl Texts {
    /// All of them as one text.
    pub(super) fn joined(&self, separator: &str) -> String {
        self.0.join(separator)
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum Written {
    One(String),
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::List(texts) => texts,
            Written::One(text) => list_in(&text).unwrap_or_else(|| vec![text]),
        }))
    }
}

/// The list of texts that a text holds as JSON.
fn list_in(text: &str) -> Option<Vec<String>> {
    text.trim_start().starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_text_a_list_and_a_list_in_a_text_are_taken() {
        for (given, expected) in [
            (json!("crm.get, crm.put"), "crm.get, crm.put"),
            (json!(["crm.get", "crm.put"]), "crm.get, crm.put"),
            (json!(r#" ["crm.get", "crm.put"]"#), "crm.get, crm.put"),
            (json!("[crm.get, crm.put]"), "[crm.get, crm.put]"),
            (json!([]), ""),
        ] {
            let texts = Texts::deserialize(&given).map(|texts| texts.joined(", "));
            assert_eq!(texts.ok().as_deref(), Some(expected), "{given}");
        }
        for given in [json!(7), json!([7]), json!({"name": "crm.get"}), Value::Null] {
            let error = Texts::deserialize(&given).expect_err("no texts").to_string();
            assert_eq!(error, "expected a string or a list of strings", "{given}");
        }
    }
}
