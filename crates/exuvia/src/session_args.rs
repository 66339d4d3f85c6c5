//! The arguments of `exuvia sessions`.

use clap::{Args, Subcommand};
use exuvia_tool::Principal;

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct SessionArgs {
    #[command(subcommand)]
    pub(crate) command: SessionCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions of scripts: whose, name, profile, scripts, fuel, last use
    List {
        /// Only those of this principal: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`
        #[arg(long, value_name = "PRINCIPAL")]
        principal: Option<Principal>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget a session: the next script of this name begins a new one
    Drop {
        /// Session
        #[arg(value_name = "NAME")]
        name: String,
        /// Whose: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`
        #[arg(long, value_name = "PRINCIPAL", default_value = "operator")]
        principal: Principal,
        /// The profile of its clients, if they name one
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
}
