//! Exit statuses.

use exuvia_runtime::Outcome;

use crate::logs;

/// The script failed.
pub(crate) const RAISED: u8 = 1;
/// Wrong arguments or a wrong configuration. clap uses the same.
pub(crate) const USAGE: u8 = 2;
/// A limit stopped the script.
pub(crate) const STOPPED: u8 = 3;
/// The script may not do what it does, or not without asking.
pub(crate) const DENIED: u8 = 4;
/// The sandbox itself went wrong.
pub(crate) const FAULT: u8 = 5;
/// The operator pressed Ctrl-C: 128 + SIGINT, as a shell says it.
pub(crate) const CANCELLED: u8 = 130;

/// The kind of error and the messages of a script that left by `sys.exit()`, `sys.exit(0)` or `os._exit(0)`.
const LEFT: (&str, [&str; 2]) = ("exited", ["exit code 0", "the script exited with status 0"]);

/// The status that tells a run's outcome. A script that leaves with status 0 has not failed, as Python has it.
pub(crate) fn status(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Returned(_) => 0,
        Outcome::Raised(_) if has_left(outcome) => 0,
        Outcome::Raised(_) => RAISED,
        Outcome::Stopped(_) => STOPPED,
        Outcome::Denied(_) | Outcome::AwaitingApproval(_) | Outcome::Exhausted(_) => DENIED,
        Outcome::Cancelled => CANCELLED,
        _ => FAULT,
    }
}

/// Whether a script left with status 0, and so without a result.
pub(crate) fn has_left(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Raised(error) if error.kind == LEFT.0 && LEFT.1.contains(&error.message.as_str()))
}

/// Ends the program here and now: nothing is waited for, neither a thread that reads standard input nor a server that takes its
/// time. What still runs of servers is ended by the shell that guards them, with SIGTERM first.
pub(crate) fn at_once(status: u8) -> ! {
    logs::finish();
    std::process::exit(status.into())
}
