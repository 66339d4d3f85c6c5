//! The `TypedDict` classes of one file: each shape once, each name once.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::names::{is_identifier, is_part};
use crate::python;
use crate::reserved;
use crate::types::{Spelling, Type};

/// Names that a class of a stub must leave alone, as must a field in class syntax: there it would hide the type.
const TYPE_NAMES: [&str; 13] = [
    "Any",
    "Literal",
    "NotRequired",
    "Required",
    "TypedDict",
    "bool",
    "builtins",
    "dict",
    "float",
    "int",
    "list",
    "str",
    "typing",
];

/// One key of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// Its text in documentation; empty in stubs.
    pub(crate) note: String,
}

/// One class. It has no name until its fields are known.
#[derive(Debug, Default)]
struct Class {
    name: String,
    fields: Vec<Field>,
}

/// The classes of one file.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    list: Vec<Class>,
    by_shape: HashMap<Vec<Field>, usize>,
    taken: HashSet<String>,
    /// The names of all classes.
    names: HashSet<String>,
    /// From where the numbers behind a name go on.
    numbers: HashMap<String, usize>,
    /// How many schemas may still be looked at for this file.
    pub(crate) work_left: usize,
    /// About how many bytes the definitions take, and how many they may take before there is no use in more.
    bytes: usize,
    max_bytes: usize,
    /// The fingerprints of documents, by where they lie.
    fingerprints: HashMap<usize, u64>,
    /// What references stand for, by the text of the reference and the fingerprint of what it may lead to.
    pub(crate) by_reference: HashMap<(String, u64), Type>,
}

impl Classes {
    /// An empty file in which the names of `functions` are taken, and for which this many schemas may be looked at.
    pub(crate) fn beside(functions: impl IntoIterator<Item = String>, work_left: usize) -> Self {
        let taken = functions.into_iter().chain(TYPE_NAMES.map(str::to_owned)).collect();
        Self { taken, work_left, max_bytes: usize::MAX, ..Self::default() }
    }

    /// An empty file that is read up to `max_bytes` only.
    pub(crate) fn measured(max_bytes: usize, work_left: usize) -> Self {
        // Not every class that is made is one that is named in the end.
        Self { max_bytes: 4 * max_bytes, ..Self::beside([], work_left) }
    }

    /// Tells documents apart whose references may lead to different places. For a file of one tool where they lie is enough.
    pub(crate) fn fingerprint(&mut self, root: &Value) -> u64 {
        let address = std::ptr::from_ref(root).addr();
        if self.max_bytes < usize::MAX {
            return address as u64;
        }
        *self.fingerprints.entry(address).or_insert_with(|| fingerprint(root))
    }

    /// Whether there is no use in more classes.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > self.max_bytes
    }

    /// A class to come, so that its own fields can name it.
    pub(crate) fn reserve(&mut self) -> usize {
        self.list.push(Class::default());
        self.list.len() - 1
    }

    /// Gives a reserved class its fields, or the class that has these fields already.
    pub(crate) fn finish(&mut self, id: usize, wanted: &str, fields: Vec<Field>) -> usize {
        if let Some(&same) = self.by_shape.get(&fields) {
            // Nothing can name the reserved one: what names it has a shape that no earlier class has.
            if id + 1 == self.list.len() {
                self.list.pop();
            }
            return same;
        }
        self.bytes += fields.iter().map(|field| field.key.len() + field.note.len() + 8).sum::<usize>();
        self.by_shape.insert(fields.clone(), id);
        let name = self.free_name(wanted);
        self.names.insert(name.clone());
        self.list[id] = Class { name, fields };
        id
    }

    fn free_name(&mut self, wanted: &str) -> String {
        let mut free = wanted.to_owned();
        let next = self.numbers.entry(free.clone()).or_insert(2);
        while self.taken.contains(&free) || reserved::is_keyword(&free) {
            free = format!("{wanted}{next}");
            *next += 1;
        }
        self.taken.insert(free.clone());
        free
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.iter().all(|class| class.name.is_empty())
    }

    pub(crate) fn name(&self, id: usize) -> String {
        self.list[id].name.clone()
    }

    /// The numbers of the classes that `types` lead to, in the order of their numbers.
    pub(crate) fn reachable<'t>(&self, types: impl Iterator<Item = &'t Type>) -> Vec<usize> {
        self.newly_reachable(types, &mut BTreeSet::new())
    }

    /// The same without those in `seen`, and what they lead to; adds them to it.
    pub(crate) fn newly_reachable<'t>(
        &self,
        types: impl Iterator<Item = &'t Type>,
        seen: &mut BTreeSet<usize>,
    ) -> Vec<usize> {
        let (mut open, mut new) = (Vec::new(), BTreeSet::new());
        types.for_each(|ty| ty.each_class(&mut |id| open.push(id)));
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                new.insert(id);
                self.list[id].fields.iter().for_each(|field| field.ty.each_class(&mut |id| open.push(id)));
            }
        }
        new.into_iter().collect()
    }

    /// The definition of one class.
    pub(crate) fn definition(&self, id: usize, spelling: &mut Spelling) -> String {
        let class = &self.list[id];
        let optional = class.fields.iter().filter(|field| !field.required).count();
        let mostly_optional = optional * 2 > class.fields.len();
        let typed_dict = spelling.typing("TypedDict");
        let total = if mostly_optional { ", total=False" } else { "" };
        let in_class_syntax = class.fields.iter().all(|field| self.is_plain(&field.key));
        let mut text = if in_class_syntax {
            format!("class {}({typed_dict}{total}):\n", class.name)
        } else {
            format!("{0} = {typed_dict}(\"{0}\", {{\n", class.name)
        };
        for field in &class.fields {
            let ty = self.field_type(field, mostly_optional, spelling);
            let note = if field.note.is_empty() { String::new() } else { format!("  # {}", field.note) };
            if in_class_syntax {
                text.push_str(&format!("    {}: {ty}{note}\n", field.key));
            } else {
                text.push_str(&format!("    {}: {ty},{note}\n", python::string(&field.key)));
            }
        }
        if !in_class_syntax {
            text.push_str(&format!("}}{total})\n"));
        }
        text
    }

    fn field_type(&self, field: &Field, mostly_optional: bool, spelling: &mut Spelling) -> String {
        let ty = spelling.of(&field.ty, &|id| self.name(id));
        match (field.required, mostly_optional) {
            (true, true) => format!("{}[{ty}]", spelling.typing("Required")),
            (false, false) => format!("{}[{ty}]", spelling.typing("NotRequired")),
            _ => ty,
        }
    }

    /// Whether a key can stand as a name in a class body: Python would mangle `__x`, and a type checker would take a
    /// field called `list` for the type in the fields below it.
    fn is_plain(&self, key: &str) -> bool {
        is_identifier(key)
            && !reserved::is_keyword(key)
            && !key.starts_with("__")
            && !TYPE_NAMES.contains(&key)
            && !self.names.contains(key)
    }
}

