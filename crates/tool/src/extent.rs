//! The size and depth of a JSON text as a tree, computed in one pass without building it.
//!
//! A tree takes far more memory than its text: each element of `[1,1,1]` is a node of 72 bytes with a string on the heap,
//! because numbers keep their digits and objects their order. Whoever is about to build one asks here first.

use std::fmt;

/// How many levels a value may nest. Everything that reads JSON does it recursively, serde_json (which stops at 128) as well
/// as CPython.
pub const MAX_DEPTH: usize = 127;

/// The memory that one tree may take, by the estimate of [`Extent::tree_bytes`]: 48 MiB. No larger one is built.
pub const MAX_TREE_BYTES: usize = 48 << 20;

/// A [`serde_json::Value`], where it stands.
const NODE: usize = 72;
/// The smallest piece of heap.
const HEAP: usize = 32;
/// An array begins with room for four elements.
const FIRST_ELEMENT: usize = 4 * NODE + 16;
/// Room is doubled when it runs out.
const ELEMENT: usize = 2 * NODE;
/// An object begins with room for four members (hash, key, value) and their index.
const FIRST_MEMBER: usize = 4 * MEMBER_NODE + 64;
const MEMBER: usize = 2 * MEMBER_NODE + 32;
const MEMBER_NODE: usize = 8 + 24 + NODE;

/// What a JSON text amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many levels it nests.
    pub depth: usize,
    /// Values of every kind, its own included. The names of members do not count.
    pub values: usize,
    /// Members of all objects, those that are named twice counted twice.
    pub members: usize,
    /// About the memory that a tree of it takes, in bytes. Not less than what it takes, up to three times as much.
    pub tree_bytes: usize,
}

/// A text nests deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooDeep;

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it nests deeper than {MAX_DEPTH} levels")
    }
}

impl std::error::Error for TooDeep {}

