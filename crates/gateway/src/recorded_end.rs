//! What the journal has of the end of a run.

use exuvia_journal::{FunctionUsage, RunEnd, RunError, RunUsage};
use exuvia_runtime::{Outcome, Report, ScriptError};
use exuvia_tool::Cost;

/// The end of a part of a run, as its report has it, with what is needed to go on where it is parked.
pub(crate) fn recorded_part(report: &Report, cost: Cost, functions: FunctionUsage) -> RunEnd {
    let end = recorded_end(report, cost);
    RunEnd { usage: RunUsage { functions, ..end.usage }, ..end }
}

/// The end of a run, as its report has it. `cost`: of its calls.
pub(crate) fn recorded_end(report: &Report, cost: Cost) -> RunEnd {
    let (result, limit, error) = match &report.outcome {
        Outcome::Returned(value) => (Some(value.clone()), None, None),
        Outcome::Raised(error) | Outcome::Denied(error) => (None, None, Some(run_error(error))),
        Outcome::Stopped(stop) => (None, Some(stop.limit.name().to_owned()), stop.error.as_ref().map(run_error)),
        Outcome::Fault(message) => {
            let error = RunError { kind: "fault".to_owned(), message: message.clone(), ..RunError::default() };
            (None, None, Some(error))
        }
        Outcome::Void(why) => {
            let error = RunError { kind: "void".to_owned(), message: why.clone(), ..RunError::default() };
            (None, None, Some(error))
        }
        _ => (None, None, None),
    };
    RunEnd {
        outcome: report.outcome.name().to_owned(),
        limit,
        result,
        error,
        log: report.logs.text.clone(),
        log_dropped_bytes: report.logs.dropped_bytes,
        usage: recorded_usage(report, cost),
    }
}

/// What a run used, as its report has it. `cost`: of its calls.
pub(crate) fn recorded_usage(report: &Report, cost: Cost) -> RunUsage {
    RunUsage {
        fuel: report.usage.fuel,
        memory_bytes_peak: report.usage.memory_bytes_peak,
        wall_ms: report.usage.wall_ms,
        tool_calls: report.usage.tool_calls,
        cost,
        functions: FunctionUsage::default(),
    }
}

fn run_error(error: &ScriptError) -> RunError {
    RunError {
        kind: error.kind.clone(),
        message: error.message.clone(),
        line: error.line,
        traceback: error.traceback.clone(),
        hint: error.hint.clone(),
    }
}
