//! The budget for checking the arguments of one call.

/// The steps that the conditions on one call may take together. A step is a byte that is looked at once, or a byte that one
/// state of a regular expression is tried on: at most some 10 ns, so that a call holds its thread for 50 ms at most.
const STEPS: usize = 4_000_000;

/// The steps that are left to one call.
#[derive(Debug)]
pub(crate) struct Steps(usize);

/// The conditions would take more steps than a call has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Steps {
    pub(crate) fn of_a_call() -> Self {
        Self(STEPS)
    }

    /// Takes `bytes` times `each` steps.
    pub(crate) fn take(&mut self, bytes: usize, each: usize) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(bytes.saturating_mul(each)).ok_or(Exhausted)?;
        Ok(())
    }
}

impl From<Exhausted> for String {
    fn from(_: Exhausted) -> Self {
        format!("must be shorter: checking one call is limited to {STEPS} steps")
    }
}
