//! Writes the component anew around the merged module.
//!
//! Component Model: a definition names only what stands before it, and takes the next index of its space (Explainer.md, "Index Spaces"); the
//! definitions are those of Binary.md, "Instance Definitions", "Alias Definitions" and "Canonical Definitions".

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, ComponentAliasSection, ComponentExportKind,
    ComponentOuterAliasKind, ExportKind, InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, ComponentExternalKind, ExternalKind};

use super::component::{Component, CoreInstance, CoreItem, Section};
use super::emit::{IMPORTS, MEMORY, Places, export_name};
use super::link::Linked;
use super::resolve::Root;

/// What is written, and how far.
pub(super) struct Rebuild<'b, 'a> {
    component: &'b Component<'a>,
    linked: &'b Linked<'a>,
    places: &'b Places<'a>,
    /// The bytes of the merged module.
    merged: &'b [u8],
    out: wasm_encoder::Component,
    /// Core functions that have an index already, and kept instances.
    functions: HashMap<Root<'a>, u32>,
    kept: HashMap<u32, u32>,
    tables: HashMap<(u32, &'a str), u32>,
    counts: Counts,
    /// The instance of the merged module, once it is there. Its memory is memory 0.
    instance: Option<u32>,
}

#[derive(Default)]
struct Counts {
    modules: u32,
    instances: u32,
    functions: u32,
    tables: u32,
    /// Canonical functions met so far, by the index spaces of before.
    canonical: usize,
}

impl<'b, 'a> Rebuild<'b, 'a> {
    pub(super) fn new(
        component: &'b Component<'a>,
        linked: &'b Linked<'a>,
        places: &'b Places<'a>,
        merged: &'b [u8],
    ) -> Self {
        Self {
            component,
            linked,
            places,
            merged,
            out: wasm_encoder::Component::new(),
            functions: HashMap::new(),
            kept: HashMap::new(),
            tables: HashMap::new(),
            counts: Counts::default(),
            instance: None,
        }
    }

    /// Writes the component: what is no core item in its old order, core items when they are needed.
    ///
    /// # Errors
    ///
    /// Something is used before what it needs can be there.
    pub(super) fn write(mut self) -> Result<Vec<u8>> {
        let core_functions: Vec<u32> = (0..)
            .zip(&self.component.functions)
            .filter(|(_, item)| matches!(item, CoreItem::Canonical))
            .map(|(index, _)| index)
            .collect();
        for section in &self.component.sections {
            match section {
                Section::Raw(id, data) => {
                    self.out.section(&RawSection { id: *id, data });
                }
                Section::Modules => {}
                Section::Instances(numbers) => {
                    for number in numbers.clone() {
                        self.kept_instance(u32::try_from(number)?)?;
                    }
                }
                Section::Aliases(aliases) => self.aliases(aliases)?,
                Section::Canonicals(functions) => {
                    for function in functions {
                        self.canonical(function, &core_functions)?;
                    }
                }
            }
        }
        Ok(self.out.finish())
    }

    fn aliases(&mut self, aliases: &[ComponentAlias<'_>]) -> Result<()> {
        let mut section = ComponentAliasSection::new();
        for alias in aliases {
            match *alias {
                // Made when it is used.
                ComponentAlias::CoreInstanceExport { .. } => {}
                ComponentAlias::InstanceExport { kind, instance_index, name } => {
                    section.alias(Alias::InstanceExport { instance: instance_index, kind: kind_of(kind), name });
                }
                ComponentAlias::Outer { kind, count, index } => {
                    let kind = match kind {
                        wasmparser::ComponentOuterAliasKind::Type => ComponentOuterAliasKind::Type,
                        wasmparser::ComponentOuterAliasKind::Component => ComponentOuterAliasKind::Component,
                        other => bail!("an outer alias of {other:?}"),
                    };
                    section.alias(Alias::Outer { kind, count, index });
                }
            }
        }
        if !section.is_empty() {
            self.out.section(&section);
        }
        Ok(())
    }

    fn canonical(&mut self, function: &CanonicalFunction, core_functions: &[u32]) -> Result<()> {
        let mut section = CanonicalFunctionSection::new();
        match function {
            CanonicalFunction::Lift { core_func_index, type_index, options } => {
                let core = self.component.core_function(*core_func_index)?;
                let core = self.function(core)?;
                let options = self.options(options)?;
                section.lift(core, *type_index, options);
                self.out.section(&section);
                return Ok(());
            }
            CanonicalFunction::Lower { func_index, options } => {
                let options = self.options(options)?;
                section.lower(*func_index, options);
            }
            CanonicalFunction::ResourceDrop { resource } => {
                section.resource_drop(*resource);
            }
            CanonicalFunction::ResourceNew { resource } => {
                section.resource_new(*resource);
            }
            CanonicalFunction::ResourceRep { resource } => {
                section.resource_rep(*resource);
            }
            other => bail!("a canonical function that is not known here: {other:?}"),
        }
        self.out.section(&section);
        let was = *core_functions.get(self.counts.canonical).context("more canonical functions than were read")?;
        self.counts.canonical += 1;
        self.functions.insert(Root::Canonical(was), self.counts.functions);
        self.counts.functions += 1;
        Ok(())
    }

    fn options(&mut self, options: &[wasmparser::CanonicalOption]) -> Result<Vec<CanonicalOption>> {
        use wasmparser::CanonicalOption as Read;
        let mut written = Vec::new();
        for option in options {
            written.push(match option {
                Read::UTF8 => CanonicalOption::UTF8,
                Read::UTF16 => CanonicalOption::UTF16,
                Read::CompactUTF16 => CanonicalOption::CompactUTF16,
                Read::Memory(index) => {
                    let memory = self.component.memories.get(*index as usize);
                    ensure!(matches!(memory, Some(CoreItem::Export(instance, _)) if self.component.merged(*instance).is_some()), "a memory that is not merged");
                    self.merged_instance()?;
                    CanonicalOption::Memory(0)
                }
                Read::Realloc(index) => CanonicalOption::Realloc(self.core_function(*index)?),
                Read::PostReturn(index) => CanonicalOption::PostReturn(self.core_function(*index)?),
                other => bail!("an option that is not known here: {other:?}"),
            });
        }
        Ok(written)
    }

    fn core_function(&mut self, index: u32) -> Result<u32> {
        let root = self.component.core_function(index)?;
        self.function(root)
    }

    /// The core function index of a function, which is made if it can be.
    fn function(&mut self, root: Root<'a>) -> Result<u32> {
        let root = self.linked.direct(root);
        if let Some(&known) = self.functions.get(&root) {
            return Ok(known);
        }
        let mut section = ComponentAliasSection::new();
        let kind = ExportKind::Func;
        match root {
            Root::Canonical(index) => bail!("core function {index} is used before it is made"),
            Root::Kept(instance, name) => {
                let instance = *self.kept.get(&instance).context("an instance that is used before it is made")?;
                section.alias(Alias::CoreInstanceExport { instance, kind, name });
            }
            Root::Body(..) => {
                let instance = self.merged_instance()?;
                let name = export_name(self.places.function(root)?);
                section.alias(Alias::CoreInstanceExport { instance, kind, name: &name });
            }
        }
        self.out.section(&section);
        let index = self.counts.functions;
        self.counts.functions += 1;
        self.functions.insert(root, index);
        Ok(index)
    }

    /// The instance of the merged module: made at the first use of its memory or of one of its functions.
    fn merged_instance(&mut self) -> Result<u32> {
        if let Some(instance) = self.instance {
            return Ok(instance);
        }
        let linked = self.linked;
        let mut items = Vec::new();
        for (number, &root) in linked.imports.iter().enumerate() {
            items.push((number.to_string(), ExportKind::Func, self.function(root)?));
        }
        let module = self.module(self.merged);
        let bag = self.bag(&items);
        let instance = self.instantiate(module, &[(IMPORTS, bag)]);
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Memory, name: MEMORY });
        self.out.section(&section);
        self.instance = Some(instance);
        Ok(instance)
    }

