//! Proves of the emitted module that nothing in it escapes the meter. Reads that module alone.
//!
//! Core specification 2.0: only a branch to a `loop` goes back (4.4.8 Control Instructions), and only a call enters a function (4.4.10 Function
//! Calls); what takes time by its operands are bulk instructions and growing (4.4.6 Table Instructions, 4.4.7 Memory Instructions); only
//! `global.set` with its index changes a global (4.4.5 Variable Instructions).

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{BlockType, ConstExpr, ExternalKind, FunctionBody, Operator};

use super::calls::Calls;
use super::emit::shift;
use super::{BYTES_SHIFT, PAGES_SHIFT};
use crate::merge::{Module, Roles};

/// Checks, in a metered module, that
///
/// - the balance is a global that is not exported, begins at 0, and is written by charges, by the function that gets the next slice, and by
///   what the host calls around `realloc` and `post-return`, and by nothing else;
/// - each loop begins with a charge, and each bulk operation follows one by its length;
/// - in each cycle of calls, indirect ones included, some function begins with a charge;
/// - the host calls `realloc`, `post-return` and lifted functions by what was put around them.
///
/// Returns the most instructions that one charge stands for.
///
/// # Errors
///
/// Something of that does not hold.
pub(super) fn verify(module: &Module<'_>, roles: &Roles, next_slice: u32) -> Result<u64> {
    let meter = Meter::find(module, roles, next_slice)?;
    let imported = module.functions_in.len();
    let mut charged = vec![false; imported];
    for (own, body) in module.bodies.iter().enumerate() {
        let index = imported + own;
        let operators = operators(body)?;
        charged.push(meter.charge(&operators, 0).is_some());
        if index < meter.refill as usize {
            meter.body(&operators).with_context(|| format!("function {index}"))?;
        }
    }
    Calls::of(module)?.longest(&mut charged)?.context("a cycle of calls without a charge")
}

/// Where the parts of the meter are.
struct Meter {
    balance: u32,
    refill: u32,
}

impl Meter {
    /// Finds them by what they must be: the last global, and the function behind which only those follow that the host calls.
    fn find(module: &Module<'_>, roles: &Roles, next_slice: u32) -> Result<Self> {
        let balance = module.globals.last().context("no global")?;
        ensure!(
            balance.ty.mutable && balance.ty.content_type == wasmparser::ValType::I64,
            "the balance has another type"
        );
        ensure!(constant(&balance.init_expr)? == Some(0), "the balance does not begin at 0");
        ensure!(module.exports.values().all(|(kind, _)| *kind != ExternalKind::Global), "a global is exported");
        let outer = roles.without_imports.len() + roles.lifted.len();
        let own = module.bodies.len().checked_sub(outer + 1).context("functions are missing")?;
        let refill = u32::try_from(module.functions_in.len() + own)?;
        let meter = Self { balance: u32::try_from(module.globals.len() - 1)?, refill };
        let written = operators(&module.bodies[own])?;
        let is_refill = matches!(written[..], [
            Operator::GlobalGet { global_index: read },
            Operator::Call { function_index },
            Operator::GlobalSet { global_index: written },
            Operator::End,
        ] if read == meter.balance && written == meter.balance && function_index == next_slice);
        ensure!(is_refill, "the function that gets a slice does something else");
        for (number, body) in (refill + 1..).zip(&module.bodies[own + 1..]) {
            meter.outer(&operators(body)?, roles).with_context(|| format!("function {number}"))?;
        }
        let inner = roles.without_imports.iter().chain(&roles.lifted);
        for inner in inner {
            ensure!(!module.exports.values().any(|&(_, index)| index == *inner), "function {inner} is exported itself");
        }
        Ok(meter)
    }

