//! The subschemas of a schema, by where they apply.

use serde_json::{Map, Value};

/// To what the inner schema applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the value that the outer schema applies to.
    Here,
    /// To the value under this key or these keys.
    Key,
    /// To values inside the value.
    Inside,
    /// To the keys of the value.
    Keys,
    /// To nothing: it only stands there to be referred to.
    Nowhere,
}

/// Keywords that hold one schema.
const ONE: [(&str, Place); 11] = [
    ("additionalProperties", Place::Inside),
    ("additionalItems", Place::Inside),
    ("items", Place::Inside),
    ("contains", Place::Inside),
    ("propertyNames", Place::Keys),
    ("unevaluatedItems", Place::Inside),
    ("unevaluatedProperties", Place::Inside),
    ("not", Place::Here),
    ("if", Place::Here),
    ("then", Place::Here),
    ("else", Place::Here),
];

/// Keywords that hold a list of schemas.
const LISTS: [(&str, Place); 5] = [
    ("allOf", Place::Here),
    ("anyOf", Place::Here),
    ("oneOf", Place::Here),
    ("prefixItems", Place::Inside),
    ("items", Place::Inside),
];

/// Keywords that hold schemas under names.
const MAPS: [(&str, Place); 6] = [
    ("properties", Place::Key),
    ("patternProperties", Place::Inside),
    ("dependentSchemas", Place::Here),
    ("dependencies", Place::Here),
    ("$defs", Place::Nowhere),
    ("definitions", Place::Nowhere),
];

/// One schema inside another.
pub(crate) struct Inner<'s> {
    pub(crate) place: Place,
    /// The name it stands under, in a map of schemas.
    pub(crate) name: &'s str,
    pub(crate) schema: &'s Value,
}

/// All schemas directly inside `map`.
pub(crate) fn inner(map: &Map<String, Value>) -> Vec<Inner<'_>> {
    let mut all = Vec::new();
    for (key, place) in ONE {
        all.extend(map.get(key).filter(|value| value.is_object()).map(|schema| Inner { place, name: "", schema }));
    }
    for (key, place) in LISTS {
        let list = map.get(key).and_then(Value::as_array).into_iter().flatten();
        all.extend(list.map(|schema| Inner { place, name: "", schema }));
    }
    for (key, place) in MAPS {
        let entries = map.get(key).and_then(Value::as_object).into_iter().flatten();
        all.extend(entries.map(|(name, schema)| Inner { place, name, schema }));
    }
    all
}

/// Calls `change` with each schema of the document that is an object, the outer before the inner.
pub(crate) fn change_each(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Some(map) = schema.as_object_mut() else { return };
    change(map);
    for (key, _) in ONE {
        if let Some(inner) = map.get_mut(key) {
            change_each(inner, change);
        }
    }
    for (key, _) in LISTS {
        let list = map.get_mut(key).and_then(Value::as_array_mut);
        list.into_iter().flatten().for_each(|inner| change_each(inner, change));
    }
    for (key, _) in MAPS {
        let entries = map.get_mut(key).and_then(Value::as_object_mut);
        entries.into_iter().flatten().for_each(|(_, inner)| change_each(inner, change));
    }
}
