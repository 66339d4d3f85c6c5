//! A component as the merger sees it: the core level taken apart, everything else as it was written.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use wasmparser::{CanonicalFunction, ComponentAlias, Export, ExternalKind, Instance, Parser, Payload};

use super::module::Module;

/// A component. The index spaces are those of the Component Model's binary format (Binary.md, "Instance Definitions").
#[derive(Default)]
pub(super) struct Component<'a> {
    pub(super) sections: Vec<Section<'a>>,
    /// The core modules, as bytes and read.
    pub(super) modules: Vec<(&'a [u8], Module<'a>)>,
    pub(super) instances: Vec<CoreInstance<'a>>,
    pub(super) functions: Vec<CoreItem<'a>>,
    pub(super) globals: Vec<CoreItem<'a>>,
    pub(super) memories: Vec<CoreItem<'a>>,
    pub(super) tables: Vec<CoreItem<'a>>,
    /// The modules that are not merged, by their index: they exchange the lowered imports by a table `$imports`, because `canon
    /// lower` needs the memory of the module that imports what is lowered.
    pub(super) kept: HashSet<u32>,
}

/// A section, in its place.
pub(super) enum Section<'a> {
    /// Written again as it was.
    Raw(u8, &'a [u8]),
    Modules,
    /// The numbers of these core instances.
    Instances(std::ops::Range<usize>),
    Aliases(Vec<ComponentAlias<'a>>),
    Canonicals(Vec<CanonicalFunction>),
}

/// A core instance: of a module, or a bag of exports.
pub(super) enum CoreInstance<'a> {
    Of { module: u32, arguments: Vec<(&'a str, u32)> },
    Bag(Vec<Export<'a>>),
}

/// A core function, global, memory or table of the component.
#[derive(Clone, Copy)]
pub(super) enum CoreItem<'a> {
    /// An export of a core instance.
    Export(u32, &'a str),
    /// What a canonical function definition made.
    Canonical,
}

impl<'a> Component<'a> {
    /// Reads a component.
    ///
    /// # Errors
    ///
    /// It is malformed, or is not built as wit-component builds one.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut component = Self::default();
        let mut nested_until = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            let start = match &payload {
                Payload::Version { range, .. } => range.start,
                Payload::End(offset) => *offset,
                other => other.as_section().map_or(nested_until, |(_, range)| range.start),
            };
            // The insides of nested modules and components come as payloads too.
            if start < nested_until {
                continue;
            }
            component.add(payload, bytes, &mut nested_until)?;
        }
        component.find_kept();
        Ok(component)
    }

    fn add(&mut self, payload: Payload<'a>, bytes: &'a [u8], nested_until: &mut usize) -> Result<()> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                *nested_until = unchecked_range.end;
                let module = &bytes[unchecked_range];
                let number = self.modules.len();
                self.modules.push((module, Module::parse(module).with_context(|| format!("core module {number}"))?));
                self.sections.push(Section::Modules);
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                *nested_until = unchecked_range.end;
                self.sections
                    .push(Section::Raw(wasm_encoder::ComponentSectionId::Component as u8, &bytes[unchecked_range]));
            }
            Payload::InstanceSection(instances) => {
                let first = self.instances.len();
                for instance in instances {
                    self.instances.push(match instance? {
                        Instance::Instantiate { module_index, args } => CoreInstance::Of {
                            module: module_index,
                            arguments: args.iter().map(|argument| (argument.name, argument.index)).collect(),
                        },
                        Instance::FromExports(exports) => CoreInstance::Bag(exports.into_vec()),
                    });
                }
                self.sections.push(Section::Instances(first..self.instances.len()));
            }
            Payload::ComponentAliasSection(aliases) => {
                let aliases: Vec<_> = aliases.into_iter().collect::<Result<_, _>>()?;
                for alias in &aliases {
                    if let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = *alias {
                        self.space(kind)?.push(CoreItem::Export(instance_index, name));
                    }
                }
                self.sections.push(Section::Aliases(aliases));
            }
            Payload::ComponentCanonicalSection(functions) => {
                let functions: Vec<_> = functions.into_iter().collect::<Result<_, _>>()?;
                for function in &functions {
                    match function {
                        CanonicalFunction::Lift { .. } => {}
                        CanonicalFunction::Lower { .. }
                        | CanonicalFunction::ResourceDrop { .. }
                        | CanonicalFunction::ResourceNew { .. }
                        | CanonicalFunction::ResourceRep { .. } => self.functions.push(CoreItem::Canonical),
                        other => bail!("a canonical function that is not known here: {other:?}"),
                    }
                }
                self.sections.push(Section::Canonicals(functions));
            }
            // Its indices are no longer those of the functions.
            Payload::CustomSection(section) if section.name() == "component-name" => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    self.sections.push(Section::Raw(id, &bytes[range]));
                }
            }
        }
        Ok(())
    }

    fn space(&mut self, kind: ExternalKind) -> Result<&mut Vec<CoreItem<'a>>> {
        Ok(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => &mut self.functions,
            ExternalKind::Global => &mut self.globals,
            ExternalKind::Memory => &mut self.memories,
            ExternalKind::Table => &mut self.tables,
            ExternalKind::Tag => bail!("an alias of a tag"),
        })
    }

    fn find_kept(&mut self) {
        let modules = self.modules.iter().enumerate();
        self.kept = modules
            .filter(|(_, (_, module))| {
                module.exports.contains_key("$imports") || module.tables_in.iter().any(|table| table.name == "$imports")
            })
            .filter_map(|(number, _)| u32::try_from(number).ok())
            .collect();
    }

    /// The module of an instance that is merged.
    pub(super) fn merged(&self, instance: u32) -> Option<&Module<'a>> {
        match self.instances.get(instance as usize)? {
            CoreInstance::Of { module, .. } if !self.kept.contains(module) => {
                self.modules.get(*module as usize).map(|(_, module)| module)
            }
            _ => None,
        }
    }
}
