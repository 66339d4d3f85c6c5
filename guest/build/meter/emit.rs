//! Writes the metered module.
//!
//! Core specification 2.0: what is added behind the others of its index space changes no index (2.5.1 Indices), the sections keep their order
//! (5.5.16 Modules), and the length of `memory.copy`, `memory.fill` and `memory.grow` is the operand on top of the stack (4.4.7 Memory
//! Instructions).

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, BranchHint, BranchHints, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, InstructionSink, RawSection, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload};

use super::calls::Calls;
use super::weights::Weights;
use super::{BYTES_SHIFT, PAGES_SHIFT, WITHOUT_SLICE};
use crate::merge::{Module, Roles};

/// What is added to a module, and where.
struct Meter<'a> {
    module: &'a Module<'a>,
    /// The global that holds the balance.
    balance: u32,
    /// The function that gets the next slice.
    refill: u32,
    /// The functions that are charged when they begin.
    charged: Vec<bool>,
    /// What takes the place of a function where the host calls it.
    outer: BTreeMap<u32, Outer>,
}

/// A function that the host calls in place of another.
struct Outer {
    function: u32,
    kind: OuterKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OuterKind {
    /// May owe fuel: it cannot ask for a slice meanwhile.
    WithoutSlice,
    /// Reports to the host at its end what is left.
    Settled,
}

/// Writes the module.
///
/// # Errors
///
/// It is malformed, or has a function that cannot be metered.
pub(super) fn emit(module: &Module<'_>, bytes: &[u8], roles: &Roles, next_slice: u32) -> Result<Vec<u8>> {
    let meter = Meter::new(module, roles)?;
    let mut out = wasm_encoder::Module::new();
    let (code, hints) = meter.code(next_slice)?;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::TypeSection(section) => {
                let mut types = TypeSection::new();
                RoundtripReencoder.parse_type_section(&mut types, section).map_err(flat)?;
                types.ty().function([], []);
                out.section(&types);
            }
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                RoundtripReencoder.parse_function_section(&mut functions, section).map_err(flat)?;
                functions.function(u32::try_from(module.types.len())?);
                for inner in meter.outer.keys() {
                    functions.function(module.functions[*inner as usize - module.functions_in.len()]);
                }
                out.section(&functions);
            }
            Payload::GlobalSection(section) => {
                let mut globals = GlobalSection::new();
                RoundtripReencoder.parse_global_section(&mut globals, section).map_err(flat)?;
                let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
                globals.global(ty, &ConstExpr::i64_const(0));
                out.section(&globals);
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                for export in section {
                    let export = export?;
                    let outer = meter.outer.get(&export.index).filter(|_| export.kind == ExternalKind::Func);
                    let index = outer.map_or(export.index, |outer| outer.function);
                    exports.export(export.name, ExportKind::from(export.kind), index);
                }
                out.section(&exports);
            }
            // Hints come before the code that they speak of.
            Payload::CodeSectionStart { .. } => {
                out.section(&hints).section(&code);
            }
            Payload::CodeSectionEntry(_) | Payload::Version { .. } | Payload::End(_) => {}
            other => {
                let (id, range) = other.as_section().context("an unknown payload")?;
                out.section(&RawSection { id, data: &bytes[range] });
            }
        }
    }
    Ok(out.finish())
}

impl<'a> Meter<'a> {
    fn new(module: &'a Module<'a>, roles: &Roles) -> Result<Self> {
        ensure!(module.globals_in.is_empty() && !module.globals.is_empty(), "globals that are imported, or none");
        let refill = u32::try_from(module.functions_in.len() + module.bodies.len())?;
        let mut outer = BTreeMap::new();
        ensure!(roles.without_imports.is_disjoint(&roles.lifted), "a function that the host calls in two ways");
        for (&inner, function) in roles.without_imports.union(&roles.lifted).zip(refill + 1..) {
            let is_lifted = roles.lifted.contains(&inner);
            let kind = if is_lifted { OuterKind::Settled } else { OuterKind::WithoutSlice };
            outer.insert(inner, Outer { function, kind });
        }
        let balance = u32::try_from(module.globals.len())?;
        Ok(Self { module, balance, refill, charged: Calls::of(module)?.to_charge()?, outer })
    }

