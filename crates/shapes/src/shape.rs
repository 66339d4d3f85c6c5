//! What a shape is.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The deepest that shapes go; what lies deeper is `Any`.
pub(crate) const MAX_DEPTH: usize = 8;

/// The most keys of one object. One with more of them is a `dict[str, ...]`.
pub(crate) const MAX_KEYS: usize = 48;

/// The most objects, lists and other values that one shape distinguishes.
pub(crate) const MAX_NODES: usize = 400;

/// The longest key, in bytes.
pub(crate) const MAX_KEY_BYTES: usize = 64;

/// The most digits in a key: ids have more of them than names of fields.
const MAX_KEY_DIGITS: usize = 4;

/// How names of files and hosts end.
const ENDINGS: &str = "bmp cc cfg com cpp cs css csv docx eml exe gif gz hpp html ico ics ini ipynb java jpeg jpg js json jsonl jsx \
    kt lua md mov mp3 mp4 ods odt pdf php png ppt pptx py pyi rb rs rst scss sqlite svg tar tex toml tsv tsx ttf txt vue wav webp \
    xls xlsx xml yaml yml";

/// How they end too, and names of fields as well: `salary.net`, `user.local`.
const DOUBTFUL_ENDINGS: &str = "c conf db dev doc env git go h io local lock log net org sh sql swift ts zip";

/// What was seen at one place of the answers of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How many values were seen here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) seen: u64,
    /// Whether some were null, booleans, whole numbers, or other numbers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) null: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) bool: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) int: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) float: bool,
    /// How many were text, and how many of these hold an object or a list as JSON.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) texts: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) json_texts: u64,
    /// How many hold one as a Python literal, and what is in these texts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) python_texts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<Box<Shape>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<Box<List>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<Box<Object>>,
    /// Whether something was seen that is too deep or too much to be distinguished.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) other: bool,
}

/// What lists hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// The shortest and the longest, in items.
    pub(crate) shortest: u64,
    pub(crate) longest: u64,
    pub(crate) item: Shape,
}

/// What objects hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Object {
    /// How many objects were seen.
    pub(crate) seen: u64,
    /// By key, in the order in which the keys were first seen. Empty where [`any`](Self::any) is not.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(crate) keys: IndexMap<String, Shape>,
    /// What all values are, if the keys are values themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) any: Option<Shape>,
}

impl Shape {
    /// How many answers it was learned from.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether nothing was learned that a script could use.
    #[must_use]
    pub fn is_trivial(&self) -> bool {
        *self == Self { seen: self.seen, other: self.other, ..Self::default() }
    }

    /// Whether nothing was seen but null, if that.
    pub(crate) fn is_null_at_most(&self) -> bool {
        let Self { bool, int, float, texts, other, .. } = *self;
        !(bool || int || float || texts > 0 || other) && self.list.is_none() && self.object.is_none()
    }

    /// Whether it is text alone, of which nothing is known.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        let parsed = self.json_texts.saturating_add(self.python_texts);
        self.texts > parsed && self.list.is_none() && self.object.is_none()
    }

    /// Whether both show the same, however often it was seen.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let kinds = |shape: &Self| {
            let of_json = shape.texts == shape.json_texts;
            let texts = (shape.texts > 0, of_json, shape.texts == shape.json_texts.saturating_add(shape.python_texts));
            (texts, shape.null, shape.bool, shape.int, shape.float, shape.other)
        };
        let lists = match (&self.list, &other.list) {
            (Some(one), Some(two)) => (one.longest == 0) == (two.longest == 0) && one.item.is_like(&two.item),
            (one, two) => one.is_some() == two.is_some(),
        };
        let objects = match (&self.object, &other.object) {
            (Some(one), Some(two)) => one.is_like(two),
            (one, two) => one.is_some() == two.is_some(),
        };
        let held = match (&self.held, &other.held) {
            (Some(one), Some(two)) => one.is_like(two),
            (one, two) => one.is_some() == two.is_some(),
        };
        kinds(self) == kinds(other) && lists && objects && held
    }

    /// The same as advice that no answer was seen for: beside what was seen, its keys are some that not every answer has.
    pub(crate) fn unseen(mut self) -> Self {
        self.seen = 0;
        if let Some(object) = &mut self.object {
            object.seen = 0;
            for shape in object.keys.values_mut().chain(&mut object.any) {
                *shape = std::mem::take(shape).unseen();
            }
        }
        if let Some(list) = &mut self.list {
            list.item = std::mem::take(&mut list.item).unseen();
        }
        if let Some(held) = &mut self.held {
            **held = std::mem::take(&mut **held).unseen();
        }
        self
    }

    /// How many places it distinguishes.
    pub(crate) fn nodes(&self) -> usize {
        let list = self.list.as_ref().map_or(0, |list| list.item.nodes());
        let object =
            self.object.as_ref().map_or(0, |object| object.keys.values().chain(&object.any).map(Self::nodes).sum());
        1 + list + object + self.held.as_ref().map_or(0, |held| held.nodes())
    }
}

