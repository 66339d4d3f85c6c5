//! Enumerations as `Literal` types.

use serde_json::Value;

use crate::python;
use crate::types::Type;

/// An enumeration that is longer is shown by its type; the documentation names the values.
const MAX_LITERALS: usize = 32;
const MAX_LITERAL_BYTES: usize = 400;

/// Whether an enumeration is short enough to be written out as a type.
pub(crate) fn is_shown_as_literal(values: &[Value]) -> bool {
    let add = |bytes: usize, value| Some(bytes + python::json_bytes(value, MAX_LITERAL_BYTES)?);
    let bytes = || values.iter().try_fold(0, add);
    values.len() <= MAX_LITERALS && bytes().is_some_and(|bytes| bytes <= MAX_LITERAL_BYTES)
}

/// The values of an enumeration as a type.
pub(crate) fn literals(values: &[Value]) -> Type {
    let mut types = Vec::with_capacity(values.len().min(MAX_LITERALS));
    let fits = is_shown_as_literal(values);
    for value in values {
        types.push(match value {
            Value::String(text) if fits => Type::Literal(vec![python::string(text)]),
            Value::Bool(flag) if fits => Type::Literal(vec![if *flag { "True" } else { "False" }.to_owned()]),
            Value::Number(number) if fits && is_integer(number.as_str()) => Type::Literal(vec![number.to_string()]),
            Value::Null => Type::None,
            Value::String(_) => Type::Str,
            Value::Bool(_) => Type::Bool,
            Value::Number(number) if is_integer(number.as_str()) => Type::Int,
            Value::Number(_) => Type::Float,
            Value::Array(_) => Type::list(Type::Any),
            Value::Object(_) => Type::dict(Type::Any),
        });
    }
    Type::union(types)
}

/// Whether a number is written as an integer.
pub(crate) fn is_integer(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
