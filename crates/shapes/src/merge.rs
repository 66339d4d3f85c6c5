//! Puts two shapes of the same place together.

use crate::shape::{List, MAX_KEYS, Object, Shape};

impl Shape {
    /// What was seen here or there.
    pub fn merge(&mut self, other: Self) {
        self.seen = self.seen.saturating_add(other.seen);
        self.null |= other.null;
        self.bool |= other.bool;
        self.int |= other.int;
        self.float |= other.float;
        self.other |= other.other;
        self.texts = self.texts.saturating_add(other.texts);
        self.json_texts = self.json_texts.saturating_add(other.json_texts);
        self.python_texts = self.python_texts.saturating_add(other.python_texts);
        self.held = match (self.held.take(), other.held) {
            (Some(mut one), Some(two)) => {
                one.merge(*two);
                Some(one)
            }
            (one, two) => one.or(two),
        };
        self.list = match (self.list.take(), other.list) {
            (Some(mut one), Some(two)) => {
                one.merge(*two);
                Some(one)
            }
            (one, two) => one.or(two),
        };
        self.object = match (self.object.take(), other.object) {
            (Some(mut one), Some(two)) => {
                one.merge(*two);
                Some(one)
            }
            (one, two) => one.or(two),
        };
    }
}

impl List {
    fn merge(&mut self, other: Self) {
        self.shortest = self.shortest.min(other.shortest);
        self.longest = self.longest.max(other.longest);
        self.item.merge(other.item);
    }
}

impl Object {
    fn merge(&mut self, mut other: Self) {
        self.seen = self.seen.saturating_add(other.seen);
        if self.any.is_some() || other.any.is_some() {
            self.forget_keys();
            other.forget_keys();
        }
        if let (Some(any), Some(more)) = (&mut self.any, other.any) {
            any.merge(more);
        }
        for (key, shape) in other.keys {
            self.keys.entry(key).or_default().merge(shape);
        }
        if self.keys.len() > MAX_KEYS {
            self.forget_keys();
        }
        self.fold();
    }
}
