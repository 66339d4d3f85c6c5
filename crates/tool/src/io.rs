//! The seams of a run: what answers its calls, and where it takes time and randomness from.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{CallError, CallId, Deadline, Namespace, RunFiles, ToolCall, ToolOutcome};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers the calls of a run.
///
/// One `ToolHost` serves one run: it is where a gateway keeps the grants of that run. Calls arrive concurrently, up to the
/// run's `concurrent_calls`, those aside that have given their [turn back](Deadline::give_turn_back); dropping the future of a call cancels it.
pub trait ToolHost: Send + Sync + 'static {
    /// The servers and tools that the script sees. Must give the same answer for the whole run.
    fn namespace(&self) -> &Namespace;

    /// Answers one call, at the call's turn: what is decided of a call is decided then. The names in it come from the guest and
    /// are not known to exist. Called in the order in which the script made its calls, and the futures are first polled in that
    /// order too. A call that has no answer at its deadline is to be answered with [`missed`](Deadline::missed) then; a second
    /// later its future is dropped.
    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome>;

    /// The tools that fit words of what they do, as text for the author of the script, of a few thousand bytes at most. The same
    /// for the whole run.
    fn search(&self, _query: String) -> BoxFuture<'static, String> {
        Box::pin(async { "this host has no search".to_owned() })
    }

    /// The script has come to its end, or its run has: nothing of it may be called any more. The guest says the former, for exit
    /// functions and finalizers, and a script can keep it from doing so; the host says the latter, before it drops the guest. May
    /// be called more than once.
    fn script_ended(&self) {}
}

/// What a wait for answers of started calls reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextWait {
    /// The answers that are there, or nothing when its time is over.
    Live,
    /// These, in this order, when all of them are there. Nothing else of what is there, and no time passes.
    Recorded(Vec<CallId>),
    /// Nothing: the wait does not end.
    Never,
}

/// How a call is bounded by what depends on the moment: the bytes that are buffered for the run, and the time after which a call
/// is given up that its [`ToolHost`] does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostBounds {
    /// By the limits of the run.
    Live,
    /// Not at all.
    Passed,
    /// It was over one of them, and fails with this error, whatever its answer.
    Failed(CallError),
}

/// Everything else that a run takes from the world.
///
/// With the same artifact, script, limits, answers of tools and readings of this trait, a run takes the same path and consumes
/// the same fuel: a record of these readings is what a replay needs. The methods without a body are for every run; of the others
/// [`next_wait`](Self::next_wait) and [`host_bounds`](Self::host_bounds) let a replay decide what a live run leaves to the moment,
/// and the rest tell a recorder what came of it.
pub trait RunIo: Send + 'static {
    /// The time of day, since the Unix epoch.
    fn wall_clock(&mut self) -> Duration;

    /// A clock that never goes back, since a point that is fixed for the run.
    fn monotonic_clock(&mut self) -> Duration;

    /// Fills `bytes` with randomness fit for keys.
    fn fill_random(&mut self, bytes: &mut [u8]);

    /// Completes when the monotonic clock has reached `deadline`.
    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()>;

    /// The files of the run. None: it has none. Asked once, before the run starts.
    fn files(&mut self) -> Option<Arc<dyn RunFiles>> {
        None
    }

    /// Decides which of the calls that have their answers are reported to the script now, and in what order.
    ///
    /// `answered` holds them in the order in which they were answered. What stays out of the returned list is offered again
    /// when the next call is answered. A live run reports all of them, as they come.
    fn deliver(&mut self, answered: Vec<CallId>) -> Vec<CallId> {
        answered
    }

    /// What the wait that begins now is to report, of these calls: those that were started and whose answers were neither
    /// reported nor taken.
    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        let _ = outstanding;
        NextWait::Live
    }

    /// A wait reported these calls. None: its time was over.
    fn waited(&mut self, reported: &[CallId]) {
        let _ = reported;
    }

    /// How the call is bounded that the script makes now.
    fn host_bounds(&mut self, call: CallId) -> HostBounds {
        let _ = call;
        HostBounds::Live
    }

    /// The script was given this error, by a bound of [`host_bounds`](Self::host_bounds) and whatever the call's answer.
    fn host_failed(&mut self, call: CallId, error: &CallError) {
        let _ = (call, error);
    }

    /// The script blocks until this call has its answer.
    fn blocked_on(&mut self, call: CallId) {
        let _ = call;
    }

    /// A search answered this.
    fn found(&mut self, answer: &str) {
        let _ = answer;
    }
}
