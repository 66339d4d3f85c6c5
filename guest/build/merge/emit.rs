//! Writes the merged module.
//!
//! Core specification 2.0: index spaces begin with the imports (2.5.1 Indices), the sections have one order (5.5.16 Modules), data segments are
//! written to memory in theirs (4.5.4 Instantiation), and only `global.set` changes a global (4.4.5 Variable Instructions): what none
//! writes is a constant.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, NameMap, NameSection,
    RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{DataKind, FuncType, Operator};

use super::component::Component;
use super::link::{Linked, merged};
use super::resolve::Root;

/// The name of the merged module's memory.
pub(super) const MEMORY: &str = "memory";

/// The module that its imports come from, and the names of imports and exports.
pub(super) const IMPORTS: &str = "";

/// The name under which the merged module exports a function.
pub(super) fn export_name(index: u32) -> String {
    format!("f{index}")
}

/// Where everything is in the merged module.
pub(super) struct Places<'a> {
    functions: HashMap<Root<'a>, u32>,
    globals: HashMap<(u32, u32), u32>,
    types: Vec<FuncType>,
}

impl<'a> Places<'a> {
    /// Gives everything its place.
    ///
    /// # Errors
    ///
    /// There is too much of it.
    pub(super) fn new(linked: &Linked<'a>) -> Result<Self> {
        let bodies = linked.bodies.iter().map(|&(instance, index)| Root::Body(instance, index));
        let functions = linked.imports.iter().copied().chain(bodies).zip(0..).collect();
        let globals = linked.globals.iter().copied().zip(0..).collect();
        Ok(Self { functions, globals, types: Vec::new() })
    }

    /// The place of a function.
    ///
    /// # Errors
    ///
    /// It has none: nothing reaches it.
    pub(super) fn function(&self, root: Root<'a>) -> Result<u32> {
        self.functions.get(&root).copied().with_context(|| format!("{root:?} is not reached"))
    }

    fn ty(&mut self, ty: &FuncType) -> u32 {
        let known = self.types.iter().position(|known| known == ty);
        let place = known.unwrap_or_else(|| {
            self.types.push(ty.clone());
            self.types.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}

/// Writes the module.
///
/// # Errors
///
/// Something is in it that cannot be merged.
pub(super) fn emit<'a>(component: &Component<'a>, linked: &Linked<'a>, places: &mut Places<'a>) -> Result<Vec<u8>> {
    let import_types = import_types(component, linked)?;
    let mut imports = ImportSection::new();
    for (number, ty) in import_types.iter().enumerate() {
        imports.import(IMPORTS, &number.to_string(), EntityType::Function(places.ty(ty)));
    }
    let mut functions = FunctionSection::new();
    for &(instance, index) in &linked.bodies {
        functions.function(places.ty(component.merged(instance).context("merged")?.function_type(index)?));
    }
    let code = code(component, linked, places)?;
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    for &root in &linked.exports {
        let index = places.function(root)?;
        exports.export(&export_name(index), ExportKind::Func, index);
    }
    let mut module = wasm_encoder::Module::new();
    let (tables, elements) = table(linked, places)?;
    module.section(&types(places)?).section(&imports).section(&functions).section(&tables);
    module.section(&memory(component)?).section(&globals(component, linked)?).section(&exports).section(&elements);
    module.section(&code).section(&data(component)?).section(&names(component, linked, places)?);
    Ok(module.finish())
}

/// The types of imported functions, as those who import them say.
fn import_types<'a>(component: &Component<'a>, linked: &Linked<'a>) -> Result<Vec<FuncType>> {
    let mut types = HashMap::new();
    for (instance, module) in merged(component) {
        for index in 0..u32::try_from(module.functions_in.len())? {
            types.insert(component.function(instance, index)?, module.function_type(index)?.clone());
        }
    }
    let ty = |root: &Root<'a>| types.get(root).cloned().with_context(|| format!("{root:?} has no type"));
    linked.imports.iter().map(ty).collect()
}

fn types(places: &Places<'_>) -> Result<TypeSection> {
    let mut types = TypeSection::new();
    for ty in &places.types {
        types.ty().func_type(&plain().func_type(ty.clone()).map_err(error)?);
    }
    Ok(types)
}

/// One table, as large as it is full: it never grows. Segments are as few as there are gaps, so that the engine can fill it
/// lazily.
fn table<'a>(linked: &Linked<'a>, places: &Places<'a>) -> Result<(TableSection, ElementSection)> {
    let size = linked.slots.last_key_value().map_or(0, |(&last, _)| u64::from(last) + 1);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: size,
        maximum: Some(size),
        shared: false,
    });
    let mut runs: Vec<(u32, Vec<u32>)> = Vec::new();
    for (&slot, &root) in &linked.slots {
        let function = places.function(root)?;
        match runs.last_mut() {
            Some((first, run)) if u64::from(*first) + run.len() as u64 == u64::from(slot) => run.push(function),
            _ => runs.push((slot, vec![function])),
        }
    }
    let mut elements = ElementSection::new();
    for (first, run) in runs {
        elements.active(None, &address(first), Elements::Functions(run.into()));
    }
    Ok((tables, elements))
}

fn memory(component: &Component<'_>) -> Result<MemorySection> {
    let mut found = merged(component).flat_map(|(_, module)| &module.memories);
    let memory = *found.next().context("no memory")?;
    ensure!(found.next().is_none() && !memory.memory64 && !memory.shared, "other than one plain memory");
    let mut memories = MemorySection::new();
    memories.memory(plain().memory_type(memory).map_err(error)?);
    Ok(memories)
}