impl Object {
    fn is_like(&self, other: &Self) -> bool {
        let values = match (&self.any, &other.any) {
            (Some(one), Some(two)) => one.is_like(two),
            (one, two) => one.is_some() == two.is_some(),
        };
        let is_optional = |object: &Self, shape: &Shape| shape.seen < object.seen;
        let mut keys = self.keys.iter().zip(&other.keys);
        values
            && self.keys.len() == other.keys.len()
            && keys.all(|((key, one), (name, two))| {
                key == name && is_optional(self, one) == is_optional(other, two) && one.is_like(two)
            })
    }
}

/// Whether a key looks like the name of a field rather than a value: a letter, `_`, `$` or `@`, then letters, digits, `_`, `-`, `.` and `$`,
/// few of them digits; and neither like the name of a file or a host nor like a number in a series (`PROJ-12`).
pub(crate) fn is_field(key: &str) -> bool {
    let mut characters = key.chars();
    let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | '$' | '@'));
    let goes_on = |other: char| other.is_ascii_alphanumeric() || matches!(other, '_' | '-' | '.' | '$');
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    begins && key.len() <= MAX_KEY_BYTES && digits <= MAX_KEY_DIGITS && characters.all(goes_on) && !is_named_thing(key)
}

/// Whether a key looks like the name of a file or a host, `report.pdf`, or like a number in a series, `PROJ-12`.
fn is_named_thing(key: &str) -> bool {
    has_ending(key, ENDINGS)
        || series(key).is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
}

/// Whether it may be such a name although fields have such names too: `salary.net`, `sha-256`. Two of them in one object are none of fields.
pub(crate) fn may_be_named_thing(key: &str) -> bool {
    has_ending(key, DOUBTFUL_ENDINGS) || series(key).is_some()
}

fn has_ending(key: &str, endings: &str) -> bool {
    let is_ending = |ending: &str| endings.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(ending));
    key.rsplit_once('.').is_some_and(|(_, ending)| is_ending(ending))
}

/// What stands in front of a number behind a dash.
fn series(key: &str) -> Option<&str> {
    let (name, number) = key.rsplit_once('-')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(answers: &[&str]) -> Shape {
        let mut shape = Shape::default();
        answers.iter().for_each(|answer| shape.observe(answer));
        shape
    }

    #[test]
    fn shapes_that_show_the_same_are_alike_and_others_are_not() {
        let first = r#"{"a": [{"b": 1}], "c": "x"}"#;
        let of_first = learned(&[first]);
        assert!(of_first.is_like(&learned(&[first, r#"{"a": [], "c": "y"}"#])));
        for other in [
            r#"{"a": [{"b": 1}]}"#,
            r#"{"a": [{"b": 1}], "c": "x", "d": 1}"#,
            r#"{"a": [{"b": 1.5}], "c": "x"}"#,
            r#"{"a": [{"b": 1}, {}], "c": "x"}"#,
            r#"{"a": [{"b": 1}], "c": null}"#,
            "[]",
        ] {
            let both = learned(&[first, other]);
            assert!(!of_first.is_like(&both) && of_first.to_string() != both.to_string(), "{other}");
        }
        for (one, two) in [("[]", "[1]"), (r#""[1]""#, r#""x""#), (r#"{"1": 1}"#, r#"{"1": null}"#), ("1", "[[]]")] {
            assert!(!learned(&[one]).is_like(&learned(&[one, two])), "{one} {two}");
        }
    }

    #[test]
    fn a_key_that_may_be_a_value_is_no_field() {
        for field in [
            "id",
            "displayName",
            "_links",
            "$ref",
            "@odata.nextLink",
            "x-rate-limit",
            "address.line1",
            "utf8",
            "image_512",
            "salary.net",
            "user.local",
            "process.env",
            "sha-256",
            "ipv-4",
        ] {
            assert!(is_field(field), "{field}");
        }
        for value in [
            "",
            "2026",
            "ann@example.com",
            "c0ffee12345",
            "a b",
            "ä",
            "PROJ-12345",
            "a\nb",
            &"x".repeat(65),
            "PROJ-7",
            "report.pdf",
            "README.md",
            "www.example.com",
        ] {
            assert!(!is_field(value), "{value}");
        }
    }
}
