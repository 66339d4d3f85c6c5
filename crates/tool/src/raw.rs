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
    Members { rest: open(text, '{') }
}

/// The elements of the array that `text` is, as written. Ends early where the text stops being an array.
#[must_use]
pub fn elements(text: &str) -> Elements<'_> {
    Elements { rest: open(text, '[') }
}

/// The value of the first member with this name.
#[must_use]
pub fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The members of an object whose names and values are short, for whoever needs no more than those: at most `member_bytes` each
/// and `all_bytes` together.
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
pub struct Members<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (String, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (key, rest) = value::<String>(rest)?;
        let (raw, rest) = skip(rest.trim_start().strip_prefix(':')?)?;
        self.rest = after(rest, '}');
        Some((key, raw))
    }
}

/// See [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let (raw, rest) = skip(self.rest.take()?)?;
        self.rest = after(rest, ']');
        Some(raw)
    }
}

fn open(text: &str, bracket: char) -> Option<&str> {
    text.trim_start().strip_prefix(bracket)
}

/// What follows a comma; nothing when the object or array closes, or breaks off, here.
fn after(rest: &str, bracket: char) -> Option<&str> {
    let rest = rest.trim_start();
    if rest.starts_with(bracket) { None } else { rest.strip_prefix(',') }
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
    fn a_cut_off_object_gives_what_stands_before_the_cut() {
        let parts: Vec<_> = members(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"te"#).collect();
        assert_eq!(parts, [("jsonrpc".into(), "\"2.0\""), ("id".into(), "7")]);
    }
}