/// The globals that something writes. What the others hold stands where they are read.
fn globals(component: &Component<'_>, linked: &Linked<'_>) -> Result<GlobalSection> {
    let mut globals = GlobalSection::new();
    for &(instance, index) in &linked.globals {
        let module = component.merged(instance).context("merged")?;
        let ty = module.globals[index as usize - module.globals_in.len()].ty;
        let value = component.global_value((instance, index))?;
        let (val_type, value) = match ty.content_type {
            wasmparser::ValType::I32 => (ValType::I32, ConstExpr::i32_const(i32::try_from(value)?)),
            wasmparser::ValType::I64 => (ValType::I64, ConstExpr::i64_const(value)),
            other => return Err(anyhow!("a global of type {other}")),
        };
        globals.global(GlobalType { val_type, mutable: true, shared: false }, &value);
    }
    Ok(globals)
}

fn data(component: &Component<'_>) -> Result<DataSection> {
    let mut section = DataSection::new();
    for (instance, module) in merged(component) {
        for data in &module.data {
            let DataKind::Active { offset_expr, .. } = &data.kind else { continue };
            let offset = component.value(instance, offset_expr)?;
            #[expect(clippy::cast_possible_truncation, reason = "an address of 32 bits")]
            section.active(0, &ConstExpr::i32_const(offset as i32), data.data.iter().copied());
        }
    }
    Ok(section)
}

/// Names of functions: profilers show them.
fn names<'a>(component: &Component<'a>, linked: &Linked<'a>, places: &Places<'a>) -> Result<NameSection> {
    let mut functions = NameMap::new();
    for &(instance, index) in &linked.bodies {
        let module = component.merged(instance).context("merged")?;
        if let Some(name) = module.names.get(&index) {
            functions.append(places.function(Root::Body(instance, index))?, name);
        }
    }
    let mut names = NameSection::new();
    names.functions(&functions);
    Ok(names)
}

fn code<'a>(component: &Component<'a>, linked: &Linked<'a>, places: &mut Places<'a>) -> Result<CodeSection> {
    let mut code = CodeSection::new();
    for &(instance, index) in &linked.bodies {
        let module = component.merged(instance).context("merged")?;
        let body = module.body(index).context("a function without a body")?;
        let mut merging = Merging { component, linked, places: &mut *places, instance };
        merging.parse_function_body(&mut code, body.clone()).map_err(flat)?;
    }
    Ok(code)
}

/// Writes the bodies of one instance anew.
struct Merging<'b, 'a> {
    component: &'b Component<'a>,
    linked: &'b Linked<'a>,
    places: &'b mut Places<'a>,
    instance: u32,
}

type Reencoded<T> = std::result::Result<T, reencode::Error<anyhow::Error>>;

impl Reencode for Merging<'_, '_> {
    type Error = anyhow::Error;

    fn function_index(&mut self, index: u32) -> Reencoded<u32> {
        let root = self.component.function(self.instance, index).map_err(reencode::Error::UserError)?;
        self.places.function(self.linked.direct(root)).map_err(reencode::Error::UserError)
    }

    fn global_index(&mut self, index: u32) -> Reencoded<u32> {
        let global = self.component.global(self.instance, index).map_err(reencode::Error::UserError)?;
        let place = self.places.globals.get(&global).copied();
        place.ok_or_else(|| reencode::Error::UserError(anyhow!("a global that nothing writes is written")))
    }

    fn type_index(&mut self, index: u32) -> Reencoded<u32> {
        let module = self.component.merged(self.instance);
        let ty = module.and_then(|module| module.types.get(index as usize));
        let ty = ty.ok_or_else(|| reencode::Error::UserError(anyhow!("no type {index}")))?;
        Ok(self.places.ty(ty))
    }

    fn instruction<'i>(&mut self, operator: Operator<'i>) -> Reencoded<Instruction<'i>> {
        if let Operator::GlobalGet { global_index } = operator {
            let constant = self.constant(global_index).map_err(reencode::Error::UserError)?;
            if let Some(constant) = constant {
                return Ok(constant);
            }
        }
        reencode::utils::instruction(self, operator)
    }
}

impl Merging<'_, '_> {
    /// What a global holds that nothing writes.
    fn constant<'i>(&self, index: u32) -> Result<Option<Instruction<'i>>> {
        let (instance, own) = self.component.global(self.instance, index)?;
        if self.places.globals.contains_key(&(instance, own)) {
            return Ok(None);
        }
        let module = self.component.merged(instance).context("merged")?;
        let ty = module.globals[own as usize - module.globals_in.len()].ty.content_type;
        let value = self.component.global_value((instance, own))?;
        Ok(Some(match ty {
            wasmparser::ValType::I32 => Instruction::I32Const(i32::try_from(value)?),
            wasmparser::ValType::I64 => Instruction::I64Const(value),
            other => return Err(anyhow!("a global of type {other}")),
        }))
    }
}

fn address(address: u32) -> ConstExpr {
    ConstExpr::i32_const(address.cast_signed())
}

fn plain() -> reencode::RoundtripReencoder {
    reencode::RoundtripReencoder
}

fn error(error: reencode::Error<Infallible>) -> anyhow::Error {
    anyhow!("{error}")
}

fn flat(error: reencode::Error<anyhow::Error>) -> anyhow::Error {
    match error {
        reencode::Error::UserError(error) => error,
        other => anyhow!("{other}"),
    }
}