    /// Makes an instance that is kept, with what it is given. Others are made when they are used.
    fn kept_instance(&mut self, number: u32) -> Result<()> {
        let component = self.component;
        let Some(CoreInstance::Of { module, arguments }) = component.instances.get(number as usize) else {
            return Ok(());
        };
        if !component.kept.contains(module) {
            return Ok(());
        }
        let mut given = Vec::new();
        for (name, argument) in arguments {
            let Some(CoreInstance::Bag(exports)) = component.instances.get(*argument as usize) else {
                bail!("an instance that is not merged imports from one that is")
            };
            let mut items = Vec::new();
            for export in exports {
                items.push(match export.kind {
                    ExternalKind::Func => (export.name.to_owned(), ExportKind::Func, self.core_function(export.index)?),
                    ExternalKind::Table => (export.name.to_owned(), ExportKind::Table, self.table(export.index)?),
                    other => bail!("an instance that is not merged imports a {other:?}"),
                });
            }
            given.push((*name, self.bag(&items)));
        }
        let module = self.module(component.modules[*module as usize].0);
        let instance = self.instantiate(module, &given);
        self.kept.insert(number, instance);
        Ok(())
    }

    fn table(&mut self, index: u32) -> Result<u32> {
        let Some(&CoreItem::Export(instance, name)) = self.component.tables.get(index as usize) else {
            bail!("a table that is not there")
        };
        if let Some(&known) = self.tables.get(&(instance, name)) {
            return Ok(known);
        }
        let kept = *self.kept.get(&instance).context("a table of an instance that is merged")?;
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::CoreInstanceExport { instance: kept, kind: ExportKind::Table, name });
        self.out.section(&section);
        let table = self.counts.tables;
        self.counts.tables += 1;
        self.tables.insert((instance, name), table);
        Ok(table)
    }

    fn module(&mut self, bytes: &[u8]) -> u32 {
        self.out.section(&RawSection { id: wasm_encoder::ComponentSectionId::CoreModule as u8, data: bytes });
        self.counts.modules += 1;
        self.counts.modules - 1
    }

    fn bag(&mut self, items: &[(String, ExportKind, u32)]) -> u32 {
        let mut section = InstanceSection::new();
        section.export_items(items.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index)));
        self.instance_section(&section)
    }

    fn instantiate(&mut self, module: u32, arguments: &[(&str, u32)]) -> u32 {
        let mut section = InstanceSection::new();
        section.instantiate(module, arguments.iter().map(|&(name, instance)| (name, ModuleArg::Instance(instance))));
        self.instance_section(&section)
    }

    fn instance_section(&mut self, section: &InstanceSection) -> u32 {
        self.out.section(section);
        self.counts.instances += 1;
        self.counts.instances - 1
    }
}

fn kind_of(kind: ComponentExternalKind) -> ComponentExportKind {
    match kind {
        ComponentExternalKind::Module => ComponentExportKind::Module,
        ComponentExternalKind::Func => ComponentExportKind::Func,
        ComponentExternalKind::Value => ComponentExportKind::Value,
        ComponentExternalKind::Type => ComponentExportKind::Type,
        ComponentExternalKind::Instance => ComponentExportKind::Instance,
        ComponentExternalKind::Component => ComponentExportKind::Component,
    }
}
