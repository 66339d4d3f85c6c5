//! What becomes of runs and calls that a budget does not allow.

use exuvia_access::budget::{Refused, RunReservation};
use exuvia_journal::RunUsage;
use exuvia_runtime::{FUEL_SLICE, Limit, Outcome, Report};
use exuvia_tool::{CallError, Quantity};

use crate::call::CallRejected;

/// What the script or the client gets of a call, and the rule for the operator.
pub(crate) fn call_rejected(refused: Refused) -> CallRejected {
    let (rule, error) = match refused {
        Refused::Exhausted(exhausted) if exhausted.budget.is_empty() => {
            (String::new(), CallError::Exhausted(exhausted))
        }
        Refused::Exhausted(exhausted) => {
            (format!("budgets.{}: {}", exhausted.budget, exhausted.quantity.name()), CallError::Exhausted(exhausted))
        }
        Refused::Uncounted => {
            let message = "call not made: what is left of its budget cannot be found out at the moment";
            ("budgets: the store does not answer".to_owned(), CallError::UpstreamUnavailable(message.to_owned()))
        }
    };
    CallRejected::Refused { error, rule }
}

/// What comes of a run that is not started.
pub(crate) fn run_outcome(refused: Refused) -> Outcome {
    match refused {
        Refused::Exhausted(exhausted) => Outcome::Exhausted(exhausted),
        Refused::Uncounted => Outcome::Fault("budgets: the store does not answer".to_owned()),
    }
}

/// Settles what a run has reserved, without what was settled when it was parked `before`, and says in its report whose limit it met. So much
/// fuel was used by functions on its behalf, since its start.
pub(crate) fn settled(mut report: Report, reservation: RunReservation, before: RunUsage, fuel_below: u64) -> Report {
    if let Outcome::Stopped(stop) = &mut report.outcome
        && let Some((quantity, unit)) = quantity(stop.limit)
        && let Some(budget) = reservation.lowered_by(quantity)
    {
        stop.message = format!("budget `{budget}` had no more than this {unit} left for the script: {}", stop.message);
    }
    let usage = &report.usage;
    let is_counted = matches!(&report.outcome, Outcome::Returned(_) | Outcome::Raised(_) | Outcome::Denied(_));
    // Of a run that was stopped, what it used of its last slice is not known.
    let fuel = if is_counted { usage.fuel } else { usage.fuel.saturating_add(FUEL_SLICE) };
    reservation.settle(
        fuel.saturating_sub(before.fuel).saturating_add(fuel_below.saturating_sub(before.functions.fuel)),
        usage.wall_ms.saturating_sub(before.wall_ms),
    );
    report
}

fn quantity(limit: Limit) -> Option<(Quantity, &'static str)> {
    match limit {
        Limit::Fuel => Some((Quantity::Fuel, "fuel")),
        Limit::WallMs => Some((Quantity::WallMs, "time")),
        _ => None,
    }
}
