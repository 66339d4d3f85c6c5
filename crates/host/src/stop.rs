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

/// The guest used up its fuel. Raised as a trap, so that no handler in the script can catch it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct OutOfFuel {
    /// How much fuel the run has.
    pub allowed: u64,
}

impl fmt::Display for OutOfFuel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run has {} units of fuel", self.allowed)
    }
}

impl std::error::Error for OutOfFuel {}

/// The guest claimed to have more fuel than it was given: a script that calls `meter.next-slice` itself. Raised as a trap.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FuelClaimed {
    /// What it claims to have left.
    pub claimed: i64,
    /// What it was given.
    pub given: i64,
}

impl fmt::Display for FuelClaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest claims to have {} units of fuel left, of {}", self.claimed, self.given)
    }
}

impl std::error::Error for FuelClaimed {}
