//! The schema of a function's arguments.

use rustpython_parser::ast::{self, ArgWithDefault, Expr};
use serde_json::{Map, Value, json};

use crate::FunctionError;
use crate::annotation::{Annotations, literal};
use crate::docstring::Docstring;

/// The most parameters of a function.
pub const MAX_PARAMETERS: usize = 50;

/// The schema of the object of arguments.
pub(crate) fn input_schema(
    arguments: &ast::Arguments,
    docstring: &Docstring,
    annotations: &mut Annotations<'_>,
) -> Result<Value, FunctionError> {
    if let Some(first) = arguments.posonlyargs.first() {
        let message = "no parameter can be positional only: calls name their arguments; take out the `/`";
        return Err(FunctionError::at(annotations.line_of(&first.def), message));
    }
    if let Some(vararg) = &arguments.vararg {
        let message = format!("`*{0}` cannot be called by name: write `{0}: list[...]`", vararg.arg);
        return Err(FunctionError::at(annotations.line_of(&**vararg), message));
    }
    let all: Vec<&ArgWithDefault> = arguments.args.iter().chain(&arguments.kwonlyargs).collect();
    if let Some(beyond) = all.get(MAX_PARAMETERS) {
        let message = format!("a function has at most {MAX_PARAMETERS} parameters");
        return Err(FunctionError::at(annotations.line_of(&beyond.def), message));
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for parameter in all {
        let name = parameter.def.arg.as_str();
        let mut schema = annotations.schema(annotated(&parameter.def, annotations)?)?;
        match &parameter.default {
            None => required.push(name.to_owned()),
            Some(default) => {
                if let Some(default) = literal(default) {
                    schema["default"] = default;
                }
            }
        }
        if let Some(text) = docstring.parameters.get(name) {
            schema["description"] = Value::from(text.as_str());
        }
        properties.insert(name.to_owned(), schema);
    }
    let others = match &arguments.kwarg {
        None => Value::Bool(false),
        Some(others) => match &others.annotation {
            Some(annotation) => annotations.schema(annotation)?,
            None => Value::Bool(true),
        },
    };
    Ok(json!({"type": "object", "properties": properties, "required": required, "additionalProperties": others}))
}

fn annotated<'a>(parameter: &'a ast::Arg, annotations: &Annotations<'_>) -> Result<&'a Expr, FunctionError> {
    parameter.annotation.as_deref().ok_or_else(|| {
        let line = annotations.line_of(parameter);
        FunctionError::at(line, format!("parameter `{0}` has no type: write `{0}: str`, or what it is", parameter.arg))
    })
}
