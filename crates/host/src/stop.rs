//! Host errors that end a run on purpose.

use std::fmt;

/// The script made more calls than its run allows. Raised as a trap, so that no handler in the script can catch it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ToolCallsExhausted {
    /// How many calls the run allows.
    pub allowed: u64,
}

impl fmt::Display for ToolCallsExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run allows {} tool calls", self.allowed)
    }
}

impl std::error::Error for ToolCallsExhausted {}
