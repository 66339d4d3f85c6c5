//! Puts two shapes of the same place together.

use crate::shape::{List, MAX_DEPTH, MAX_KEYS, MAX_NODES, Object, Shape, is_field};

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

impl Shape {
    /// The same within the bounds of what is observed: it comes from a file.
    pub(crate) fn checked(self) -> Self {
        let mut nodes = MAX_NODES;
        self.within(MAX_DEPTH, &mut nodes)
    }

    fn within(mut self, depth: usize, nodes: &mut usize) -> Self {
        let Some(depth) = depth.checked_sub(1).filter(|_| *nodes > 0) else {
            return Self { seen: self.seen, other: true, ..Self::default() };
        };
        *nodes -= 1;
        if let Some(held) = &mut self.held {
            **held = std::mem::take(&mut **held).within(depth, nodes);
        }
        if let Some(list) = &mut self.list {
            list.item = std::mem::take(&mut list.item).within(depth, nodes);
        }
        if let Some(object) = &mut self.object {
            if object.any.is_some() || object.keys.len() > MAX_KEYS || !object.keys.keys().all(|key| is_field(key)) {
                object.forget_keys();
            }
            for shape in object.keys.values_mut().chain(&mut object.any) {
                *shape = std::mem::take(shape).within(depth, nodes);
            }
        }
        self
    }
}
