//! What the component uses the functions of the merged module for.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use wasmparser::{CanonicalFunction, CanonicalOption};

use super::component::{Component, Section};
use super::emit::Places;
use super::link::{Linked, merged};

/// Functions of the merged module, by their index.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// The imports, by the module and the name under which a library imports them.
    pub(crate) imports: HashMap<(String, String), u32>,
    /// What the host calls by the canonical options `realloc` and `post-return`, and which must not call imports meanwhile
    /// (Component Model, Canonical ABI, `may_leave`).
    pub(crate) without_imports: BTreeSet<u32>,
    /// What is lifted: the exports of the component.
    pub(crate) lifted: BTreeSet<u32>,
}

impl Roles {
    pub(super) fn of<'a>(component: &Component<'a>, linked: &Linked<'a>, places: &Places<'a>) -> Result<Self> {
        let mut roles = Self::default();
        let place = |index| places.function(linked.direct(component.core_function(index)?));
        for section in &component.sections {
            let Section::Canonicals(functions) = section else { continue };
            for function in functions {
                let options = match function {
                    CanonicalFunction::Lift { core_func_index, options, .. } => {
                        roles.lifted.insert(place(*core_func_index)?);
                        options
                    }
                    CanonicalFunction::Lower { options, .. } => options,
                    _ => continue,
                };
                for option in options {
                    if let CanonicalOption::Realloc(index) | CanonicalOption::PostReturn(index) = option {
                        roles.without_imports.insert(place(*index)?);
                    }
                }
            }
        }
        for (instance, module) in merged(component) {
            for (index, import) in (0..).zip(&module.functions_in) {
                let root = linked.direct(component.function(instance, index)?);
                if linked.imports.contains(&root) {
                    roles.imports.insert((import.module.into(), import.name.into()), places.function(root)?);
                }
            }
        }
        Ok(roles)
    }
}
