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
//! use exuvia_journal::{Entry, Event, Journal, MemoryJournal};
//! use exuvia_tool::{Origin, Principal, RunId};
//!
//! # async fn example() {
//! let journal = MemoryJournal::new(1 << 20, || 1_764_385_200_000);
//! let entry = |event| {
//!     let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01KB")));
//!     Entry { principal, origin, event }
//! };
//! journal.append_durable(entry(Event::RunStarted { source: "result = 1".into() })).await.unwrap();
//! journal.enqueue(entry(Event::RunEnded { outcome: "returned".into() })).unwrap();
//! assert_eq!(journal.entries().len(), 2);
//! # }
//! ```

mod entry;
mod error;
mod memory;

pub use entry::{Entry, Event, Journal, Losses, Seq, Stamped};
pub use error::{JournalError, JournalErrorKind};
pub use memory::MemoryJournal;
