//! Takes the snapshot out of a component: the component without data segments, and what these make of its memory. Shared by the build
//! script and by [`Guest::compile`](crate::Guest::compile).
//!
//! An engine that maps the memory of its guests itself needs both apart: wasmtime copies data segments into such memory at each
//! instantiation.

use wasm_encoder::RawSection;
use wasmparser::{ConstExpr, Data, DataKind, MemoryType, Operator, Parser, Payload};
use wasmtime::error::Context as _;
use wasmtime::{Result, bail, ensure};

/// The size of a page of WebAssembly in bytes (WebAssembly core specification, "Memory Instances").
const WASM_PAGE: u64 = 64 << 10;

/// A component in two parts.
#[derive(Debug)]
pub(crate) struct Split {
    /// It, with a memory that begins as zeros.
    pub(crate) component: Vec<u8>,
    /// The whole of that memory as it should begin.
    pub(crate) image: Vec<u8>,
}

/// Splits a component.
///
/// # Errors
///
/// It has not one memory with segments that are put into it at fixed places when it is instantiated.
pub(crate) fn split(component: &[u8]) -> Result<Split> {
    let mut out = wasm_encoder::Component::new();
    let mut image = None;
    let mut nested_until = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        // The insides of nested modules and components come as payloads too.
        if range.start < nested_until {
            continue;
        }
        let data = &component[range.clone()];
        if !matches!(payload, Payload::ModuleSection { .. }) {
            if matches!(payload, Payload::ComponentSection { .. }) {
                nested_until = range.end;
            }
            out.section(&RawSection { id, data });
            continue;
        }
        nested_until = range.end;
        let (module, memory) = Module::read(data)?.split()?;
        out.section(&RawSection { id, data: &module });
        if let Some(memory) = memory {
            ensure!(image.replace(memory).is_none(), "two modules have a memory");
        }
    }
    Ok(Split { component: out.finish(), image: image.context("no module has a memory")? })
}

/// A core module: its sections without the data, and the data.
#[derive(Default)]
struct Module<'a> {
    sections: Vec<(u8, &'a [u8])>,
    memories: Vec<MemoryType>,
    data: Vec<Data<'a>>,
}

impl<'a> Module<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::DataSection(section) => module.data = section.into_iter().collect::<Result<_, _>>()?,
                // It announces the section that goes.
                Payload::DataCountSection { .. } => {}
                other => {
                    if let Payload::MemorySection(section) = &other {
                        module.memories = section.clone().into_iter().collect::<Result<_, _>>()?;
                    }
                    if let Some((id, range)) = other.as_section() {
                        module.sections.push((id, &bytes[range]));
                    }
                }
            }
        }
        Ok(module)
    }

    /// The module without data, and its memory.
    fn split(self) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let mut out = wasm_encoder::Module::new();
        for (id, data) in self.sections {
            out.section(&RawSection { id, data });
        }
        let memory = match self.memories.as_slice() {
            [] => {
                ensure!(self.data.is_empty(), "data for a memory of another module");
                None
            }
            [memory] => Some(filled(*memory, &self.data)?),
            _ => bail!("two memories in one module"),
        };
        Ok((out.finish(), memory))
    }
}

/// A memory after its instantiation.
fn filled(memory: MemoryType, data: &[Data<'_>]) -> Result<Vec<u8>> {
    let plain = !memory.memory64 && !memory.shared && memory.page_size_log2.is_none();
    ensure!(plain, "a memory that is not of the plain kind");
    let mut image = vec![0; usize::try_from(memory.initial * WASM_PAGE)?];
    for segment in data {
        let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind else {
            bail!("a data segment that is not put into the memory when the module is instantiated")
        };
        let start = constant(offset_expr)? as usize;
        let place = start.checked_add(segment.data.len()).and_then(|end| image.get_mut(start..end));
        place.context("a data segment that ends behind the memory")?.copy_from_slice(segment.data);
    }
    Ok(image)
}

fn constant(expression: &ConstExpr<'_>) -> Result<u32> {
    let operators: Vec<_> = expression.get_operators_reader().into_iter().collect::<Result<_, _>>()?;
    match operators.as_slice() {
        [Operator::I32Const { value }, Operator::End] => Ok(value.cast_unsigned()),
        other => bail!("a data segment at a computed place: {other:?}"),
    }
}
