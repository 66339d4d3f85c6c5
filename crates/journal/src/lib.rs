//! The append-only record of runs and their calls.
//!
//! The gateway appends an [`Entry`] for everything that an auditor may ask about, in order: before a call is dispatched its
//! intent, afterwards its outcome. A journal that cannot take an intent stops the call, and one that cannot take the start of a
//! run stops the run: what is not recorded is not done.
//!
//! What has been done already is [enqueued](Journal::enqueue), which waits for nothing and may happen in a `Drop`. What waits to be written
//! is bounded, and no entry is lost without a word: the gateway logs each one with its run and its call, and counts it.
//!
//! An entry has its time from the journal, by the clock that the journal is given.
//!
//! [`MemoryJournal`] keeps the newest entries for as long as the process lives. [`SqliteJournal`] opens one that is kept in a folder, durable and
//! verifiable; [`SqliteArchive`] opens it for reading, also while it is written:
//!
//! ```
//! use exuvia_journal::{Archive, Entry, Erasure, Event, Filter, Journal, OpenOptions, RunStart, SqliteArchive, SqliteJournal, check};
//! use exuvia_tool::{Origin, Principal, RunId};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path().join("journal");
//! // Write. What returns is on the disk.
//! let journal = SqliteJournal::open(&OpenOptions::new(&dir, || 1_764_385_200_000)).unwrap();
//! let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01KB")));
//! let start = RunStart { source: "result = 1".into(), ..RunStart::default() };
//! let entry = Entry { principal, origin, event: Event::RunStarted(Box::new(start)) };
//! journal.append_durable(entry).await.unwrap();
//! journal.close().await.unwrap();
//!
//! // Read.
//! let archive = SqliteArchive::open(&dir).unwrap();
//! assert_eq!(archive.list(&Filter::default()).await.unwrap().len(), 1);
//! assert_eq!(archive.record("01KB").await.unwrap().unwrap().start().unwrap().source, "result = 1");
//!
//! // Verify, prove to a third party, and check as one.
//! let report = archive.verify().await.unwrap();
//! assert!(report.is_consistent() && report.is_complete());
//! let proof = archive.prove("01KB", true).await.unwrap().unwrap().to_json().unwrap();
//! let public_key = std::fs::read_to_string(dir.join("journal.vkey")).unwrap();
//! assert_eq!(check(&proof, &public_key).unwrap().record.entries.len(), 1);
//!
//! // Erase: the log says who did, and still verifies.
//! let erasure = Erasure { principal: Principal::Operator, at_ms: 1_764_385_300_000 };
//! assert!(archive.erase("01KB", &erasure).await.unwrap());
//! assert!(archive.verify().await.unwrap().is_consistent());
//! # });
//! ```
//!
//! ```
//! use exuvia_journal::{Entry, Event, Journal, MemoryJournal, RunEnd, RunStart};
//! use exuvia_tool::{Origin, Principal, RunId};
//!
//! # async fn example() {
//! let journal = MemoryJournal::new(1 << 20, || 1_764_385_200_000);
//! let entry = |event| {
//!     let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01KB")));
//!     Entry { principal, origin, event }
//! };
//! journal.append_durable(entry(Event::RunStarted(Box::new(RunStart { source: "result = 1".into(), ..RunStart::default() })))).await.unwrap();
//! journal.enqueue(entry(Event::RunEnded(Box::new(RunEnd { outcome: "returned".into(), ..RunEnd::default() })))).unwrap();
//! assert_eq!(journal.entries().len(), 2);
//! # }
//! ```

#[cfg(not(unix))]
compile_error!(
    "the program exuvia runs on Linux and macOS alone: on Windows use it in WSL, or use the sandbox from JavaScript (npm package exuvia)"
);

mod access;
mod approvals;
mod archive;
mod audit;
mod blocks;
mod entry;
mod error;
mod functions;
mod hex;
mod index;
mod journal;
mod memory;
mod memory_archive;
mod object;
mod options;
mod reader;
mod reading;
mod refusal;
mod seal;
mod stats;
mod store;
mod tokens;
mod tree;
mod wire;
mod writer;

pub use access::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, BudgetOverride, CounterAmount, CounterTake, CounterWindow,
    Ended, KeyChanges, MAX_COUNTER_BYTES, MAX_COUNTERS, MAX_KEYS, MAX_NAMES, PostgresAccessStore, PreviousSecret,
    SqliteAccessStore, StoredKey, Taken,
};
pub use approvals::{
    Approval, ApprovalAnswer, ApprovalBounds, ApprovalChanges, ApprovalChannel, ApprovalContent, ApprovalError,
    ApprovalErrorKind, ApprovalFilter, ApprovalState, ApprovalStore, HeldRun, HoldEnd, Lease, MAX_ARGUMENTS_BYTES,
    MAX_ASKED_AT_ONCE, MAX_LISTED, MAX_REASON_BYTES, MAX_SCRIPT_BYTES, MemoryApprovals, NewApproval, PostgresApprovals,
    ScriptCall, SqliteApprovals, WaitingRun, WaitingState,
};
pub use archive::{ACTION_PREFIX, Archive, Erasure, Filter, Record, RecordKind, Summary};
pub use audit::{Findings, Proof, Removal, Report, Verdict, check};
pub use blocks::FileBlocks;
pub use entry::{
    ClientClaims, Entry, Event, FunctionUsage, ParentCall, RefusedStart, RunEnd, RunError, RunStart, RunUsage, Seq,
    SessionScript, Stamped,
};
pub use error::{JournalError, JournalErrorKind};
pub use functions::{
    FunctionAct, FunctionState, FunctionStore, MAX_FUNCTION_BYTES, MAX_FUNCTION_NAME_BYTES, MAX_FUNCTIONS, NewFunction,
    PromotedFunctions, ProposalBounds, Proposed, Retirement, StoredFunction,
};
pub use journal::{Journal, Losses};
pub use memory::MemoryJournal;
pub use object::{Object, ObjectKind, PackedGuest};
pub use options::{Clock, OpenOptions, Retention};
pub use reader::{PostgresArchive, SqliteArchive, StoreArchive};
pub use reading::{Cut, FileAsked, Reading};
pub use refusal::Refusal;
pub use stats::{Latency, PrincipalStats, Stats, ToolStats};
pub use store::postgres::PostgresJournal;
pub use store::sqlite::SqliteJournal;
pub use tokens::{TokenKind, TokenSum};
pub use writer::StoreJournal;
