//! Attributes that classes inherit from their bases.
//!
//! `@dataclass` writes code in which the names of the fields stand as they are. On a class statement those names are identifiers. But a dataclass has the fields of its bases too, and where a base is
//! not a class statement itself its fields may have any text for a name.

use std::collections::HashSet;

use rustpython_parser::ast::Expr;

use super::Judge;
use super::roots::Root;
use crate::facts::{Class, ScopeId};
use crate::library::{self, Builtin, Member};

/// Classes of the standard library that have no fields, and none of whose parts a script can change.
const WITHOUT_FIELDS: &[(&str, &str)] =
    &[("abc", "ABC"), ("typing", "Generic"), ("typing", "Protocol"), ("enum", "Enum"), ("enum", "StrEnum")];

impl Judge<'_, '_, '_> {
    /// Whether a class and all its bases are class statements.
    pub(super) fn has_plain_fields(&self, class: usize) -> bool {
        let mut seen = HashSet::new();
        let mut pending = vec![class];
        while let Some(number) = pending.pop() {
            if !seen.insert(number) {
                continue;
            }
            let class = &self.facts.classes[number];
            for base in class.bases {
                match self.classes_of(class.scope, base) {
                    Some(classes) => pending.extend(classes),
                    None => return false,
                }
            }
        }
        true
    }

    /// Whether some class statement may have the method `register`, which abstract classes have from their metaclass.
    pub(super) fn has_registering_class(&self) -> bool {
        let is_concrete = |class: &Class<'_>| {
            class.keywords.iter().all(|keyword| keyword.arg.as_ref().is_some_and(|name| name != "metaclass"))
                && class.bases.iter().all(|base| self.is_concrete(class.scope, base))
        };
        *self.has_registering_class.get_or_init(|| !self.facts.classes.iter().all(is_concrete))
    }

    fn is_concrete(&self, scope: ScopeId, base: &Expr) -> bool {
        let Some(Expr::Name(name)) = self.without_parameters(base) else { return false };
        self.roots(scope, &name.id).iter().all(|root| match root {
            Root::Class(_) | Root::Builtin(Builtin::Harmless) | Root::Member("typing", "Generic" | "NamedTuple") => {
                true
            }
            Root::Member(module, name) => matches!(library::member(module, name), Member::Enum | Member::TypedDict),
            _ => false,
        })
    }

    /// `Base` of `Base[int]`; none if the script decides what its classes are with parameters.
    fn without_parameters<'e>(&self, base: &'e Expr) -> Option<&'e Expr> {
        match base {
            Expr::Subscript(_) if self.facts.scopes.is_bound_anywhere("__class_getitem__") => None,
            Expr::Subscript(subscript) => Some(&subscript.value),
            base => Some(base),
        }
    }

    /// The class statements that a base may be; none if it may be anything else that has fields.
    fn classes_of(&self, scope: ScopeId, base: &Expr) -> Option<Vec<usize>> {
        let base = self.without_parameters(base)?;
        let (name, part) = match base {
            Expr::Name(name) => (name, None),
            Expr::Attribute(attribute) => match attribute.value.as_ref() {
                Expr::Name(module) => (module, Some(attribute.attr.as_str())),
                _ => return None,
            },
            _ => return None,
        };
        let mut classes = Vec::new();
        for root in self.roots(scope, &name.id) {
            match (root, part) {
                (Root::Class(number), None) => classes.push(number),
                (Root::Member(module, name), None) if WITHOUT_FIELDS.contains(&(module, name)) => {}
                (Root::Module(module), Some(name)) if WITHOUT_FIELDS.contains(&(module, name)) => {}
                (Root::Builtin(Builtin::Harmless), None) => {}
                _ => return None,
            }
        }
        Some(classes)
    }
}
