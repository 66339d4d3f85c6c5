//! The command line of `exuvia functions`.

use clap::{Args, Subcommand};

use crate::journal_args::JournalArgs;

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct FunctionsArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: FunctionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FunctionsCommand {
    /// Print functions: in the configured directory, proposed, promoted and retired ones
    List {
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the text of a function, and what is known of it
    Show {
        #[command(flatten)]
        which: Which,
        /// Print the text alone, byte for byte
        #[arg(long)]
        raw: bool,
    },
    /// Print what a text changes in the promoted one
    Diff {
        #[command(flatten)]
        which: Which,
    },
    /// Let scripts call a function: exactly this text. Every process knows of it a second later
    Promote {
        #[command(flatten)]
        which: Which,
    },
    /// Let nobody call a function any more, and reject what is proposed under its name. With --sha256 this text alone
    Retire {
        #[command(flatten)]
        which: Which,
    },
    /// Make a function without parameters of the script of a recorded run, and propose it
    Propose {
        /// The run
        #[arg(long, value_name = "RUN")]
        run: String,
        /// NAME or NAMESPACE.NAME
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Which text of which function.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// NAME or NAMESPACE.NAME
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The text, by the first digits of its digest. Default: the file in the directory, else the only proposed one, else the promoted one
    #[arg(long, value_name = "DIGITS")]
    pub(crate) sha256: Option<String>,
}
