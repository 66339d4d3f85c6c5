//! A JSON value from a deserializer into a serializer, value by value, without a tree.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

/// By this name serde_json hands on a number of arbitrary precision, as its digits.
const NUMBER: &str = "$serde_json::private::Number";

/// Writes the value that `text` is.
pub(crate) fn write<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Source::new(&mut serde_json::Deserializer::from_str(text)).serialize(serializer)
}

/// Reads a value as text.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    serde_json::to_string(&Source::new(deserializer)).map_err(D::Error::custom)
}

/// What a deserializer gives, as something to serialize, once.
struct Source<D>(Cell<Option<D>>);

impl<D> Source<D> {
    fn new(deserializer: D) -> Self {
        Self(Cell::new(Some(deserializer)))
    }
}

impl<'de, D: Deserializer<'de>> Serialize for Source<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let deserializer = self.0.take().ok_or_else(|| S::Error::custom("a value is serialized twice"))?;
        deserializer.deserialize_any(To(serializer)).map_err(S::Error::custom)
    }
}

/// Visits a value by serializing it.
struct To<S>(S);

impl<'de, S: Serializer> Visitor<'de> for To<S> {
    type Value = S::Ok;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<S::Ok, E> {
        self.0.serialize_unit().map_err(E::custom)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<S::Ok, E> {
        self.0.serialize_bool(value).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<S::Ok, E> {
        self.0.serialize_i64(value).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<S::Ok, E> {
        self.0.serialize_u64(value).map_err(E::custom)
    }

    // An integer of a tree that is longer than 64 bits.
    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<S::Ok, E> {
        self.0.serialize_i128(value).map_err(E::custom)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<S::Ok, E> {
        self.0.serialize_u128(value).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<S::Ok, E> {
        self.0.serialize_f64(value).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<S::Ok, E> {
        self.0.serialize_str(value).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<S::Ok, A::Error> {
        let mut to = self.0.serialize_seq(None).map_err(A::Error::custom)?;
        while elements.next_element_seed(Element(&mut to))?.is_some() {}
        to.end().map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<S::Ok, A::Error> {
        let mut name: Option<String> = members.next_key()?;
        if name.as_deref() == Some(NUMBER) {
            let digits: String = members.next_value()?;
            let number: Number = digits.parse().map_err(A::Error::custom)?;
            return number.serialize(self.0).map_err(A::Error::custom);
        }
        let mut to = self.0.serialize_map(None).map_err(A::Error::custom)?;
        while let Some(this) = name {
            to.serialize_key(&this).map_err(A::Error::custom)?;
            members.next_value_seed(Member(&mut to))?;
            name = members.next_key()?;
        }
        to.end().map_err(A::Error::custom)
    }
}

/// The next element of a sequence.
struct Element<'a, S>(&'a mut S);

impl<'de, S: SerializeSeq> DeserializeSeed<'de> for Element<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.serialize_element(&Source::new(deserializer)).map_err(D::Error::custom)
    }
}

/// The value of the member whose name was written.
struct Member<'a, S>(&'a mut S);

impl<'de, S: SerializeMap> DeserializeSeed<'de> for Member<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.serialize_value(&Source::new(deserializer)).map_err(D::Error::custom)
    }
}
