//! The seam between who asks and answers, and a database: approvals and the runs that wait for them. They are kept with the journal, and their content is sealed
//! with the key of the run: erasing a run erases it, and makes void what is open.
//!
//! Several processes may write one store. Nothing here reads a clock: times come from the caller.

mod approval;
mod error;
mod held_run;
mod memory;
mod postgres;
mod record;
mod shown;
mod sqlite;
mod stored;

use exuvia_tool::{ApprovalId, BoxFuture, Principal, RunId};
use tokio::sync::watch;

pub use approval::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalState, NewApproval, ScriptCall,
};
pub use error::{ApprovalError, ApprovalErrorKind};
pub use held_run::{HeldRun, Lease, WaitingRun, WaitingState};
pub use memory::MemoryApprovals;
pub use postgres::PostgresApprovals;
use record::record;
pub use sqlite::SqliteApprovals;

/// The longest arguments that an approval is asked for, in bytes of JSON.
pub const MAX_ARGUMENTS_BYTES: usize = 16 << 20;
/// The longest script that an approval is asked for, with the list of its tools, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 16 << 20;
/// The longest reason of an answer, in bytes.
pub const MAX_REASON_BYTES: usize = 4 << 10;
/// The most approvals that are asked for at once.
pub const MAX_ASKED_AT_ONCE: usize = 1_000;
/// The most approvals, or runs, that one list has.
pub const MAX_LISTED: usize = 1_000;

/// Approvals, and the runs that wait for them. Its futures are polled in a runtime of tokio, and never block its threads; each of them ends within about
/// 10 s, with [`Unavailable`](ApprovalErrorKind::Unavailable) where the database does not answer. Whoever stops polling one leaves open whether its change
/// is made. What returned is durable.
pub trait ApprovalStore: Send + Sync {
    /// Asks for approvals: of all of these, or of none. The run waits from now on, in its process, which has it until the lease ends.
    /// A run that waits already has its lease renewed, and nothing else of it is changed.
    ///
    /// # Errors
    ///
    /// [`NoRecord`](ApprovalErrorKind::NoRecord): record the start of the run first. [`Erased`](ApprovalErrorKind::Erased): it was. [`Full`](ApprovalErrorKind::Full):
    /// a bound is reached. [`TooLarge`](ApprovalErrorKind::TooLarge). [`Conflict`](ApprovalErrorKind::Conflict): another process has the run, the run is over, or an
    /// approval of the same call is open.
    fn hold<'a>(
        &'a self,
        run: &'a HeldRun,
        asked: &'a [NewApproval],
        bounds: &'a ApprovalBounds,
    ) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>>;

    /// Approvals, the latest first, at most [`MAX_LISTED`].
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>>;

    /// One approval. None: there is no such.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn get<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<Approval>, ApprovalError>>;

    /// What an approval is about. None: there is no such, or the run was erased.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn content<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<ApprovalContent>, ApprovalError>>;

    /// Answers an approval that is pending, and records the answer in the journal. Of several that answer at once, one does.
    ///
    /// # Errors
    ///
    /// [`Unknown`](ApprovalErrorKind::Unknown), [`Answered`](ApprovalErrorKind::Answered): it is no longer pending, or expired.
    /// [`OtherContent`](ApprovalErrorKind::OtherContent): the answer has another [`shown_sha256`](ApprovalAnswer::shown_sha256).
    /// [`OwnCall`](ApprovalErrorKind::OwnCall): as [`may_answer`](Approval::may_answer) says.
    fn answer<'a>(
        &'a self,
        id: &'a ApprovalId,
        allow: bool,
        answer: &'a ApprovalAnswer,
    ) -> BoxFuture<'a, Result<Approval, ApprovalError>>;

    /// Uses an approval: exactly one caller uses it, and only before it expires. Returns whether this one does.
    ///
    /// # Errors
    ///
    /// [`Unknown`](ApprovalErrorKind::Unknown). The store cannot be written: nobody knows whether it is used.
    fn take<'a>(&'a self, id: &'a ApprovalId, now_ms: u64) -> BoxFuture<'a, Result<bool, ApprovalError>>;

    /// A run that waits, or waited, for approvals. None: it never did, or that was long ago.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn waiting<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<WaitingRun>, ApprovalError>>;

    /// Runs that no process has and that can go on: parked ones of which something was answered since they were released, and those whose process lost its
    /// lease. Those that wait longest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn ready(&self, now_ms: u64, limit: usize) -> BoxFuture<'_, Result<Vec<WaitingRun>, ApprovalError>>;

    /// Takes a run that waits for this process, or keeps it for longer. Returns whether it has it: not where another process has, or where it does not wait.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn claim<'a>(&'a self, run: &'a RunId, lease: &'a Lease, now_ms: u64)
    -> BoxFuture<'a, Result<bool, ApprovalError>>;

    /// Gives a run back that this process has. Returns whether it had it: otherwise nothing is changed.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn release<'a>(
        &'a self,
        run: &'a RunId,
        holder: &'a str,
        end: &'a HoldEnd,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>>;

    /// The approvals that were written after this version of all approvals, and the version that includes them. Cheap where nothing has changed. At most
    /// [`MAX_LISTED`]: where [`is_whole`](ApprovalChanges::is_whole) is false, ask again from the returned version.
    ///
    /// A version that is lower than `after` says that the database was restored from a copy: read all again.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn changes(&self, after: u64) -> BoxFuture<'_, Result<ApprovalChanges, ApprovalError>>;

    /// Is notified of each change that is made by this process; those of others are seen by [`changes`](Self::changes) alone. The value is of no meaning.
    fn watch(&self) -> watch::Receiver<u64>;

    /// Lets expire what is over, and removes some of what nobody needs any more. Returns whether there may be more to do.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn sweep(&self, now_ms: u64, keep_ms: u64) -> BoxFuture<'_, Result<bool, ApprovalError>>;
}

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalBounds {
    /// Pending approvals of one principal.
    pub pending_per_principal: u64,
    /// Pending approvals in all.
    pub pending: u64,
    /// Runs of one principal that wait.
    pub runs_per_principal: u64,
    /// Runs in all that wait.
    pub runs: u64,
}

