//! Reads an answer into a shape, value by value, without a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::literal;
use crate::shape::{List, MAX_DEPTH, MAX_KEYS, MAX_NODES, Object, Shape, is_field};

/// How many items of one list are looked at. Others are counted.
const MAX_ITEMS: u64 = 64;

/// How serde_json gives a number of any size to whoever takes any value: as a map with this key (`arbitrary_precision`).
const NUMBER: &str = "$serde_json::private::Number";

impl Shape {
    /// Learns from one answer, a JSON text. What is no JSON changes nothing.
    pub fn observe(&mut self, answer: &str) {
        let mut learned = self.clone();
        let mut nodes = MAX_NODES.saturating_sub(learned.nodes());
        let mut reader = serde_json::Deserializer::from_str(answer);
        let place = Place { shape: &mut learned, depth: 0, nodes: &mut nodes };
        if place.deserialize(&mut reader).is_ok() && reader.end().is_ok() {
            *self = learned;
        }
    }
}

/// Where a value stands.
struct Place<'s> {
    shape: &'s mut Shape,
    depth: usize,
    /// How many places more may be distinguished.
    nodes: &'s mut usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.shape.seen = self.shape.seen.saturating_add(1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.shape.null = true;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.shape.bool = true;
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.shape.int = true;
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.shape.int = true;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.shape.float = true;
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.shape.texts = self.shape.texts.saturating_add(1);
        let begins = text.trim_ascii_start().starts_with(['{', '[']);
        if begins && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            self.shape.json_texts = self.shape.json_texts.saturating_add(1);
            self.held(text);
        } else if let Some(json) = literal::to_json(text) {
            self.shape.python_texts = self.shape.python_texts.saturating_add(1);
            self.held(&json);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        if self.depth >= MAX_DEPTH || !self.has_room(self.shape.list.is_none()) {
            self.shape.other = true;
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let is_first = self.shape.list.is_none();
        let list: &mut List = self.shape.list.get_or_insert_default();
        let mut length = 0_u64;
        loop {
            let more = if length < MAX_ITEMS {
                let place = Place { shape: &mut list.item, depth: self.depth + 1, nodes: self.nodes };
                items.next_element_seed(place)?.is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
            length += 1;
        }
        list.shortest = if is_first { length } else { list.shortest.min(length) };
        list.longest = list.longest.max(length);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let Some(first) = entries.next_key::<String>()? else {
            if let Some(object) = self.object() {
                object.seen = object.seen.saturating_add(1);
            }
            return Ok(());
        };
        if first == NUMBER {
            let number: String = entries.next_value()?;
            let is_whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            *(if is_whole { &mut self.shape.int } else { &mut self.shape.float }) = true;
            return Ok(());
        }
        if self.object().is_none() {
            entries.next_value::<IgnoredAny>()?;
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut key = Some(first);
        while let Some(name) = key {
            self.entry(name, &mut entries)?;
            key = entries.next_key()?;
        }
        if let Some(object) = &mut self.shape.object {
            object.seen = object.seen.saturating_add(1);
            object.fold();
        }
        Ok(())
    }
}

impl Place<'_> {
    /// Takes a place for what is new.
    fn has_room(&mut self, is_new: bool) -> bool {
        if is_new {
            let Some(left) = self.nodes.checked_sub(1) else { return false };
            *self.nodes = left;
        }
        true
    }

    /// Learns what a text holds, which is JSON.
    fn held(&mut self, json: &str) {
        if self.depth >= MAX_DEPTH || !self.has_room(self.shape.held.is_none()) {
            return;
        }
        let shape = self.shape.held.get_or_insert_default();
        let place = Place { shape, depth: self.depth + 1, nodes: self.nodes };
        // Parsed once before: it is whole.
        let _ = place.deserialize(&mut serde_json::Deserializer::from_str(json));
    }

    /// What is known of objects here. None: they are not distinguished.
    fn object(&mut self) -> Option<&mut Object> {
        if self.depth >= MAX_DEPTH || !self.has_room(self.shape.object.is_none()) {
            self.shape.other = true;
            return None;
        }
        Some(self.shape.object.get_or_insert_default())
    }

    /// Reads the value of a key.
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, entries: &mut A) -> Result<(), A::Error> {
        let object = self.shape.object.as_mut().ok_or_else(|| A::Error::custom("no object"))?;
        let is_new = !object.keys.contains_key(&key);
        if is_new && object.any.is_none() && (!is_field(&key) || object.keys.len() >= MAX_KEYS) {
            object.forget_keys();
        }
        let shape = match &mut object.any {
            Some(any) => any,
            None if is_new && *self.nodes == 0 => {
                self.shape.other = true;
                return entries.next_value::<IgnoredAny>().map(|_| ());
            }
            None => {
                *self.nodes -= usize::from(is_new);
                object.keys.entry(key).or_default()
            }
        };
        entries.next_value_seed(Place { shape, depth: self.depth + 1, nodes: self.nodes })
    }
}

impl Object {
    /// The keys are values: only what stands under them is kept.
    pub(crate) fn forget_keys(&mut self) {
        let mut any = self.any.take().unwrap_or_default();
        for (_, shape) in self.keys.drain(..) {
            any.merge(shape);
        }
        self.any = Some(any);
    }
}