    fn code(&self, next_slice: u32) -> Result<(CodeSection, BranchHints)> {
        let (mut code, mut hints) = (CodeSection::new(), BranchHints::new());
        for (index, body) in (self.module.functions_in.len()..).zip(&self.module.bodies) {
            let index = u32::try_from(index)?;
            match self.body(index, body)? {
                None => {
                    code.raw(body.as_bytes());
                }
                Some((function, unlikely)) => {
                    code.function(&function);
                    hints.function_hints(index, unlikely);
                }
            }
        }
        let mut refill = Function::new([]);
        refill.instructions().global_get(self.balance).call(next_slice).global_set(self.balance).end();
        code.function(&refill);
        for (&inner, outer) in &self.outer {
            code.function(&self.outer(inner, outer.kind)?);
        }
        Ok((code, hints))
    }

    /// A body with its charges. None: nothing in it is charged.
    fn body(&self, index: u32, body: &FunctionBody<'_>) -> Result<Option<(Function, Vec<BranchHint>)>> {
        let weights = Weights::of(body)?;
        let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        let bulk = operators.iter().any(|operator| shift(operator).is_some());
        let charged = self.charged[index as usize];
        if weights.loops.is_empty() && !bulk && !charged {
            return Ok(None);
        }
        let mut locals = Vec::new();
        let mut count = self.module.function_type(index)?.params().len();
        for group in body.get_locals_reader()? {
            let (number, ty) = group?;
            count += number as usize;
            locals.push((number, RoundtripReencoder.val_type(ty).map_err(flat)?));
        }
        let length = u32::try_from(count)?;
        if bulk {
            locals.push((1, ValType::I32));
        }
        let mut writer = Charged { meter: self, function: Function::new(locals), unlikely: Vec::new() };
        if charged {
            writer.constant(weights.entry);
        }
        let mut loops = weights.loops.into_iter();
        for operator in operators {
            if let Some(shift) = shift(&operator) {
                writer.by_length(length, shift);
            }
            let begins_loop = matches!(operator, Operator::Loop { .. });
            writer.function.instruction(&RoundtripReencoder.instruction(operator).map_err(flat)?);
            if begins_loop {
                writer.constant(loops.next().context("a loop without a weight")?);
            }
        }
        Ok(Some((writer.function, writer.unlikely)))
    }

    fn outer(&self, inner: u32, kind: OuterKind) -> Result<Function> {
        let mut function = Function::new([]);
        let mut sink = function.instructions();
        if kind == OuterKind::WithoutSlice {
            sink.global_get(self.balance).i64_const(WITHOUT_SLICE).i64_add().global_set(self.balance);
        }
        for parameter in 0..u32::try_from(self.module.function_type(inner)?.params().len())? {
            sink.local_get(parameter);
        }
        sink.call(inner);
        match kind {
            OuterKind::WithoutSlice => {
                sink.global_get(self.balance).i64_const(WITHOUT_SLICE).i64_sub().global_set(self.balance);
            }
            OuterKind::Settled => {
                sink.call(self.refill);
            }
        }
        sink.end();
        Ok(function)
    }
}

/// A body that is being written.
struct Charged<'m> {
    meter: &'m Meter<'m>,
    function: Function,
    unlikely: Vec<BranchHint>,
}

impl Charged<'_> {
    fn constant(&mut self, amount: i64) {
        let balance = self.meter.balance;
        self.function.instructions().global_get(balance).i64_const(amount).i64_sub().global_set(balance);
        self.refill_if_owing();
    }

    /// Charges by the length on top of the stack, which stays there. `shift` as for [`shift`].
    fn by_length(&mut self, local: u32, shift: i64) {
        let balance = self.meter.balance;
        let mut sink = self.function.instructions();
        sink.local_tee(local).global_get(balance).local_get(local).i64_extend_i32_u();
        shifted(&mut sink, shift);
        sink.i64_sub().global_set(balance);
        self.refill_if_owing();
    }

    fn refill_if_owing(&mut self) {
        self.function.instructions().global_get(self.meter.balance).i64_const(0).i64_lt_s();
        let offset = u32::try_from(self.function.byte_len()).unwrap_or(u32::MAX);
        self.unlikely.push(BranchHint { branch_func_offset: offset, branch_hint_value: 0 });
        self.function.instructions().if_(BlockType::Empty).call(self.meter.refill).end();
    }
}

/// By how many bits the length of a bulk operation is shifted for its charge, to the right if negative.
pub(super) fn shift(operator: &Operator<'_>) -> Option<i64> {
    match operator {
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => Some(-BYTES_SHIFT),
        Operator::MemoryGrow { .. } => Some(PAGES_SHIFT),
        _ => None,
    }
}

fn shifted(sink: &mut InstructionSink<'_>, shift: i64) {
    sink.i64_const(shift.abs());
    if shift < 0 {
        sink.i64_shr_u()
    } else {
        sink.i64_shl()
    };
}

fn flat(error: wasm_encoder::reencode::Error) -> anyhow::Error {
    anyhow!("{error}")
}
