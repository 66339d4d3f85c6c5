//! Facts of a syntax tree: where names are bound, and how they are used.
//!
//! One walk over the tree collects it; nothing is decided here. A name's meaning depends on bindings that may stand
//! further down, so the verdict comes after the walk.

mod expressions;
mod guards;
mod parallel_calls;
mod patterns;
mod scopes;
mod statements;

use std::collections::{HashMap, HashSet};

use rustpython_parser::ast::{self, Ranged};

use crate::lines::Lines;

pub(crate) use expressions::text;
pub(crate) use guards::Guards;
use parallel_calls::ParallelCalls;
use scopes::Kind;
pub(crate) use scopes::{Binding, ScopeId, Scopes};

/// All that was found in one script.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    pub(crate) scopes: Scopes<'a>,
    pub(crate) uses: Vec<Use<'a>>,
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) classes: Vec<Class<'a>>,
    /// Attributes of values that are no plain name: `x().attribute`, with the one behind it.
    pub(crate) attributes: Vec<(u32, &'a str, Option<&'a str>)>,
    /// Names that are bound and have two underscores on both sides.
    pub(crate) special_bindings: Vec<(u32, &'a str)>,
    /// Names with annotations in class bodies: what may become the fields of a dataclass.
    pub(crate) fields: Vec<(u32, &'a str)>,
    /// The lines of class statements whose metaclass is no name: what its value is, only the run shows.
    pub(crate) metaclasses: Vec<u32>,
    /// The names of exceptions and context managers that were relied on to know what the code around a line catches.
    pub(crate) trusted: HashSet<&'a str>,
    /// Private names inside classes, in the form in which Python looks them up.
    pub(crate) private: Vec<(u32, String)>,
    /// What the script runs in parallel.
    pub(crate) gathered: ParallelCalls<'a>,
    /// How often each identifier was met, wherever it stood.
    pub(crate) met: HashMap<&'a str, usize>,
}

/// One use of a name, with all that is written behind it up to its end: `crm.search` in `crm.search(...)`.
pub(crate) struct Use<'a> {
    pub(crate) line: u32,
    pub(crate) scope: ScopeId,
    pub(crate) name: &'a str,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) role: Role<'a>,
    /// What the code around it would catch.
    pub(crate) guards: Guards,
}

/// One step from a value to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// `.name`, or `getattr` with a literal.
    Attribute(&'a str),
    /// `getattr` with a literal and a default.
    Optional(&'a str),
    /// `["name"]`.
    Item(&'a str),
}

impl<'a> Step<'a> {
    pub(crate) fn name(self) -> &'a str {
        match self {
            Self::Attribute(name) | Self::Optional(name) | Self::Item(name) => name,
        }
    }

    /// The name, if it is an attribute's.
    pub(crate) fn attribute(self) -> Option<&'a str> {
        match self {
            Self::Attribute(name) | Self::Optional(name) => Some(name),
            Self::Item(_) => None,
        }
    }
}

/// What is done with a value.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    /// It may go anywhere.
    Load,
    Call(&'a ast::ExprCall),
    /// A call that gives a field of a class its value.
    FieldCall(&'a ast::ExprCall),
    /// A built-in function of this name, or an f-string, makes text or a truth value of it and keeps nothing.
    Shown(Option<&'static str>),
    /// A built-in function in a form that the walk has looked through; what it gives goes to the built-in function of
    /// this name, if to any.
    SeenThrough(Option<&'static str>),
    /// `type`, used to get the class of this name's value.
    ClassOf(&'a str),
    /// A part of this annotation.
    Annotation(&'a ast::Expr),
    /// What `isinstance` or `issubclass` holds a value against.
    Tested(&'static str),
    /// The operand that a class from `type` is compared with.
    ComparedWithClass,
    Store,
    Delete,
    /// A call whose value decorates a function as it was written, with no other decorator between.
    FunctionDecorator(&'a ast::ExprCall),
    /// A call whose value only a `with` statement uses.
    Context(&'a ast::ExprCall),
    /// The decorator of the class of this number.
    ClassDecorator(usize),
    /// A base of the class of this number.
    ClassBase(usize),
    Metaclass,
}

impl<'a> Role<'a> {
    /// The call, if it is called.
    pub(crate) fn call(self) -> Option<&'a ast::ExprCall> {
        match self {
            Self::Call(call) | Self::FieldCall(call) | Self::FunctionDecorator(call) | Self::Context(call) => {
                Some(call)
            }
            _ => None,
        }
    }
}

/// One class statement.
pub(crate) struct Class<'a> {
    /// Where its bases are looked up.
    pub(crate) scope: ScopeId,
    /// Where the names of its body are looked up.
    pub(crate) inside: ScopeId,
    pub(crate) bases: &'a [ast::Expr],
    pub(crate) keywords: &'a [ast::Keyword],
    pub(crate) body: &'a [ast::Stmt],
}

/// One name of an import statement.
pub(crate) struct Import<'a> {
    pub(crate) line: u32,
    /// Dotted; empty for a relative import.
    pub(crate) module: &'a str,
    /// What `from module import member` takes.
    pub(crate) member: Option<&'a str>,
    /// The name that it is bound to.
    pub(crate) bound: &'a str,
    /// Whether the name was chosen with `as`.
    pub(crate) renamed: bool,
    /// Whether it stands in a class body: what it binds is an attribute then, under a name that no use spells.
    pub(crate) in_class: bool,
}

/// Walks a whole script.
pub(crate) fn collect<'a>(body: &'a [ast::Stmt], lines: &'a Lines) -> Facts<'a> {
    let mut walk =
        Walk { facts: Facts::default(), lines, scope: Scopes::MODULE, guards: Guards::default(), classes: Vec::new() };
    walk.body(body);
    walk.facts.scopes.settle();
    walk.facts
}

struct Walk<'a> {
    facts: Facts<'a>,
    lines: &'a Lines,
    scope: ScopeId,
    guards: Guards,
    /// The classes around, innermost last.
    classes: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn line(&self, node: &impl Ranged) -> u32 {
        self.lines.line_of(node.start())
    }

    fn is_in_class(&self) -> bool {
        self.facts.scopes.kind(self.scope) == Kind::Class
    }

    /// Takes note of an identifier, wherever it stands.
    fn meet(&mut self, name: &'a str, line: u32) {
        *self.facts.met.entry(name).or_default() += 1;
        if let Some(class) = self.classes.last()
            && name.starts_with("__")
            && !name.ends_with("__")
        {
            self.facts.private.push((line, format!("_{}{name}", class.trim_start_matches('_'))));
        }
    }

    fn use_name(&mut self, name: &'a str, steps: Vec<Step<'a>>, role: Role<'a>, line: u32) {
        self.meet(name, line);
        self.facts.uses.push(Use { line, scope: self.scope, name, steps, role, guards: self.guards });
    }

    /// Binds a name in the scope that an assignment here would bind it in.
    fn bind(&mut self, name: &'a str, line: u32) {
        self.meet(name, line);
        self.bind_met(name, line, Binding::Value);
    }

    fn bind_met(&mut self, name: &'a str, line: u32, binding: Binding) {
        if is_special(name) {
            self.facts.special_bindings.push((line, name));
        } else if self.is_in_class() {
            // An attribute of the class, which what is made of the class may read from other values too.
            self.facts.attributes.push((line, name, None));
        }
        self.facts.scopes.bind(self.scope, name, line, binding);
    }
}

/// Whether a name has two underscores on both sides.
pub(crate) fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}
