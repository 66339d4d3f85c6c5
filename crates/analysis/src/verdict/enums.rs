//! `Enum` makes classes of any dict, where it has no members: `Enum("Name", {...})`.
//!
//! Under special names such a class can have what a class statement cannot spell. With members, a call looks one up.

use rustpython_parser::ast::{Constant, Expr, ExprCall, Stmt};

use super::Judge;
use super::roots::Root;
use crate::facts::{Role, ScopeId, Step, Use, text};

impl<'a> Judge<'_, 'a, '_> {
    /// Whether a use of `Enum` or its kin makes no class but one whose names are written out.
    pub(super) fn uses_enum_plainly(&mut self, one: &Use<'a>, rest: &[Step<'a>]) -> bool {
        if !rest.is_empty() {
            return false;
        }
        match one.role {
            Role::ClassBase(class) => self.has_members(class),
            Role::Annotation(_) => self.is_in_plain_annotation(one, rest),
            role => role.call().is_some_and(has_literal_members),
        }
    }

    /// Whether the body of a class gives at least one member its value.
    fn has_members(&self, class: usize) -> bool {
        let class = &self.facts.classes[class];
        let is_member = |statement: &Stmt| match statement {
            Stmt::Assign(assign) => match assign.targets.as_slice() {
                [Expr::Name(name)] => !name.id.starts_with('_') && self.is_plain_value(class.inside, &assign.value),
                _ => false,
            },
            _ => false,
        };
        !self.facts.scopes.is_bound_anywhere("_ignore_") && class.body.iter().any(is_member)
    }

    /// A value that makes a member: no descriptor, which would be a method.
    fn is_plain_value(&self, scope: ScopeId, value: &Expr) -> bool {
        match value {
            Expr::Constant(_) | Expr::Tuple(_) | Expr::List(_) | Expr::Dict(_) | Expr::Set(_) => true,
            Expr::UnaryOp(operation) => self.is_plain_value(scope, &operation.operand),
            Expr::Call(call) => self.is_auto(scope, &call.func),
            _ => false,
        }
    }

    fn is_auto(&self, scope: ScopeId, function: &Expr) -> bool {
        let means = |name: &str, is_meant: fn(&Root<'_, '_>) -> bool| self.roots(scope, name).iter().all(is_meant);
        match function {
            Expr::Name(name) => means(&name.id, |root| matches!(root, Root::Member("enum", "auto"))),
            Expr::Attribute(attribute) if attribute.attr == *"auto" => match attribute.value.as_ref() {
                Expr::Name(name) => means(&name.id, |root| matches!(root, Root::Module("enum"))),
                _ => false,
            },
            _ => false,
        }
    }
}

/// `Enum("Color", "RED GREEN")` and its other forms, with at least one member and all of their names written out.
fn has_literal_members(call: &ExprCall) -> bool {
    let [Expr::Constant(_), names] = call.args.as_slice() else { return false };
    let has_names = call.keywords.iter().any(|keyword| keyword.arg.as_ref().is_none_or(|name| name == "names"));
    !has_names && names_of(names).is_some_and(|names| !names.is_empty() && names.iter().all(|name| is_plain(name)))
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

fn names_of(names: &Expr) -> Option<Vec<&str>> {
    match names {
        Expr::Constant(constant) => match &constant.value {
            Constant::Str(text) => Some(text.split([',', ' ']).filter(|name| !name.is_empty()).collect()),
            _ => None,
        },
        Expr::List(list) => list.elts.iter().map(name_of).collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().map(name_of).collect(),
        Expr::Dict(dict) => dict.keys.iter().map(|key| text(key.as_ref()?)).collect(),
        _ => None,
    }
}

/// A name, or a pair of a name and a value.
fn name_of(member: &Expr) -> Option<&str> {
    match member {
        Expr::Tuple(pair) => text(pair.elts.first()?),
        Expr::List(pair) => text(pair.elts.first()?),
        name => text(name),
    }
}
