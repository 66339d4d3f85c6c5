//! What a script runs in parallel, and what it means to: the sandbox decides by the same rules whether a call starts or blocks.

use std::collections::{HashMap, HashSet};

use rustpython_parser::ast::{Expr, ExprCall};

use super::scopes::ScopeId;
use super::{Import, Walk};

/// The functions that run coroutines in parallel.
const GATHERS: &[&str] = &["as_completed", "create_task", "ensure_future", "gather", "shield", "wait", "wait_for"];
/// What puts a call among the elements of a list.
const COLLECTS: &[&str] = &["add", "append"];

/// What is gathered, and what of it.
#[derive(Default)]
pub(crate) struct ParallelCalls<'a> {
    /// Calls that are awaited, or handed to what gathers, where they stand.
    handed: HashSet<*const ExprCall>,
    /// Functions whose calls are gathered.
    pub(crate) functions: HashSet<&'a str>,
    /// Variables that are gathered, with the number of uses that are no other than that.
    variables: HashMap<(ScopeId, &'a str), (bool, usize)>,
    /// Calls whose value goes into a variable.
    stored: HashMap<*const ExprCall, (ScopeId, &'a str)>,
    /// The functions of the script by their scopes, and whether they are `async`.
    pub(crate) bodies: HashMap<ScopeId, (&'a str, bool)>,
}

impl<'a> ParallelCalls<'a> {
    /// Whether the script gathers nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.variables.values().all(|(is_gathered, _)| !is_gathered)
    }

    pub(crate) fn is_handed(&self, call: &ExprCall) -> bool {
        self.handed.contains(&std::ptr::from_ref(call))
    }

    /// The variable that a call's value goes into, if it is gathered, and how many uses of it are understood.
    pub(crate) fn variable_of(&self, call: &ExprCall) -> Option<(ScopeId, &'a str, usize)> {
        let &(scope, name) = self.stored.get(&std::ptr::from_ref(call))?;
        let &(is_gathered, uses) = self.variables.get(&(scope, name))?;
        is_gathered.then_some((scope, name, uses))
    }

    fn understood(&mut self, scope: ScopeId, name: &'a str, is_gathered: bool) {
        let variable = self.variables.entry((scope, name)).or_default();
        variable.0 |= is_gathered;
        variable.1 += 1;
    }
}

impl<'a> Walk<'a> {
    fn function_scope(&self) -> ScopeId {
        self.facts.scopes.around_comprehensions(self.scope)
    }

    /// `await` of an expression.
    pub(super) fn awaited(&mut self, expression: &'a Expr) {
        let scope = self.function_scope();
        match expression {
            Expr::Call(call) => {
                self.facts.gathered.handed.insert(std::ptr::from_ref(call));
            }
            Expr::Name(name) => self.facts.gathered.understood(scope, &name.id, false),
            _ => {}
        }
    }

    /// A call, which may be one that gathers, or one that adds to what is gathered.
    pub(super) fn gathering(&mut self, call: &'a ExprCall) {
        let scope = self.function_scope();
        if is_gather(&call.func, &self.facts.imports) {
            call.args.iter().for_each(|argument| self.handed(argument, scope));
        } else if let (Expr::Attribute(method), [element]) = (call.func.as_ref(), call.args.as_slice())
            && let Expr::Name(list) = method.value.as_ref()
            && COLLECTS.contains(&method.attr.as_str())
        {
            self.stored(element, scope, &list.id);
        }
    }

    /// What a variable is set to.
    pub(super) fn assigned(&mut self, targets: &'a [Expr], value: &'a Expr) {
        if let [Expr::Name(name)] = targets {
            self.stored(value, self.function_scope(), &name.id);
        }
    }

    fn handed(&mut self, expression: &'a Expr, scope: ScopeId) {
        match expression {
            Expr::Call(call) => {
                self.facts.gathered.handed.insert(std::ptr::from_ref(call));
                if let Expr::Name(function) = call.func.as_ref() {
                    self.facts.gathered.functions.insert(&function.id);
                }
            }
            Expr::Name(name) => self.facts.gathered.understood(scope, &name.id, true),
            other => elements(other).into_iter().for_each(|element| self.handed(element, scope)),
        }
    }

    fn stored(&mut self, expression: &'a Expr, scope: ScopeId, name: &'a str) {
        match expression {
            Expr::Call(call) => {
                self.facts.gathered.stored.insert(std::ptr::from_ref(call), (scope, name));
            }
            other => elements(other).into_iter().for_each(|element| self.stored(element, scope, name)),
        }
    }
}

fn is_gather(function: &Expr, imports: &[Import<'_>]) -> bool {
    let imported = |name: &str, member: Option<&str>| {
        imports.iter().any(|import| import.module == "asyncio" && import.bound == name && import.member == member)
    };
    match function {
        Expr::Attribute(attribute) if GATHERS.contains(&attribute.attr.as_str()) => {
            attribute.attr.as_str() == "create_task"
                || matches!(attribute.value.as_ref(), Expr::Name(module) if imported(&module.id, None))
        }
        Expr::Name(name) => GATHERS.iter().any(|gather| imported(&name.id, Some(gather))),
        _ => false,
    }
}

/// The expressions that the elements of this one's value come from.
fn elements(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Starred(starred) => vec![&starred.value],
        Expr::List(list) => list.elts.iter().collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().collect(),
        Expr::Set(set) => set.elts.iter().collect(),
        Expr::Dict(dict) => dict.values.iter().collect(),
        Expr::ListComp(comprehension) => vec![&comprehension.elt],
        Expr::SetComp(comprehension) => vec![&comprehension.elt],
        Expr::GeneratorExp(comprehension) => vec![&comprehension.elt],
        Expr::DictComp(comprehension) => vec![&comprehension.value],
        _ => Vec::new(),
    }
}