fn fingerprint(root: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    let definitions: Vec<&Value> = ["$defs", "definitions"].iter().filter_map(|key| root.get(key)).collect();
    let whole = if definitions.is_empty() { vec![root] } else { definitions };
    whole.into_iter().for_each(|value| hash(value, &mut hasher));
    hasher.finish()
}

/// In the order in which it is written, as that is the order of fields.
fn hash(value: &Value, hasher: &mut DefaultHasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Array(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| hash(item, hasher));
        }
        Value::Object(map) => {
            map.len().hash(hasher);
            map.iter().for_each(|(key, value)| {
                key.hash(hasher);
                hash(value, hasher);
            });
        }
        Value::Number(number) => number.as_str().hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Bool(flag) => flag.hash(hasher),
        Value::Null => {}
    }
}

/// `get_user-list` → `GetUserList`: a part of a class name.
pub(crate) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars().take(64) {
        if !is_part(c) || c == '_' {
            at_start = true;
        } else if at_start {
            out.extend(c.to_uppercase());
            at_start = false;
        } else {
            out.push(c);
        }
    }
    let out: String = unicode_normalization::UnicodeNormalization::nfkc(out.chars()).collect();
    if out.is_empty() || is_identifier(&out) { out } else { format!("T{out}").replace(|c| !is_part(c), "") }
}

/// What one element of a list is called: `documents` → `document`.
pub(crate) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let plural_of_hiss = ["xes", "ches", "shes", "sses"].iter().any(|end| word.ends_with(end));
    match word.strip_suffix(if plural_of_hiss { "es" } else { "s" }) {
        Some(stem) if !stem.is_empty() && !stem.ends_with(['s', 'u', 'i']) || plural_of_hiss => stem.to_owned(),
        _ => format!("{word}Item"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str, ty: Type, required: bool) -> Field {
        Field { key: key.to_owned(), ty, required, note: String::new() }
    }

    fn class(classes: &mut Classes, name: &str, fields: Vec<Field>) -> usize {
        let id = classes.reserve();
        classes.finish(id, name, fields)
    }

    #[test]
    fn one_shape_is_one_class_and_one_name_is_one_class() {
        let mut classes = Classes::beside(["Taken".to_owned()], 0);
        let first = class(&mut classes, "A", vec![field("x", Type::Int, true)]);
        assert_eq!(class(&mut classes, "B", vec![field("x", Type::Int, true)]), first);
        let other = class(&mut classes, "A", vec![field("x", Type::Str, true)]);
        let taken = class(&mut classes, "Taken", vec![field("y", Type::Str, true)]);
        let typing = class(&mut classes, "Any", vec![field("z", Type::Str, true)]);
        assert_eq!([first, other, taken, typing].map(|id| classes.name(id)), ["A", "A2", "Taken2", "Any2"]);
    }

    #[test]
    fn the_shorter_way_to_say_optional_is_taken() {
        let mut classes = Classes::default();
        let few = class(&mut classes, "Few", vec![field("a", Type::Int, true), field("b", Type::Int, false)]);
        let most = class(&mut classes, "Most", vec![field("a", Type::Int, false), field("b", Type::Int, false)]);
        let spelling = &mut Spelling::default();
        assert_eq!(classes.definition(few, spelling), "class Few(TypedDict):\n    a: int\n    b: NotRequired[int]\n");
        assert_eq!(classes.definition(most, spelling), "class Most(TypedDict, total=False):\n    a: int\n    b: int\n");
    }

    #[test]
    fn keys_that_are_no_names_get_the_functional_form() {
        for key in ["from", "$meta", "__typename", "list", "A"] {
            let mut classes = Classes::default();
            let id = class(&mut classes, "A", vec![field(key, Type::list(Type::Str), true)]);
            let expected = format!("A = TypedDict(\"A\", {{\n    \"{key}\": list[str],\n}})\n");
            assert_eq!(classes.definition(id, &mut Spelling::default()), expected);
        }
    }

    #[test]
    fn class_names_are_identifiers() {
        assert_eq!(["get_user-list", "API-get", "2fa", "🙂"].map(pascal), ["GetUserList", "APIGet", "T2fa", ""]);
        let singulars = ["documents", "status", "classes", "entries", "data"].map(singular);
        assert_eq!(singulars, ["document", "statusItem", "class", "entry", "dataItem"]);
    }
}
