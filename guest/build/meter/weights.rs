//! What one turn of a loop and one entry of a function costs.
//!
//! Core specification 2.0: instructions are executed in sequence up to a branch, `return` or trap, and only a `loop` is executed again by a
//! branch to it (2.4.8 Control Instructions).

use anyhow::Result;
use wasmparser::{FunctionBody, Operator};

/// The most that a turn costs beyond the instructions that every turn executes. Of the hundreds in the body of an
/// interpreter's loop, each turn executes a few.
const MOST_OF_BRANCHES: i64 = 32;

/// The weights of one body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Weights {
    /// Of what is outside of all loops.
    pub(super) entry: i64,
    /// Of each loop, in the order in which they begin: of its body without the loops inside.
    pub(super) loops: Vec<i64>,
}

/// What is known of a loop, or of what is outside of all.
#[derive(Default)]
struct Part {
    instructions: i64,
    /// Those before the first branch: every turn executes them.
    certain: i64,
    branched: bool,
}

impl Part {
    fn count(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Else | Operator::End | Operator::Nop => return,
            Operator::Loop { .. } => {
                self.branched = true;
                return;
            }
            _ => self.instructions += 1,
        }
        if !self.branched {
            self.certain += 1;
        }
        self.branched |= is_branch(operator);
    }

    fn weight(&self) -> i64 {
        self.certain.max(self.instructions.min(MOST_OF_BRANCHES)).max(1)
    }
}

impl Weights {
    /// Weighs a body.
    ///
    /// # Errors
    ///
    /// It is malformed.
    pub(super) fn of(body: &FunctionBody<'_>) -> Result<Self> {
        let mut parts = vec![Part::default()];
        // What is open: the part that goes on when it ends.
        let mut open = Vec::new();
        let mut current = 0;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            parts[current].count(&operator);
            match operator {
                Operator::Loop { .. } => {
                    open.push(current);
                    current = parts.len();
                    parts.push(Part::default());
                }
                Operator::Block { .. } | Operator::If { .. } => open.push(current),
                Operator::End => current = open.pop().unwrap_or(0),
                _ => {}
            }
        }
        let mut weights = parts.iter().map(Part::weight);
        Ok(Self { entry: weights.next().unwrap_or(1), loops: weights.collect() })
    }
}

fn is_branch(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::If { .. }
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Unreachable
    )
}
