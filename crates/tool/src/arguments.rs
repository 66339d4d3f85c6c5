//! The arguments of one call: a text, and the tree of it, which is built once.

use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Extent, Json, JsonError, raw};

/// The largest tree that goes on with its call once the call is decided on, by the estimate of [`Extent::tree_bytes`].
const KEPT_TREE_BYTES: usize = 64 * 1024;
/// The longest member of an [outline](Arguments::outline), name and value: what can stand in a header.
const SHORT_BYTES: usize = 4 * 1024;
/// All members of an outline.
const OUTLINE_BYTES: usize = 64 * 1024;

/// The arguments of a call. All steps of the call read one tree, and the text is what is sent.
///
/// A tree is built by the first call of [`tree`](Self::tree), and never again for the same call: the text has no other way to a
/// tree. A clone has the text alone, and so has what is serialized.
///
/// ```
/// use exuvia_tool::Arguments;
///
/// let mut arguments = Arguments::parse(r#"{"path":"/a","path":"/b"}"#).unwrap();
/// assert_eq!(arguments.tree().unwrap()["path"], "/b");
/// // Of members with one name the last one stays, so that whoever reads the text finds what was decided on.
/// assert_eq!(arguments.as_str(), r#"{"path":"/b"}"#);
/// ```
///
/// ```compile_fail
/// # let arguments = exuvia_tool::Arguments::parse("{}").unwrap();
/// arguments.to_value();
/// ```
pub struct Arguments {
    text: Json,
    tree: Tree,
}

/// How much of a tree there is.
enum Tree {
    /// Nobody has asked for it.
    Unread,
    Whole(Value),
    /// It was large: its short members are left of it.
    Outline(Map<String, Value>),
}

impl Arguments {
    /// Checks that `text` is one JSON value and keeps it as it is.
    ///
    /// # Errors
    ///
    /// As [`Json::parse`].
    pub fn parse(text: impl Into<String>) -> Result<Self, JsonError> {
        Json::parse(text).map(Self::from)
    }

    /// The arguments that a tree is.
    #[must_use]
    pub fn from_tree(tree: Value) -> Self {
        Self { text: Json::from_value(&tree), tree: Tree::Whole(tree) }
    }

    /// The tree. If a name stood twice in an object, the text is another one from now on: it has each member once, the last one.
    ///
    /// # Errors
    ///
    /// As [`Json::to_value`]. Also once it was [decided on](Self::decided), if the tree was large.
    pub fn tree(&mut self) -> Result<&Value, JsonError> {
        if let Tree::Unread = self.tree {
            let tree = self.text.to_value()?;
            if members(&tree) != self.text.extent().members {
                self.text = Json::from_value(&tree);
            }
            self.tree = Tree::Whole(tree);
        }
        match &self.tree {
            Tree::Whole(tree) => Ok(tree),
            Tree::Unread | Tree::Outline(_) => Err(JsonError::too_large()),
        }
    }

    /// Changes the tree, and the text with it if `change` says that it did.
    ///
    /// # Errors
    ///
    /// As [`tree`](Self::tree).
    pub fn amend(&mut self, change: impl FnOnce(&mut Value) -> bool) -> Result<(), JsonError> {
        self.tree()?;
        if let Tree::Whole(tree) = &mut self.tree
            && change(tree)
        {
            self.text = Json::from_value(tree);
        }
        Ok(())
    }

    /// The tree, owned. Of one that was made [from a tree](Self::from_tree) and was large when it was decided on, it is built here.
    ///
    /// # Errors
    ///
    /// As [`Json::to_value`].
    pub fn into_tree(self) -> Result<Value, JsonError> {
        match self.tree {
            Tree::Whole(tree) => Ok(tree),
            Tree::Unread | Tree::Outline(_) => self.text.to_value(),
        }
    }

    /// Nobody has to decide on them any more: of a large tree no more is kept than its short members.
    pub fn decided(&mut self) {
        if self.text.extent().tree_bytes > KEPT_TREE_BYTES
            && let Tree::Whole(tree) = &self.tree
        {
            self.tree = Tree::Outline(short_members(tree));
        }
    }

    /// The short ones among the members: at most 4 KiB each and 64 KiB together.
    #[must_use]
    pub fn outline(&self) -> Map<String, Value> {
        match &self.tree {
            Tree::Whole(tree) => short_members(tree),
            Tree::Outline(outline) => outline.clone(),
            Tree::Unread => raw::short_members(self.as_str(), SHORT_BYTES, OUTLINE_BYTES)
                .filter_map(|(name, value)| Some((name, serde_json::from_str(value).ok()?)))
                .collect(),
        }
    }

    /// What the text amounts to.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.text.extent()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The text, owned: what is sent or shown, and read by nobody here any more.
    #[must_use]
    pub fn into_json(self) -> Json {
        self.text
    }

    /// The length of the text in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.text.size_bytes()
    }
}

impl From<Json> for Arguments {
    fn from(text: Json) -> Self {
        Self { text, tree: Tree::Unread }
    }
}

impl Clone for Arguments {
    fn clone(&self) -> Self {
        self.text.clone().into()
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(Self::from)
    }
}

