//! What of the merged instances is needed, and what is known of it before it runs.
//!
//! Core specification 2.0: instantiation writes the active element segments to the table in their order (4.5.4 Instantiation); afterwards
//! only instructions write to it, which are refused here (4.4.6 Table Instructions); `call_indirect` compares types, and traps where they
//! differ (4.4.8 Control Instructions).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{CanonicalFunction, CanonicalOption, ElementItems, ElementKind, FunctionBody, Operator};

use super::component::{Component, CoreInstance, Section};
use super::resolve::Root;

/// The parts of the merged module.
pub(super) struct Linked<'a> {
    /// Imported functions, in their order.
    pub(super) imports: Vec<Root<'a>>,
    /// Functions with bodies, in their order.
    pub(super) bodies: Vec<(u32, u32)>,
    /// Functions that the component uses, beside its memory.
    pub(super) exports: Vec<Root<'a>>,
    /// The function table: slot to function.
    pub(super) slots: BTreeMap<u32, Root<'a>>,
    /// Globals that something writes.
    pub(super) globals: Vec<(u32, u32)>,
    /// Trampolines through a slot of the table, and what is in that slot.
    trampolines: HashMap<Root<'a>, Root<'a>>,
}

impl<'a> Linked<'a> {
    /// Finds what is needed.
    ///
    /// # Errors
    ///
    /// The modules do what would be another thing after merging: they write to the function table, or have two memories.
    pub(super) fn new(component: &Component<'a>) -> Result<Self> {
        let slots = slots(component)?;
        let trampolines = trampolines(component, &slots)?;
        let mut linked = Self {
            imports: Vec::new(),
            bodies: Vec::new(),
            exports: Vec::new(),
            slots,
            globals: Vec::new(),
            trampolines,
        };
        let slots = linked.slots.iter().map(|(&slot, &root)| (slot, linked.direct(root))).collect();
        linked.slots = slots;
        let mut exports: Vec<_> = used(component)?.into_iter().map(|root| linked.direct(root)).collect();
        exports.retain(|root| matches!(root, Root::Body(..)));
        exports.sort_unstable();
        exports.dedup();
        linked.exports = exports;
        linked.reach(component)?;
        Ok(linked)
    }

    /// The function itself, if this is a trampoline to it.
    pub(super) fn direct(&self, mut root: Root<'a>) -> Root<'a> {
        // Each step leads to a function of another module: there are no more steps than trampolines.
        for _ in 0..self.trampolines.len() {
            match self.trampolines.get(&root) {
                Some(&next) => root = next,
                None => break,
            }
        }
        root
    }

    /// Follows calls from the table and the exports.
    fn reach(&mut self, component: &Component<'a>) -> Result<()> {
        let mut open: Vec<_> = self.slots.values().chain(&self.exports).copied().collect();
        let mut seen: HashSet<Root<'a>> = open.iter().copied().collect();
        let (mut imports, mut bodies, mut globals) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        while let Some(root) = open.pop() {
            let Root::Body(instance, index) = root else {
                imports.insert(root);
                continue;
            };
            bodies.insert((instance, index));
            let module = component.merged(instance).context("a body of an instance that is not merged")?;
            let body = module.body(index).context("a function without a body")?;
            for operator in body.get_operators_reader()? {
                let called = match operator? {
                    Operator::Call { function_index }
                    | Operator::ReturnCall { function_index }
                    | Operator::RefFunc { function_index } => function_index,
                    Operator::GlobalSet { global_index } => {
                        globals.insert(component.global(instance, global_index)?);
                        continue;
                    }
                    other => {
                        check(&other)?;
                        continue;
                    }
                };
                let called = self.direct(component.function(instance, called)?);
                if seen.insert(called) {
                    open.push(called);
                }
            }
        }
        self.imports = imports.into_iter().collect();
        self.bodies = bodies.into_iter().collect();
        self.globals = globals.into_iter().collect();
        Ok(())
    }
}

/// Refuses what would be another thing after merging.
fn check(operator: &Operator<'_>) -> Result<()> {
    match operator {
        Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableInit { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::MemoryInit { .. }
        | Operator::DataDrop { .. }
        | Operator::ElemDrop { .. } => bail!("{operator:?}: the table and the segments must stay as they are"),
        _ => Ok(()),
    }
}

/// The function table as the active segments leave it, in the order of instantiation.
fn slots<'a>(component: &Component<'a>) -> Result<BTreeMap<u32, Root<'a>>> {
    let mut slots = BTreeMap::new();
    for (instance, module) in merged(component) {
        for element in &module.elements {
            let ElementKind::Active { table_index, offset_expr } = &element.kind else {
                bail!("an element segment that is not active")
            };
            ensure!(table_index.unwrap_or(0) == 0, "an element segment of another table");
            let mut slot = u32::try_from(component.value(instance, offset_expr)?).context("a slot")?;
            let mut put = |function| -> Result<()> {
                slots.insert(slot, component.function(instance, function)?);
                slot = slot.checked_add(1).context("a slot")?;
                Ok(())
            };
            match &element.items {
                ElementItems::Functions(functions) => {
                    for function in functions.clone() {
                        put(function?)?;
                    }
                }
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions.clone() {
                        match expression?.get_operators_reader().read()? {
                            Operator::RefFunc { function_index } => put(function_index)?,
                            other => bail!("{other:?} in the function table"),
                        }
                    }
                }
            }
        }
    }
    Ok(slots)
}

