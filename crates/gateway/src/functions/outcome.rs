//! The outcome of a function's run, as its caller gets it.

use exuvia_policy::literal;
use exuvia_runtime::{Limit, LimitHit, Outcome, ScriptError};
use exuvia_text::cut;
use exuvia_tool::{CallError, HeldCall, Limits, ToolName, ToolOutcome};

/// The longest message of an error, in characters.
const MESSAGE: usize = 2_000;

/// The outcome of the call of a function, from that of its run. `limits`: of the script.
pub(super) fn outcome(name: &ToolName, outcome: Outcome, limits: &Limits, fuel_used: u64) -> ToolOutcome {
    match outcome {
        Outcome::Returned(value) => Ok(value),
        Outcome::Raised(error) => Err(failed(name, &error)),
        Outcome::Denied(error) => Err(CallError::Denied(cut(&format!("{name}: {}", error.message), MESSAGE))),
        Outcome::Stopped(LimitHit { limit: Limit::Fuel, .. }) => {
            let (limit, allowed) = (Limit::Fuel.name().to_owned(), limits.fuel);
            Err(CallError::LimitReached { limit, allowed, used: fuel_used })
        }
        Outcome::Stopped(hit) => {
            let message = cut(&format!("{name} was stopped, with its caller's limits: {}", hit.message), MESSAGE);
            Err(CallError::ToolFailed { message, data: None })
        }
        Outcome::AwaitingApproval(held) => Err(CallError::Denied(held_message(name, &held))),
        Outcome::Exhausted(exhausted) => Err(CallError::Exhausted(exhausted)),
        Outcome::Cancelled => Err(CallError::UpstreamUnavailable(format!("{name} was cancelled"))),
        Outcome::Unavailable(why) => Err(CallError::UpstreamUnavailable(format!("{name}: {why}"))),
        _ => {
            // What went wrong inside is in the log.
            Err(CallError::UpstreamUnavailable(format!("{name} could not be run; ask the operator")))
        }
    }
}

fn failed(name: &ToolName, error: &ScriptError) -> CallError {
    let line = error.line.map(|line| format!(" (line {line} of the function)")).unwrap_or_default();
    let message = cut(&format!("{name} raised {}: {}{line}", error.kind, error.message), MESSAGE);
    CallError::ToolFailed { message, data: None }
}

/// Nobody is asked in the middle of a function.
fn held_message(name: &ToolName, held: &[HeldCall]) -> String {
    let tools: Vec<String> =
        held.iter().map(|held| format!("{}.{}", held.name.server, literal(&held.name.tool))).collect();
    let tools = tools.join(", ");
    let message = format!(
        "{name} calls {tools}, which needs an approval, and a function cannot wait for one: call {tools} in the script itself, or \
         leave it to the user"
    );
    cut(&message, MESSAGE)
}