/// How many members all objects of a tree have.
fn members(tree: &Value) -> usize {
    match tree {
        Value::Array(elements) => elements.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

fn short_members(tree: &Value) -> Map<String, Value> {
    let mut left = OUTLINE_BYTES;
    let members = tree.as_object().into_iter().flatten().filter(|(name, value)| {
        let mut room = Room(SHORT_BYTES.min(left));
        let is_short = room.take(name.len()) && serde_json::to_writer(&mut room, value).is_ok();
        if is_short {
            left -= SHORT_BYTES.min(left) - room.0;
        }
        is_short
    });
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Bytes that may still be written, into nothing.
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> bool {
        self.0.checked_sub(bytes).map(|left| self.0 = left).is_some()
    }
}

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.take(bytes.len()) { Ok(bytes.len()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        Arguments::parse(text).expect("JSON")
    }

    #[test]
    fn a_change_of_the_tree_is_one_of_the_text() {
        let mut arguments = arguments(r#"{"a":null,"b":1.50}"#);
        let remove = |tree: &mut Value| tree.as_object_mut().is_some_and(|members| members.shift_remove("a").is_some());
        arguments.amend(remove).expect("a tree");
        assert_eq!(arguments.as_str(), r#"{"b":1.50}"#);
        assert!(arguments.tree().expect("a tree").get("a").is_none());
        arguments.amend(|_| false).expect("a tree");
        assert_eq!(arguments.as_str(), r#"{"b":1.50}"#);
    }

    #[test]
    fn the_tree_is_built_once() {
        let mut arguments = arguments(r#"{"a":[1,2]}"#);
        let first: *const Value = &raw const arguments.tree().expect("a tree")["a"][1];
        arguments.decided();
        let again: *const Value = &raw const arguments.tree().expect("a tree")["a"][1];
        assert_eq!(first, again);
        let tree = arguments.into_tree().expect("a tree");
        assert_eq!(first, &raw const tree["a"][1]);
        let mut made = Arguments::from_tree(tree);
        assert_eq!(first, &raw const made.tree().expect("a tree")["a"][1]);
        assert_eq!(made.as_str(), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn of_members_that_are_named_twice_the_last_one_stays() {
        let kept = |text: &str| {
            let mut arguments = arguments(text);
            arguments.tree().expect("a tree");
            arguments.into_json().into_string()
        };
        assert_eq!(kept(r#"{"path":"/etc","path":"/ok"}"#), r#"{"path":"/ok"}"#);
        assert_eq!(kept(r#"[{"a":[{"b":1,"\u0062":2}]}]"#), r#"[{"a":[{"b":2}]}]"#);
        assert_eq!(kept(r#"{ "a" : 1, "b":{"a":1} }"#), r#"{ "a" : 1, "b":{"a":1} }"#);
    }

    #[test]
    fn of_a_large_tree_the_short_members_stay_and_it_is_not_built_again() {
        let long = "y".repeat(SHORT_BYTES);
        let short = r#""a":"x","b":{"c":true},"n":12345678901234567890123,"path":1.50"#;
        let text = format!(r#"{{{short},"long":"{long}","many":[{}1]}}"#, "1,".repeat(3_000));
        let mut read = arguments(&text);
        read.tree().expect("a tree");
        let whole = Value::Object(read.outline()).to_string();
        read.decided();
        assert!(read.tree().is_err());
        // A read of a direct server comes as a tree and leaves as one.
        let made: Value = serde_json::from_str(&text).expect("JSON");
        let mut sent = Arguments::from_tree(made.clone());
        sent.decided();
        assert_eq!(sent.into_tree().expect("a tree"), made);
        let unread = arguments(&text).outline();
        assert_eq!((whole, Value::Object(unread)), (format!("{{{short}}}"), Value::Object(read.outline())));
        assert_eq!(read.as_str(), text);
        let many = (0..20_000).map(|n| format!("\"{n}\":[1]")).collect::<Vec<_>>().join(",");
        let (unread, mut read) = (arguments(&format!("{{{many}}}")), arguments(&format!("{{{many}}}")));
        read.tree().expect("a tree");
        let (unread, read) = (unread.outline(), read.outline());
        assert!(read == unread && (5_000..10_000).contains(&read.len()), "{} {}", read.len(), unread.len());
    }

    #[test]
    fn an_outline_holds_4_kib_of_a_member_and_64_kib_of_all() {
        // Name, quotes and text.
        let member = |name: &str, bytes: usize| format!("\"{name}\":\"{}\"", "x".repeat(bytes - name.len() - 2));
        let names = |members: &[String]| {
            let mut read = arguments(&format!("{{{}}}", members.join(",")));
            let unread = read.outline();
            read.tree().expect("a tree");
            assert_eq!(unread, read.outline());
            unread.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&[member("a", 4_096), member("b", 4_097)]), "a");
        let full: Vec<_> = ('a'..='p').map(|name| member(&name.to_string(), 4_096)).collect();
        assert_eq!(full.len() * 4_096, 65_536);
        assert_eq!(names(&[full.clone(), vec![member("q", 3)]].concat()), "a b c d e f g h i j k l m n o p");
        assert_eq!(
            names(&[&full[..15], &[member("q", 4_093), member("r", 4), member("s", 3)]].concat()),
            "a b c d e f g h i j k l m n o q s"
        );
    }

    #[test]
    fn a_tree_as_large_as_may_be_kept_is_kept() {
        let tree_bytes = |text: &str| Extent::of(text).expect("shallow").tree_bytes;
        let text = |length: usize| format!("[\"{}\"]", "x".repeat(length));
        let length = 1_000 + KEPT_TREE_BYTES - tree_bytes(&text(1_000));
        for (length, is_kept) in [(length, true), (length + 1, false)] {
            let mut read = arguments(&text(length));
            assert_eq!((read.size_bytes(), read.extent().tree_bytes <= KEPT_TREE_BYTES), (length + 4, is_kept));
            read.tree().expect("a tree");
            read.decided();
            assert_eq!(read.tree().is_ok(), is_kept);
        }
    }

    #[test]
    fn a_clone_is_the_text() {
        let mut one = arguments(r#"{"a":1}"#);
        one.tree().expect("a tree");
        assert!(matches!(one.clone().tree, Tree::Unread));
        assert_eq!(serde_json::to_string(&one).expect("JSON"), r#"{"a":1}"#);
    }
}
