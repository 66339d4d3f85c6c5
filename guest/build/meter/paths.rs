//! The longest way through a body between two charges.
//!
//! Core specification 2.0: a branch goes to the beginning of a `loop` that it is in, or behind the end of a `block` or `if` (2.4.8 Control
//! Instructions, 4.4.8 for what each does).

use anyhow::{Context, Result, bail};
use wasmparser::{FunctionBody, Operator};

/// The most instructions on a way through a body that passes no charge: each loop begins with one. `of_call` says how many
/// stand for a call.
///
/// # Errors
///
/// The body is malformed.
pub(super) fn longest(body: &FunctionBody<'_>, of_call: impl Fn(&Operator<'_>) -> u64) -> Result<u64> {
    // The function itself is a block: `return` and its end lead out of it.
    let mut ways = Ways { here: Some(0), longest: 0, labels: vec![Label::default()] };
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        ways.step(of_call(&operator).saturating_add(1));
        ways.follow(&operator)?;
    }
    Ok(ways.longest)
}

struct Ways {
    /// The longest way to here since a charge. None: no way leads here.
    here: Option<u64>,
    longest: u64,
    labels: Vec<Label>,
}

/// A block that is open.
#[derive(Default)]
struct Label {
    is_loop: bool,
    /// The longest way that leaves it, other than by its end.
    left: Option<u64>,
    /// Of an `if` without `else` so far: the way to it.
    otherwise: Option<u64>,
}

impl Ways {
    fn step(&mut self, instructions: u64) {
        self.here = self.here.map(|way| way.saturating_add(instructions));
        self.longest = self.longest.max(self.here.unwrap_or(0));
    }

    fn follow(&mut self, operator: &Operator<'_>) -> Result<()> {
        match operator {
            Operator::Block { .. } => self.labels.push(Label::default()),
            Operator::Loop { .. } => {
                self.labels.push(Label { is_loop: true, ..Label::default() });
                // It is charged.
                self.here = self.here.map(|_| 0);
            }
            Operator::If { .. } => self.labels.push(Label { otherwise: self.here, ..Label::default() }),
            Operator::Else => {
                let label = self.labels.last_mut().context("an else without an if")?;
                label.left = label.left.max(self.here);
                self.here = label.otherwise.take();
            }
            Operator::End => {
                let label = self.labels.pop().context("an end of nothing")?;
                self.here = self.here.max(label.left).max(label.otherwise);
            }
            Operator::Br { relative_depth } => {
                self.leave(*relative_depth)?;
                self.here = None;
            }
            Operator::BrIf { relative_depth } => self.leave(*relative_depth)?,
            Operator::BrTable { targets } => {
                for target in targets.targets() {
                    self.leave(target?)?;
                }
                self.leave(targets.default())?;
                self.here = None;
            }
            Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Unreachable => self.here = None,
            Operator::TryTable { .. } | Operator::BrOnNull { .. } | Operator::BrOnNonNull { .. } => {
                bail!("{operator:?}: a branch that is not known here")
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self, depth: u32) -> Result<()> {
        let label = self.labels.len().checked_sub(1 + depth as usize).context("a branch to nothing")?;
        let label = &mut self.labels[label];
        // A way back to the beginning of a loop ends at its charge.
        if !label.is_loop {
            label.left = label.left.max(self.here);
        }
        Ok(())
    }
}
