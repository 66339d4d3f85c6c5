//! JSON Schemas of annotations, and JSON of defaults.

use std::collections::BTreeMap;

use rustpython_parser::ast::{self, Constant, Expr, Operator, Ranged, Stmt, UnaryOp};
use serde_json::{Map, Number, Value, json};

use crate::FunctionError;

/// How deep types nest.
const MAX_DEPTH: usize = 12;
/// How many types all annotations of a file hold, those of its classes counted wherever they are named.
const MAX_TYPES: usize = 1_000;
/// How many values a default holds.
const MAX_VALUES: usize = 100;

/// Reads the annotations of one file.
pub(crate) struct Annotations<'a> {
    /// The classes of the file that are `TypedDict`s.
    classes: BTreeMap<&'a str, &'a ast::StmtClassDef>,
    line: &'a dyn Fn(usize) -> u32,
    types: usize,
}

impl<'a> Annotations<'a> {
    pub(crate) fn of(body: &'a [Stmt], line: &'a dyn Fn(usize) -> u32) -> Self {
        let classes = body.iter().filter_map(|statement| match statement {
            Stmt::ClassDef(class) if class.bases.iter().any(|base| name(base) == Some("TypedDict")) => {
                Some((class.name.as_str(), class))
            }
            _ => None,
        });
        Self { classes: classes.collect(), line, types: 0 }
    }

    pub(crate) fn line_of(&self, node: &impl Ranged) -> u32 {
        (self.line)(node.range().start().into())
    }

    /// The schema of an annotation.
    pub(crate) fn schema(&mut self, annotation: &Expr) -> Result<Value, FunctionError> {
        self.schema_at(annotation, 0)
    }

    fn schema_at(&mut self, annotation: &Expr, depth: usize) -> Result<Value, FunctionError> {
        self.types += 1;
        if depth > MAX_DEPTH || self.types > MAX_TYPES {
            return Err(FunctionError::at(
                self.line_of(annotation),
                "the types nest too deep, or are too many: use `dict`",
            ));
        }
        match annotation {
            Expr::Subscript(subscript) => self.generic(subscript, depth),
            Expr::BinOp(ast::ExprBinOp { left, right, op: Operator::BitOr, .. }) => {
                let members = [self.schema_at(left, depth)?, self.schema_at(right, depth + 1)?];
                Ok(union(members))
            }
            Expr::Constant(constant) if constant.value == Constant::None => Ok(json!({"type": "null"})),
            // A class that is defined further down.
            Expr::Constant(ast::ExprConstant { value: Constant::Str(text), .. }) => self.named(text, annotation, depth),
            other => match name(other) {
                Some(name) => self.named(name, annotation, depth),
                None => Err(self.unknown(annotation)),
            },
        }
    }

    fn named(&mut self, name: &str, at: &Expr, depth: usize) -> Result<Value, FunctionError> {
        Ok(match name {
            "str" => json!({"type": "string"}),
            "int" => json!({"type": "integer"}),
            "float" => json!({"type": "number"}),
            "bool" => json!({"type": "boolean"}),
            "list" | "List" | "Sequence" | "Iterable" => json!({"type": "array"}),
            "dict" | "Dict" | "Mapping" => json!({"type": "object"}),
            "Any" | "object" => json!({}),
            "None" => json!({"type": "null"}),
            class => match self.classes.get(class).copied() {
                Some(class) => self.typed_dict(class, depth)?,
                None => return Err(self.unknown(at)),
            },
        })
    }

    fn generic(&mut self, subscript: &ast::ExprSubscript, depth: usize) -> Result<Value, FunctionError> {
        let items: Vec<&Expr> = match &*subscript.slice {
            Expr::Tuple(tuple) => tuple.elts.iter().collect(),
            one => vec![one],
        };
        match (name(&subscript.value), items.as_slice()) {
            (Some("list" | "List" | "Sequence" | "Iterable"), [item]) => {
                Ok(json!({"type": "array", "items": self.schema_at(item, depth + 1)?}))
            }
            (Some("dict" | "Dict" | "Mapping"), [key, value]) if name(key) == Some("str") => {
                Ok(json!({"type": "object", "additionalProperties": self.schema_at(value, depth + 1)?}))
            }
            (Some("Optional"), [one]) => Ok(union([self.schema_at(one, depth + 1)?, json!({"type": "null"})])),
            (Some("Union"), members) if !members.is_empty() => {
                let members: Result<Vec<Value>, _> =
                    members.iter().map(|member| self.schema_at(member, depth + 1)).collect();
                Ok(union(members?))
            }
            (Some("Literal"), values) => {
                let values: Option<Vec<Value>> = values.iter().map(|value| literal(value)).collect();
                values.map(|values| json!({"enum": values})).ok_or_else(|| self.unknown(&*subscript.slice))
            }
            (Some("Annotated"), [one, rest @ ..]) => {
                let mut schema = self.schema_at(one, depth + 1)?;
                if let Some(text) = rest.iter().find_map(|note| string(note)) {
                    schema["description"] = Value::from(text);
                }
                Ok(schema)
            }
            (Some("Required" | "NotRequired" | "ReadOnly"), [one]) => self.schema_at(one, depth + 1),
            _ => Err(FunctionError::at(self.line_of(subscript), UNDERSTOOD)),
        }
    }

