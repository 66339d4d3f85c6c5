//! Objects that are maps: their keys are values, names or ids, although each of them looks like the name of a field.
//!
//! A record has fields of different kinds; what stands under the keys of a map is the same again and again. A record that looks like that
//! loses its keys too: better than to keep a name or an id. Empty lists and objects are no evidence: a later answer can still show a map.

use crate::shape::{List, Object, Shape, may_be_named_thing};

/// How many keys that may be names of files or hosts, or numbers in a series, make one object a map: one is the field of a record.
const DOUBTFUL: usize = 2;
/// How many like objects or lists make one object a map, and how many where no key is in all of several.
const LIKE: usize = 4;
const LIKE_OF_SEVERAL: usize = 3;
/// How many like values of any kind make several objects maps of which no key is in all.
const PLAIN_OF_SEVERAL: usize = 6;

impl Object {
    /// Forgets the keys if they are values.
    pub(crate) fn fold(&mut self) {
        if self.any.is_none() && self.is_map() {
            self.forget_keys();
        }
    }

    fn is_map(&self) -> bool {
        // Keys that no answer had are of documentation, which names fields.
        if self.keys.values().any(|shape| shape.seen == 0) {
            return false;
        }
        if self.keys.keys().filter(|key| may_be_named_thing(key)).count() >= DOUBTFUL {
            return true;
        }
        // Null is nothing by which keys differ.
        let values = || self.keys.values().filter(|shape| !shape.is_null());
        let Some(first) = values().find(|shape| !shape.is_empty()) else { return false };
        if !values().all(|other| first.is_alike(other)) {
            return false;
        }
        let is_composite = first.is_composite();
        let like = values().filter(|shape| !shape.is_empty()).count();
        // No key is in all of several objects.
        let differ = || self.seen > 1 && self.keys.values().all(|shape| shape.seen < self.seen);
        if is_composite {
            like >= LIKE || (like >= LIKE_OF_SEVERAL && differ())
        } else {
            like >= PLAIN_OF_SEVERAL && differ()
        }
    }
}

impl Shape {
    fn is_null(&self) -> bool {
        *self == Self { seen: self.seen, null: true, ..Self::default() }
    }

    /// Whether it is an object or a list, and nothing else but null.
    fn is_composite(&self) -> bool {
        let simple = self.bool || self.int || self.float || self.other || self.texts > 0;
        !simple && (self.object.is_some() != self.list.is_some())
    }

    /// Whether all that was seen are lists and objects without anything in them that could be compared.
    fn is_empty(&self) -> bool {
        let is_empty_list = |list: &List| list.item.is_trivial() || list.item.is_null() || list.item.is_empty();
        let is_empty_object = |object: &Object| object.keys.is_empty() && object.any.is_none();
        self.is_composite()
            && self.list.as_deref().is_none_or(is_empty_list)
            && self.object.as_deref().is_none_or(is_empty_object)
    }

    /// Whether both are of one kind: null beside it and keys that only some have make no difference.
    fn is_alike(&self, other: &Self) -> bool {
        let simple = |shape: &Self| (shape.bool, shape.int, shape.float, shape.texts > 0, shape.other);
        let objects = match (&self.object, &other.object) {
            (Some(one), Some(two)) => one.is_alike(two),
            (one, two) => one.is_some() == two.is_some(),
        };
        let lists = match (&self.list, &other.list) {
            // Of an empty one nothing is known.
            (Some(one), Some(two)) => one.longest == 0 || two.longest == 0 || one.item.is_alike(&two.item),
            (one, two) => one.is_some() == two.is_some(),
        };
        simple(self) == simple(other) && objects && lists
    }
}