/// Functions that hand their parameters on to a slot of the table: what the linker of shared libraries makes where a library
/// calls what comes after it.
fn trampolines<'a>(component: &Component<'a>, slots: &BTreeMap<u32, Root<'a>>) -> Result<HashMap<Root<'a>, Root<'a>>> {
    let mut found = HashMap::new();
    for (instance, module) in merged(component) {
        for own in 0..module.bodies.len() {
            let index = u32::try_from(module.functions_in.len() + own)?;
            let ty = module.function_type(index)?;
            let Some(slot) = handed_to(&module.bodies[own], ty.params().len())? else { continue };
            let Some(&root) = slots.get(&slot) else { continue };
            // Called with another type, the slot traps; the function itself would not validate.
            if let Root::Body(other, target) = root
                && component.merged(other).context("merged")?.function_type(target)? == ty
            {
                found.insert(Root::Body(instance, index), root);
            }
        }
    }
    Ok(found)
}

/// The slot that a body hands its parameters on to, if that is all that it does.
fn handed_to(body: &FunctionBody<'_>, parameters: usize) -> Result<Option<u32>> {
    let mut operators = body.get_operators_reader()?;
    for parameter in 0..parameters {
        match operators.read()? {
            Operator::LocalGet { local_index } if local_index as usize == parameter => {}
            _ => return Ok(None),
        }
    }
    let Operator::I32Const { value } = operators.read()? else { return Ok(None) };
    let is_call = !operators.eof() && matches!(operators.read()?, Operator::CallIndirect { table_index: 0, .. });
    let is_end = is_call && matches!(operators.read()?, Operator::End) && operators.eof();
    Ok(u32::try_from(value).ok().filter(|_| is_end))
}

/// The functions that the component itself and its kept instances use.
fn used<'a>(component: &Component<'a>) -> Result<Vec<Root<'a>>> {
    let mut used = Vec::new();
    for section in &component.sections {
        let Section::Canonicals(functions) = section else { continue };
        for function in functions {
            let options = match function {
                CanonicalFunction::Lift { core_func_index, options, .. } => {
                    used.push(component.core_function(*core_func_index)?);
                    options
                }
                CanonicalFunction::Lower { options, .. } => options,
                _ => continue,
            };
            for option in options {
                match option {
                    CanonicalOption::Realloc(index)
                    | CanonicalOption::PostReturn(index)
                    | CanonicalOption::Callback(index) => used.push(component.core_function(*index)?),
                    _ => {}
                }
            }
        }
    }
    for instance in &component.instances {
        let CoreInstance::Of { module, arguments } = instance else { continue };
        if !component.kept.contains(module) {
            continue;
        }
        for (_, argument) in arguments {
            let Some(CoreInstance::Bag(exports)) = component.instances.get(*argument as usize) else {
                bail!("an instance that is not merged imports from one that is")
            };
            for export in exports.iter().filter(|export| export.kind == wasmparser::ExternalKind::Func) {
                used.push(component.core_function(export.index)?);
            }
        }
    }
    Ok(used)
}

/// The merged instances with their modules, in the order of instantiation.
pub(super) fn merged<'b, 'a>(
    component: &'b Component<'a>,
) -> impl Iterator<Item = (u32, &'b super::module::Module<'a>)> {
    (0..).zip(&component.instances).filter_map(|(number, _)| Some((number, component.merged(number)?)))
}