    /// Holds that a function which the host calls does nothing but call another, and settle.
    fn outer(&self, operators: &[Operator<'_>], roles: &Roles) -> Result<()> {
        let call = operators.iter().position(|operator| matches!(operator, Operator::Call { .. }));
        let call = call.context("no call")?;
        let (before, rest) = operators.split_at(call);
        let Operator::Call { function_index: inner } = rest[0] else { bail!("no call") };
        let without = |operators: &[Operator<'_>], adds: bool| match operators {
            [
                Operator::GlobalGet { global_index: read },
                Operator::I64Const { value },
                operation,
                Operator::GlobalSet { global_index: written },
            ] => {
                let operation = matches!((operation, adds), (Operator::I64Add, true) | (Operator::I64Sub, false));
                operation && *read == self.balance && *written == self.balance && *value == super::WITHOUT_SLICE
            }
            _ => false,
        };
        let after = &rest[1..rest.len() - 1];
        let parameters = if roles.without_imports.contains(&inner) {
            ensure!(before.len() >= 4 && without(&before[..4], true) && without(after, false), "not balanced");
            &before[4..]
        } else {
            let settles = matches!(after, [Operator::Call { function_index }] if *function_index == self.refill);
            ensure!(roles.lifted.contains(&inner) && settles, "what is left is not settled");
            before
        };
        ensure!(
            parameters.iter().all(|operator| matches!(operator, Operator::LocalGet { .. })),
            "something else is done"
        );
        Ok(())
    }

    fn body(&self, operators: &[Operator<'_>]) -> Result<()> {
        let mut charge_until = 0;
        for (at, operator) in operators.iter().enumerate() {
            let by_length = |by| self.charge_by_length(operators, at, by);
            let charge =
                self.charge(operators, at).or_else(|| by_length(-BYTES_SHIFT)).or_else(|| by_length(PAGES_SHIFT));
            charge_until = charge.unwrap_or(charge_until);
            match operator {
                Operator::Loop { .. } => {
                    ensure!(self.charge(operators, at + 1).is_some(), "a loop without a charge, at operator {at}");
                }
                Operator::GlobalSet { global_index } if *global_index == self.balance => {
                    ensure!(at < charge_until, "the balance is written at operator {at}");
                }
                Operator::MemoryInit { .. }
                | Operator::TableInit { .. }
                | Operator::TableCopy { .. }
                | Operator::TableFill { .. }
                | Operator::TableGrow { .. }
                | Operator::TableSet { .. }
                | Operator::MemoryAtomicWait32 { .. }
                | Operator::MemoryAtomicWait64 { .. } => bail!("{operator:?} has no charge"),
                _ => {}
            }
            if let Some(shift) = shift(operator) {
                let begin = at.checked_sub(BY_LENGTH).context("a bulk operation without a charge")?;
                let end = self.charge_by_length(operators, begin, shift);
                ensure!(end == Some(at), "a bulk operation without a charge, at operator {at}");
            }
        }
        Ok(())
    }

    /// The end of the charge of a constant that begins here.
    fn charge(&self, operators: &[Operator<'_>], at: usize) -> Option<usize> {
        let [
            Operator::GlobalGet { global_index: read },
            Operator::I64Const { value: 1.. },
            Operator::I64Sub,
            Operator::GlobalSet { global_index: written },
        ] = operators.get(at..at + 4)?
        else {
            return None;
        };
        (*read == self.balance && *written == self.balance).then_some(())?;
        self.refill(operators, at + 4)
    }

    /// The end of the charge by a length that begins here.
    fn charge_by_length(&self, operators: &[Operator<'_>], at: usize, by: i64) -> Option<usize> {
        let [
            Operator::LocalTee { local_index: length },
            Operator::GlobalGet { global_index: read },
            Operator::LocalGet { local_index },
            Operator::I64ExtendI32U,
            Operator::I64Const { value },
            shift,
            Operator::I64Sub,
            Operator::GlobalSet { global_index: written },
        ] = operators.get(at..at + 8)?
        else {
            return None;
        };
        let shifts = matches!((shift, by < 0), (Operator::I64ShrU, true) | (Operator::I64Shl, false));
        (shifts && *value == by.abs() && length == local_index).then_some(())?;
        (*read == self.balance && *written == self.balance).then_some(())?;
        self.refill(operators, at + 8)
    }

    fn refill(&self, operators: &[Operator<'_>], at: usize) -> Option<usize> {
        let [
            Operator::GlobalGet { global_index },
            Operator::I64Const { value: 0 },
            Operator::I64LtS,
            Operator::If { blockty: BlockType::Empty },
            Operator::Call { function_index },
            Operator::End,
        ] = operators.get(at..at + 6)?
        else {
            return None;
        };
        (*global_index == self.balance && *function_index == self.refill).then_some(at + 6)
    }
}

/// Operators of a charge by a length.
const BY_LENGTH: usize = 14;

fn operators<'a>(body: &FunctionBody<'a>) -> Result<Vec<Operator<'a>>> {
    Ok(body.get_operators_reader()?.into_iter().collect::<Result<_, _>>()?)
}

fn constant(expression: &ConstExpr<'_>) -> Result<Option<i64>> {
    let mut operators = expression.get_operators_reader();
    Ok(match operators.read()? {
        Operator::I64Const { value } => Some(value),
        _ => None,
    })
}
