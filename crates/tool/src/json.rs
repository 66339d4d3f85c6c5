//! JSON text that is known to be valid.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::extent::{Extent, MAX_TREE_BYTES, TooDeep};
use crate::{raw, transcribe};

/// One JSON value together with nothing else: the text as it crosses the sandbox boundary.
///
/// The text is kept rather than a tree, so that a value passes through without being rebuilt and integers of any size
/// survive. Serialized, it is the value and not a string; deserialized, it is checked.
#[derive(Clone)]
pub struct Json {
    text: String,
    extent: Extent,
}

/// A text is not one JSON value, nests too deep, or is too large for a tree.
#[derive(Debug)]
pub struct JsonError {
    kind: JsonErrorKind,
    /// What serde_json says, which is all that there is to say.
    syntax: Option<serde_json::Error>,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It is not one JSON value, or holds half of a surrogate pair.
    Syntax,
    /// It nests deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    TooDeep,
    /// As a tree it would take more than [`MAX_TREE_BYTES`].
    TooLarge,
}

impl JsonError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> JsonErrorKind {
        self.kind
    }

    pub(crate) fn too_large() -> Self {
        JsonErrorKind::TooLarge.into()
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self { kind: JsonErrorKind::Syntax, syntax: Some(error) }
    }
}

impl From<JsonErrorKind> for JsonError {
    fn from(kind: JsonErrorKind) -> Self {
        Self { kind, syntax: None }
    }
}

impl Json {
    /// Checks that `text` is one JSON value and keeps it as it is.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or nests deeper than 127 levels.
    pub fn parse(text: impl Into<String>) -> Result<Self, JsonError> {
        let text = text.into();
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        let extent = Extent::of(&text).map_err(|_| JsonErrorKind::TooDeep)?;
        Ok(Self { text, extent })
    }

    /// Keeps a part of a text. The part is known to be JSON, because it was found by a scan.
    ///
    /// # Errors
    ///
    /// The part nests deeper than 127 levels.
    pub fn from_part(part: raw::Part<'_>) -> Result<Self, JsonError> {
        let text = part.as_str();
        let extent = Extent::of(text).map_err(|_| JsonErrorKind::TooDeep)?;
        Ok(Self { text: text.to_owned(), extent })
    }

