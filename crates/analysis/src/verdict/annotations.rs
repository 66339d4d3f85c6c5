//! Annotations that combine classes and do nothing else.
//!
//! In them `type` is what it seems to be. Anywhere else it may be called; and an operand or a generic class of the script's
//! own making would be given it, once somebody asks for the annotation's value.

use rustpython_parser::ast::{Expr, Operator};

use super::Judge;
use super::roots::Root;
use crate::facts::{Role, ScopeId, Step, Use};
use crate::library::{self, Builtin, Member};

impl<'a> Judge<'_, 'a, '_> {
    /// Whether a use is part of an annotation that only puts classes together.
    pub(super) fn is_in_plain_annotation(&mut self, one: &Use<'a>, steps: &[Step<'a>]) -> bool {
        let Role::Annotation(whole) = one.role else { return false };
        if steps.iter().any(|step| step.attribute().is_some()) {
            return false;
        }
        let place = std::ptr::from_ref(whole);
        if let Some(known) = self.plain_annotations.get(&place) {
            return *known;
        }
        let is_plain =
            !self.facts.scopes.is_bound_anywhere("__class_getitem__") && self.is_plain_annotation(one.scope, whole);
        self.plain_annotations.insert(place, is_plain);
        is_plain
    }

    fn is_plain_annotation(&self, scope: ScopeId, part: &Expr) -> bool {
        match part {
            Expr::Constant(_) => true,
            Expr::Name(name) => self.roots(scope, &name.id).iter().all(is_class),
            Expr::Attribute(attribute) => match attribute.value.as_ref() {
                Expr::Name(module) => self.roots(scope, &module.id).iter().all(|root| matches!(root, Root::Module(_))),
                _ => false,
            },
            Expr::Subscript(subscript) => {
                let is_variable =
                    matches!(subscript.slice.as_ref(), Expr::Name(_)) && self.is_type(scope, &subscript.value);
                self.is_plain_annotation(scope, &subscript.value)
                    && (is_variable || self.is_plain_annotation(scope, &subscript.slice))
            }
            Expr::BinOp(operation) => {
                matches!(operation.op, Operator::BitOr)
                    && self.is_plain_annotation(scope, &operation.left)
                    && self.is_plain_annotation(scope, &operation.right)
            }
            Expr::Tuple(tuple) => tuple.elts.iter().all(|one| self.is_plain_annotation(scope, one)),
            Expr::List(list) => list.elts.iter().all(|one| self.is_plain_annotation(scope, one)),
            _ => false,
        }
    }

    /// `type` or `Type`: of its own parameter it asks nothing, so that this may be a type variable.
    fn is_type(&self, scope: ScopeId, generic: &Expr) -> bool {
        match generic {
            Expr::Name(name) => self.roots(scope, &name.id).iter().all(|root| match root {
                Root::Builtin(builtin) => *builtin == Builtin::Type,
                Root::Member(module, name) => library::member(module, name) == Member::Type,
                _ => false,
            }),
            Expr::Attribute(attribute) => attribute.attr == *"Type",
            _ => false,
        }
    }
}

fn is_class(root: &Root<'_, '_>) -> bool {
    match root {
        Root::Builtin(builtin) => matches!(builtin, Builtin::Harmless | Builtin::Type),
        Root::Member(module, name) => {
            matches!(library::member(module, name), Member::Value | Member::Type | Member::Enum)
        }
        Root::Class(_) => true,
        _ => false,
    }
}
