//! Error messages for invalid arguments, for the author of the script.

use std::collections::{HashMap, HashSet};

use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use crate::closest::closest;
use crate::names::is_identifier;
use crate::python;
use crate::text;

/// How much of a value is quoted.
const MAX_VALUE_CHARS: usize = 60;
/// How much of a list of allowed values is quoted.
const MAX_OPTIONS_CHARS: usize = 300;
const MAX_PATH_CHARS: usize = 120;
/// How many forms of a value are listed.
const MAX_FORMS: usize = 6;
/// How long the fault of one form may be.
const MAX_FAULT_CHARS: usize = 200;

/// The parameters in the author's spelling.
#[derive(Default)]
pub(crate) struct Names {
    /// The Python names of those that have another than their own.
    pub(crate) renamed: HashMap<String, String>,
    /// The own names of those that may be left out.
    pub(crate) optional: HashSet<String>,
    /// The Python names of all.
    pub(crate) known: Vec<String>,
}

/// One fault in one phrase: where, what was expected, what was found.
pub(crate) fn of(error: &ValidationError<'_>, names: &Names) -> String {
    let path = path(error.instance_path(), names);
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { property } => missing(&path, property, names),
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unknown(&path, unexpected, names),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            no_branch(&path, value, error.instance_path(), context, names)
        }
        kind => {
            let subject = if path.is_empty() { "the arguments" } else { &path };
            let hint = leave_out(error, names);
            match expectation(kind) {
                Some(expected) => format!("{subject} must {expected}, not {}{hint}", shown(value)),
                None => format!("{subject}: {}{hint}", text::one_line(&error.masked().to_string(), 200)),
            }
        }
    }
}

/// A value as JSON, cut to what a message has room for.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) if items.len() > 20 => format!("a list of {}", items.len()),
        Value::Object(map) if map.len() > 20 => format!("an object with {} keys", map.len()),
        Value::String(long) if long.len() > 400 => format!("a text of {} bytes", long.len()),
        Value::Null => "None".to_owned(),
        other => exuvia_text::line(&text::cut(&python::json_head(other, 4 * MAX_VALUE_CHARS), MAX_VALUE_CHARS)),
    }
}

/// What comes behind "must".
fn expectation(kind: &ValidationErrorKind) -> Option<String> {
    use ValidationErrorKind as Kind;
    Some(match kind {
        Kind::Type { kind } => format!("be {}", type_names(kind).join(" or ")),
        Kind::Enum { options } => format!("be one of {}", listed(options)),
        Kind::Constant { expected_value } => format!("be {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("be at least {limit}"),
        Kind::Maximum { limit } => format!("be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("be greater than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("have at most {limit} characters"),
        Kind::MinItems { limit } => format!("have at least {limit} items"),
        Kind::MaxItems { limit } => format!("have at most {limit} items"),
        Kind::UniqueItems => "have no duplicates".to_owned(),
        Kind::Pattern { pattern } => format!("match the pattern {}", text::one_line(pattern, 120)),
        Kind::Format { format } => format!("have the format {}", text::one_line(format, 40)),
        _ => return None,
    })
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().map_or(&[][..], Vec::as_slice);
    let listed: Vec<String> = options.iter().take(100).map(shown).collect();
    text::cut(&listed.join(", "), MAX_OPTIONS_CHARS)
}

fn missing(path: &str, property: &Value, names: &Names) -> String {
    let own_name = property.as_str().unwrap_or_default();
    if path.is_empty() {
        let python_name = names.renamed.get(own_name).map_or(own_name, String::as_str);
        return format!("missing argument {}", text::one_line(python_name, MAX_PATH_CHARS));
    }
    format!("{path} must have the key {}", shown(property))
}

fn unknown(path: &str, unexpected: &[String], names: &Names) -> String {
    let quoted: Vec<String> = unexpected.iter().take(3).map(|key| shown(&Value::String(key.clone()))).collect();
    let quoted = quoted.join(", ");
    if !path.is_empty() {
        return format!("{path} has no key {quoted}");
    }
    let first = unexpected.first().map_or("", String::as_str);
    match closest(first, names.known.iter().map(String::as_str)).first() {
        Some(close) => format!("no argument {quoted} (did you mean {close}?)"),
        None => format!("no argument {quoted}"),
    }
}

/// A value that fits none of several forms: what is wrong with it by each form, in a line each.
fn no_branch(
    path: &str,
    value: &Value,
    at: &Location,
    branches: &[Vec<ValidationError<'static>>],
    names: &Names,
) -> String {
    let subject = if path.is_empty() { "the arguments" } else { path };
    let mut wrong_types: Vec<String> = Vec::new();
    let mut faults: Vec<String> = Vec::new();
    let mut forms = 0;
    for branch in branches {
        let wrong_type = branch.iter().find_map(|error| match error.kind() {
            ValidationErrorKind::Type { kind } if error.instance_path().as_str() == at.as_str() => Some(kind),
            _ => None,
        });
        match wrong_type {
            Some(kind) => wrong_types.extend(type_names(kind)),
            None => {
                forms += 1;
                // A form that is a choice itself is listed in the same line.
                let told = |error| text::cut(&of(error, names).replace("\n- ", " | "), MAX_FAULT_CHARS);
                let fault = branch.first().filter(|_| faults.len() < MAX_FORMS).map(told).unwrap_or_default();
                if !fault.is_empty() && !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
    }
    let mut seen = HashSet::new();
    wrong_types.retain(|name| seen.insert(name.clone()));
    match faults.as_slice() {
        [] => format!("{subject} must be {}, not {}", wrong_types.join(" or "), shown(value)),
        [fault] => fault.clone(),
        faults => {
            let more = if forms > faults.len() { "\n- or another form" } else { "" };
            format!("{subject} fits no form of it:\n- {}{more}", faults.join("\n- "))
        }
    }
}

/// Scripts pass None for "nothing"; the schema wants the key to be absent.
fn leave_out(error: &ValidationError<'_>, names: &Names) -> &'static str {
    let mut segments = error.instance_path().segments();
    let first = segments.next();
    match (first, segments.next()) {
        (Some(LocationSegment::Property(name)), None)
            if error.instance().is_null() && names.optional.contains(&*name) =>
        {
            " (leave it out)"
        }
        _ => "",
    }
}

/// `filters[0].name`, beginning with the parameter as the script spells it.
fn path(location: &Location, names: &Names) -> String {
    let mut path = String::new();
    for segment in location.segments() {
        match segment {
            LocationSegment::Index(index) => path.push_str(&format!("[{index}]")),
            LocationSegment::Property(name) if path.is_empty() => {
                path.push_str(names.renamed.get(&*name).map_or(&*name, String::as_str));
            }
            LocationSegment::Property(name) if is_identifier(&name) => path.push_str(&format!(".{name}")),
            LocationSegment::Property(name) => {
                path.push_str(&format!("[{}]", exuvia_text::quoted(&name, MAX_PATH_CHARS)))
            }
        }
    }
    text::one_line(&path, MAX_PATH_CHARS)
}
