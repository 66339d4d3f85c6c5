//! Servers that are child processes: started, read, written to, ended.

mod child;
mod process;
mod reaper;
mod server_log;
pub(crate) mod strays;
mod transport;

pub(crate) use child::{GuardedChild, Program};
pub(crate) use process::Process;
pub use reaper::Reaper;
pub use server_log::ServerLog;
pub(crate) use transport::StdioTransport;
