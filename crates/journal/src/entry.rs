//! Journal entries.

use std::sync::Arc;

use exuvia_tool::{BoxFuture, CallId, Origin, Principal, ToolCall, ToolName};
use serde::{Deserialize, Serialize};

use crate::JournalError;

/// One fact of the record: who did what, and for which run or call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// On whose behalf.
    pub principal: Principal,
    /// The run, or the client's own call.
    pub origin: Origin,
    /// What happened.
    pub event: Event,
}

/// What happened in a run, or in a client's own call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A script was rejected: it is too large, invalid, not allowed, or was cancelled before it began. The entry holds its
    /// digest only, so that rejected scripts cannot fill the journal.
    RunRefused {
        /// The name of its outcome.
        outcome: String,
        /// The size of the script, in bytes.
        source_bytes: u64,
        /// The SHA-256 of the script, in lower-case hexadecimal digits. Empty if it was cancelled before it was read.
        source_sha256: String,
    },
    /// A script is about to run.
    RunStarted {
        /// The script, byte for byte.
        source: String,
    },
    /// A call is authorized and about to be dispatched.
    CallIntended {
        /// The call, with the arguments that will be sent.
        call: ToolCall,
    },
    /// A call was refused before anything left the gateway.
    CallRefused {
        /// The call's number.
        id: CallId,
        /// The tool that was called.
        name: ToolName,
        /// The [code](exuvia_tool::CallError::code) of the refusal.
        code: String,
    },
    /// A dispatched call came back.
    CallEnded {
        /// The call's number.
        id: CallId,
        /// `ok`, or the [code](exuvia_tool::CallError::code) of its error.
        code: String,
        /// The size of its value, in bytes of JSON.
        value_bytes: u64,
    },
    /// A run is over.
    RunEnded {
        /// The name of its outcome.
        outcome: String,
    },
}

impl Entry {
    /// About how much memory the entry takes, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.event.text_bytes() + 2 * size_of::<Self>()
    }
}

impl Event {
    /// The stable name of the case.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunRefused { .. } => "run-refused",
            Self::RunStarted { .. } => "run-started",
            Self::CallIntended { .. } => "call-intended",
            Self::CallRefused { .. } => "call-refused",
            Self::CallEnded { .. } => "call-ended",
            Self::RunEnded { .. } => "run-ended",
        }
    }

    /// The call that it is about, if it is about one.
    #[must_use]
    pub fn call_id(&self) -> Option<CallId> {
        match self {
            Self::CallIntended { call } => Some(call.id),
            Self::CallRefused { id, .. } | Self::CallEnded { id, .. } => Some(*id),
            Self::RunRefused { .. } | Self::RunStarted { .. } | Self::RunEnded { .. } => None,
        }
    }

    /// Whether it records something that was not done.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::RunRefused { .. } | Self::CallRefused { .. })
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::RunRefused { source_sha256, .. } => source_sha256.len(),
            Self::RunStarted { source } => source.len(),
            Self::CallIntended { call } => call.arguments.size_bytes() + call.name.server.len() + call.name.tool.len(),
            Self::CallRefused { name, .. } => name.server.len() + name.tool.len(),
            Self::CallEnded { .. } | Self::RunEnded { .. } => 0,
        }
    }
}

/// The place of an entry in its journal: later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// An entry as a journal keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stamped {
    /// Its place. The order is this one and not that of the times: a clock may be set back.
    pub seq: Seq,
    /// When it was appended, in milliseconds since the epoch, UTC.
    pub at_ms: u64,
    /// What was appended.
    pub entry: Entry,
}

/// A place that keeps entries, stamps them with their time, and has them in the order in which it was given them, whichever way.
///
/// There are two classes: durable, for what is about to be done, and queued, for what has been done. Each entry that is not kept is
/// reported: as an error of the append, or to [`Losses`] if it was accepted and lost later. So an entry can be queued in a `Drop` as well.
pub trait Journal: Send + Sync {
    /// Appends what is about to be done: it is kept for good when the future is complete. Its place is that of this call and not of
    /// the first poll. A future that is dropped takes nothing back: the entry may be kept or not.
    ///
    /// # Errors
    ///
    /// The entry could not be kept. Whoever was about to act on it must not.
    fn append_durable(&self, entry: Entry) -> BoxFuture<'_, Result<Seq, JournalError>>;

    /// Takes an entry about what has been done, or was refused. Returns at once, may be called on any thread, also where nothing
    /// can be awaited, and waits for nothing. What waits to be written is bounded.
    ///
    /// # Errors
    ///
    /// The entry could not be taken: there is no [room](crate::JournalErrorKind::Full), or nothing can be written. It is lost.
    fn enqueue(&self, entry: Entry) -> Result<(), JournalError>;

    /// Registers a listener for entries that were accepted and lost later. A journal that keeps what it accepts never calls it.
    fn tell_losses(&self, losses: Arc<dyn Losses>) {
        let _ = losses;
    }
}

/// Receives notice of lost entries, for the operator.
pub trait Losses: Send + Sync {
    /// An entry was taken, and could not be written.
    fn lost(&self, entry: &Entry, error: &JournalError);
}