impl Extent {
    /// Measures a text. Of what is no JSON it gives some number or other.
    ///
    /// # Errors
    ///
    /// The text nests too deep.
    pub fn of(json: &str) -> Result<Self, TooDeep> {
        let mut scan = Scan { bytes: json.as_bytes(), at: 0, extent: Self { tree_bytes: NODE, ..Self::default() } };
        scan.run()?;
        Ok(scan.extent)
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    extent: Extent,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), TooDeep> {
        // Which of the containers that are open are objects: a bit for each level.
        let (mut objects, mut depth) = (0_u128, 0_usize);
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => self.string(),
                b'[' | b'{' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(TooDeep);
                    }
                    let is_object = byte == b'{';
                    objects = (objects << 1) + u128::from(is_object);
                    self.extent.depth = self.extent.depth.max(depth);
                    self.extent.values += 1;
                    if !self.closes() {
                        self.extent.tree_bytes += if is_object { FIRST_MEMBER } else { FIRST_ELEMENT };
                    }
                }
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    objects >>= 1;
                }
                b',' => self.extent.tree_bytes += if objects & 1 == 1 { MEMBER } else { ELEMENT },
                b':' => {
                    self.extent.members += 1;
                    // The string before it was its name.
                    self.extent.values = self.extent.values.saturating_sub(1);
                }
                b'-' | b'0'..=b'9' => self.number(),
                b't' | b'f' | b'n' => {
                    self.extent.values += 1;
                    self.at += 3;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the container that was just opened holds nothing.
    fn closes(&self) -> bool {
        let next = self.bytes[self.at..].iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(next, Some(b']' | b'}') | None)
    }

    fn string(&mut self) {
        let begun = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.value(self.at - begun);
        self.at += 1;
    }

    fn number(&mut self) {
        let begun = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        {
            self.at += 1;
        }
        self.value(self.at - begun + 1);
    }

    fn value(&mut self, length: usize) {
        self.extent.values += 1;
        self.extent.tree_bytes += HEAP.max(length + 24);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What a tree takes at least, by its own sizes.
    fn taken(value: &Value) -> usize {
        let heap = |length: usize| length.max(8);
        match value {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(number) => heap(number.as_str().len()),
            Value::String(text) => heap(text.len()),
            Value::Array(elements) => {
                elements.capacity() * size_of::<Value>() + elements.iter().map(taken).sum::<usize>()
            }
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| heap(name.len()) + taken(value);
                members.len() * (8 + size_of::<String>() + size_of::<Value>())
                    + members.iter().map(member).sum::<usize>()
            }
        }
    }

    #[test]
    fn a_tree_takes_no_more_than_was_estimated() {
        assert!(size_of::<Value>() <= NODE);
        for text in [
            "1".to_owned(),
            format!("[{}1]", "1,".repeat(100_000)),
            format!("[{}{{}}]", "{},".repeat(1_000)),
            format!("[{}[]]", "[1],".repeat(1_000)),
            format!("[{}{{}}]", r#"{"a":1},"#.repeat(1_000)),
            format!("[{}0]", r#"{"a":"b","c":[1,2,3],"dd":{"e":null}},"#.repeat(1_000)),
            format!("{{{}\"z\":0}}", (0..1_000).map(|n| format!("\"{n}\":{n},")).collect::<String>()),
            format!("{}{}", "[".repeat(100), "]".repeat(100)),
            format!("[\"{}\"]", "\\u0041".repeat(1_000)),
            format!("[{}]", "9".repeat(1_000)),
        ] {
            let (extent, tree) = (Extent::of(&text).unwrap(), serde_json::from_str(&text).unwrap());
            let taken = NODE + taken(&tree);
            let head: String = text.chars().take(40).collect();
            assert!(extent.tree_bytes >= taken, "{head}: {extent:?} is less than {taken}");
            assert!(extent.tree_bytes <= 10 * taken, "{head}: {extent:?} is far more than {taken}");
        }
    }

    #[test]
    fn the_estimate_is_made_of_what_each_part_takes() {
        let bytes = |text: &str| Extent::of(text).unwrap().tree_bytes;
        assert_eq!(["[]", "{ }", "[ ]", "true"].map(bytes), [NODE; 4]);
        assert_eq!(
            ["[1]", "[1,2]", "[1,2,3]"].map(bytes),
            [72 + 304 + 32, 72 + 304 + 144 + 2 * 32, 72 + 304 + 2 * 144 + 3 * 32]
        );
        assert_eq!([r#"{"a":1}"#, r#"{"a":1,"b":2}"#].map(bytes), [72 + 480 + 2 * 32, 72 + 480 + 240 + 4 * 32]);
        // A comma adds what it is worth in its own container, also after an inner one.
        assert_eq!(bytes(r#"{"a":[1,2],"b":3}"#), 72 + (480 + 240) + (304 + 144) + 5 * 32);
        assert_eq!(bytes(r#"[{"a":1,"b":2},3,4]"#), 72 + (304 + 2 * 144) + (480 + 240) + 6 * 32);
        assert_eq!(bytes(r#"[[{"a":[],"b":2}],3]"#), 72 + (304 + 144) + 304 + (480 + 240) + 4 * 32);
        // Text and digits count from where they need more than the smallest piece.
        assert_eq!((bytes(&format!("\"{}\"", "x".repeat(8))), bytes(&"9".repeat(8))), (72 + 32, 72 + 32));
        assert_eq!((bytes(&format!("\"{}\"", "x".repeat(40))), bytes(&"9".repeat(40))), (72 + 64, 72 + 64));
        assert_eq!(bytes(&format!("[\"{}\\\"\",{}]", "x".repeat(38), "9".repeat(40))), 72 + 304 + 144 + 2 * 64);
    }

    #[test]
    fn values_members_and_levels_are_counted() {
        let extent = |text: &str| Extent::of(text).map(|extent| (extent.depth, extent.values, extent.members));
        assert_eq!(extent(r#"{"a":[1,-2.5e+3,"x"],"b":{"c":null,"c":true}, "d" : [ ] }"#), Ok((2, 9, 5)));
        assert_eq!(extent(r#""a\"[{,:""#), Ok((0, 1, 0)));
        assert_eq!(extent(" [ [ ] , { } ] "), Ok((2, 3, 0)));
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(Extent::of(&nested(MAX_DEPTH)).map(|extent| extent.depth), Ok(MAX_DEPTH));
        assert_eq!(Extent::of(&nested(MAX_DEPTH + 1)), Err(TooDeep));
        assert_eq!(Extent::of(&format!("\"{}\\\"{}\"", "[".repeat(500), "{".repeat(500))).map(|e| e.depth), Ok(0));
    }

    #[test]
    fn measuring_invalid_json_does_not_fail() {
        for text in ["", "\"", "\"\\", "t", "]]]]", "{\"a", ":::", "[1,", "-", "\u{e9}\\\"", "[n"] {
            let _ = Extent::of(text);
        }
    }
}
