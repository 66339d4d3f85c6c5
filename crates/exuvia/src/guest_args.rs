//! The command line of `exuvia guest`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The guest of this program.
#[derive(Debug, Args)]
pub(crate) struct GuestArgs {
    #[command(subcommand)]
    pub(crate) command: GuestCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GuestCommand {
    /// Write the guest for hosts in other languages: the WebAssembly component, its contract in WIT, versions and digests
    Export {
        /// The folder to write to. It is created; files of an earlier export are replaced
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}
