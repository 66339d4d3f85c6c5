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
//! [`MemoryJournal`] keeps the newest entries for as long as the process lives.
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

mod archive;
mod entry;
mod error;
mod memory;
mod memory_archive;
mod object;
mod reading;

pub use archive::{Archive, Filter, Record, Summary};
pub use entry::{ClientClaims, Entry, Event, Journal, Losses, RunEnd, RunError, RunStart, RunUsage, Seq, Stamped};
pub use error::{JournalError, JournalErrorKind};
pub use memory::MemoryJournal;
pub use object::{Object, ObjectKind};
pub use reading::Reading;
