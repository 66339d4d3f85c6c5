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

impl Shape {
    /// What was seen, beside what is documented of the same place: a value that was never seen, or as null alone, a key that was never
    /// seen, and that something may be null. Where both say something, what was seen is right.
    pub(crate) fn beside(mut self, documented: Self) -> Self {
        let null = self.null || documented.null;
        if self.is_null_at_most() {
            return Self { seen: self.seen, null, ..documented };
        }
        self.null = null;
        if let (Some(held), Some(documented)) = (&mut self.held, documented.held) {
            **held = std::mem::take(&mut **held).beside(*documented);
        }
        if let (Some(list), Some(documented)) = (&mut self.list, documented.list) {
            list.longest = list.longest.max(documented.longest);
            list.item = std::mem::take(&mut list.item).beside(documented.item);
        }
        if let (Some(object), Some(documented)) = (&mut self.object, documented.object) {
            object.add_documented(*documented);
        }
        self
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
    /// Adds the keys that are documented, as some that not every object has.
    fn add_documented(&mut self, documented: Self) {
        if self.any.is_some() || documented.any.is_some() {
            return;
        }
        for (key, shape) in documented.keys {
            if let Some(seen) = self.keys.get_mut(&key) {
                *seen = std::mem::take(seen).beside(shape);
            } else if self.keys.len() < MAX_KEYS {
                self.keys.insert(key, shape);
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(answers: &[&str]) -> Shape {
        let mut shape = Shape::default();
        answers.iter().for_each(|answer| shape.observe(answer));
        shape
    }

    #[test]
    fn what_was_seen_is_right_and_what_was_not_seen_is_as_documented() {
        let documented = |answers: &[&str]| shape(answers).unseen();
        for (seen, told, expected) in [
            (
                &[r#"{"by": null, "n": 1}"#][..],
                &[r#"{"by": {"login": ""}, "n": "", "at": ""}"#][..],
                r#"{"by": {"login": str} | None, "n": int, "at"?: str}"#,
            ),
            (&[r#"{"due": "x"}"#], &[r#"{"due": ""}"#, r#"{"due": null}"#], r#"{"due": str | None}"#),
            (&[r#"{"rows": []}"#], &[r#"{"rows": [{"id": 1}]}"#], r#"{"rows": [{"id": int}]}"#),
            (&[r#"[{"id": 1}]"#], &[r#"{"total": 1}"#], r#"[{"id": int}]"#),
            (
                &[r#""[{\"id\": 1}]""#],
                &[r#""[{\"id\": \"\", \"name\": \"\"}]""#],
                r#"str (JSON: [{"id": int, "name"?: str}])"#,
            ),
            (&[r#"{"1": 1, "2": 2}"#], &[r#"{"id": 1}"#], "dict[str, int]"),
            (&["null"], &[r#"{"id": 1}"#], r#"{"id": int} | None"#),
        ] {
            let both = shape(seen).beside(documented(told));
            assert_eq!((both.to_string().as_str(), both.seen()), (expected, 1));
        }
    }
}
