//! JSON taken apart without being rebuilt.
//!
//! What a server answers is not turned into a tree and back: the parts of it are found in the text and handed on as they
//! were written, so that numbers keep their digits and a large result costs one copy.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use crate::Extent;

/// The members of the object that `text` is, in order, with their values as written. Ends early where the text stops being
/// an object, so a text that is cut off still gives the members before the cut.
#[must_use]
pub fn members(text: &str) -> Members<'_> {
    Members(Parts::of(text, '{'))
}

/// The elements of the array that `text` is, as written. Ends early where the text stops being an array.
#[must_use]
pub fn elements(text: &str) -> Elements<'_> {
    Elements(Parts::of(text, '['))
}

/// The value of the first member with this name.
#[must_use]
pub fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A value that was found in a text by going over it, as it is written there: it is JSON.
///
/// ```compile_fail
/// exuvia_tool::raw::Part("not JSON");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a>(&'a str);

impl<'a> Part<'a> {
    /// The text of it.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The value of the first member with this name.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Self> {
        member(self.0, name).map(Self)
    }
}

/// [`members`], with values that are known to be JSON.
pub fn parts(text: &str) -> impl Iterator<Item = (String, Part<'_>)> {
    members(text).map(|(name, value)| (name, Part(value)))
}

/// The members of an object whose names and values are short: at most `member_bytes` each and `all_bytes` together.
pub fn short_members(text: &str, member_bytes: usize, all_bytes: usize) -> impl Iterator<Item = (String, &str)> {
    let mut left = all_bytes;
    members(text).filter(move |(name, value)| {
        let bytes = name.len() + value.len();
        let is_short = bytes <= member_bytes.min(left);
        if is_short {
            left -= bytes;
        }
        is_short
    })
}

/// Whether `text` nests deeper than [`MAX_DEPTH`](crate::MAX_DEPTH). Expects JSON.
#[must_use]
pub fn too_deep(text: &str) -> bool {
    Extent::of(text).is_err()
}

/// Where `part` stands in `text`, which it was cut out of.
#[must_use]
pub fn place(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

/// See [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a>(Parts<'a>);

/// See [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a>(Parts<'a>);

impl Members<'_> {
    /// Whether the text was an object and nothing else. Known when there are no more members.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.is_whole()
    }
}

impl Elements<'_> {
    /// Whether the text was an array and nothing else. Known when there are no more elements.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.is_whole()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (String, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.next('}')?;
        let (key, rest) = value::<String>(rest)?;
        let (raw, rest) = skip(rest.trim_start().strip_prefix(':')?)?;
        self.0.after(rest, '}');
        Some((key, raw))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let (raw, rest) = skip(self.0.next(']')?)?;
        self.0.after(rest, ']');
        Some(raw)
    }
}

/// What is left of an object or an array.
#[derive(Debug, Clone)]
struct Parts<'a> {
    /// What follows the bracket or a comma.
    rest: Option<&'a str>,
    /// What follows the closing bracket.
    beyond: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, bracket: char) -> Self {
        Self { rest: text.trim_start().strip_prefix(bracket), beyond: None }
    }

    /// Where the next part begins; nothing when the object or array closes, or breaks off, here.
    fn next(&mut self, bracket: char) -> Option<&'a str> {
        let rest = self.rest.take()?;
        self.beyond = rest.trim_start().strip_prefix(bracket);
        if self.beyond.is_some() { None } else { Some(rest) }
    }

    /// A part ended here.
    fn after(&mut self, rest: &'a str, bracket: char) {
        let rest = rest.trim_start();
        self.beyond = rest.strip_prefix(bracket);
        self.rest = rest.strip_prefix(',');
    }

    fn is_whole(&self) -> bool {
        self.beyond.is_some_and(|beyond| beyond.trim_start().is_empty())
    }
}

/// One value read as a `T`, and what follows it.
fn value<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, &'a str)> {
    let mut values = Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

/// One value as written, and what follows it. serde_json skips without recursion.
fn skip(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let (IgnoredAny, rest) = value(text)?;
    Some((&text[..text.len() - rest.len()], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_comes_apart_as_written() {
        let text = r#" {"a" : 1.50, "b\"":{"c":[1, 2]} ,"d":"x,}" } "#;
        let parts: Vec<_> = members(text).collect();
        assert_eq!(parts, [("a".into(), "1.50"), ("b\"".into(), r#"{"c":[1, 2]}"#), ("d".into(), r#""x,}""#)]);
        assert_eq!(member(text, "d"), Some(r#""x,}""#));
        assert_eq!(members("{}").count(), 0);
        assert_eq!(members("[1]").count(), 0);
    }

    #[test]
    fn an_array_comes_apart_as_written() {
        assert_eq!(elements("[1e5, [2,3],\"\\u00e9\"]").collect::<Vec<_>>(), ["1e5", "[2,3]", "\"\\u00e9\""]);
        assert_eq!(elements(" [ ] ").count(), 0);
    }

    #[test]
    fn whether_a_text_was_whole_is_known_at_its_end() {
        let is_object = |text: &str| {
            let mut parts = members(text);
            parts.by_ref().count();
            parts.is_whole()
        };
        assert!([r#"{"a":1}"#, " {} ", "{ }\r\n"].iter().all(|text| is_object(text)));
        assert!(["", "{", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":NaN}"#, "[1]", "{]"].iter().all(|text| !is_object(text)));
        let is_array = |text: &str| {
            let mut parts = elements(text);
            parts.by_ref().count();
            parts.is_whole()
        };
        assert!(["[1,{}]", " [ ] "].iter().all(|text| is_array(text)));
        assert!(["[1", "[1,NaN]", "[1]]", "{}"].iter().all(|text| !is_array(text)));
    }

    #[test]
    fn a_part_is_json() {
        let found: Vec<_> = parts(r#"{"a" : {"b":[1.50 ]} ,"c":nul"#).collect();
        assert_eq!(found, [("a".to_owned(), Part(r#"{"b":[1.50 ]}"#))]);
        let inner = found[0].1.member("b").expect("a member");
        assert_eq!(crate::Json::from_part(inner).expect("JSON").as_str(), "[1.50 ]");
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(128), "]".repeat(128));
        assert!(parts(&deep).all(|(_, part)| crate::Json::from_part(part).is_err()));
    }

    #[test]
    fn a_cut_off_object_gives_what_stands_before_the_cut() {
        let parts: Vec<_> = members(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"te"#).collect();
        assert_eq!(parts, [("jsonrpc".into(), "\"2.0\""), ("id".into(), "7")]);
    }
}
