//! A shape as a model reads it.

use std::fmt;

use crate::shape::{Object, Shape};

/// The longest text of a shape, in bytes. What is deeper than fits is `dict` and `list`.
const MAX_BYTES: usize = 600;

/// Nearly Python: `{"total": int, "issues": [{"key": str, "due"?: str | None}]}`. A `?` marks keys that not every object has;
/// `str (JSON: [int])` is text that holds JSON, and `str (Python literal: [int])` what `ast.literal_eval` reads. At most 600 bytes.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = (1..=crate::shape::MAX_DEPTH).rev().map(|depth| self.to_depth(depth));
        let text = fitting.into_iter().find(|text| text.len() <= MAX_BYTES);
        f.write_str(text.as_deref().unwrap_or("dict"))
    }
}

impl Shape {
    /// With objects and lists written out to this depth.
    fn to_depth(&self, depth: usize) -> String {
        let mut forms = Vec::new();
        if let Some(object) = &self.object {
            forms.push(object.to_depth(depth));
        }
        if let Some(list) = &self.list {
            forms.push(match depth.checked_sub(1) {
                _ if list.longest == 0 => "list".to_owned(),
                None => "list".to_owned(),
                Some(deeper) => format!("[{}]", list.item.to_depth(deeper)),
            });
        }
        if self.texts > 0 {
            forms.push(self.text_to_depth(depth));
        }
        let simple = [(self.bool, "bool"), (self.int, "int"), (self.float, "float"), (self.null, "None")];
        forms.extend(simple.into_iter().filter(|(is_seen, _)| *is_seen).map(|(_, name)| name.to_owned()));
        if self.other {
            forms.push("Any".to_owned());
        }
        if forms.is_empty() { "Any".to_owned() } else { forms.join(" | ") }
    }

    /// What texts are.
    fn text_to_depth(&self, depth: usize) -> String {
        let form = match self.texts {
            texts if texts == self.json_texts => "JSON",
            // `[]` and numbers are both.
            texts if texts == self.json_texts.saturating_add(self.python_texts) => "Python literal",
            _ => return "str".to_owned(),
        };
        match (&self.held, depth.checked_sub(1)) {
            (Some(held), Some(deeper)) => format!("str ({form}: {})", held.to_depth(deeper)),
            _ => format!("str ({form})"),
        }
    }
}

impl Object {
    fn to_depth(&self, depth: usize) -> String {
        let Some(deeper) = depth.checked_sub(1) else { return "dict".to_owned() };
        if let Some(any) = &self.any {
            return format!("dict[str, {}]", any.to_depth(deeper));
        }
        let entries = self.keys.iter().map(|(key, shape)| {
            let mark = if shape.seen < self.seen { "?" } else { "" };
            format!("\"{key}\"{mark}: {}", shape.to_depth(deeper))
        });
        format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(answers: &[&str]) -> String {
        let mut shape = Shape::default();
        for answer in answers {
            shape.observe(answer);
        }
        assert_eq!(shape.seen(), answers.len() as u64);
        shape.to_string()
    }

    #[test]
    fn keys_and_types_are_learned_and_no_value() {
        let one = r#"{"total": 2, "issues": [{"key": "A-1", "due": null}, {"key": "A-2", "points": 1.5}]}"#;
        let two = r#"{"total": 0, "issues": [], "next": "secret"}"#;
        assert_eq!(
            learned(&[one, two]),
            r#"{"total": int, "issues": [{"key": str, "due"?: None, "points"?: float}], "next"?: str}"#
        );
    }

    #[test]
    fn what_differs_is_a_union() {
        assert_eq!(learned(&["1", "2.5", "\"x\"", "null", "true", "[]"]), "list | str | bool | int | float | None");
        assert_eq!(learned(&["12345678901234567890123", "-1", "1e3"]), "int | float");
    }

    #[test]
    fn keys_that_are_values_are_not_kept() {
        assert_eq!(
            learned(&[r#"{"ann@example.com": {"age": 1}, "bob@example.com": {"age": 2}}"#]),
            r#"dict[str, {"age": int}]"#
        );
        assert_eq!(learned(&[r#"{"a": 1, "b": "x"}"#, r#"{"2026-01-01": null}"#]), "dict[str, str | int | None]");
        let many: Vec<String> =
            (0..100).map(|n| format!("\"k{}{}\": 1", char::from(b'a' + n / 26), char::from(b'a' + n % 26))).collect();
        assert_eq!(learned(&[&format!("{{{}}}", many.join(","))]), "dict[str, int]");
    }

    #[test]
    fn text_that_is_json_is_marked() {
        assert_eq!(learned(&[r#""{\"a\": 1}""#, r#""[1]""#]), r#"str (JSON: {"a": int} | [int])"#);
        assert_eq!(learned(&[r#""{\"a\": 1}""#, r#""12""#]), "str");
    }

    #[test]
    fn text_that_is_a_python_literal_is_marked() {
        let rows = r#""[{'name': 'orders', 'n': 3}, {'name': None, 'n': 4}]""#;
        let all = r#"str (Python literal: [{"name": str | None, "n": int}])"#;
        assert_eq!(learned(&[rows]), all);
        assert_eq!(learned(&[rows, r#""[]""#]), all);
        assert_eq!(learned(&[rows, r#""[INFO] started""#]), "str");
        assert_eq!(learned(&[r#""{'ann@example.com': 1}""#]), "str (Python literal: dict[str, int])");
    }

    #[test]
    fn a_large_shape_is_shown_less_deep() {
        let inner = |n: usize| {
            format!("\"field_{n}\": {{\"one_more_key_{n}\": {{\"the_last_key\": 1}}}}", n = char::from(b'a' + n as u8))
        };
        let text = learned(&[&format!("{{{}}}", (0..20).map(inner).collect::<Vec<_>>().join(","))]);
        assert!(text.len() <= MAX_BYTES && text.starts_with("{\"field_a\": dict, "), "{text}");
    }

    #[test]
    fn hostile_answers_stay_small() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let wide = format!("[{}]", vec![r#"{"a":[{"b":[{"c":[{"d":1}]}]}]}"#; 10_000].join(","));
        let mut shape = Shape::default();
        for answer in [deep.as_str(), &wide, "{\"a\": ", "nonsense", "[1] 2"] {
            shape.observe(answer);
        }
        // What is no JSON was not observed.
        assert_eq!(shape.seen(), 2);
        for n in 0..2_000_u32 {
            let name: String = n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
            shape.observe(&format!("[{{\"{name}\": {{\"x{name}\": [{{\"y{name}\": null}}]}}}}]"));
        }
        assert!(shape.nodes() <= crate::shape::MAX_NODES + crate::shape::MAX_KEYS, "{}", shape.nodes());
        assert!(shape.to_string().len() <= MAX_BYTES);
    }
}
