//! The append-only record of runs and their calls.
//!
//! The gateway appends an [`Entry`] for everything that an auditor may ask about, in order: before a call is dispatched its
//! intent, afterwards its outcome. A journal that cannot take an intent stops the call, and one that cannot take the start of a
//! run stops the run: what is not recorded is not done.
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
//!     let (principal, origin) = (Principal::Operator, Origin::Run(RunId("01KB".into())));
//!     Entry { principal, origin, event }
//! };
//! journal.append_durable(entry(Event::RunStarted { source: "result = 1".into() })).await.unwrap();
//! journal.enqueue(entry(Event::RunEnded { outcome: "returned".into() })).unwrap();
//! assert_eq!(journal.entries().len(), 2);
//! # }
//! ```

mod entry;
mod memory;

pub use entry::{Entry, Event, Journal, JournalError, Losses, Seq, Stamped};
pub use memory::MemoryJournal;
