//! One-line signatures.
//!
//! Parameters stand in schema order, and positional arguments fill them in that order. Python wants parameters without a
//! default before those with one, so where a required parameter follows an optional one a `*` stands between: from
//! there on the stub asks for keywords, in whose order Python takes no interest.

use crate::classes::Classes;
use crate::shape::{Shape, ShapedParameter};
use crate::types::{Spelling, Type};

/// Where a signature stops naming parameters.
const MAX_PARAMETER_BYTES: usize = 4_000;

/// A result whose type is longer is anything.
const MAX_RESULT_BYTES: usize = 2_000;

/// `get_orders(customer: int, limit: int = 10) -> list[dict]`
pub(crate) fn line(python_name: &str, shape: &Shape, classes: &Classes, spelling: &mut Spelling) -> String {
    let class_name = |id: usize| classes.name(id);
    let mut written: Vec<String> = Vec::with_capacity(shape.parameters.len() + 2);
    let (mut bytes, mut optional_seen, mut keywords_only) = (0, false, false);
    let mut others = shape.others.clone();
    for parameter in &shape.parameters {
        if parameter.required && optional_seen && !keywords_only {
            keywords_only = true;
            written.push("*".to_owned());
        }
        optional_seen |= !parameter.required;
        let one = one(parameter, spelling, &class_name);
        bytes += one.len();
        if bytes > MAX_PARAMETER_BYTES {
            others = Some(Type::Any);
            break;
        }
        written.push(one);
    }
    if written.last().is_some_and(|last| last == "*") {
        written.pop();
    }
    if let Some(others) = others {
        let name = free_name(&shape.parameters);
        written.push(format!("**{name}: {}", bounded(&others, spelling, &class_name)));
    }
    format!("{python_name}({}) -> {}", written.join(", "), bounded(&shape.result, spelling, &class_name))
}

fn bounded(ty: &Type, spelling: &mut Spelling, class_name: &impl Fn(usize) -> String) -> String {
    let written = spelling.of(ty, class_name);
    if written.len() > MAX_RESULT_BYTES { spelling.of(&Type::Any, class_name) } else { written }
}

fn one(parameter: &ShapedParameter, spelling: &mut Spelling, class_name: &impl Fn(usize) -> String) -> String {
    let ty = spelling.of(&parameter.ty, class_name);
    let name = &parameter.python_name;
    match (&parameter.default, parameter.required) {
        (_, true) => format!("{name}: {ty}"),
        (Some(default), false) => format!("{name}: {ty} = {default}"),
        (None, false) => format!("{name}: {ty} = ..."),
    }
}

/// A name for the remaining keywords that no parameter has.
fn free_name(parameters: &[ShapedParameter]) -> String {
    let mut name = "others".to_owned();
    while parameters.iter().any(|parameter| parameter.python_name == name) {
        name.push('_');
    }
    name
}
