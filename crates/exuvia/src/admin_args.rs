//! The command line of what asks a running daemon: `exuvia servers`, `exuvia console`.

use clap::{Args, Subcommand, value_parser};

use crate::journal_args::JournalArgs;

#[derive(Debug, Args)]
pub(crate) struct ServersArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: ServersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServersCommand {
    /// Print the servers with their state and the calls of the last 24 hours
    List {
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Connect to a server anew. Calls in flight on its shared connection break off
    Reconnect {
        /// The server
        #[arg(value_name = "SERVER")]
        name: String,
    },
    /// Print what a server wrote to standard error
    Log {
        /// The server
        #[arg(value_name = "SERVER")]
        name: String,
        /// At most so many lines, the newest
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u16).range(1..=500))]
        lines: u16,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Print the address instead of opening it. It logs in once, within a minute
    #[arg(long)]
    pub(crate) print: bool,
}
