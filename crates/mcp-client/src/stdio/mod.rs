//! Servers that are child processes: started, read, written to, ended.

mod process;
mod reaper;
pub(crate) mod strays;
mod transport;

pub(crate) use process::Process;
pub(crate) use reaper::MARK;
pub use reaper::Reaper;
pub(crate) use transport::StdioTransport;
