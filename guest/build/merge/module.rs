//! A core module as the merger sees it.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use wasmparser::{
    Data, DataKind, Element, ExternalKind, FuncType, FunctionBody, Global, Import, MemoryType, Name, NameSectionReader,
    Parser, Payload, TableType, TypeRef,
};

/// One core module. Index spaces begin with what is imported, as in the binary format (Core specification 2.0, 2.5.1 Indices).
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) types: Vec<FuncType>,
    /// Imports by kind, in their order.
    pub(crate) functions_in: Vec<Import<'a>>,
    pub(crate) globals_in: Vec<Import<'a>>,
    pub(crate) memories_in: Vec<Import<'a>>,
    pub(crate) tables_in: Vec<Import<'a>>,
    /// The types of its own functions.
    pub(crate) functions: Vec<u32>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    pub(crate) globals: Vec<Global<'a>>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) tables: Vec<TableType>,
    pub(crate) exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(crate) elements: Vec<Element<'a>>,
    pub(crate) data: Vec<Data<'a>>,
    /// Names of functions, where the module has any.
    pub(crate) names: HashMap<u32, &'a str>,
}

impl<'a> Module<'a> {
    /// Reads a module.
    ///
    /// # Errors
    ///
    /// It is malformed, or has what is not merged: a start function, passive segments, types that are no functions, tags.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload?)?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    for sub_type in group?.into_types() {
                        self.types.push(sub_type.composite_type.inner.unwrap_func_checked()?);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.import(import?)?;
                }
            }
            Payload::FunctionSection(functions) => self.functions = functions.into_iter().collect::<Result<_, _>>()?,
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(memories) => self.memories = memories.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(globals) => self.globals = globals.into_iter().collect::<Result<_, _>>()?,
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { .. } => bail!("a start function: it should have run before the snapshot"),
            Payload::ElementSection(elements) => self.elements = elements.into_iter().collect::<Result<_, _>>()?,
            Payload::DataSection(data) => {
                self.data = data.into_iter().collect::<Result<_, _>>()?;
                let is_active = |data: &Data<'_>| matches!(data.kind, DataKind::Active { memory_index: 0, .. });
                ensure!(self.data.iter().all(is_active), "a passive data segment");
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::TagSection(_) => bail!("a tag"),
            Payload::CustomSection(section) if section.name() == "name" => {
                let reader = wasmparser::BinaryReader::new(section.data(), section.data_offset());
                for names in NameSectionReader::new(reader) {
                    if let Name::Function(names) = names? {
                        for name in names {
                            let name = name?;
                            self.names.insert(name.index, name.name);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'a>) -> Result<()> {
        match import.ty {
            TypeRef::Func(_) => self.functions_in.push(import),
            TypeRef::Global(_) => self.globals_in.push(import),
            TypeRef::Memory(_) => self.memories_in.push(import),
            TypeRef::Table(_) => self.tables_in.push(import),
            other => bail!("an import of {other:?}"),
        }
        Ok(())
    }

    /// The type of a function, by its index.
    pub(crate) fn function_type(&self, index: u32) -> Result<&FuncType> {
        let index = index as usize;
        let ty = match self.functions_in.get(index) {
            Some(Import { ty: TypeRef::Func(ty), .. }) => Some(ty),
            _ => self.functions.get(index.wrapping_sub(self.functions_in.len())),
        };
        match ty.and_then(|&ty| self.types.get(ty as usize)) {
            Some(ty) => Ok(ty),
            None => bail!("no function {index}"),
        }
    }

    /// The body of a function of its own.
    pub(crate) fn body(&self, index: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get((index as usize).checked_sub(self.functions_in.len())?)
    }
}

/// `unwrap_func` without a panic.
trait FunctionOnly {
    fn unwrap_func_checked(self) -> Result<FuncType>;
}

impl FunctionOnly for wasmparser::CompositeInnerType {
    fn unwrap_func_checked(self) -> Result<FuncType> {
        match self {
            Self::Func(ty) => Ok(ty),
            other => bail!("a type that is no function: {other}"),
        }
    }
}