    /// The text of a value.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        let text = value.to_string();
        // A tree that nests too deep cannot be built again from its text.
        let extent = Extent::of(&text).unwrap_or(Extent { tree_bytes: usize::MAX, ..Extent::default() });
        Self { text, extent }
    }

    /// The value as a tree.
    ///
    /// # Errors
    ///
    /// The tree would take more than [`MAX_TREE_BYTES`], the text holds half of a surrogate pair, or it came from
    /// [`from_value`](Self::from_value) and nests deeper than 127 levels.
    pub fn to_value(&self) -> Result<Value, JsonError> {
        if self.extent.tree_bytes > MAX_TREE_BYTES {
            return Err(JsonErrorKind::TooLarge.into());
        }
        Ok(serde_json::from_str(&self.text)?)
    }

    /// What the text amounts to.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// The length of the text in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.text.len()
    }

    /// A leaf that serde_json writes as this text: for types that hold a [`Value`] and are only ever written, so that a large
    /// value need not become a tree when it is written.
    ///
    /// Whoever reads the leaf finds a number that is none. serde_json writes a number of arbitrary precision as its text,
    /// whatever that is. An object is one, for whoever looks: its first member holds the text of the further ones as well.
    #[must_use]
    pub fn into_leaf(self) -> Value {
        let mut text = self.text;
        let is_object = text.trim_start().starts_with('{');
        let first = raw::members(&text).next().map(|(name, value)| (name, raw::place(&text, value).start));
        let leaf = |text| Value::Number(Number::from_string_unchecked(text));
        match first {
            Some((name, begin)) => {
                text.truncate(text.rfind('}').unwrap_or(text.len()));
                text.drain(..begin);
                Value::Object([(name, leaf(text))].into_iter().collect())
            }
            None if is_object => Value::Object(Map::new()),
            None => leaf(text),
        }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transcribe::write(&self.text, serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(transcribe::read(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.syntax, self.kind) {
            (Some(error), _) => error.fmt(f),
            (None, JsonErrorKind::TooLarge) => {
                write!(f, "as a tree it would take more than {MAX_TREE_BYTES} bytes of memory")
            }
            (None, JsonErrorKind::TooDeep) => TooDeep.fmt(f),
            (None, JsonErrorKind::Syntax) => f.write_str("it is no JSON"),
        }
    }
}

// Of a text, serde_json's error has no source, and `Display` is that error itself.
impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_be_made_a_tree_of() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(127)).is_ok_and(|json| json.to_value().is_ok()));
        assert!(Json::parse(nested(128)).is_err());
        assert!(Json::parse(nested(1_000_000)).is_err());
    }

    #[test]
    fn a_tree_that_nests_too_deep_is_known_by_its_size() {
        let nested = |levels: usize| (1..levels).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]));
        assert_eq!(Json::from_value(&nested(128)).extent().tree_bytes, usize::MAX);
        assert!(Json::from_value(&nested(128)).to_value().is_err());
        assert!(Json::from_value(&nested(127)).extent().tree_bytes < MAX_TREE_BYTES);
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let text = format!("\"{}\\\"{}\"", "[".repeat(500), "{".repeat(500));
        assert!(Json::parse(text).is_ok());
    }

    #[test]
    fn integers_keep_their_digits() {
        let text = "[123456789012345678901234567890,1.10]";
        assert_eq!(Json::from_value(&Json::parse(text).unwrap().to_value().unwrap()).as_str(), text);
    }

    #[test]
    fn no_tree_is_built_that_takes_too_much_memory() {
        let list = |elements: usize| Json::parse(format!("[{}1]", "1,".repeat(elements))).unwrap();
        assert!(list(200_000).to_value().is_ok());
        let large = list(2_000_000);
        assert!(large.to_value().is_err());
        // The same length as one string.
        assert!(Json::parse(format!("\"{}\"", "1,".repeat(2_000_000))).unwrap().to_value().is_ok());
    }

    #[test]
    fn a_leaf_is_written_as_the_text_that_it_is() {
        let text = r#"{"b":[1.50,{"a":"x\n"}],"a":12345678901234567890123}"#;
        let leaf = Value::Array(vec![Value::Null, Json::parse(text).unwrap().into_leaf()]);
        assert_eq!(serde_json::to_string(&leaf).unwrap(), format!("[null,{text}]"));
    }

    #[test]
    fn the_leaf_of_an_object_is_an_object_and_no_other_is() {
        for (text, is_object) in [
            (r#"{"a":{"b":[1,"}"]},"c":"}"}"#, true),
            ("{}", true),
            (r#"{"a":1}"#, true),
            (r#"[{"a":1}]"#, false),
            (r#""{}""#, false),
            ("1", false),
        ] {
            let leaf = Json::parse(text).unwrap().into_leaf();
            assert_eq!((leaf.is_object(), leaf.to_string().as_str()), (is_object, text));
        }
    }

    #[test]
    fn serialized_it_is_the_value_and_deserialized_it_is_checked() {
        let text = r#"{"b":[1.50,-1e+400,null,true,"é\"\n"],"a":{"":[12345678901234567890123,-9223372036854775809]}}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
        assert_eq!(serde_json::from_str::<Json>(text).unwrap().as_str(), text);
        assert_eq!(serde_json::from_value::<Json>(json.to_value().unwrap()).unwrap(), json);
        // What was written as a string is a string, and no way to have a text taken for JSON.
        assert_eq!(serde_json::from_str::<Json>(r#""not JSON""#).unwrap().as_str(), r#""not JSON""#);
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(serde_json::from_str::<Json>(&nested(128)).is_err());
        assert!(serde_json::from_str::<Json>("[1,]").is_err());
    }
}
