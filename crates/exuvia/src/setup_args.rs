//! The command line of `exuvia setup`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use exuvia_config::{KnownClient, ServerScope, from_home};

#[derive(Debug, Args)]
#[command(
    after_help = "What is moved is shown first, and asked about. Servers that are disabled, or that exuvia.toml cannot hold, stay \
    where they are, with the reason."
)]
pub(crate) struct SetupArgs {
    /// The client
    #[arg(value_name = "CLIENT", value_parser = known_client())]
    pub(crate) client: KnownClient,
    /// Whose servers are moved
    #[arg(long, value_enum, value_name = "SCOPE", default_value = "user")]
    pub(crate) scope: Scope,
    /// Configuration file that the servers are moved to. Default: $XDG_CONFIG_HOME/exuvia/exuvia.toml; for a project, exuvia.toml at its
    /// root
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) config: Option<PathBuf>,
    /// Restore the files as they were before the last setup of this client and scope
    #[arg(long)]
    pub(crate) undo: bool,
    /// With --undo, of a file that was changed since: put its entries back, and keep what else was changed
    #[arg(long, requires = "undo")]
    pub(crate) force: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// For whom servers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// You, in every folder
    User,
    /// You, in this folder: of Claude Code
    Local,
    /// Everybody who has this folder
    Project,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Local => "local",
            Self::Project => "project",
        }
    }
}

impl From<Scope> for ServerScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::User => Self::User,
            Scope::Local => Self::Local,
            Scope::Project => Self::Project,
        }
    }
}

/// Reads the name of a client.
pub(crate) fn known_client() -> impl TypedValueParser<Value = KnownClient> {
    let names = KnownClient::all().map(|client| PossibleValue::new(client.name()).help(client.files()));
    PossibleValuesParser::new(names)
        .try_map(|name| KnownClient::all().find(|client| client.name() == name).ok_or("unknown client"))
}
