//! The nouns that all crates of Exuvia share, and the two seams of a run.
//!
//! A script sees a [`Namespace`]: the servers and tools that are visible to it, under Python names. Each tool call of the
//! script becomes a [`ToolCall`], answered by a [`ToolHost`] with a [`ToolOutcome`]. A [`CallContext`] says on whose behalf. What
//! else a run takes from outside (the time, random bytes, sleep, the order in which answers are delivered) comes from a [`RunIo`].
//!
//! Its bounds are its [`Limits`].
//!
//! Calls that have to be sent in order wait in a [`Line`], or in two, by a [`DispatchTicket`].
//!
//! This crate decides nothing and performs no I/O: no async runtime, no clock, no file, no environment.
//!
//! ```
//! use exuvia_tool::{Arguments, CallError, CallId, ToolCall, ToolName};
//!
//! let call = ToolCall {
//!     id: CallId(1),
//!     name: ToolName::new("crm", "get_contacts"),
//!     arguments: Arguments::parse(r#"{"limit": 10}"#).unwrap(),
//!     line: None,
//! };
//! assert_eq!(call.name.to_string(), "crm.get_contacts");
//! assert_eq!(CallError::Denied("no".into()).code(), "denied");
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod absent;
mod active_time;
mod arguments;
mod beside;
mod budget;
mod call;
mod context;
mod cost;
mod credential;
mod deadline;
mod event;
mod extent;
mod files;
mod io;
mod json;
mod lazy;
mod limits;
mod line;
mod locked;
mod namespace;
mod order;
pub mod raw;
mod transcribe;
mod withheld;

pub use absent::{Absence, Absent};
pub use active_time::ActiveTime;
pub use arguments::Arguments;
pub use budget::{Exhausted, Quantities, Quantity};
pub use call::{CallError, CallId, HeldApproval, HeldCall, ToolCall, ToolName, ToolOutcome};
pub use context::{CallContext, DirectCallId, Origin, Principal, TraceContext, UnknownPrincipal};
pub use cost::{Cost, NoCost};
pub use credential::CredentialId;
pub use deadline::{Deadline, Turns};
pub use event::{ApprovalId, CallRecord, LogStream, RunEvent, RunId};
pub use extent::{Extent, MAX_DEPTH, MAX_TREE_BYTES, TooDeep};
pub use files::{
    FileAnswer, FileBytes, FileEntry, FileError, FileHandle, FileKind, FileRequest, FileStat, FileValue, OpenHow,
    RunFiles,
};
pub use io::{BoxFuture, HostBounds, NextWait, RunIo, ToolHost};
pub use json::{Json, JsonError, JsonErrorKind};
pub use lazy::LazyText;
pub use limits::{CONCURRENT_RUNS, Limit, Limits};
pub use line::{Line, Place};
pub use locked::locked;
pub use namespace::{ArgumentCheck, Namespace, Parameter, Server, Tool, ToolAnnotations, ToolDescriptor, WithheldTool};
pub use order::{DispatchOrder, DispatchTicket};
pub use withheld::Withheld;
