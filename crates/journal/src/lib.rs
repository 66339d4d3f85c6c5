//! The append-only record of runs and their calls.
//!
//! The gateway appends an [`Entry`] for everything that an auditor may ask about, in order: before a call is dispatched its
//! intent, afterwards its outcome. A journal that cannot take an intent stops the call, and one that cannot take the start of a
//! run stops the run: what is not recorded is not done.
//!
//! [`MemoryJournal`] keeps the newest entries for as long as the process lives.
//!
//! ```
//! use exuvia_journal::{Entry, Event, Journal, MemoryJournal};
//! use exuvia_tool::{Origin, Principal, RunId};
//!
//! let journal = MemoryJournal::new(1 << 20);
//! let (principal, origin) = (Principal::Operator, Origin::Run(RunId("r1".into())));
//! journal.append(Entry { principal, origin, event: Event::RunStarted { source: "result = 1".into() } }).unwrap();
//! assert_eq!(journal.entries().len(), 1);
//! ```

mod entry;
mod memory;

pub use entry::{Entry, Event, Journal, JournalError};
pub use memory::MemoryJournal;