impl Object {
    /// Whether most keys are in both.
    fn is_alike(&self, other: &Self) -> bool {
        if self.any.is_some() || other.any.is_some() {
            return self.any.is_some() == other.any.is_some();
        }
        let common = self.keys.keys().filter(|key| other.keys.contains_key(*key)).count();
        let all = self.keys.len() + other.keys.len() - common;
        common * 2 > all || all == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(answers: &[&str]) -> String {
        let mut shape = Shape::default();
        answers.iter().for_each(|answer| shape.observe(answer));
        shape.to_string()
    }

    #[test]
    fn what_has_the_same_under_every_key_is_a_map() {
        let person = |name: &str| format!(r#""{name}": {{"age": 1, "mail": "x", "tags": []}}"#);
        let people =
            |names: &[&str]| format!("{{{}}}", names.iter().map(|name| person(name)).collect::<Vec<_>>().join(", "));
        let expected = r#"dict[str, {"age": int, "mail": str, "tags": list}]"#;
        assert_eq!(learned(&[&people(&["ann", "bob", "eve", "joe"])]), expected);
        assert_eq!(learned(&[&people(&["ann", "bob"]), &people(&["eve"])]), expected);
        assert_eq!(
            learned(&[&format!(r#"{{"n": 1, "people": {}}}"#, people(&["a", "b", "c", "d"]))]),
            format!(r#"{{"n": int, "people": {expected}}}"#)
        );
        assert_eq!(
            learned(&[r#"{"kim": null, "ann": [1], "eve": [2, 3], "joe": null, "zoe": [4], "bob": [5]}"#]),
            "dict[str, [int] | None]"
        );
        let some_empty = r#"{"ann": [1], "bob": [], "eve": [2, 3], "joe": [4]"#;
        assert!(learned(&[&format!("{some_empty}}}")]).starts_with(r#"{"ann""#));
        assert_eq!(learned(&[&format!(r#"{some_empty}, "zoe": [5]}}"#)]), "dict[str, [int]]");
        // What one answer leaves open, a later one decides.
        let open = r#"{"a": [], "b": [], "c": [], "d": []}"#;
        assert_eq!(learned(&[open, r#"{"e": [1], "f": [2], "g": [3]}"#]), "dict[str, [int]]");
        // Numbers by names, of which each answer has others.
        let counts = [r#"{"ann": 1, "bob": 2}"#, r#"{"eve": 3, "joe": 4}"#, r#"{"zoe": 3, "kim": 4}"#];
        assert_eq!(learned(&counts), "dict[str, int]");
    }

    #[test]
    fn two_keys_that_may_be_names_of_files_or_hosts_or_numbers_in_a_series_make_a_map() {
        for answers in [
            vec![r#"{"main.c": 1, "main.h": 2}"#],
            vec![r#"{"n": 0, "user-1": 1, "user-2": 2}"#],
            vec![r#"{"build.local": 1}"#, r#"{"files.local": 2}"#],
        ] {
            assert_eq!(learned(&answers), "dict[str, int]", "{answers:?}");
        }
    }

    #[test]
    fn a_record_keeps_its_keys() {
        for (answers, expected) in [
            (vec![r#"{"total": 1, "open": 2, "closed": 3, "draft": 4, "merged": 5, "late": 6}"#], "total"),
            (vec![r#"{"start": {"date": "x"}, "end": {"date": "y"}, "by": {"date": "z"}}"#], "start"),
            (vec![r#"{"user": {"id": 1}, "rows": [1], "meta": {"n": 1}, "links": {"next": "x"}}"#], "user"),
            (vec![r#"{"user": {"id": 1}, "repo": {"name": 1}, "team": {"slug": 1}, "org": {"login": 1}}"#], "user"),
            (vec![r#"{"id": 1, "title": 2}"#, r#"{"id": 1, "body": 3, "state": 4, "author": 5, "label": 6}"#], "id"),
            (vec![r#"{"a": "x"}"#, r#"{"b": "x"}"#], "a"),
            (
                vec![r#"{"attachments": [], "comments": [{"id": 1}], "labels": ["x"], "users": [{"name": "a"}]}"#],
                "attachments",
            ),
            (vec![r#"{"added": [], "deleted": [], "modified": [], "renamed": []}"#], "added"),
            (vec![r#"{"added": [[]], "deleted": [[]], "modified": [[]], "renamed": [[]]}"#], "added"),
            (vec![r#"{"request": {}, "response": {}, "user": {}, "extra": {}}"#], "request"),
            (vec![r#"{"from": [null], "to": [null], "by": [null], "cc": [null]}"#], "from"),
            (vec![r#"{"name": "x", "sha-256": "y"}"#], "name"),
            (vec![r#"{"salary.net": 1, "salary.gross": 2}"#, r#"{"salary.net": 3}"#], "salary.net"),
        ] {
            let text = learned(&answers);
            assert!(text.starts_with(&format!("{{\"{expected}\"")), "{text}");
        }
    }
}
