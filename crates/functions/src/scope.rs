//! What statements do in their own scope: outside of the functions, classes and lambdas in them.

use rustpython_parser::ast::{Arguments, ExceptHandler, Expr, ExprContext, Pattern, Stmt};

/// Whether a statement, or one in it, awaits something.
pub(crate) fn awaits(statement: &Stmt) -> bool {
    matches!(statement, Stmt::AsyncFor(_) | Stmt::AsyncWith(_))
        || any(statement, &|expression| match expression {
            Expr::Await(_) => true,
            Expr::ListComp(made) => made.generators.iter().any(|one| one.is_async),
            Expr::SetComp(made) => made.generators.iter().any(|one| one.is_async),
            Expr::DictComp(made) => made.generators.iter().any(|one| one.is_async),
            _ => false,
        })
        || blocks(statement).into_iter().flatten().any(awaits)
}

/// Whether a statement, or one in it, binds this name.
pub(crate) fn binds(statement: &Stmt, name: &str) -> bool {
    binds_itself(statement, name) || blocks(statement).into_iter().flatten().any(|inner| binds(inner, name))
}

/// Whether a statement binds this name whenever it is executed to its end.
pub(crate) fn always_binds(statement: &Stmt, name: &str) -> bool {
    match statement {
        Stmt::With(_) | Stmt::AsyncWith(_) => {
            binds_itself(statement, name)
                || blocks(statement).into_iter().flatten().any(|inner| always_binds(inner, name))
        }
        Stmt::For(_) | Stmt::AsyncFor(_) | Stmt::While(_) | Stmt::If(_) | Stmt::Try(_) | Stmt::TryStar(_) => false,
        Stmt::Match(_) => false,
        _ => binds_itself(statement, name),
    }
}

fn binds_itself(statement: &Stmt, name: &str) -> bool {
    let stores = |expression: &Expr| matches!(expression, Expr::Name(one) if one.id.as_str() == name && one.ctx == ExprContext::Store);
    let is_named = match statement {
        Stmt::FunctionDef(function) => function.name.as_str() == name,
        Stmt::AsyncFunctionDef(function) => function.name.as_str() == name,
        Stmt::ClassDef(class) => class.name.as_str() == name,
        Stmt::Import(import) => import.names.iter().any(|one| {
            let bound = one.asname.as_deref().unwrap_or(one.name.as_str());
            bound.split('.').next() == Some(name)
        }),
        Stmt::ImportFrom(import) => {
            import.names.iter().any(|one| one.asname.as_ref().unwrap_or(&one.name).as_str() == name)
        }
        Stmt::Match(block) => block.cases.iter().any(|case| captures(&case.pattern, name)),
        _ => false,
    };
    is_named || any(statement, &stores)
}

fn captures(pattern: &Pattern, name: &str) -> bool {
    let in_any = |patterns: &[Pattern]| patterns.iter().any(|pattern| captures(pattern, name));
    let is =
        |one: &Option<_>| one.as_ref().is_some_and(|one: &rustpython_parser::ast::Identifier| one.as_str() == name);
    match pattern {
        Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => false,
        Pattern::MatchSequence(sequence) => in_any(&sequence.patterns),
        Pattern::MatchOr(several) => in_any(&several.patterns),
        Pattern::MatchMapping(mapping) => in_any(&mapping.patterns) || is(&mapping.rest),
        Pattern::MatchClass(class) => in_any(&class.patterns) || in_any(&class.kwd_patterns),
        Pattern::MatchStar(star) => is(&star.name),
        Pattern::MatchAs(named) => {
            is(&named.name) || named.pattern.as_ref().is_some_and(|pattern| captures(pattern, name))
        }
    }
}

/// Whether an expression of a statement, without those of the statements in it, is such a one.
fn any(statement: &Stmt, is: &dyn Fn(&Expr) -> bool) -> bool {
    let mut waiting = expressions(statement);
    while let Some(expression) = waiting.pop() {
        if is(expression) {
            return true;
        }
        waiting.extend(parts(expression));
    }
    false
}

/// The statements in a statement, in the same scope.
pub(crate) fn blocks(statement: &Stmt) -> Vec<&[Stmt]> {
    match statement {
        Stmt::For(block) => vec![&block.body, &block.orelse],
        Stmt::AsyncFor(block) => vec![&block.body, &block.orelse],
        Stmt::While(block) => vec![&block.body, &block.orelse],
        Stmt::If(block) => vec![&block.body, &block.orelse],
        Stmt::With(block) => vec![&block.body],
        Stmt::AsyncWith(block) => vec![&block.body],
        Stmt::Try(block) => tried(&block.body, &block.handlers, [&block.orelse, &block.finalbody]),
        Stmt::TryStar(block) => tried(&block.body, &block.handlers, [&block.orelse, &block.finalbody]),
        Stmt::Match(block) => block.cases.iter().map(|case| &*case.body).collect(),
        _ => Vec::new(),
    }
}

fn tried<'a>(body: &'a [Stmt], handlers: &'a [ExceptHandler], after: [&'a [Stmt]; 2]) -> Vec<&'a [Stmt]> {
    let handled = handlers.iter().map(|ExceptHandler::ExceptHandler(handler)| &*handler.body);
    std::iter::once(body).chain(handled).chain(after).collect()
}

