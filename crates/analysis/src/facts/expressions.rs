//! Facts of expressions.

use rustpython_parser::ast::{Arguments, CmpOp, Comprehension, Constant, Expr, ExprCall, ExprCompare};

use super::scopes::Kind;
use super::{Role, Step, Walk};
use crate::tokens::FSTRING;

/// Built-in functions that make a text, a number or a truth value of what they are given, and keep nothing of it.
const SHOWING: &[&str] = &["bool", "callable", "dir", "hasattr", "help", "id", "len", "print", "repr", "str"];

/// Built-in functions that hold a value against classes.
const TESTING: &[&str] = &["isinstance", "issubclass"];

/// What may be asked of a class without reaching further: text.
const CLASS_TEXTS: &[&str] = &["__name__", "__qualname__", "__module__"];

impl<'a> Walk<'a> {
    pub(super) fn expression(&mut self, expression: &'a Expr) {
        self.place(expression, Role::Load);
    }

    pub(super) fn expressions(&mut self, expressions: &'a [Expr]) {
        expressions.iter().for_each(|one| self.expression(one));
    }

    pub(super) fn optional(&mut self, expression: Option<&'a Expr>) {
        expression.into_iter().for_each(|one| self.expression(one));
    }

    /// An expression and what is done with its value. Follows the steps of a name's parts as one.
    pub(super) fn place(&mut self, expression: &'a Expr, role: Role<'a>) {
        let mut steps: Vec<Step<'a>> = Vec::new();
        let mut inner = expression;
        loop {
            match inner {
                Expr::Name(name) => {
                    steps.reverse();
                    return self.use_name(&name.id, steps, role, self.line(name));
                }
                Expr::Attribute(attribute) => {
                    self.meet(&attribute.attr, self.line(attribute));
                    steps.push(Step::Attribute(&attribute.attr));
                    inner = &attribute.value;
                }
                Expr::Subscript(subscript) => {
                    let Some(key) = text(&subscript.slice) else { break };
                    steps.push(Step::Item(key));
                    inner = &subscript.value;
                }
                Expr::Call(call) => {
                    let Some((object, name)) = named_access(call, "getattr") else { break };
                    self.see_through(call, None);
                    self.expressions(&call.args[2..]);
                    steps.push(if call.args.len() > 2 { Step::Optional(name) } else { Step::Attribute(name) });
                    inner = object;
                }
                _ => break,
            }
        }
        let line = self.line(expression);
        if matches!(role, Role::Metaclass) {
            self.facts.metaclasses.push(line);
        }
        self.steps_of_value(&steps, line);
        let asks_class = matches!(steps.last(), Some(Step::Attribute(name)) if CLASS_TEXTS.contains(name));
        if asks_class { self.maybe_class(inner, role, None) } else { self.value(inner, role) }
    }

