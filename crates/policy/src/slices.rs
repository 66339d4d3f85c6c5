//! The parts of a JSON text as slices of it. No tree is built, a number keeps its digits, and a key that stands twice is seen
//! twice.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// A text is not JSON, or holds strings that are no Unicode.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// A string of JSON, decoded.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a string.
pub(crate) fn string(value: &str) -> Result<Cow<'_, str>, Unreadable> {
    serde_json::from_str::<Text>(value).map(|text| text.0).map_err(|_| Unreadable)
}

/// The members of an object, or nothing if `value` is something else: each key, and the text of its value.
pub(crate) fn members(value: &str) -> impl Iterator<Item = Result<(Cow<'_, str>, &str), Unreadable>> {
    let mut parts = Parts::of(value, '{', '}');
    std::iter::from_fn(move || parts.next(Parts::member))
}

/// The texts of the elements of an array, or nothing if `value` is something else.
pub(crate) fn elements(value: &str) -> impl Iterator<Item = Result<&str, Unreadable>> {
    let mut parts = Parts::of(value, '[', ']');
    std::iter::from_fn(move || parts.next(Parts::value))
}

/// What is left of an object or an array.
struct Parts<'a> {
    /// Behind the bracket that opens it; `None` once it is over.
    rest: Option<&'a str>,
    closes: char,
    begun: bool,
}

impl<'a> Parts<'a> {
    fn of(value: &'a str, opens: char, closes: char) -> Self {
        Self { rest: skip_space(value).strip_prefix(opens), closes, begun: false }
    }

    /// The next part, as `part` reads it. Nothing follows what cannot be read.
    fn next<T>(&mut self, part: fn(&'a str) -> Option<(T, &'a str)>) -> Option<Result<T, Unreadable>> {
        let rest = skip_space(self.rest.take()?);
        if rest.starts_with(self.closes) {
            return None;
        }
        let at_part = if self.begun { rest.strip_prefix(',') } else { Some(rest) };
        self.begun = true;
        let Some((part, rest)) = at_part.and_then(part) else { return Some(Err(Unreadable)) };
        self.rest = Some(rest);
        Some(Ok(part))
    }

    fn member(text: &'a str) -> Option<((Cow<'a, str>, &'a str), &'a str)> {
        let (key, rest) = Self::value(text)?;
        let (value, rest) = Self::value(skip_space(rest).strip_prefix(':')?)?;
        Some(((string(key).ok()?, value), rest))
    }

    /// The text of the value that stands first, and what follows.
    fn value(text: &'a str) -> Option<(&'a str, &'a str)> {
        let text = skip_space(text);
        let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        text.split_at_checked(values.byte_offset())
    }
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_its_keys_and_the_texts_of_its_values() {
        let text = " { \"a\" : [1, {\"b\":\"}]\"}] ,\n\"\\u0061\":1.50,\"\": \"x,\\\"y\" , \"n\":null}  ";
        let read: Vec<_> = members(text).collect::<Result<_, _>>().unwrap();
        let read: Vec<_> = read.iter().map(|(key, value)| (key.as_ref(), *value)).collect();
        assert_eq!(read, [("a", r#"[1, {"b":"}]"}]"#), ("a", "1.50"), ("", r#""x,\"y""#), ("n", "null")]);
    }

    #[test]
    fn an_array_is_the_texts_of_its_elements() {
        let read: Vec<_> = elements(" [ 1e5 ,[2,3],\"a]\", {} ,true]").collect::<Result<_, _>>().unwrap();
        assert_eq!(read, ["1e5", "[2,3]", "\"a]\"", "{}", "true"]);
    }

    #[test]
    fn what_is_empty_or_something_else_has_no_parts() {
        for text in ["{}", " { } ", "[1]", "7", "\"{\"", "null", ""] {
            assert_eq!(members(text).count(), 0, "{text}");
        }
        for text in ["[]", " [ ] ", "{\"a\":1}", "7", "\"[\""] {
            assert_eq!(elements(text).count(), 0, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_it() {
        for text in ["{\"a\"", "{\"a\" 1}", "{\"\\ud800\":1}", "{7:1}", "{\"a\":}", "{,\"a\":1}", "{\"a\":1 \"b\":2}"] {
            assert_eq!(members(text).last(), Some(Err(Unreadable)), "{text}");
        }
        for text in ["[", "[1 2]", "[,1]", "[1,]", "[1"] {
            assert_eq!(elements(text).last(), Some(Err(Unreadable)), "{text}");
        }
        assert_eq!(string("\"\\ud800\""), Err(Unreadable));
        assert_eq!(string("7"), Err(Unreadable));
        assert_eq!(string("\"\\u0061b\"").unwrap(), "ab");
    }
}
