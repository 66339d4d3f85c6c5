//! Servers that are child processes: started, read, written to, ended.

mod child;
mod process;
mod reaper;
pub(crate) mod strays;
mod transport;

pub(crate) use child::{GuardedChild, Program};
pub(crate) use process::Process;
pub use reaper::Reaper;
pub(crate) use transport::StdioTransport;