    /// The steps from a value that has no name, the outermost first.
    fn steps_of_value(&mut self, steps: &[Step<'a>], line: u32) {
        for (at, step) in steps.iter().enumerate() {
            if let Some(name) = step.attribute() {
                let next = at.checked_sub(1).map(|outer| steps[outer].name());
                self.facts.attributes.push((line, name, next));
            }
        }
    }

    pub(super) fn attribute_of_value(&mut self, name: &'a str, next: Option<&'a str>, line: u32) {
        self.meet(name, line);
        self.facts.attributes.push((line, name, next));
    }

    /// A place where `type(x)` can do no more than be named, compared or shown, if the built-in function that it is given
    /// to is Python's own.
    fn maybe_class(&mut self, expression: &'a Expr, role: Role<'a>, by: Option<&'static str>) {
        match type_of(expression) {
            Some((call, object)) => {
                self.see_through(call, by);
                self.expression(object);
            }
            None => self.place(expression, role),
        }
    }

    /// A call of a built-in function that has been looked through.
    fn see_through(&mut self, call: &'a ExprCall, by: Option<&'static str>) {
        if let Expr::Name(name) = call.func.as_ref() {
            self.use_name(&name.id, Vec::new(), Role::SeenThrough(by), self.line(name));
        }
    }

    /// `type(object)` where its class goes anywhere. Of what is written out, and of an exception, it is no more than a
    /// class.
    fn class_told(&mut self, call: &'a ExprCall, object: &'a Expr) {
        match object {
            Expr::Constant(_) => self.see_through(call, None),
            Expr::Name(name) => self.place(&call.func, Role::ClassOf(&name.id)),
            _ => self.place(&call.func, Role::Call(call)),
        }
        self.expression(object);
    }

    /// What is no name and no part of one.
    fn value(&mut self, expression: &'a Expr, role: Role<'a>) {
        match expression {
            Expr::Call(call) => match type_of(expression) {
                Some((_, object)) => self.class_told(call, object),
                None => self.call(call, Role::Call(call)),
            },
            Expr::Name(_) | Expr::Attribute(_) => self.expression(expression),
            Expr::Subscript(subscript) => {
                self.expression(&subscript.value);
                self.expression(&subscript.slice);
            }
            Expr::Compare(compare) => self.comparison(compare),
            Expr::NamedExpr(named) => {
                self.expression(&named.value);
                let scope = self.scope;
                self.scope = self.facts.scopes.around_comprehensions(scope);
                self.target(&named.target);
                self.scope = scope;
            }
            Expr::Lambda(lambda) => {
                self.defaults(&lambda.args);
                self.within(Kind::Function, |walk| {
                    walk.parameters(&lambda.args);
                    walk.expression(&lambda.body);
                });
            }
            Expr::ListComp(comp) => self.comprehension(&[&comp.elt], &comp.generators),
            Expr::SetComp(comp) => self.comprehension(&[&comp.elt], &comp.generators),
            Expr::GeneratorExp(comp) => self.comprehension(&[&comp.elt], &comp.generators),
            Expr::DictComp(comp) => self.comprehension(&[&comp.key, &comp.value], &comp.generators),
            Expr::BoolOp(operation) => self.expressions(&operation.values),
            Expr::BinOp(operation) => {
                self.expression(&operation.left);
                self.expression(&operation.right);
            }
            Expr::UnaryOp(operation) => self.expression(&operation.operand),
            Expr::IfExp(choice) => {
                self.expression(&choice.test);
                self.expression(&choice.body);
                self.expression(&choice.orelse);
            }
            Expr::Dict(dict) => {
                dict.keys.iter().flatten().for_each(|key| self.expression(key));
                self.expressions(&dict.values);
            }
            Expr::Set(set) => self.expressions(&set.elts),
            Expr::List(list) => self.elements(&list.elts, role),
            Expr::Tuple(tuple) => self.elements(&tuple.elts, role),
            Expr::Await(awaited) => {
                self.awaited(&awaited.value);
                self.expression(&awaited.value);
            }
            Expr::Yield(yielded) => self.optional(yielded.value.as_deref()),
            Expr::YieldFrom(yielded) => self.expression(&yielded.value),
            Expr::Starred(starred) => self.expression(&starred.value),
            Expr::Slice(slice) => {
                [&slice.lower, &slice.upper, &slice.step].into_iter().for_each(|part| self.optional(part.as_deref()));
            }
            Expr::FormattedValue(field) => {
                self.expression(&field.value);
                self.optional(field.format_spec.as_deref());
            }
            Expr::JoinedStr(joined) => self.expressions(&joined.values),
            Expr::Constant(_) => {}
        }
    }

    /// What is tested or compared with a tuple is tested or compared with its elements.
    fn elements(&mut self, elements: &'a [Expr], role: Role<'a>) {
        match role {
            Role::Tested(by) => elements.iter().for_each(|one| self.maybe_class(one, role, Some(by))),
            Role::ComparedWithClass => elements.iter().for_each(|one| self.maybe_class(one, role, None)),
            _ => self.expressions(elements),
        }
    }

    /// The class from `type` may be compared with classes by any operator, and with anything by identity: another operand could
    /// overload the operator, receive the class, and create classes with it.
    fn comparison(&mut self, compare: &'a ExprCompare) {
        let operands = || std::iter::once(compare.left.as_ref()).chain(&compare.comparators);
        let has_class = operands().any(|operand| type_of(operand).is_some());
        let by_identity = compare.ops.iter().all(|operator| matches!(operator, CmpOp::Is | CmpOp::IsNot));
        let role = if has_class && !by_identity { Role::ComparedWithClass } else { Role::Load };
        let is_told = |operand: &Expr| {
            let is_plain = |one: &Expr| matches!(one, Expr::Name(_)) || type_of(one).is_some();
            match operand {
                Expr::Tuple(several) => several.elts.iter().all(is_plain),
                Expr::List(several) => several.elts.iter().all(is_plain),
                one => is_plain(one),
            }
        };
        let is_told = by_identity || operands().all(is_told);
        for operand in operands() {
            if is_told { self.maybe_class(operand, role, None) } else { self.expression(operand) }
        }
    }

    pub(super) fn call(&mut self, call: &'a ExprCall, role: Role<'a>) {
        let function = match call.func.as_ref() {
            Expr::Name(name) => name.id.as_str(),
            _ => "",
        };
        if function == FSTRING {
            return call.args.iter().for_each(|field| self.shown(field, None));
        }
        if let Some((object, name)) = named_access(call, "setattr").or_else(|| named_access(call, "delattr")) {
            self.see_through(call, None);
            self.expressions(&call.args[2..]);
            let role = if function == "setattr" { Role::Store } else { Role::Delete };
            return self.stored_by_name(object, name, role);
        }
        self.gathering(call);
        self.place(&call.func, role);
        match SHOWING.iter().find(|name| **name == function) {
            // `hasattr` gives away what it looks at by nothing but a truth value; what it looks for is another matter.
            Some(showing) => call.args.iter().for_each(|argument| self.shown(argument, Some(showing))),
            None => match TESTING.iter().find(|name| **name == function) {
                Some(testing) => self.test(call, testing),
                None => self.expressions(&call.args),
            },
        }
        for keyword in &call.keywords {
            if let Some(name) = &keyword.arg {
                self.meet(name, self.line(keyword));
            }
            self.expression(&keyword.value);
        }
    }

    fn shown(&mut self, expression: &'a Expr, by: Option<&'static str>) {
        self.maybe_class(expression, Role::Shown(by), by);
    }

    fn test(&mut self, call: &'a ExprCall, by: &'static str) {
        let (value, classes) = call.args.split_at(call.args.len().min(1));
        value.iter().for_each(|value| self.maybe_class(value, Role::Load, Some(by)));
        classes.iter().for_each(|class| self.maybe_class(class, Role::Tested(by), Some(by)));
    }

    /// `setattr(object, "name", value)`: as good as `object.name = value`.
    fn stored_by_name(&mut self, object: &'a Expr, name: &'a str, role: Role<'a>) {
        let line = self.line(object);
        if let Expr::Name(root) = object {
            return self.use_name(&root.id, vec![Step::Attribute(name)], role, line);
        }
        self.facts.attributes.push((line, name, None));
        self.expression(object);
    }

    /// The first iterable belongs to the scope around.
    fn comprehension(&mut self, elements: &[&'a Expr], generators: &'a [Comprehension]) {
        let Some((first, others)) = generators.split_first() else { return };
        self.expression(&first.iter);
        self.within(Kind::Comprehension, |walk| {
            walk.target(&first.target);
            walk.expressions(&first.ifs);
            for generator in others {
                walk.expression(&generator.iter);
                walk.target(&generator.target);
                walk.expressions(&generator.ifs);
            }
            elements.iter().for_each(|element| walk.expression(element));
        });
    }

    pub(super) fn within(&mut self, kind: Kind, inside: impl FnOnce(&mut Self)) {
        let around = self.scope;
        self.scope = self.facts.scopes.open(kind, around);
        inside(self);
        self.scope = around;
    }

    /// The defaults of parameters belong to the scope around.
    pub(super) fn defaults(&mut self, arguments: &'a Arguments) {
        for argument in arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs) {
            self.optional(argument.default.as_deref());
        }
    }

    pub(super) fn annotations(&mut self, arguments: &'a Arguments) {
        let named = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
        let rest = arguments.vararg.iter().chain(&arguments.kwarg).map(|one| one.as_ref());
        for argument in named.map(|one| &one.def).chain(rest) {
            argument.annotation.iter().for_each(|annotation| self.annotation(annotation));
        }
    }

    /// An annotation: the names in it are classes, as a rule, and are put together by `[]` and `|`.
    pub(super) fn annotation(&mut self, annotation: &'a Expr) {
        self.part_of_annotation(annotation, annotation);
    }

    fn part_of_annotation(&mut self, part: &'a Expr, whole: &'a Expr) {
        match part {
            Expr::Subscript(subscript) if text(&subscript.slice).is_none() => {
                self.part_of_annotation(&subscript.value, whole);
                self.part_of_annotation(&subscript.slice, whole);
            }
            Expr::BinOp(operation) => {
                self.part_of_annotation(&operation.left, whole);
                self.part_of_annotation(&operation.right, whole);
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|one| self.part_of_annotation(one, whole)),
            Expr::List(list) => list.elts.iter().for_each(|one| self.part_of_annotation(one, whole)),
            other => self.place(other, Role::Annotation(whole)),
        }
    }

    pub(super) fn parameters(&mut self, arguments: &'a Arguments) {
        let named = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
        let rest = arguments.vararg.iter().chain(&arguments.kwarg).map(|one| one.as_ref());
        for argument in named.map(|one| &one.def).chain(rest) {
            self.bind(&argument.arg, self.line(argument));
        }
    }
}

/// The text of a literal.
pub(crate) fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Constant(constant) => match &constant.value {
            Constant::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The object and the name in `getattr(object, "name", ...)`, if the name is a literal.
fn named_access<'a>(call: &'a ExprCall, function: &str) -> Option<(&'a Expr, &'a str)> {
    let is_function = matches!(call.func.as_ref(), Expr::Name(name) if name.id == *function);
    match call.args.as_slice() {
        [object, name, rest @ ..] if is_function && call.keywords.is_empty() => {
            let is_plain = ![object, name].into_iter().chain(rest).any(|one| matches!(one, Expr::Starred(_)));
            text(name).filter(|_| is_plain).map(|name| (object, name))
        }
        _ => None,
    }
}

/// `type(object)`.
fn type_of(expression: &Expr) -> Option<(&ExprCall, &Expr)> {
    let Expr::Call(call) = expression else { return None };
    let is_type = matches!(call.func.as_ref(), Expr::Name(name) if name.id == *"type");
    match call.args.as_slice() {
        [object] if is_type && call.keywords.is_empty() && !matches!(object, Expr::Starred(_)) => Some((call, object)),
        _ => None,
    }
}
