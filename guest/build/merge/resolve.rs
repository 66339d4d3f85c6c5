//! Follows imports to what they are in the end.
//!
//! Core specification 2.0: an import is the export that it is given, no copy of it (4.5.4 Instantiation), and a constant expression depends
//! on constants and immutable globals alone (3.3.10 Expressions, "Constant Expressions").

use anyhow::{Context, Result, bail};
use wasmparser::{ConstExpr, ExternalKind, Import, Operator};

use super::component::{Component, CoreInstance, CoreItem};

/// What a function is in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Root<'a> {
    /// A canonical function of the component, by its core function index.
    Canonical(u32),
    /// An export of an instance that is not merged.
    Kept(u32, &'a str),
    /// A function with a body, of a merged instance.
    Body(u32, u32),
}

impl<'a> Component<'a> {
    /// What a core function of the component is.
    pub(super) fn core_function(&self, index: u32) -> Result<Root<'a>> {
        match self.functions.get(index as usize).context("a core function that is not there")? {
            CoreItem::Canonical => Ok(Root::Canonical(index)),
            CoreItem::Export(instance, name) => self.exported_function(*instance, name),
        }
    }

    /// What a function of a merged instance is.
    pub(super) fn function(&self, instance: u32, index: u32) -> Result<Root<'a>> {
        let module = self.merged(instance).context("an instance that is not merged")?;
        match module.functions_in.get(index as usize) {
            Some(import) => self.exported_function(self.argument(instance, import)?, import.name),
            None => Ok(Root::Body(instance, index)),
        }
    }

    /// The global of a merged instance that a global is.
    pub(super) fn global(&self, instance: u32, index: u32) -> Result<(u32, u32)> {
        let module = self.merged(instance).context("a global of an instance that is not merged")?;
        match module.globals_in.get(index as usize) {
            Some(import) => self.exported_global(self.argument(instance, import)?, import.name),
            None => Ok((instance, index)),
        }
    }

    /// What a global holds when its module begins: constants, sums of them, and what other globals hold.
    pub(super) fn global_value(&self, (instance, index): (u32, u32)) -> Result<i64> {
        let module = self.merged(instance).context("a global of an instance that is not merged")?;
        let own = (index as usize).checked_sub(module.globals_in.len());
        let global = own.and_then(|own| module.globals.get(own)).context("a global that is not there")?;
        self.value(instance, &global.init_expr)
    }

    /// The value of a constant expression of a merged instance.
    pub(super) fn value(&self, instance: u32, expression: &ConstExpr<'_>) -> Result<i64> {
        let mut stack = Vec::new();
        for operator in expression.get_operators_reader() {
            match operator? {
                Operator::I32Const { value } => stack.push(i64::from(value)),
                Operator::I64Const { value } => stack.push(value),
                Operator::GlobalGet { global_index } => {
                    stack.push(self.global_value(self.global(instance, global_index)?)?);
                }
                // Addresses and slots are 32 bits wide.
                Operator::I32Add => {
                    let (right, left) = (stack.pop().context("no operand")?, stack.pop().context("no operand")?);
                    #[expect(clippy::cast_possible_truncation, reason = "i32.add wraps")]
                    stack.push(i64::from((left as i32).wrapping_add(right as i32)));
                }
                Operator::End => {}
                other => bail!("{other:?} in a constant expression"),
            }
        }
        match stack[..] {
            [value] => Ok(value),
            _ => bail!("a constant expression of {} values", stack.len()),
        }
    }

    /// The instance that a merged instance imports from.
    fn argument(&self, instance: u32, import: &Import<'_>) -> Result<u32> {
        let Some(CoreInstance::Of { arguments, .. }) = self.instances.get(instance as usize) else {
            bail!("an instance without a module")
        };
        let found = arguments.iter().find(|(name, _)| *name == import.module);
        Ok(found.with_context(|| format!("{} is not given", import.module))?.1)
    }

    fn exported_function(&self, instance: u32, name: &'a str) -> Result<Root<'a>> {
        match self.exported(instance, name)? {
            Exported::OfBag(ExternalKind::Func, index) => self.core_function(index),
            Exported::OfModule(ExternalKind::Func, index) => self.function(instance, index),
            Exported::Kept(name) => Ok(Root::Kept(instance, name)),
            _ => bail!("{name} is no function"),
        }
    }

    fn exported_global(&self, instance: u32, name: &'a str) -> Result<(u32, u32)> {
        match self.exported(instance, name)? {
            Exported::OfBag(ExternalKind::Global, index) => match self.globals.get(index as usize) {
                Some(CoreItem::Export(instance, name)) => self.exported_global(*instance, name),
                _ => bail!("{name} is made by nobody"),
            },
            Exported::OfModule(ExternalKind::Global, index) => self.global(instance, index),
            _ => bail!("{name} is no global of a merged module"),
        }
    }

    fn exported(&self, instance: u32, name: &'a str) -> Result<Exported<'a>> {
        match self.instances.get(instance as usize).context("an instance that is not there")? {
            CoreInstance::Bag(exports) => {
                let found = exports.iter().find(|export| export.name == name);
                found.map(|export| Exported::OfBag(export.kind, export.index))
            }
            CoreInstance::Of { .. } => match self.merged(instance) {
                None => Some(Exported::Kept(name)),
                Some(module) => module.exports.get(name).map(|&(kind, index)| Exported::OfModule(kind, index)),
            },
        }
        .with_context(|| format!("nothing exports {name}"))
    }
}

enum Exported<'a> {
    /// Of a bag: an index of the component.
    OfBag(ExternalKind, u32),
    /// Of a merged module: an index of that.
    OfModule(ExternalKind, u32),
    Kept(&'a str),
}
