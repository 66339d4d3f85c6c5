//! The arguments of `exuvia workspace`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use exuvia_config::from_home;
use exuvia_tool::Principal;

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct WorkspaceArgs {
    #[command(subcommand)]
    pub(crate) command: WorkspaceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// List a directory: kind, size in bytes, name
    Ls {
        #[command(flatten)]
        of: WorkspaceOf,
        /// Directory in the workspace
        #[arg(value_name = "PATH", default_value = ".")]
        path: String,
    },
    /// Write a file to standard output
    Cat {
        #[command(flatten)]
        of: WorkspaceOf,
        /// File in the workspace
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Remove a file, or a directory with all that is in it
    Rm {
        #[command(flatten)]
        of: WorkspaceOf,
        /// File or directory in the workspace
        #[arg(value_name = "PATH")]
        path: String,
    },
}

/// Which workspace, and whose.
#[derive(Debug, Args)]
pub(crate) struct WorkspaceOf {
    /// Configuration file. Default: $XDG_CONFIG_HOME/exuvia/exuvia.toml
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) config: Option<PathBuf>,
    /// Workspace, by its name in the configuration. Default: the only one
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whose files, where each key has its own: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`
    #[arg(long, value_name = "PRINCIPAL", default_value = "operator")]
    pub(crate) principal: Principal,
    /// The same by its directory, as `key-NAME` or `session-ID`: of a session there is no other name
    #[arg(long, value_name = "NAME", conflicts_with = "principal")]
    pub(crate) directory: Option<String>,
}
