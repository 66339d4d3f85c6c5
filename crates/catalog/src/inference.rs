//! Python types of JSON schemas.

use serde_json::{Map, Value};

use crate::classes::{Classes, Field, pascal, singular};
use crate::literals::literals;
use crate::notes;
use crate::schema::{self, Document, Property};
use crate::types::Type;

/// How many schemas of one tool are looked at. What lies beyond is `Any`.
const MAX_NODES: usize = 10_000;

/// So many bytes of notes count as one more.
const NOTE_BYTES_A_NODE: usize = 256;

/// How deep lists and unions may nest before the rest is `Any`. Classes have a bound of their own.
const MAX_NESTING: usize = 40;

/// What a class would be called.
#[derive(Clone)]
pub(crate) struct Hint {
    /// The tool, as the beginning of a class name.
    pub(crate) owner: String,
    /// The part of the tool that the class describes.
    pub(crate) part: String,
}

impl Hint {
    fn part(&self, name: &str) -> Self {
        Self { owner: self.owner.clone(), part: pascal(name) }
    }

    fn item(&self) -> Self {
        Self { owner: self.owner.clone(), part: singular(&self.part) }
    }

    fn branch(&self, name: &str) -> Self {
        Self { owner: self.owner.clone(), part: format!("{}{}", self.part, pascal(name)) }
    }
}

/// What is noted at the keys of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notes {
    /// Nothing: a stub.
    None,
    /// What the caller of a tool has to know of an argument.
    OnArguments,
    /// What the reader of a result has to know.
    OnResults,
}

impl Notes {
    pub(crate) fn on(self, document: Document<'_>, property: &Property<'_>) -> String {
        match self {
            Self::None => String::new(),
            Self::OnArguments => notes::of_field(document, property),
            Self::OnResults => notes::of_result(document, property),
        }
    }
}

/// A reference that is being followed.
struct Following<'s> {
    reference: &'s str,
    target: &'s Value,
    /// The class that the target is becoming, once it is known to be one.
    class: Option<usize>,
}

/// Turns the schemas of one document into types of one file.
pub(crate) struct Inference<'a, 's> {
    document: Document<'s>,
    classes: &'a mut Classes,
    fingerprint: u64,
    /// How many classes may lie inside one another.
    max_depth: usize,
    depth: usize,
    nesting: usize,
    nodes_left: usize,
    /// What of that was left at the beginning.
    nodes: usize,
    following: Vec<Following<'s>>,
    /// The outermost of the references being followed that was met again, by its place in `following`.
    outermost_met: usize,
    /// Whether a bound was met.
    pub(crate) is_cut: bool,
    notes: Notes,
}

impl<'a, 's> Inference<'a, 's> {
    pub(crate) fn new(document: Document<'s>, classes: &'a mut Classes, max_depth: usize, notes: Notes) -> Self {
        let nodes = MAX_NODES.min(classes.work_left);
        let fingerprint = classes.fingerprint(document.root());
        Self {
            document,
            classes,
            fingerprint,
            max_depth,
            depth: 0,
            nesting: 0,
            nodes_left: nodes,
            nodes,
            following: Vec::new(),
            outermost_met: usize::MAX,
            is_cut: false,
            notes,
        }
    }

    /// How many classes may lie inside one another from now on.
    pub(crate) fn nest_to(&mut self, max_depth: usize) {
        self.max_depth = max_depth;
    }

    /// The type of a value that fits `schema`.
    pub(crate) fn type_of(&mut self, schema: &'s Value, hint: &Hint) -> Type {
        let Some(map) = schema.as_object() else { return Type::Any };
        if self.nodes_left == 0 || self.nesting == MAX_NESTING || self.classes.is_full() {
            self.is_cut = true;
            return Type::Any;
        }
        self.nodes_left -= 1;
        self.nesting += 1;
        let ty = match schema::reference(map) {
            Some(reference) => self.referenced(reference, hint),
            None => self.described(schema, map, hint),
        };
        self.nesting -= 1;
        ty
    }

    /// The type of a value that fits any of `schemas`.
    pub(crate) fn type_of_any(&mut self, schemas: &[&'s Value], hint: &Hint) -> Type {
        Type::union(schemas.iter().map(|schema| self.type_of(schema, hint)).collect())
    }

    fn referenced(&mut self, reference: &'s str, hint: &Hint) -> Type {
        if let Some(place) = self.following.iter().position(|followed| followed.reference == reference) {
            self.outermost_met = self.outermost_met.min(place);
            return self.following[place].class.map_or(Type::Any, Type::Class);
        }
        let key = (reference.to_owned(), self.fingerprint);
        if let Some(known) = self.classes.by_reference.get(&key) {
            return known.clone();
        }
        let Some(target) = self.document.target(reference) else { return Type::Any };
        let own_name = reference.rsplit('/').next().map(pascal).filter(|name| !name.is_empty());
        let hint = own_name.map_or_else(|| hint.clone(), |name| Hint { owner: String::new(), part: name });
        let was_cut = std::mem::take(&mut self.is_cut);
        let met_before = std::mem::replace(&mut self.outermost_met, usize::MAX);
        let place = self.following.len();
        self.following.push(Following { reference, target, class: None });
        let ty = self.type_of(target, &hint);
        self.following.pop();
        // What was cut here for its depth may fit whole elsewhere, and what names a class to come is not ready to share.
        if !self.is_cut && self.outermost_met >= place {
            self.classes.by_reference.insert(key, ty.clone());
        }
        self.is_cut |= was_cut;
        self.outermost_met = self.outermost_met.min(met_before);
        ty
    }

    fn described(&mut self, schema: &'s Value, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        let ty = self.not_null(schema, map, hint);
        if map.get("nullable") == Some(&Value::Bool(true)) { Type::union(vec![ty, Type::None]) } else { ty }
    }

    fn not_null(&mut self, schema: &'s Value, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        if let Some(value) = map.get("const") {
            return literals(std::slice::from_ref(value));
        }
        if let Some(values) = map.get("enum").and_then(Value::as_array) {
            return literals(values);
        }
        if map.contains_key("properties") {
            return self.by_type(schema, map, hint);
        }
        let branches: Vec<&Value> = ["anyOf", "oneOf"].iter().flat_map(|key| schema::list(map, key)).collect();
        let types = branches.iter().map(|branch| self.branch(branch, hint)).collect::<Vec<_>>();
        let union = Type::union(types);
        // Branches that only list required members, or are empty, leave the type to the rest of the schema.
        if union != Type::Any {
            return union;
        }
        match self.all_of(schema, map, hint) {
            Type::Any => self.by_type(schema, map, hint),
            ty => ty,
        }
    }