    fn typed_dict(&mut self, class: &ast::StmtClassDef, depth: usize) -> Result<Value, FunctionError> {
        let is_total = !class.keywords.iter().any(|keyword| {
            keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "total")
                && literal(&keyword.value) == Some(false.into())
        });
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for statement in &class.body {
            let Stmt::AnnAssign(ast::StmtAnnAssign { target, annotation, .. }) = statement else { continue };
            let Some(field) = name(target) else { continue };
            properties.insert(field.to_owned(), self.schema_at(annotation, depth + 1)?);
            let wrapper = match &**annotation {
                Expr::Subscript(subscript) => name(&subscript.value),
                _ => None,
            };
            if wrapper == Some("Required") || (is_total && wrapper != Some("NotRequired")) {
                required.push(field.to_owned());
            }
        }
        Ok(json!({"type": "object", "title": class.name.as_str(), "properties": properties, "required": required}))
    }

    fn unknown(&self, at: &impl Ranged) -> FunctionError {
        FunctionError::at(self.line_of(at), UNDERSTOOD)
    }
}

const UNDERSTOOD: &str = "this type is not understood: use str, int, float, bool, None, list[..], dict[str, ..], Literal[..], `|`, \
                          Optional[..], Any, or a TypedDict of the file";

/// The last part of a name: `Optional` of `typing.Optional`.
fn name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn string(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Constant(ast::ExprConstant { value: Constant::Str(text), .. }) => Some(text),
        _ => None,
    }
}

fn union(members: impl IntoIterator<Item = Value>) -> Value {
    let mut flat = Vec::new();
    for member in members {
        match member {
            Value::Object(mut object) if object.len() == 1 && object.contains_key("anyOf") => {
                if let Some(Value::Array(inner)) = object.remove("anyOf") {
                    flat.extend(inner);
                }
            }
            other => flat.push(other),
        }
    }
    json!({"anyOf": flat})
}

/// A default as JSON. None: it is none that JSON can write.
pub(crate) fn literal(expression: &Expr) -> Option<Value> {
    let mut values = 0;
    literal_within(expression, &mut values, 0)
}

fn literal_within(expression: &Expr, values: &mut usize, depth: usize) -> Option<Value> {
    *values += 1;
    if *values > MAX_VALUES || depth > MAX_DEPTH {
        return None;
    }
    let mut all = |items: &[Expr]| -> Option<Vec<Value>> {
        items.iter().map(|item| literal_within(item, values, depth + 1)).collect()
    };
    match expression {
        Expr::Constant(constant) => scalar(&constant.value),
        Expr::UnaryOp(ast::ExprUnaryOp { op: UnaryOp::USub, operand, .. }) => {
            match literal_within(operand, values, depth + 1)? {
                Value::Number(number) => serde_json::from_str(&format!("-{number}")).ok(),
                _ => None,
            }
        }
        Expr::List(list) => all(&list.elts).map(Value::Array),
        Expr::Dict(dict) => {
            let keys: Option<Vec<&str>> = dict.keys.iter().map(|key| string(key.as_ref()?)).collect();
            let members: Map<String, Value> = keys?.into_iter().map(str::to_owned).zip(all(&dict.values)?).collect();
            Some(members.into())
        }
        _ => None,
    }
}

fn scalar(constant: &Constant) -> Option<Value> {
    match constant {
        Constant::None => Some(Value::Null),
        Constant::Bool(value) => Some((*value).into()),
        Constant::Str(text) => Some(text.as_str().into()),
        Constant::Int(number) => serde_json::from_str(&number.to_string()).ok(),
        Constant::Float(number) => Number::from_f64(*number).map(Value::Number),
        _ => None,
    }
}
