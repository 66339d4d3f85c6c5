//! Facts of statements.

use rustpython_parser::ast::{
    Alias, Arguments, ExceptHandler, Expr, ExprCall, Identifier, Ranged, Stmt, StmtClassDef, TypeParam, WithItem,
};

use super::scopes::{Binding, Kind};
use super::{Class, Import, Role, Walk, guards};

/// What `def` and `async def` have in common.
struct Function<'a> {
    name: &'a Identifier,
    decorators: &'a [Expr],
    arguments: &'a Arguments,
    returns: Option<&'a Expr>,
    body: &'a [Stmt],
    type_parameters: &'a [TypeParam],
}

/// The two are different types with the same fields.
macro_rules! function {
    ($def:expr) => {
        Function {
            name: &$def.name,
            decorators: &$def.decorator_list,
            arguments: &$def.args,
            returns: $def.returns.as_deref(),
            body: &$def.body,
            type_parameters: &$def.type_params,
        }
    };
}

impl<'a> Walk<'a> {
    pub(super) fn body(&mut self, body: &'a [Stmt]) {
        body.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &'a Stmt) {
        let line = self.lines.line_of(statement.range().start());
        match statement {
            Stmt::FunctionDef(def) => self.function(function!(def), false, line),
            Stmt::AsyncFunctionDef(def) => self.function(function!(def), true, line),
            Stmt::ClassDef(class) => self.class(class, line),
            Stmt::Return(returned) => self.optional(returned.value.as_deref()),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.deleted(target)),
            Stmt::Assign(assign) => {
                self.assigned(&assign.targets, &assign.value);
                self.expression(&assign.value);
                assign.targets.iter().for_each(|target| self.target(target));
            }
            Stmt::AugAssign(assign) => {
                self.expression(&assign.value);
                self.augmented(&assign.target);
            }
            Stmt::AnnAssign(assign) => {
                self.annotation(&assign.annotation);
                if let (true, Expr::Name(field)) = (self.is_in_class(), assign.target.as_ref()) {
                    self.facts.fields.push((line, &field.id));
                }
                match assign.value.as_deref() {
                    Some(value) if self.is_in_class() => self.called_by_statement(value, Role::FieldCall),
                    value => self.optional(value),
                }
                self.target(&assign.target);
            }
            Stmt::TypeAlias(alias) => {
                self.target(&alias.name);
                self.within(Kind::TypeParameters, |walk| {
                    walk.type_parameters(&alias.type_params);
                    walk.expression(&alias.value);
                });
            }
            Stmt::For(each) => self.each(&each.target, &each.iter, [&each.body, &each.orelse]),
            Stmt::AsyncFor(each) => self.each(&each.target, &each.iter, [&each.body, &each.orelse]),
            Stmt::While(repeat) => {
                self.expression(&repeat.test);
                self.body(&repeat.body);
                self.body(&repeat.orelse);
            }
            Stmt::If(choice) => {
                self.expression(&choice.test);
                self.body(&choice.body);
                self.body(&choice.orelse);
            }
            Stmt::With(with) => self.with(&with.items, &with.body),
            Stmt::AsyncWith(with) => self.with(&with.items, &with.body),
            Stmt::Match(matched) => {
                self.expression(&matched.subject);
                for case in &matched.cases {
                    self.pattern(&case.pattern);
                    self.optional(case.guard.as_deref());
                    self.body(&case.body);
                }
            }
            Stmt::Raise(raise) => {
                self.optional(raise.exc.as_deref());
                self.optional(raise.cause.as_deref());
            }
            Stmt::Try(attempt) => {
                self.attempt(&attempt.body, &attempt.handlers, [&attempt.orelse, &attempt.finalbody]);
            }
            Stmt::TryStar(attempt) => {
                self.attempt(&attempt.body, &attempt.handlers, [&attempt.orelse, &attempt.finalbody]);
            }
            Stmt::Assert(assert) => {
                self.expression(&assert.test);
                self.optional(assert.msg.as_deref());
            }
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.import(alias, line)),
            Stmt::ImportFrom(import) => {
                let is_relative = import.level.as_ref().is_some_and(|level| level.to_u32() > 0);
                let module = import.module.as_ref();
                module.into_iter().flat_map(|module| module.split('.')).for_each(|part| self.meet(part, line));
                let module = module.filter(|_| !is_relative).map_or("", Identifier::as_str);
                import.names.iter().for_each(|alias| self.import_member(module, alias, line));
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    self.meet(name, line);
                    self.facts.scopes.declare_global(self.scope, name);
                }
            }
            Stmt::Nonlocal(nonlocal) => {
                for name in &nonlocal.names {
                    self.meet(name, line);
                    self.facts.scopes.declare_nonlocal(self.scope, name);
                }
            }
            Stmt::Expr(expression) => self.expression(&expression.value),
            Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) => {}
        }
    }

    fn function(&mut self, function: Function<'a>, is_async: bool, line: u32) {
        self.function_decorators(function.decorators);
        self.defaults(function.arguments);
        self.bind(function.name, line);
        self.generic(function.type_parameters, |walk| {
            walk.annotations(function.arguments);
            function.returns.iter().for_each(|returns| walk.annotation(returns));
            walk.within(Kind::Function, |walk| {
                walk.facts.gathered.bodies.insert(walk.scope, (function.name.as_str(), is_async));
                walk.parameters(function.arguments);
                walk.body(function.body);
            });
        });
    }

    fn class(&mut self, class: &'a StmtClassDef, line: u32) {
        let number = self.facts.classes.len();
        class.decorator_list.iter().for_each(|decorator| self.class_decorator(decorator, number));
        self.meet(&class.name, line);
        self.bind_met(&class.name, line, Binding::Class(number));
        let (scope, bases, keywords, body) = (self.scope, &class.bases, &class.keywords, &class.body);
        self.facts.classes.push(Class { scope, inside: scope, bases, keywords, body });
        self.generic(&class.type_params, |walk| {
            class.bases.iter().for_each(|base| walk.place(base, Role::ClassBase(number)));
            for keyword in &class.keywords {
                let is_metaclass = keyword.arg.as_ref().is_none_or(|name| name == "metaclass");
                keyword.arg.iter().for_each(|name| walk.meet(name, line));
                walk.place(&keyword.value, if is_metaclass { Role::Metaclass } else { Role::Load });
            }
            walk.classes.push(&class.name);
            walk.within(Kind::Class, |walk| {
                walk.facts.classes[number].inside = walk.scope;
                walk.body(&class.body);
            });
            walk.classes.pop();
        });
    }

    fn function_decorators(&mut self, decorators: &'a [Expr]) {
        let Some((innermost, others)) = decorators.split_last() else { return };
        self.expressions(others);
        self.called_by_statement(innermost, Role::FunctionDecorator);
    }

    /// An expression that a statement uses directly: if it is a call, it is one in that role.
    fn called_by_statement(&mut self, expression: &'a Expr, role: impl FnOnce(&'a ExprCall) -> Role<'a>) {
        match expression {
            // What these give is followed by what looks at all expressions.
            Expr::Call(call) if !is_looked_through(call) => self.call(call, role(call)),
            other => self.expression(other),
        }
    }

    /// `@dataclass` and `@dataclass(frozen=True)` are the same decorator.
    fn class_decorator(&mut self, decorator: &'a Expr, number: usize) {
        let Expr::Call(call) = decorator else { return self.place(decorator, Role::ClassDecorator(number)) };
        if !call.args.is_empty() {
            return self.expression(decorator);
        }
        self.place(&call.func, Role::ClassDecorator(number));
        for keyword in &call.keywords {
            keyword.arg.iter().for_each(|name| self.meet(name, self.line(keyword)));
            self.expression(&keyword.value);
        }
    }

    fn generic(&mut self, parameters: &'a [TypeParam], inside: impl FnOnce(&mut Self)) {
        if parameters.is_empty() {
            return inside(self);
        }
        self.within(Kind::TypeParameters, |walk| {
            walk.type_parameters(parameters);
            inside(walk);
        });
    }

    fn type_parameters(&mut self, parameters: &'a [TypeParam]) {
        for parameter in parameters {
            let line = self.lines.line_of(parameter.range().start());
            match parameter {
                TypeParam::TypeVar(variable) => {
                    self.bind(&variable.name, line);
                    self.optional(variable.bound.as_deref());
                }
                TypeParam::ParamSpec(variable) => self.bind(&variable.name, line),
                TypeParam::TypeVarTuple(variable) => self.bind(&variable.name, line),
            }
        }
    }

    /// The target of `+=`: read, then bound.
    fn augmented(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                self.expression(target);
                self.bind_met(&name.id, self.line(name), Binding::Value);
            }
            other => self.place(other, Role::Store),
        }
    }

    fn each(&mut self, target: &'a Expr, iterable: &'a Expr, bodies: [&'a [Stmt]; 2]) {
        self.expression(iterable);
        self.target(target);
        bodies.into_iter().for_each(|body| self.body(body));
    }

    fn with(&mut self, items: &'a [WithItem], body: &'a [Stmt]) {
        let before = self.guards;
        for item in items {
            self.called_by_statement(&item.context_expr, Role::Context);
            item.optional_vars.iter().for_each(|target| self.target(target));
            self.guards = self.guards | guards::of_context(item, &mut self.facts.trusted);
        }
        self.body(body);
        self.guards = before;
    }

    fn attempt(&mut self, body: &'a [Stmt], handlers: &'a [ExceptHandler], rest: [&'a [Stmt]; 2]) {
        let before = self.guards;
        self.guards = before | guards::of_handlers(handlers, &mut self.facts.trusted);
        self.body(body);
        self.guards = before;
        for handler in handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            self.optional(handler.type_.as_deref());
            if let Some(name) = &handler.name {
                let line = self.line(handler);
                self.meet(name, line);
                self.bind_met(name, line, Binding::Caught);
            }
            self.body(&handler.body);
        }
        rest.into_iter().for_each(|body| self.body(body));
    }

    fn import(&mut self, alias: &'a Alias, line: u32) {
        let module = alias.name.as_str();
        module.split('.').for_each(|part| self.meet(part, line));
        let first = module.split('.').next().unwrap_or(module);
        let bound = self.renamed(alias, line).unwrap_or(first);
        let renamed = alias.asname.is_some();
        self.add_import(Import { line, module, member: None, bound, renamed, in_class: self.is_in_class() });
    }

    fn import_member(&mut self, module: &'a str, alias: &'a Alias, line: u32) {
        let member = alias.name.as_str();
        self.meet(member, line);
        let bound = self.renamed(alias, line).unwrap_or(member);
        let renamed = alias.asname.is_some();
        self.add_import(Import { line, module, member: Some(member), bound, renamed, in_class: self.is_in_class() });
    }

    fn renamed(&mut self, alias: &'a Alias, line: u32) -> Option<&'a str> {
        let name = alias.asname.as_ref()?.as_str();
        self.meet(name, line);
        Some(name)
    }

    fn add_import(&mut self, import: Import<'a>) {
        let binding = Binding::Import(self.facts.imports.len());
        if import.bound != "*" {
            self.bind_met(import.bound, import.line, binding);
        }
        self.facts.imports.push(import);
    }
}

/// Whether the arguments of a call may be more precise than its function.
fn is_looked_through(call: &ExprCall) -> bool {
    matches!(call.func.as_ref(), Expr::Name(name) if name.id == *"getattr" || name.id == *"type")
}