/// Which approvals are meant. What is None fits all.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// In this state.
    pub state: Option<ApprovalState>,
    /// Of runs of this principal.
    pub principal: Option<Principal>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Only those with an id before this one: the next page.
    pub before: Option<ApprovalId>,
    /// At most so many. 0: [`MAX_LISTED`].
    pub limit: usize,
}

/// How a process gives a run back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldEnd {
    /// It has no instance any more, and waits further.
    Parked {
        /// The version of all approvals up to which the run has seen its answers.
        seen: u64,
    },
    /// It is over. What is open of it becomes void.
    Done,
    /// It cannot be brought back, for this reason. What is open of it becomes void.
    Void(String),
}

/// Approvals that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalChanges {
    /// The version of all approvals that includes these.
    pub version: u64,
    /// Whether there are no more.
    pub is_whole: bool,
    /// The approvals, in the order in which they were written last.
    pub approvals: Vec<Approval>,
}

/// Why an approval of a run that is over is void.
const OVER: &str = "the run is over";
/// Why an approval of a run that was erased is void.
const ERASED: &str = "the content of the run was erased";
/// How many approvals, and how many runs, one [sweep](ApprovalStore::sweep) changes or removes.
const SWEPT_AT_ONCE: u64 = 500;

/// What a sweep did.
#[derive(Default)]
struct Swept {
    /// An approval has expired, or is void.
    has_changed: bool,
    /// There may be more to do.
    has_more: bool,
}

impl ApprovalChanges {
    /// What was found up to a version of all approvals, in order, at most [`MAX_LISTED`].
    fn of(version: u64, approvals: Vec<Approval>) -> Self {
        let last = approvals.last().filter(|_| approvals.len() == MAX_LISTED);
        let is_whole = last.is_none_or(|last| last.version == version);
        Self { version: last.map_or(version, |last| last.version), is_whole, approvals }
    }
}

impl ApprovalFilter {
    /// How many approvals a list has at most.
    fn limit(&self) -> usize {
        if self.limit == 0 { MAX_LISTED } else { self.limit.min(MAX_LISTED) }
    }
}

/// Checks the sizes of what is asked.
///
/// # Errors
///
/// Something is too large.
fn check_sizes(run: &HeldRun, asked: &[NewApproval]) -> Result<(), ApprovalError> {
    let too_large = |cause: String| Err(ApprovalError::new(ApprovalErrorKind::TooLarge).caused_by(cause));
    if asked.len() > MAX_ASKED_AT_ONCE {
        return too_large(format!("{} approvals at once, at most {MAX_ASKED_AT_ONCE}", asked.len()));
    }
    let calls: usize =
        run.calls.iter().map(|call| call.tool.server.len() + call.tool.tool.len() + 12 * call.lines.len()).sum();
    let script = run.script.len() + calls + run.unpredicted.iter().map(String::len).sum::<usize>();
    if script > MAX_SCRIPT_BYTES {
        return too_large(format!("a script of {script} bytes, at most {MAX_SCRIPT_BYTES}"));
    }
    match asked.iter().map(|new| new.arguments.len()).find(|bytes| *bytes > MAX_ARGUMENTS_BYTES) {
        Some(bytes) => too_large(format!("arguments of {bytes} bytes, at most {MAX_ARGUMENTS_BYTES}")),
        None => Ok(()),
    }
}

/// Checks whether an answer may be given to an approval.
///
/// # Errors
///
/// It is not pending, or expired; the answer is about something else; or it is an own call.
fn check_answer(approval: &Approval, answer: &ApprovalAnswer) -> Result<(), ApprovalError> {
    let refused = |kind| Err(ApprovalError::new(kind));
    if approval.state != ApprovalState::Pending {
        return refused(ApprovalErrorKind::Answered(approval.state));
    }
    if answer.at_ms >= approval.expires_ms {
        return refused(ApprovalErrorKind::Answered(ApprovalState::Expired));
    }
    if answer.shown_sha256 != approval.shown_sha256 {
        return refused(ApprovalErrorKind::OtherContent);
    }
    if !approval.may_answer(&answer.by, answer.channel) {
        return refused(ApprovalErrorKind::OwnCall);
    }
    if answer.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
        return Err(ApprovalError::new(ApprovalErrorKind::TooLarge)
            .caused_by(format!("the reason is longer than {MAX_REASON_BYTES} bytes")));
    }
    Ok(())
}
