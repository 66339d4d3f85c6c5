//! What is hidden of recorded values and texts wherever they are shown.

use std::borrow::Cow;

use exuvia_tool::Json;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::JsonPath;

/// What stands in place of something hidden.
pub const REDACTED: &str = "[redacted]";

/// The memory that one compiled pattern may take, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// Rules that hide parts of recorded values and texts.
///
/// ```
/// use exuvia_policy::Redaction;
/// use exuvia_tool::Json;
///
/// let redaction = Redaction::compile(&["$..password".into()], &["sk-[a-z0-9]+".into()]).unwrap();
/// let shown = redaction.json(&Json::parse(r#"{"user":{"password":"x"},"note":"uses sk-12ab"}"#).unwrap());
/// assert_eq!(shown.as_str(), r#"{"user":{"password":"[redacted]"},"note":"uses [redacted]"}"#);
/// assert_eq!(redaction.text("key = 'sk-9'"), "key = '[redacted]'");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    paths: Vec<JsonPath>,
    patterns: Vec<Regex>,
}

/// A rule that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionError {
    /// The list that it stands in: `paths` or `patterns`.
    pub list: &'static str,
    /// Its place in the list, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub message: String,
}

impl Redaction {
    /// Compiles paths of RFC 9535 and regular expressions.
    ///
    /// # Errors
    ///
    /// Every rule that cannot be compiled.
    pub fn compile(paths: &[String], patterns: &[String]) -> Result<Self, Vec<RedactionError>> {
        let mut errors = Vec::new();
        let paths = compiled("paths", paths, path, &mut errors);
        let patterns = compiled("patterns", patterns, pattern, &mut errors);
        if errors.is_empty() { Ok(Self { paths, patterns }) } else { Err(errors) }
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.patterns.is_empty()
    }

    /// A text with everything hidden that a pattern matches.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.patterns.iter().fold(Cow::Borrowed(text), |text, pattern| match pattern.replace_all(&text, REDACTED) {
            Cow::Borrowed(_) => text,
            Cow::Owned(replaced) => Cow::Owned(replaced),
        })
    }

    /// A value with everything hidden that a path leads to, and that a pattern matches in its texts, numbers and
    /// keys. A value that is too large to be taken apart is hidden as a whole.
    #[must_use]
    pub fn json(&self, json: &Json) -> Json {
        if self.is_empty() {
            return json.clone();
        }
        let Ok(mut tree) = json.to_value() else { return Json::from_value(&Value::from(REDACTED)) };
        for path in &self.paths {
            let found: Vec<String> =
                path.query_located(&tree).locations().map(|place| place.to_json_pointer()).collect();
            for pointer in found {
                if let Some(value) = tree.pointer_mut(&pointer) {
                    *value = Value::from(REDACTED);
                }
            }
        }
        if !self.patterns.is_empty() {
            self.search(&mut tree);
        }
        Json::from_value(&tree)
    }

    /// A text that stands alone, as [`json`](Self::json) would show it as the member `name` of an object.
    #[must_use]
    pub fn member(&self, name: &str, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let shown =
            self.json(&Json::from_value(&Value::Object([(name.to_owned(), text.into())].into_iter().collect())));
        let member = shown.to_value().ok().and_then(|mut shown| Some(shown.get_mut(name)?.take()));
        member.as_ref().and_then(Value::as_str).unwrap_or(REDACTED).to_owned()
    }

    fn search(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(replaced) = self.text(text) {
                    *text = replaced;
                }
            }
            Value::Number(number) => {
                if let Cow::Owned(replaced) = self.text(&number.to_string()) {
                    *value = Value::String(replaced);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.search(item)),
            Value::Object(members) => {
                let searched = std::mem::take(members).into_iter().map(|(key, mut value)| {
                    self.search(&mut value);
                    (self.text(&key).into_owned(), value)
                });
                *members = searched.collect();
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn compiled<T>(
    list: &'static str,
    rules: &[String],
    compile: impl Fn(&str) -> Result<T, String>,
    errors: &mut Vec<RedactionError>,
) -> Vec<T> {
    let one = |(index, rule): (usize, &String)| {
        compile(rule).map_err(|message| errors.push(RedactionError { list, index, message })).ok()
    };
    rules.iter().enumerate().filter_map(one).collect()
}

fn path(text: &str) -> Result<JsonPath, String> {
    JsonPath::parse(text).map_err(|error| format!("is no JSON path, for example $..password: {}", error.message()))
}

fn pattern(text: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(text).size_limit(REGEX_BYTES).build().map_err(|error| {
        let error = error.to_string();
        error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })?;
    if regex.is_match("") { Err("matches the empty text, so that it would hide nothing".to_owned()) } else { Ok(regex) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(paths: &[&str], patterns: &[&str], json: &str) -> String {
        let owned = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
        let redaction = Redaction::compile(&owned(paths), &owned(patterns)).expect("rules");
        redaction.json(&Json::parse(json).expect("JSON")).into_string()
    }

    #[test]
    fn paths_hide_what_they_lead_to_wherever_it_is() {
        let json = r#"{"a":[{"token":"x","id":1},{"token":{"b":2},"id":2}],"token":3}"#;
        assert_eq!(
            redacted(&["$..token"], &[], json),
            r#"{"a":[{"token":"[redacted]","id":1},{"token":"[redacted]","id":2}],"token":"[redacted]"}"#
        );
        assert_eq!(
            redacted(&["$.a[*].id"], &[], r#"{"a":[{"id":1}],"id":2}"#),
            r#"{"a":[{"id":"[redacted]"}],"id":2}"#
        );
        assert_eq!(redacted(&["$['a/b~c']"], &[], r#"{"a/b~c":1,"d":2}"#), r#"{"a/b~c":"[redacted]","d":2}"#);
        assert_eq!(redacted(&["$"], &[], r#"{"a":1}"#), r#""[redacted]""#);
    }

    #[test]
    fn patterns_hide_parts_of_texts_numbers_and_keys() {
        assert_eq!(
            redacted(&[], &["[0-9]{6,}", "ann"], r#"{"ann":[4111111111111111,12,"call 5551234 or ann"]}"#),
            r#"{"[redacted]":["[redacted]",12,"call [redacted] or [redacted]"]}"#
        );
        assert_eq!(redacted(&[], &["x"], r#"{"a":1.50}"#), r#"{"a":1.50}"#, "numbers keep their digits");
    }

    #[test]
    fn a_text_is_hidden_as_the_member_that_it_stands_for() {
        let member = |paths: &[&str], patterns: &[&str]| {
            let owned = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
            Redaction::compile(&owned(paths), &owned(patterns)).expect("rules").member("uri", "crm://ann/7")
        };
        assert_eq!(member(&[], &[]), "crm://ann/7");
        assert_eq!(member(&["$.name"], &["ann"]), "crm://[redacted]/7");
        for paths in [["$.uri"], ["$..uri"], ["$"]] {
            assert_eq!(member(&paths, &[]), "[redacted]", "{paths:?}");
        }
        assert_eq!(member(&[], &["uri"]), "[redacted]", "its key is hidden");
    }

    #[test]
    fn every_wrong_rule_is_named() {
        let wrong = Redaction::compile(&["password".into(), "$.a".into()], &["a".into(), "(".into(), "x*".into()]);
        let places: Vec<_> = wrong.unwrap_err().into_iter().map(|error| (error.list, error.index)).collect();
        assert_eq!(places, [("paths", 0), ("patterns", 1), ("patterns", 2)]);
    }
}