/// The expressions of a statement, without those of the statements in it.
fn expressions(statement: &Stmt) -> Vec<&Expr> {
    match statement {
        Stmt::FunctionDef(function) => of_function(&function.decorator_list, &function.args),
        Stmt::AsyncFunctionDef(function) => of_function(&function.decorator_list, &function.args),
        Stmt::ClassDef(class) => {
            let keywords = class.keywords.iter().map(|keyword| &keyword.value);
            class.decorator_list.iter().chain(&class.bases).chain(keywords).collect()
        }
        Stmt::Return(returned) => returned.value.iter().map(AsRef::as_ref).collect(),
        Stmt::Assign(assign) => assign.targets.iter().chain([&*assign.value]).collect(),
        Stmt::AugAssign(assign) => vec![&assign.target, &assign.value],
        // Without a value it binds nothing.
        Stmt::AnnAssign(assign) => assign.value.iter().flat_map(|value| [&*assign.target, value]).collect(),
        Stmt::For(block) => vec![&block.target, &block.iter],
        Stmt::AsyncFor(block) => vec![&block.target, &block.iter],
        Stmt::While(block) => vec![&block.test],
        Stmt::If(block) => vec![&block.test],
        Stmt::With(block) => block.items.iter().flat_map(of_item).collect(),
        Stmt::AsyncWith(block) => block.items.iter().flat_map(of_item).collect(),
        Stmt::Match(block) => {
            let guards = block.cases.iter().filter_map(|case| case.guard.as_deref());
            std::iter::once(&*block.subject).chain(guards).collect()
        }
        Stmt::Raise(raised) => raised.exc.iter().chain(&raised.cause).map(AsRef::as_ref).collect(),
        Stmt::Assert(assert) => std::iter::once(&*assert.test).chain(assert.msg.as_deref()).collect(),
        Stmt::Delete(deleted) => deleted.targets.iter().collect(),
        Stmt::Expr(expression) => vec![&expression.value],
        _ => Vec::new(),
    }
}

fn of_item(item: &rustpython_parser::ast::WithItem) -> impl Iterator<Item = &Expr> {
    std::iter::once(&item.context_expr).chain(item.optional_vars.as_deref())
}

fn of_function<'a>(decorators: &'a [Expr], arguments: &'a Arguments) -> Vec<&'a Expr> {
    let of_keywords = arguments.kwonlyargs.iter().filter_map(|argument| argument.default.as_deref());
    decorators.iter().chain(arguments.defaults()).chain(of_keywords).collect()
}

/// The expressions that an expression is made of. The targets of a comprehension are its own.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::BoolOp(of) => of.values.iter().collect(),
        Expr::NamedExpr(of) => vec![&of.target, &of.value],
        Expr::BinOp(of) => vec![&of.left, &of.right],
        Expr::UnaryOp(of) => vec![&of.operand],
        Expr::Lambda(of) => of_function(&[], &of.args),
        Expr::IfExp(of) => vec![&of.test, &of.body, &of.orelse],
        Expr::Dict(of) => of.keys.iter().flatten().chain(&of.values).collect(),
        Expr::Set(of) => of.elts.iter().collect(),
        Expr::List(of) => of.elts.iter().collect(),
        Expr::Tuple(of) => of.elts.iter().collect(),
        Expr::ListComp(of) => of_comprehension([&of.elt], &of.generators),
        Expr::SetComp(of) => of_comprehension([&of.elt], &of.generators),
        Expr::GeneratorExp(of) => of_comprehension([&of.elt], &of.generators),
        Expr::DictComp(of) => of_comprehension([&of.key, &of.value], &of.generators),
        Expr::Await(of) => vec![&of.value],
        Expr::Yield(of) => of.value.iter().map(AsRef::as_ref).collect(),
        Expr::YieldFrom(of) => vec![&of.value],
        Expr::Compare(of) => std::iter::once(&*of.left).chain(&of.comparators).collect(),
        Expr::Call(of) => {
            let keywords = of.keywords.iter().map(|keyword| &keyword.value);
            std::iter::once(&*of.func).chain(&of.args).chain(keywords).collect()
        }
        Expr::FormattedValue(of) => std::iter::once(&*of.value).chain(of.format_spec.as_deref()).collect(),
        Expr::JoinedStr(of) => of.values.iter().collect(),
        Expr::Attribute(of) => vec![&of.value],
        Expr::Subscript(of) => vec![&of.value, &of.slice],
        Expr::Starred(of) => vec![&of.value],
        Expr::Slice(of) => [&of.lower, &of.upper, &of.step].into_iter().flatten().map(AsRef::as_ref).collect(),
        Expr::Name(_) | Expr::Constant(_) => Vec::new(),
    }
}

fn of_comprehension<'a, const N: usize>(
    made: [&'a Expr; N],
    generators: &'a [rustpython_parser::ast::Comprehension],
) -> Vec<&'a Expr> {
    let of_generators = generators.iter().flat_map(|one| std::iter::once(&one.iter).chain(&one.ifs));
    made.into_iter().chain(of_generators).collect()
}
