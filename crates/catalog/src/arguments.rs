//! The check of arguments against a tool's schema.
//!
//! It helps the author of a script; it protects nobody. So a schema that cannot be used (it does not compile, refers to
//! the network, or asks for unbounded work) is no reason to refuse a call: then any object passes, and the server judges.

use std::collections::HashMap;
use std::sync::OnceLock;

use exuvia_tool::{ArgumentCheck, Parameter};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::complaint::{self, Names};
use crate::schema;
use crate::survey::{Survey, has_monstrous_number, survey};
use crate::text;
use crate::walk::change_each;

/// How many faults one answer tells. The author repairs them and tries again.
const MAX_FAULTS: usize = 3;

/// The memory that one compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// More patterns than that are not compiled at all.
const MAX_PATTERNS: usize = 200;

const MAX_SIGNATURE_CHARS: usize = 1_200;

/// Checks the arguments of one tool. The schema is compiled when the first arguments come.
pub(crate) struct SchemaCheck {
    /// `crm.get_contacts`
    label: String,
    signature: String,
    names: Names,
    schema: Value,
    compiled: OnceLock<Option<Compiled>>,
}

struct Compiled {
    /// What was compiled: the server's schema, mended where that was needed.
    schema: Value,
    survey: Survey,
    validator: Validator,
    /// Whether parts were taken that kept it from compiling.
    #[cfg_attr(not(test), expect(dead_code))]
    is_loosened: bool,
}

impl SchemaCheck {
    pub(crate) fn new(label: String, signature: String, parameters: &[Parameter], schema: Value) -> Self {
        let renamed = parameters.iter().filter(|parameter| parameter.name != parameter.python_name);
        let renamed: HashMap<_, _> = renamed.map(|one| (one.name.clone(), one.python_name.clone())).collect();
        let optional = parameters.iter().filter(|parameter| !parameter.required).map(|one| one.name.clone()).collect();
        let known = parameters.iter().map(|parameter| parameter.python_name.clone()).collect();
        Self { label, signature, names: Names { renamed, optional, known }, schema, compiled: OnceLock::new() }
    }

    fn refusal(&self, faults: &str) -> String {
        let signature = text::cut(&self.signature, MAX_SIGNATURE_CHARS);
        let server = self.label.split('.').next().unwrap_or_default();
        format!("{}: {faults}\nsignature: {server}.{signature}", self.label)
    }
}

impl ArgumentCheck for SchemaCheck {
    fn check(&self, arguments: &Value) -> Result<(), String> {
        if !arguments.is_object() {
            let found = complaint::shown(arguments);
            return Err(self.refusal(&format!("the arguments must be an object, not {found}")));
        }
        if has_monstrous_number(arguments) {
            return Err(self.refusal("a number has more digits or a greater exponent than can be sent"));
        }
        let Some(compiled) = self.compiled.get_or_init(|| compiled(&self.schema)) else { return Ok(()) };
        if !compiled.survey.allows(&compiled.schema, arguments) || compiled.validator.is_valid(arguments) {
            return Ok(());
        }
        let errors = compiled.validator.iter_errors(arguments);
        let mut faults: Vec<String> = Vec::with_capacity(MAX_FAULTS);
        for error in errors {
            let fault = complaint::of(&error, &self.names);
            if faults.len() == MAX_FAULTS {
                faults.push("and more".to_owned());
                break;
            }
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        Err(self.refusal(&faults.join("; ")))
    }
}

/// Compiles a schema: as it is if that goes, else without the parts that keep it from compiling.
fn compiled(schema: &Value) -> Option<Compiled> {
    if has_monstrous_number(schema) {
        return None;
    }
    let mut mended = schema.clone();
    let mut patterns = 0;
    change_each(&mut mended, &mut |map| {
        mend(map, schema);
        patterns += usize::from(map.contains_key("pattern"));
        patterns += map.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
    });
    let survey = survey(&mended)?;
    if patterns <= MAX_PATTERNS
        && let Some(validator) = validator(&mended)
    {
        return Some(Compiled { schema: mended, survey, validator, is_loosened: false });
    }
    change_each(&mut mended, &mut |map| loosen(map));
    validator(&mended).map(|validator| Compiled { schema: mended, survey, validator, is_loosened: true })
}

fn validator(schema: &Value) -> Option<Validator> {
    // Patterns run on an engine whose time is linear: the script chooses the text and the server the pattern.
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options().offline().with_pattern_options(patterns).build(schema).ok()
}

/// Takes what only matters between documents, references that lead out of this one, and lets null be where it is the
/// default.
fn mend(map: &mut Map<String, Value>, root: &Value) {
    for key in ["$id", "id", "$anchor"] {
        if map.get(key).is_some_and(Value::is_string) {
            map.remove(key);
        }
    }
    let leads_out = |reference: &str| schema::Document::new(root).target(reference).is_none();
    if schema::reference(map).is_some_and(leads_out) {
        map.remove("$ref");
    }
    if map.get("default") == Some(&Value::Null) && !map.contains_key("$ref") {
        allow_null(map);
    }
}

/// FastMCP and others write `{"type": "string", "default": null}` for what their server takes as "a string or null".
fn allow_null(map: &mut Map<String, Value>) {
    let default = map.remove("default");
    let strict = Value::Object(std::mem::take(map));
    map.insert("anyOf".to_owned(), Value::Array(vec![strict, serde_json::json!({"type": "null"})]));
    map.extend(default.map(|default| ("default".to_owned(), default)));
}

/// Takes the parts that are known to keep real schemas from compiling. Whatever is taken only makes more arguments pass.
fn loosen(map: &mut Map<String, Value>) {
    map.remove("$schema");
    map.remove("pattern");
    map.remove("format");
    if map.remove("patternProperties").is_some() {
        map.remove("additionalProperties");
        map.remove("unevaluatedProperties");
    }
    for key in ["exclusiveMinimum", "exclusiveMaximum"] {
        if map.get(key).is_some_and(Value::is_boolean) {
            map.remove(key);
        }
    }
    if map.get("required").is_some_and(|required| !required.is_array()) {
        map.remove("required");
    }
    if map.get("type").is_some_and(|types| !names_types(types)) {
        map.remove("type");
    }
}

fn names_types(types: &Value) -> bool {
    let names_one = |name: &Value| {
        let names = ["null", "boolean", "integer", "number", "string", "array", "object"];
        name.as_str().is_some_and(|name| names.contains(&name))
    };
    types.as_array().map_or_else(|| names_one(types), |list| !list.is_empty() && list.iter().all(names_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_schema_compiles_as_it_is() {
        let directory = "../../tests/data/catalog";
        let mut compiled_schemas = 0;
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let tools: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            for tool in tools {
                let compiled = compiled(&tool["inputSchema"]);
                assert!(compiled.is_some_and(|compiled| !compiled.is_loosened), "{}", tool["name"]);
                compiled_schemas += 1;
            }
        }
        assert_eq!(compiled_schemas, 508);
    }

    #[test]
    fn a_schema_is_compiled_at_the_first_check_and_not_before() {
        let check = SchemaCheck::new("a.b".to_owned(), "b()".to_owned(), &[], serde_json::json!({}));
        assert!(check.compiled.get().is_none());
        assert!(check.check(&serde_json::json!({})).is_ok());
        assert!(check.compiled.get().is_some());
    }
}
