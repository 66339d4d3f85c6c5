//! Parameters that go into HTTP headers besides, as a schema's `x-mcp-header` says (Streamable HTTP, since 2026-07-28).
//!
//! A tool whose schema does so wrongly has to be left out of the list. rmcp leaves it out of its own, and would send calls of
//! it without their headers.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// What says that a parameter goes into a header, and into which.
const HEADER: &str = "x-mcp-header";

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the schema of all arguments.
    Root,
    /// It is a parameter, or within one: nothing but `properties` leads to it.
    Parameter,
    /// Whether it has to do with an argument depends on other arguments.
    Elsewhere,
}

/// Whether every header of an input schema is one that a call can be sent with. The error completes "the tool".
///
/// The schema must not nest too deep.
pub(crate) fn check(input_schema: &Value) -> Result<(), &'static str> {
    schema(input_schema, Place::Root, &mut HashSet::new())
}

fn schema(value: &Value, place: Place, names: &mut HashSet<String>) -> Result<(), &'static str> {
    match value {
        Value::Object(keywords) => keywords.iter().try_for_each(|(name, value)| match name.as_str() {
            HEADER => header(value, keywords, place, names),
            "properties" if place == Place::Elsewhere => each(value, place, names),
            "properties" => each(value, Place::Parameter, names),
            "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" => {
                each(value, Place::Elsewhere, names)
            }
            // Values and names, and no schemas.
            "default" | "const" | "enum" | "examples" | "dependentRequired" => Ok(()),
            _ => schema(value, Place::Elsewhere, names),
        }),
        Value::Array(schemas) => schemas.iter().try_for_each(|value| schema(value, Place::Elsewhere, names)),
        _ => Ok(()),
    }
}

/// Schemas that have names of their own, which are no keywords.
fn each(schemas: &Value, place: Place, names: &mut HashSet<String>) -> Result<(), &'static str> {
    schemas.as_object().into_iter().flatten().try_for_each(|(_, value)| schema(value, place, names))
}

fn header(
    name: &Value,
    parameter: &Map<String, Value>,
    place: Place,
    names: &mut HashSet<String>,
) -> Result<(), &'static str> {
    if place != Place::Parameter {
        return Err("has an x-mcp-header outside of `properties`");
    }
    let Some(name) = name.as_str().filter(|name| !name.is_empty() && name.bytes().all(is_token)) else {
        return Err("has an x-mcp-header that is not a valid header name");
    };
    if !matches!(parameter.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
        return Err("has an x-mcp-header on a parameter that is not a string, integer or boolean");
    }
    if !names.insert(name.to_ascii_lowercase()) {
        return Err("has the same x-mcp-header on two parameters");
    }
    Ok(())
}

/// A character of a header's name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters(properties: &Value) -> Result<(), &'static str> {
        check(&json!({"type": "object", "properties": properties}))
    }

    fn typed(kind: &Value, name: &Value) -> Result<(), &'static str> {
        parameters(&json!({"a": {"type": kind, "x-mcp-header": name}}))
    }

    #[test]
    fn a_header_needs_a_name_that_headers_have() {
        for name in ["Region", "a.b_c-1", "!#$%&'*+^`|~"] {
            assert_eq!(typed(&json!("string"), &json!(name)), Ok(()), "{name}");
        }
        for name in ["", "My Region", "Region:Primary", "R\u{e9}gion", "Region\t1", "a\r\nb", "a\u{7f}", "(a)", "a/b"] {
            assert!(typed(&json!("string"), &json!(name)).unwrap_err().contains("not a valid header name"), "{name:?}");
        }
        for name in [json!(null), json!(1), json!(["Region"])] {
            assert!(typed(&json!("string"), &name).unwrap_err().contains("not a valid header name"), "{name}");
        }
    }

    #[test]
    fn a_parameter_in_a_header_is_a_string_an_integer_or_a_boolean() {
        for kind in ["string", "integer", "boolean"] {
            assert_eq!(typed(&json!(kind), &json!("A")), Ok(()), "{kind}");
        }
        let others = ["number", "object", "array", "null"].map(Value::from);
        for kind in others.into_iter().chain([json!(null), json!(["string", "null"])]) {
            assert!(typed(&kind, &json!("A")).unwrap_err().contains("not a string, integer"), "{kind}");
        }
    }

    #[test]
    fn two_parameters_have_two_headers() {
        let with = |header: &str| json!({"type": "string", "x-mcp-header": header});
        assert_eq!(parameters(&json!({"a": with("A"), "b": with("B")})), Ok(()));
        for other in ["Field", "fIELD"] {
            let nested = json!({"type": "object", "properties": {"c": with(other)}});
            assert!(parameters(&json!({"a": with("Field"), "b": with(other)})).unwrap_err().contains("two"), "{other}");
            assert!(parameters(&json!({"a": with("Field"), "b": nested})).unwrap_err().contains("two"), "{other}");
        }
    }

    #[test]
    fn a_header_is_on_a_parameter_that_is_found_without_a_look_at_the_arguments() {
        let with = || json!({"type": "string", "x-mcp-header": "A"});
        let object = |within: &str, value: Value| json!({"type": "object", within: value});
        for nested in [
            json!({"a": object("properties", json!({"b": with()}))}),
            // A parameter that has the keyword's name, and values that look like schemas.
            json!({"x-mcp-header": {"type": "string"}}),
            json!({"a": {"default": with(), "const": with(), "enum": [with()], "examples": [with()]}}),
            // A parameter of that name on which others depend.
            json!({"a": object("dependentRequired", json!({"x-mcp-header": ["b"]}))}),
            json!({"a": object("dependencies", json!({"x-mcp-header": ["b"]}))}),
        ] {
            assert_eq!(parameters(&nested), Ok(()), "{nested}");
        }
        for schema in [
            with(),
            object("items", with()),
            object("not", with()),
            object("oneOf", json!([with()])),
            object("anyOf", json!([object("properties", json!({"a": with()}))])),
            object("$defs", json!({"default": with()})),
            object("patternProperties", json!({"a": with()})),
            object("additionalProperties", with()),
            object("then", object("properties", json!({"a": with()}))),
            object("dependencies", json!({"b": object("properties", json!({"a": with()}))})),
        ] {
            for schema in [schema.clone(), object("properties", json!({"p": object("items", schema)}))] {
                assert!(check(&schema).unwrap_err().contains("outside of `properties`"), "{schema}");
            }
        }
    }
}
