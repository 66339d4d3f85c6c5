//! Exit statuses.

use exuvia_runtime::Outcome;

/// Wrong arguments or a wrong configuration. clap uses the same.
pub(crate) const USAGE: u8 = 2;
/// The sandbox itself went wrong.
pub(crate) const FAULT: u8 = 5;
/// The operator pressed Ctrl-C: 128 + SIGINT, as a shell says it.
pub(crate) const CANCELLED: u8 = 130;

/// The status that tells a run's outcome.
pub(crate) fn status(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Returned(_) => 0,
        Outcome::Raised(_) => 1,
        Outcome::Stopped(_) => 3,
        Outcome::Denied(_) => 4,
        Outcome::Cancelled => CANCELLED,
        _ => FAULT,
    }
}
