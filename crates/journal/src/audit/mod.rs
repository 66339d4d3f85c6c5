//! What an auditor can find out about a journal.
//!
//! The journal is tamper-evident against later change: whoever keeps a checkpoint elsewhere, or has it cosigned by a witness, finds out when a record
//! that it covers was changed, removed, inserted or moved since. It is no proof against the operator while records are made: who holds the
//! signing key and no checkpoint is kept elsewhere can write another log. And that a record is there proves that it was written, not that what
//! it says is true.

mod blocks;
mod check;
mod expiries;
mod findings;
mod prove;
mod report;
mod verify;

pub use check::{Removal, Verdict, check};
pub use findings::Findings;
pub use prove::Proof;
pub(crate) use prove::{newest, prove};
pub use report::Report;
pub(crate) use verify::verify;
