//! The typed shape of one tool: its parameters and its result, in terms of the classes of one file.

use exuvia_tool::{Parameter, ToolDescriptor};
use serde_json::Value;

use crate::classes::{Classes, pascal};
use crate::inference::{Hint, Inference, Notes};
use crate::literals::is_integer;
use crate::notes;
use crate::python;
use crate::schema::{Document, Property};
use crate::types::{Spelling, Type};

/// How deep classes nest where nothing else bounds them.
const MAX_CLASS_DEPTH: usize = 6;

/// How many parameters a signature shows. The others can be passed all the same.
pub(crate) const MAX_SHOWN_PARAMETERS: usize = 100;

/// One parameter, typed.
pub(crate) struct ShapedParameter {
    pub(crate) python_name: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// The default as Python, if there is a short one that fits the type.
    pub(crate) default: Option<String>,
    /// Its text in documentation; empty in stubs.
    pub(crate) note: String,
}

/// One tool, typed.
pub(crate) struct Shape {
    pub(crate) parameters: Vec<ShapedParameter>,
    /// What keywords beyond the parameters hold, if there may be any.
    pub(crate) others: Option<Type>,
    pub(crate) result: Type,
    /// The result's text in documentation; empty in stubs.
    pub(crate) result_note: String,
}

/// How deep classes may nest in each part of a tool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depths {
    pub(crate) parameters: usize,
    /// Of these, those that may be left out.
    pub(crate) optional: usize,
    pub(crate) result: usize,
}

impl Depths {
    /// The same depth everywhere.
    pub(crate) fn all(depth: usize) -> Self {
        Self { parameters: depth, optional: depth, result: depth }
    }
}

/// A part of a tool that has types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Parameters,
    /// Those that may not be left out.
    Required,
    Result,
    Both,
}

/// A tool whose shape is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'t> {
    pub(crate) python_name: &'t str,
    pub(crate) descriptor: &'t ToolDescriptor,
    /// The parameters, in schema order.
    pub(crate) parameters: &'t [Parameter],
}

impl<'t> Subject<'t> {
    /// The shape, in `classes`, with classes down to `depths`.
    pub(crate) fn shape(self, classes: &mut Classes, depths: Depths, with_notes: bool) -> Shape {
        let document = Document::new(&self.descriptor.input_schema);
        let object = document.object(document.root());
        let hint = |part: &str| Hint { owner: pascal(self.python_name), part: part.to_owned() };
        let noted = if with_notes { Notes::OnArguments } else { Notes::None };
        let mut inference = Inference::new(document, classes, depths.parameters, noted);
        let mut parameters = Vec::with_capacity(object.properties.len().min(MAX_SHOWN_PARAMETERS));
        for (property, named) in object.properties.iter().zip(self.parameters).take(MAX_SHOWN_PARAMETERS) {
            inference.nest_to(if property.required { depths.parameters } else { depths.optional });
            let ty = inference.type_of_any(&property.schemas, &hint(&pascal(property.name)));
            let note = if with_notes { notes::of_parameter(document, property) } else { String::new() };
            parameters.push(parameter(&named.python_name, ty, property, note));
        }
        let is_open = object.is_open() || object.properties.len() > parameters.len();
        let others =
            is_open.then(|| object.others.map_or(Type::Any, |others| inference.type_of(others, &hint("Others"))));
        drop(inference);
        let (result, result_note) = self.result(classes, depths.result, with_notes);
        Shape { parameters, others, result, result_note }
    }

    fn result(self, classes: &mut Classes, max_depth: usize, with_notes: bool) -> (Type, String) {
        let Some(root) = &self.descriptor.output_schema else { return (Type::Any, String::new()) };
        let is_boxed = self.descriptor.is_boxed();
        // The value that a script gets.
        let schema = root.pointer("/properties/result").filter(|_| is_boxed).unwrap_or(root);
        let document = Document::new(root);
        let hint = Hint { owner: pascal(self.python_name), part: "Result".to_owned() };
        let noted = if with_notes { Notes::OnResults } else { Notes::None };
        let ty = Inference::new(document, classes, max_depth, noted).type_of(schema, &hint);
        // A text that is an object or a list as JSON comes as what it says.
        let ty = if ty == Type::Str { Type::union(vec![ty, Type::dict(Type::Any), Type::list(Type::Any)]) } else { ty };
        (ty, noted.on(document, &Property { name: "", schemas: vec![schema], required: true }))
    }

    /// The greatest depth at which the definitions of the classes of a part take no more than `max_bytes`. Looks at no more
    /// than `work_left` schemas, and takes from it what it looked at.
    pub(crate) fn fitting_depth(self, part: Part, max_bytes: usize, with_notes: bool, work_left: &mut usize) -> usize {
        let mut fits = |depth: usize| {
            let mut classes = Classes::measured(max_bytes, *work_left);
            let depths = match part {
                Part::Parameters => Depths { parameters: depth, optional: depth, result: 0 },
                Part::Required => Depths { parameters: depth, optional: 0, result: 0 },
                Part::Result => Depths { result: depth, ..Depths::all(0) },
                Part::Both => Depths::all(depth),
            };
            let shape = self.shape(&mut classes, depths, with_notes);
            *work_left = classes.work_left;
            let spelling = &mut Spelling::default();
            let ids = classes.reachable(shape.types());
            !classes.is_full()
                && ids.into_iter().map(|id| classes.definition(id, spelling).len()).sum::<usize>() <= max_bytes
        };
        // Most tools fit whole. Of the others, what is too deep costs most to find out.
        if fits(MAX_CLASS_DEPTH) {
            return MAX_CLASS_DEPTH;
        }
        (1..MAX_CLASS_DEPTH).take_while(|&depth| fits(depth)).last().unwrap_or(0)
    }
}

impl Shape {
    /// All the types of the shape.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.parameters.iter().map(|parameter| &parameter.ty).chain(&self.others).chain(std::iter::once(&self.result))
    }
}

fn parameter(name: &str, ty: Type, property: &Property<'_>, note: String) -> ShapedParameter {
    let default = property.schemas.first().and_then(|schema| schema.get("default")).filter(|_| !property.required);
    // A default of null is what leaving the parameter out is: neither says anything of the value that one would give.
    let (ty, default) = match default {
        Some(Value::Null) => (ty.without_none(), None),
        default => (ty, default),
    };
    let default = default.filter(|default| fits(&ty, default)).and_then(python::short_literal);
    ShapedParameter { python_name: name.to_owned(), ty, required: property.required, default, note }
}

/// Whether a type checker would take a literal of `value` for a `ty`.
fn fits(ty: &Type, value: &Value) -> bool {
    match (ty, value) {
        (Type::Any, _) | (Type::None, Value::Null) | (Type::Bool, Value::Bool(_)) | (Type::Str, Value::String(_)) => {
            true
        }
        (Type::Int, Value::Number(number)) => is_integer(number.as_str()),
        (Type::Float, Value::Number(_)) => true,
        (Type::List(item), Value::Array(items)) => items.iter().all(|value| fits(item, value)),
        (Type::Dict(item), Value::Object(map)) => map.values().all(|value| fits(item, value)),
        (Type::Literal(values), value) => python::short_literal(value).is_some_and(|literal| values.contains(&literal)),
        (Type::Union(members), value) => members.iter().any(|member| fits(member, value)),
        _ => false,
    }
}
