//! The check of arguments against a tool's schema.
//!
//! It helps the author of a script and is no protection. So a schema that cannot be used (it does not compile, refers to the
//! network, or asks for unbounded work) is no reason to reject a call: then any object passes, and the server validates it.
//!
//! Its work is bounded before it is done. A schema is compiled once, when the first arguments come, if that is bounded; the
//! steps of a check are counted for the arguments at hand. What would take too many is checked without patterns and
//! comparisons of items, and what is too much even so is not checked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use exuvia_tool::{ArgumentCheck, LazyText, Parameter, ToolDescriptor};
use jsonschema::Validator;
use serde_json::Value;

use crate::argument_errors::{self, Names};
use crate::fitting::fit;
use crate::numbers::has_monstrous_number;
use crate::patterns::count;
use crate::schema_repair::{loosened, mended, validator};
use crate::survey::{Survey, survey};
use crate::text;
use crate::weight::Weight;

/// How many errors one answer lists. The author fixes them and tries again.
const MAX_FAULTS: usize = 3;

const MAX_SIGNATURE_CHARS: usize = 1_200;

/// How many steps one check may take: about a tenth of a second.
const MAX_STEPS: u64 = 2_000_000;

/// Up to so many steps a check that fails reports all errors; a validator collects them all before it reports any.
const MAX_STEPS_FOR_ALL_FAULTS: u64 = 100_000;

/// Up to so many it reports the first.
const MAX_STEPS_FOR_A_FAULT: u64 = 1_000_000;

/// The largest schema that is looked at, in values and 64 bytes of text.
const MAX_SCHEMA: u64 = 100_000;

/// What it takes to read a pattern, in the same measure as what it takes to compile a rule.
const COST_OF_PATTERN: u64 = 100;

/// What the schemas of one server may take to compile, in rules and states: about a second, and some hundred bytes each.
const MAX_COMPILED_OF_SERVER: u64 = 1_000_000;

/// What the schemas of one server may still take to compile.
#[derive(Debug)]
pub(crate) struct Allowance(AtomicU64);

impl Default for Allowance {
    fn default() -> Self {
        Self(AtomicU64::new(MAX_COMPILED_OF_SERVER))
    }
}

