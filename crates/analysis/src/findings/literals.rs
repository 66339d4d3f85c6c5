//! Literals as the JSON that is sent for them.

use rustpython_parser::ast::{Constant, Expr, UnaryOp};
use serde_json::{Map, Number, Value};

use super::cut;

/// How much of a value is quoted.
const MAX_VALUE_CHARS: usize = 60;

/// The JSON of a literal; none for everything whose value, or whose form as JSON, is not plain to see.
pub(super) fn value(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::Constant(constant) => of_constant(&constant.value),
        Expr::UnaryOp(negated) if matches!(negated.op, UnaryOp::USub) => {
            let Value::Number(number) = value(&negated.operand)? else { return None };
            let text = number.to_string();
            serde_json::from_str(&format!("-{text}")).ok().filter(|_| !text.starts_with('-'))
        }
        Expr::List(list) => list.elts.iter().map(value).collect::<Option<Vec<_>>>().map(Value::Array),
        Expr::Tuple(tuple) => tuple.elts.iter().map(value).collect::<Option<Vec<_>>>().map(Value::Array),
        Expr::Dict(dict) => {
            let mut map = Map::new();
            for (key, item) in dict.keys.iter().zip(&dict.values) {
                let Value::String(key) = value(key.as_ref()?)? else { return None };
                map.insert(key, value(item)?);
            }
            Some(Value::Object(map))
        }
        _ => None,
    }
}

fn of_constant(constant: &Constant) -> Option<Value> {
    match constant {
        Constant::None => Some(Value::Null),
        Constant::Bool(truth) => Some(Value::Bool(*truth)),
        // The parser puts this mark where it cannot hold what is written.
        Constant::Str(text) => Some(Value::String(text.clone())).filter(|_| !text.contains('\u{fffd}')),
        Constant::Int(number) => serde_json::from_str(&number.to_string()).ok(),
        Constant::Float(number) => Number::from_f64(*number).map(Value::Number),
        _ => None,
    }
}

/// A value as a message quotes it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        other => cut(&other.to_string(), MAX_VALUE_CHARS),
    }
}