    /// One branch of several, named after the constant that distinguishes it.
    fn branch(&mut self, schema: &'s Value, hint: &Hint) -> Type {
        let properties = schema.get("properties").and_then(Value::as_object);
        let constant = |schema: &'s Value| {
            let single = schema.get("enum").and_then(Value::as_array).filter(|values| values.len() == 1);
            schema.get("const").or_else(|| single.and_then(|values| values.first())).and_then(Value::as_str)
        };
        let tag = properties.and_then(|properties| properties.values().find_map(constant));
        match tag {
            Some(tag) => self.type_of(schema, &hint.branch(tag)),
            None => self.type_of(schema, hint),
        }
    }

    fn all_of(&mut self, schema: &'s Value, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        let parts = schema::list(map, "allOf");
        if let [only] = parts {
            return self.type_of(only, hint);
        }
        if !parts.is_empty() && !self.document.head_of_object(schema).properties.is_empty() {
            return self.object(schema, hint);
        }
        let mut types = parts.iter().map(|part| self.type_of(part, hint));
        types.find(|ty| *ty != Type::Any).unwrap_or(Type::Any)
    }

    fn by_type(&mut self, schema: &'s Value, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        match map.get("type") {
            Some(Value::String(name)) => self.named(name, schema, map, hint),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str).take(8);
                Type::union(names.map(|name| self.named(name, schema, map, hint)).collect())
            }
            _ if map.contains_key("properties") || map.contains_key("additionalProperties") => {
                self.object(schema, hint)
            }
            _ if map.contains_key("items") => self.array(map, hint),
            _ => Type::Any,
        }
    }

    fn named(&mut self, name: &str, schema: &'s Value, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        match name {
            "null" => Type::None,
            "boolean" => Type::Bool,
            "integer" => Type::Int,
            "number" => Type::Float,
            "string" => Type::Str,
            "array" => self.array(map, hint),
            "object" => self.object(schema, hint),
            _ => Type::Any,
        }
    }

    fn array(&mut self, map: &'s Map<String, Value>, hint: &Hint) -> Type {
        let mut items: Vec<&Value> = schema::list(map, "prefixItems").iter().collect();
        match map.get("items") {
            Some(Value::Array(tuple)) => items.extend(tuple),
            Some(item @ Value::Object(_)) => items.push(item),
            _ => {}
        }
        Type::list(self.type_of_any(&items, &hint.item()))
    }

    fn object(&mut self, schema: &'s Value, hint: &Hint) -> Type {
        // Where no class may be, its properties are not gone through: nothing that is counted would come of them.
        let is_innermost = self.depth == self.max_depth;
        let object = if is_innermost { self.document.head_of_object(schema) } else { self.document.object(schema) };
        let passed_over = object.looked_at - object.properties.len() + object.parts.saturating_sub(1);
        self.nodes_left = self.nodes_left.saturating_sub(passed_over);
        if object.properties.is_empty() {
            let value = object.others.map_or(Type::Any, |others| self.type_of(others, &hint.item()));
            return Type::dict(value);
        }
        if is_innermost {
            self.is_cut = true;
            return Type::dict(Type::Any);
        }
        let id = self.classes.reserve();
        if let Some(followed) = self.following.last_mut().filter(|followed| std::ptr::eq(followed.target, schema)) {
            followed.class = Some(id);
        }
        self.depth += 1;
        let mut fields = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            let ty = self.type_of_any(&property.schemas, &hint.part(property.name));
            let note = self.notes.on(self.document, property);
            self.nodes_left = self.nodes_left.saturating_sub(note.len() / NOTE_BYTES_A_NODE);
            fields.push(Field { key: property.name.to_owned(), ty, required: property.required, note });
        }
        self.depth -= 1;
        let title =
            schema.get("title").and_then(Value::as_str).map(pascal).filter(|name| (2..=40).contains(&name.len()));
        let wanted = title.unwrap_or_else(|| format!("{}{}", hint.owner, hint.part));
        let wanted = if wanted.is_empty() { "Value" } else { &wanted };
        Type::Class(self.classes.finish(id, wanted, fields))
    }
}

impl Drop for Inference<'_, '_> {
    fn drop(&mut self) {
        self.classes.work_left -= self.nodes - self.nodes_left;
    }
}
