//! How much one shape may say.

use crate::shape::{MAX_DEPTH, MAX_KEYS, MAX_NODES, Shape, is_field};

impl Shape {
    /// The same within the bounds of what is observed: it comes from a file.
    pub(crate) fn checked(mut self) -> Self {
        self.check_keys();
        self.within_depth(MAX_DEPTH).bounded()
    }

    /// The same without its deepest levels, if it distinguishes more places than one shape may: answers that are each within the bound
    /// are not together.
    pub(crate) fn bounded(mut self) -> Self {
        let mut depth = MAX_DEPTH;
        while depth > 0 && self.nodes() > MAX_NODES {
            depth -= 1;
            self = self.within_depth(depth);
        }
        self
    }

    /// Forgets keys that are too many, or that no answer would have been shown with.
    fn check_keys(&mut self) {
        if let Some(object) = &mut self.object
            && (object.any.is_some() || object.keys.len() > MAX_KEYS || !object.keys.keys().all(|key| is_field(key)))
        {
            object.forget_keys();
        }
        self.inner().for_each(Self::check_keys);
    }

    /// The same with so many levels below this one. What is deeper is `Any`.
    fn within_depth(mut self, depth: usize) -> Self {
        let Some(deeper) = depth.checked_sub(1) else {
            let is_cut = self.list.is_some() || self.object.is_some();
            return Self { held: None, list: None, object: None, other: self.other || is_cut, ..self };
        };
        for shape in self.inner() {
            *shape = std::mem::take(shape).within_depth(deeper);
        }
        self
    }

    /// What its lists, objects and texts hold.
    fn inner(&mut self) -> impl Iterator<Item = &mut Self> {
        let of_object = self.object.iter_mut().flat_map(|object| object.keys.values_mut().chain(&mut object.any));
        let of_list = self.list.iter_mut().map(|list| &mut list.item);
        self.held.iter_mut().map(|held| &mut **held).chain(of_list).chain(of_object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{Learned, ToolKey};

    /// An object of which each level has keys of its own, and a number at the end.
    fn nested(name: &str, levels: usize) -> Value {
        if levels == 0 {
            return json!(1);
        }
        let keys = (0..5).map(|key| (format!("{name}_{}", char::from(b'a' + key)), nested(name, levels - 1)));
        Value::Object(keys.chain([("text".to_owned(), json!("x"))]).collect::<Map<_, _>>())
    }

    fn shape(answer: &Value) -> Shape {
        let mut shape = Shape::default();
        shape.observe(&answer.to_string());
        shape
    }

    #[test]
    fn what_is_merged_loses_its_deepest_levels_before_it_outgrows_one_answer() {
        let tool = ToolKey::of_any_schema("crm", "get");
        let (mut learned, mut seen) = (Learned::default(), Vec::new());
        for name in ["red", "blue", "green", "gray"] {
            let answer = json!({ name: nested(name, 3), "total": 1, "rows": [{"id": "x"}] });
            learned.add(tool.clone(), shape(&answer));
            seen.push(learned.get(&tool).expect("known").nodes());
        }
        assert!(seen.iter().all(|nodes| *nodes <= MAX_NODES) && seen[0] < seen[1], "{seen:?}");
        let keys = &learned.get(&tool).expect("known").object.as_deref().expect("an object").keys;
        let shown = |key: &str| keys[key].to_string();
        assert_eq!((shown("total").as_str(), shown("rows").as_str()), ("int", "[{\"id\": str}]"));
        assert!(
            shown("red").starts_with("{\"red_a\": {\"red_a\": Any, ") && shown("red").contains("\"text\": str"),
            "{}",
            shown("red")
        );
    }

    #[test]
    fn what_is_within_the_bounds_stays_the_same() {
        let small = shape(&json!({"a": [[[[[[{"deep": 1}]]]]]], "text": "[1]"}));
        assert_eq!((small.clone().bounded(), small.clone().checked()), (small.clone(), small));
    }
}
