//! Values that fit a JSON Schema: made, not found, and the same every time.

use serde_json::{Map, Value, json};

/// How many levels of a value may have what they need not have. Recursive schemas end behind that.
const MAX_DEPTH: usize = 6;

/// How much of what may be left out is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// Only what is required.
    Least,
    /// Everything that has a name, and where other keys or items may be, some of them.
    Most,
}

/// Texts that something on the way might spoil.
const TEXTS: [&str; 8] = [
    "plain",
    "two\nlines\tand \"quotes\", 'others', a \\n, {braces}, %s and ${HOME}",
    "日本語 é 😀 e\u{301}",
    "",
    "\0\u{1}\u{1f}\u{7f}\u{2028}\u{feff}",
    "None",
    "[1, 2.50]",
    "</script> #: outcome",
];

/// Integers that something on the way might round.
const INTEGERS: [&str; 6] = ["0", "-1", "9007199254740993", "18446744073709551617", "7", "-9223372036854775809"];

/// Numbers, spelled as Python spells them.
const NUMBERS: [&str; 6] = ["0.1", "1e+300", "-2.5", "5e-324", "3", "123456789012345678901234567890"];

/// A text for each pattern that the catalogs use.
const MATCHES: [(&str, &str); 6] = [
    (r"^(Time)?SlicerStyle(Light|Dark|Other)\d$", "TimeSlicerStyleDark3"),
    (r"^([/_.\-A-Za-z0-9=, ()!])+$", "app in (web, api), tier!=db"),
    ("^=", "=SUM(A1:A9)"),
    (r"^[.\-A-Za-z0-9]+([=!,]{1,2}[./\-A-Za-z0-9]+)+$", "metadata.name=web-1"),
    ("^[A-Z][A-Z0-9_]+$", "PROJ_1"),
    (r"^[A-Z][A-Z0-9_]+-\d+(?:-\d+)*$", "PROJ-123"),
];

/// An object that fits `schema`. Another `variant` takes other branches, other values of enumerations, other scalars.
///
/// # Panics
///
/// The schema uses something that no recorded catalog uses.
#[must_use]
pub fn fitting(schema: &Value, variant: usize, breadth: Breadth) -> Map<String, Value> {
    let mut fitting = Fitting { root: schema, variant, scalars: 0, depth: 0, breadth };
    match fitting.value(schema) {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// The length of the longest union in `schema`: that many variants take every branch.
#[must_use]
pub fn widest_choice(schema: &Value) -> usize {
    let (own, inner): (usize, Vec<&Value>) = match schema {
        Value::Object(map) => {
            let branches = ["anyOf", "oneOf"].iter().filter_map(|key| map.get(*key)?.as_array()).map(Vec::len);
            (branches.max().unwrap_or(1), map.values().collect())
        }
        Value::Array(items) => (1, items.iter().collect()),
        _ => return 1,
    };
    inner.into_iter().map(widest_choice).fold(own, usize::max)
}

/// What `schema` refers to, or itself.
pub(super) fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference inside the document");
            resolved(root, root.pointer(pointer).expect("a reference to something"))
        }
        None => schema,
    }
}

struct Fitting<'s> {
    root: &'s Value,
    variant: usize,
    /// How many scalars were made: each differs from the last.
    scalars: usize,
    depth: usize,
    breadth: Breadth,
}

