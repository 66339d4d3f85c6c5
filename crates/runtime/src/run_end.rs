//! The outcome of a run, from how its guest ended.

use exuvia_host::{FuelClaimed, Guest, GuestOutcome, OutOfFuel, ScriptError, ToolCallsExhausted};
use exuvia_tool::{HeldCall, Json};
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::{Limit, LimitHit, Limits, Outcome};

/// The kind of error that `sys.exit` and `os._exit` come to.
const EXITED: &str = "exited";

/// The longest text of an error that a report keeps, in bytes.
const ERROR_TEXT_BYTES: usize = 64 << 10;

/// What ended a run.
pub(crate) enum End<T = GuestOutcome> {
    /// The guest returned or trapped.
    Guest(wasmtime::Result<T>),
    /// `wall_ms` is over.
    TimeUp,
    /// Calls wait for an approval.
    Held(Vec<HeldCall>),
    /// The run was cancelled.
    Cancelled,
}

impl End<(GuestOutcome, Guest)> {
    /// The end, and the guest if it is to be kept and can be: the script came to its end, whatever that is.
    pub(crate) fn apart(self, keeps: bool) -> (End, Option<Guest>) {
        match self {
            Self::Guest(Ok((outcome, guest))) => {
                let can_go_on = keeps && is_sound(&outcome);
                (End::Guest(Ok(outcome)), can_go_on.then_some(guest))
            }
            Self::Guest(Err(error)) => (End::Guest(Err(error)), None),
            Self::TimeUp => (End::TimeUp, None),
            Self::Held(held) => (End::Held(held), None),
            Self::Cancelled => (End::Cancelled, None),
        }
    }
}

/// Whether the guest still has the script's names: out of memory, it deletes them to report that.
fn is_sound(outcome: &GuestOutcome) -> bool {
    match outcome {
        GuestOutcome::Returned(text) => Json::parse(text.clone()).is_ok(),
        GuestOutcome::OutOfMemory(_) => false,
        GuestOutcome::Raised(_)
        | GuestOutcome::Exited(_)
        | GuestOutcome::Denied(_)
        | GuestOutcome::ResultTooLarge(_) => true,
    }
}

pub(crate) fn outcome(end: End, limits: &Limits, memory_refused: bool) -> Outcome {
    match end {
        End::Guest(Ok(outcome)) => returned(outcome, limits, memory_refused),
        End::Guest(Err(error)) => trapped(&error, limits, memory_refused),
        End::TimeUp => Outcome::Stopped(stop(Limit::WallMs, limits, None)),
        End::Held(held) => Outcome::AwaitingApproval(held),
        End::Cancelled => Outcome::Cancelled,
    }
}

fn returned(outcome: GuestOutcome, limits: &Limits, memory_refused: bool) -> Outcome {
    match outcome {
        GuestOutcome::Returned(text) if text.len() > limits.result_bytes => result_too_large(text.len() as u64, limits),
        GuestOutcome::Returned(text) => match Json::parse(text) {
            Ok(result) => Outcome::Returned(result),
            // Only a guest that was tampered with from inside returns such a text.
            Err(error) => Outcome::Raised(crashed(format!("the result is not JSON: {error}"))),
        },
        GuestOutcome::Raised(error) => Outcome::Raised(bounded(error)),
        // One kind for all ways of leaving, whether the interpreter had a chance to see it or not.
        GuestOutcome::Exited(error) => Outcome::Raised(ScriptError { kind: EXITED.into(), ..bounded(error) }),
        GuestOutcome::Denied(error) => Outcome::Denied(bounded(error)),
        // The parser raises a MemoryError for what is nested too deeply: no limit of ours was met.
        GuestOutcome::OutOfMemory(error) if !memory_refused => Outcome::Raised(bounded(error)),
        GuestOutcome::OutOfMemory(error) => Outcome::Stopped(stop(Limit::MemoryBytes, limits, Some(bounded(error)))),
        GuestOutcome::ResultTooLarge(bytes) => result_too_large(bytes, limits),
    }
}

/// The guest keeps its errors short; one that was tampered with need not.
fn bounded(mut error: ScriptError) -> ScriptError {
    let texts = [&mut error.kind, &mut error.message, &mut error.traceback];
    for text in texts.into_iter().chain(&mut error.hint) {
        text.truncate(text.floor_char_boundary(ERROR_TEXT_BYTES));
    }
    error
}

fn trapped(error: &wasmtime::Error, limits: &Limits, memory_refused: bool) -> Outcome {
    if error.downcast_ref::<ToolCallsExhausted>().is_some() {
        return Outcome::Stopped(stop(Limit::ToolCalls, limits, None));
    }
    if error.downcast_ref::<OutOfFuel>().is_some() {
        return Outcome::Stopped(stop(Limit::Fuel, limits, None));
    }
    if error.downcast_ref::<FuelClaimed>().is_some() {
        return Outcome::Raised(crashed("the script interfered with the count of its fuel".into()));
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Outcome::Raised(exited(exit.0));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Outcome::Stopped(stop(Limit::StackBytes, limits, None)),
        // Also without a trap: a limit below what the interpreter starts with keeps it from being instantiated.
        _ if memory_refused => Outcome::Stopped(stop(Limit::MemoryBytes, limits, None)),
        Some(_) => Outcome::Raised(crashed("the script crashed the interpreter".into())),
        None => Outcome::Fault(format!("{error:#}")),
    }
}

fn result_too_large(bytes: u64, limits: &Limits) -> Outcome {
    let message = format!(
        "the result is {bytes} bytes of JSON, result_bytes allows {}: return a summary or the part that is needed",
        limits.result_bytes
    );
    Outcome::Stopped(LimitHit { limit: Limit::ResultBytes, message, error: None })
}

/// Why a run cannot begin whose tree holds all the memory that it may.
pub(crate) fn no_memory_left(limits: &Limits) -> LimitHit {
    stop(Limit::MemoryBytes, limits, None)
}

fn stop(limit: Limit, limits: &Limits, error: Option<ScriptError>) -> LimitHit {
    let message = match limit {
        Limit::Fuel => {
            format!("the script used up its {} units of fuel: do less work, or call tools that filter", limits.fuel)
        }
        Limit::WallMs => {
            format!("the script ran for {} ms: make calls in parallel with asyncio.gather, or do less", limits.wall_ms)
        }
        Limit::MemoryBytes => {
            format!("the script needs more than {} bytes of memory: keep less at a time", limits.memory_bytes)
        }
        Limit::ToolCalls => format!("the script made more than {} tool calls: fetch more per call", limits.tool_calls),
        _ => "the script ran out of stack: recurse less deeply".into(),
    };
    LimitHit { limit, message, error }
}

fn exited(code: i32) -> ScriptError {
    script_error(EXITED, format!("the script exited with status {code}"), "end with `result = ...` instead")
}

fn crashed(message: String) -> ScriptError {
    script_error("crashed", message, "avoid the construct that reaches into the interpreter, or very deep nesting")
}

fn script_error(kind: &str, message: String, hint: &str) -> ScriptError {
    ScriptError { kind: kind.into(), message, line: None, traceback: String::new(), hint: Some(hint.into()) }
}