impl Allowance {
    fn take(&self, amount: u64) -> bool {
        let less = |left: u64| left.checked_sub(amount);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// Checks the arguments of one tool. The schema is compiled when the first arguments come.
pub(crate) struct SchemaCheck {
    /// `crm.get_contacts`
    label: String,
    signature: LazyText,
    names: Names,
    parameters: Vec<Parameter>,
    descriptor: Arc<ToolDescriptor>,
    allowance: Arc<Allowance>,
    /// The schema as the server wrote it, but for what had to be mended.
    whole: OnceLock<Option<Compiled>>,
    /// The same without what keeps it from compiling, and without what costs most.
    loose: OnceLock<Option<Compiled>>,
}

struct Compiled {
    schema: Value,
    survey: Survey,
    validator: Validator,
}

impl SchemaCheck {
    pub(crate) fn new(
        label: String,
        signature: LazyText,
        parameters: &[Parameter],
        descriptor: Arc<ToolDescriptor>,
        allowance: Arc<Allowance>,
    ) -> Self {
        let renamed = parameters.iter().filter(|parameter| parameter.name != parameter.python_name);
        let renamed: HashMap<_, _> = renamed.map(|one| (one.name.clone(), one.python_name.clone())).collect();
        let optional = parameters.iter().filter(|parameter| !parameter.required).map(|one| one.name.clone()).collect();
        let known = parameters.iter().map(|parameter| parameter.python_name.clone()).collect();
        let names = Names { renamed, optional, known };
        let (whole, loose) = Default::default();
        let parameters = parameters.to_vec();
        Self { label, signature, names, parameters, descriptor, allowance, whole, loose }
    }

    fn whole(&self) -> Option<&Compiled> {
        self.whole.get_or_init(|| self.compiled(mended)).as_ref()
    }

    fn loose(&self) -> Option<&Compiled> {
        self.loose.get_or_init(|| self.compiled(|schema| loosened(mended(schema)))).as_ref()
    }

    fn compiled(&self, made_fit: impl FnOnce(&Value) -> Value) -> Option<Compiled> {
        let written = &self.descriptor.input_schema;
        let size = Weight::of(written).steps();
        // What it takes to look at it counts whatever comes of it.
        let to_survey = size.saturating_add(count(written).saturating_mul(COST_OF_PATTERN));
        if size > MAX_SCHEMA || !self.allowance.take(to_survey) {
            return None;
        }
        let schema = made_fit(written);
        let survey = survey(&schema)?;
        if !self.allowance.take(survey.to_compile) {
            return None;
        }
        validator(&schema).map(|validator| Compiled { schema, survey, validator })
    }

    /// What checks `arguments` in bounded time.
    fn bounded(&self, arguments: &Value) -> Option<&Compiled> {
        let is_bounded = |one: &&Compiled| one.survey.steps(&one.schema, arguments, MAX_STEPS).is_some();
        self.whole().filter(is_bounded).or_else(|| self.loose().filter(is_bounded))
    }

    fn faults(&self, compiled: &Compiled, arguments: &Value) -> String {
        let at_most = compiled.survey.demand.over(Weight::of(arguments));
        let mut faults: Vec<String> = Vec::with_capacity(MAX_FAULTS);
        if at_most > MAX_STEPS_FOR_A_FAULT {
            faults.push("the arguments do not match the schema; they are too long to say where".to_owned());
        } else if at_most > MAX_STEPS_FOR_ALL_FAULTS {
            faults.extend(
                compiled.validator.validate(arguments).err().map(|error| argument_errors::of(&error, &self.names)),
            );
        } else {
            for error in compiled.validator.iter_errors(arguments) {
                let fault = argument_errors::of(&error, &self.names);
                if faults.len() == MAX_FAULTS {
                    faults.push("and more".to_owned());
                    break;
                }
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
        faults.join("; ")
    }

    fn refusal(&self, faults: &str) -> String {
        let signature = text::cut(&self.signature, MAX_SIGNATURE_CHARS);
        let server = self.label.split('.').next().unwrap_or_default();
        format!("{}: {faults}\nsignature: {server}.{signature}", self.label)
    }
}

impl ArgumentCheck for SchemaCheck {
    fn fit(&self, arguments: &mut Value) -> bool {
        fit(arguments, &self.descriptor.input_schema, &self.parameters)
    }

    fn check(&self, arguments: &Value) -> Result<(), String> {
        if !arguments.is_object() {
            let found = argument_errors::shown(arguments);
            return Err(self.refusal(&format!("the arguments must be an object, not {found}")));
        }
        if has_monstrous_number(arguments) {
            return Err(self.refusal("a number has more digits or a greater exponent than can be sent"));
        }
        match self.bounded(arguments) {
            Some(compiled) if !compiled.validator.is_valid(arguments) => {
                Err(self.refusal(&self.faults(compiled, arguments)))
            }
            _ => Ok(()),
        }
    }

    fn most_steps(&self, argument_bytes: usize) -> u64 {
        // The shortest value takes two bytes with its comma, and each is looked at to be counted.
        let bytes = argument_bytes as u64;
        let weight = Weight { count: bytes / 2 + 1, bytes };
        let of_tier = |tier: &OnceLock<Option<Compiled>>, otherwise: u64| match tier.get() {
            Some(Some(compiled)) => compiled.survey.demand.over(weight).min(2 * MAX_STEPS),
            Some(None) => 0,
            None => otherwise,
        };
        let whole = of_tier(&self.whole, MAX_STEPS);
        let is_enough = whole <= MAX_STEPS && self.whole.get().is_some_and(Option::is_some);
        let loose = if is_enough { 0 } else { of_tier(&self.loose, MAX_STEPS) };
        weight.steps().saturating_add(whole).saturating_add(loose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exuvia_test_support::{Catalog, catalogs, descriptor};
    use serde_json::json;

    fn check(input_schema: Value) -> SchemaCheck {
        let tool = descriptor(&json!({"name": "b", "inputSchema": input_schema}));
        SchemaCheck::new("a.b".to_owned(), "b()".into(), &[], Arc::new(tool), Arc::default())
    }

    #[test]
    fn every_recorded_schema_compiles_as_it_is() {
        let (mut compiled_schemas, mut to_compile) = (0, 0);
        for tool in catalogs().iter().flat_map(Catalog::tools) {
            let check = check(tool.input_schema);
            let compiled = check.whole();
            assert!(compiled.is_some(), "{}", tool.name);
            to_compile += compiled.unwrap().survey.to_compile;
            compiled_schemas += 1;
        }
        assert_eq!(compiled_schemas, 508);
        assert!(to_compile < MAX_COMPILED_OF_SERVER / 4, "{to_compile}: all of them together are no large server");
    }

    #[test]
    fn a_schema_is_compiled_at_the_first_check_and_not_before() {
        let check = check(json!({}));
        assert!(check.whole.get().is_none());
        assert!(check.check(&json!({})).is_ok());
        assert!(check.whole.get().is_some() && check.loose.get().is_none());
    }

    #[test]
    fn the_maximum_of_steps_is_known_before_the_arguments_are_read() {
        let cheap = check(json!({"properties": {"a": {"type": "string"}}}));
        assert!(cheap.most_steps(10) > MAX_STEPS, "it is not compiled yet");
        cheap.check(&json!({})).unwrap();
        assert!(cheap.most_steps(10) < 100 && cheap.most_steps(1 << 20) < MAX_STEPS);
        let costly = check(json!({"properties": {"a": {"pattern": "(?:[ab]*a[ab]{900})+c"}}}));
        costly.check(&json!({"a": "b"})).unwrap_err();
        assert!(costly.most_steps(10) < 20_000 && costly.most_steps(1 << 20) > MAX_STEPS);
    }

    #[test]
    fn compiling_all_schemas_of_a_server_is_bounded() {
        let properties: serde_json::Map<String, Value> =
            (0..20_000).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
        let schema = json!({"properties": properties, "required": ["q"]});
        let allowance: Arc<Allowance> = Arc::default();
        let checks: Vec<SchemaCheck> =
            (0..40).map(|_| SchemaCheck { allowance: Arc::clone(&allowance), ..check(schema.clone()) }).collect();
        assert!(checks[0].check(&json!({})).is_err());
        let refused = checks.iter().filter(|check| check.check(&json!({})).is_err()).count();
        assert!((5..35).contains(&refused), "{refused}: the others are for the server to judge");
    }
}
