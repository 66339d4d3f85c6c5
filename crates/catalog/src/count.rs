//! What the schemas of one document ask for each value, counted with all references followed.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::schema::{self, Document};
use crate::walk::{Place, inner};
use crate::weight::Demand;

/// How deep schemas and references may nest. The stack of the caller has to hold it.
const MAX_NESTING: usize = 200;

/// Keywords that change what references mean, or make them depend on the way they were reached.
const UNFOLLOWED: [&str; 7] =
    ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor", "$id", "id"];

/// A schema with references written out.
#[derive(Debug, Clone, Copy)]
struct Size {
    demand: Demand,
    /// How deep schemas nest that apply to the same value.
    height: u64,
}

/// Counts the schemas of one document.
pub(crate) struct Count<'s> {
    document: Document<'s>,
    sizes: HashMap<usize, Size>,
    owns: HashMap<usize, Demand>,
    /// The schemas on the way from the root to where the count is.
    open: Vec<usize>,
    is_recursive: bool,
    /// The schemas that were followed without leaving the value: false while that is under way.
    stays: HashMap<usize, bool>,
}

impl<'s> Count<'s> {
    pub(crate) fn new(document: Document<'s>) -> Self {
        let (sizes, owns, open, stays) = Default::default();
        Self { document, sizes, owns, open, is_recursive: false, stays }
    }

    /// The cost of a schema for each value; none if unknown.
    pub(crate) fn demand(&mut self, schema: &'s Value) -> Option<Demand> {
        self.size(schema).map(|size| size.demand)
    }

    /// Whether what was counted recurs.
    pub(crate) fn is_recursive(&self) -> bool {
        self.is_recursive
    }

    /// What the keywords of a schema ask, without the schemas inside it.
    pub(crate) fn own(&mut self, schema: &'s Value, map: &Map<String, Value>) -> Demand {
        *self.owns.entry(address(schema)).or_insert_with(|| Demand::of(map))
    }

    /// How often the parts of a schema are gone through: again and again where it asks what they left over.
    pub(crate) fn rounds(&mut self, schema: &'s Value, map: &Map<String, Value>) -> Option<u64> {
        if !counts_leftovers(map) {
            return Some(1);
        }
        // Each level of branches is checked again for each level above it.
        self.size(schema).map(|size| size.height.saturating_add(2))
    }

    fn size(&mut self, schema: &'s Value) -> Option<Size> {
        let leaf = Size { demand: Demand { rules: 1, ..Demand::default() }, height: 0 };
        let Some(map) = schema.as_object() else { return Some(leaf) };
        let address = address(schema);
        if self.open.contains(&address) {
            self.is_recursive = true;
            return Some(leaf);
        }
        if let Some(&size) = self.sizes.get(&address) {
            return Some(size);
        }
        if self.open.len() == MAX_NESTING || UNFOLLOWED.iter().any(|key| map.contains_key(*key)) {
            return None;
        }
        self.ends(schema, 0)?;
        self.open.push(address);
        let size = self.size_of_parts(schema, map);
        self.open.pop();
        self.sizes.insert(address, size?);
        size
    }

    fn size_of_parts(&mut self, schema: &'s Value, map: &'s Map<String, Value>) -> Option<Size> {
        let (mut demand, mut height) = (self.own(schema, map), 0);
        let mut add = |part: Size, place: Place| {
            demand += part.demand;
            height = if place == Place::Here { height.max(part.height.saturating_add(1)) } else { height };
        };
        if let Some(reference) = schema::reference(map) {
            add(self.size(self.document.target(reference)?)?, Place::Here);
        }
        for part in inner(map).into_iter().filter(|part| part.place != Place::Nowhere) {
            add(self.size(part.schema)?, part.place);
        }
        // See `rounds`.
        let demand = if counts_leftovers(map) { demand.times(height.saturating_add(2)) } else { demand };
        Some(Size { demand, height })
    }

    /// None if following the schema on one and the same value never ends. A recursion has to come to another value each
    /// time around.
    fn ends(&mut self, schema: &'s Value, nesting: usize) -> Option<()> {
        let Some(map) = schema.as_object() else { return Some(()) };
        match self.stays.get(&address(schema)) {
            Some(true) => return Some(()),
            Some(false) => return None,
            None if nesting == MAX_NESTING => return None,
            None => self.stays.insert(address(schema), false),
        };
        if let Some(reference) = schema::reference(map) {
            self.ends(self.document.target(reference)?, nesting + 1)?;
        }
        for part in inner(map).into_iter().filter(|part| part.place == Place::Here) {
            self.ends(part.schema, nesting + 1)?;
        }
        self.stays.insert(address(schema), true);
        Some(())
    }
}

fn counts_leftovers(map: &Map<String, Value>) -> bool {
    map.contains_key("unevaluatedProperties") || map.contains_key("unevaluatedItems")
}

/// Where a value lies: the same in one tree for as long as the tree is borrowed.
pub(crate) fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}