impl<'s> Fitting<'s> {
    fn value(&mut self, schema: &'s Value) -> Value {
        let schema = resolved(self.root, schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.next_of(values).clone();
        }
        let branches = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array());
        if let Some(branches) = branches {
            return self.value(&branches[self.variant % branches.len()]);
        }
        if let Some(default) = schema.get("default").filter(|default| self.variant == 1 && fits(schema, default)) {
            return default.clone();
        }
        match schema.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, schema),
            Some(Value::Array(kinds)) => {
                let kind = kinds[self.variant % kinds.len()].as_str().expect("a type");
                self.of_type(kind, schema)
            }
            None => self.next_of(&[json!({"a": [1, null]}), json!("text"), json!(true), json!([[]]), json!(5)]).clone(),
            Some(other) => panic!("{other} is no type"),
        }
    }

    fn of_type(&mut self, kind: &str, schema: &'s Value) -> Value {
        match kind {
            "null" => Value::Null,
            "boolean" => self.next().is_multiple_of(2).into(),
            "integer" => self.number(schema, &INTEGERS),
            "number" => self.number(schema, &NUMBERS),
            "string" => self.text(schema).into(),
            "array" => self.inside(|fitting| fitting.array(schema)),
            "object" => self.inside(|fitting| fitting.object(schema).into()),
            other => panic!("{other} is no type"),
        }
    }

    fn array(&mut self, schema: &'s Value) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0);
        let wanted = if self.is_generous() { least.max(2).min(bound("maxItems").unwrap_or(u64::MAX)) } else { least };
        let items = schema.get("items").unwrap_or(&Value::Null);
        (0..wanted).map(|_| self.value(items)).collect()
    }

    fn object(&mut self, schema: &'s Value) -> Map<String, Value> {
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if self.is_generous() || required.contains(&name.as_str().into()) {
                object.insert(name.clone(), self.value(property));
            }
        }
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        if let Some(others) = others.filter(|_| self.is_generous()) {
            for name in ["other", "with space-and.dots é"] {
                object.insert(name.to_owned(), self.value(others));
            }
        }
        object
    }

    fn text(&mut self, schema: &Value) -> String {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|bound| bound as usize);
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            let (_, matching) = MATCHES.iter().find(|(known, _)| *known == pattern).expect("a text for the pattern");
            return (*matching).to_owned();
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => return format!("00000000-0000-4000-8000-{:012x}", self.next()),
            Some("uri") => return "https://example.com/a%20b?c=d#e".to_owned(),
            Some("date") => return "2026-02-28".to_owned(),
            _ => {}
        }
        let (least, most) = (bound("minLength").unwrap_or(0), bound("maxLength").unwrap_or(usize::MAX));
        let fitting: Vec<&str> =
            TEXTS.into_iter().filter(|text| (least..=most).contains(&text.chars().count())).collect();
        if fitting.is_empty() { "x".repeat(least) } else { (*self.next_of(&fitting)).to_owned() }
    }

    fn number(&mut self, schema: &Value, candidates: &[&str]) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let widest = if schema.get("format") == Some(&json!("int32")) { 2_147_483_647.0 } else { f64::INFINITY };
        let is_within = |number: f64| {
            number.abs() <= widest
                && bound("minimum").is_none_or(|bound| number >= bound)
                && bound("maximum").is_none_or(|bound| number <= bound)
                && bound("exclusiveMinimum").is_none_or(|bound| number > bound)
                && bound("exclusiveMaximum").is_none_or(|bound| number < bound)
        };
        let bounds = ["minimum", "maximum"].iter().filter_map(|key| schema.get(*key)).map(Value::to_string);
        let all: Vec<String> = candidates.iter().map(|text| (*text).to_owned()).chain(bounds).collect();
        let within: Vec<&String> = all.iter().filter(|text| is_within(text.parse().expect("a number"))).collect();
        let number: &&String = self.next_of(&within);
        serde_json::from_str(number).expect("a number")
    }

    fn inside<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        made
    }

    fn is_generous(&self) -> bool {
        self.breadth == Breadth::Most && self.depth <= MAX_DEPTH
    }

    fn next(&mut self) -> usize {
        self.scalars += 1;
        self.variant + self.scalars
    }

    fn next_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.next() % all.len()]
    }
}

/// Whether a server's own default fits its own schema. Some do not.
fn fits(schema: &Value, default: &Value) -> bool {
    jsonschema::options().offline().build(schema).is_ok_and(|schema| schema.is_valid(default))
}
