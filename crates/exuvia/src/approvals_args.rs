//! The command line of `exuvia approvals`.

use clap::{Args, Subcommand, ValueEnum, value_parser};
use exuvia_journal::ApprovalState;
use exuvia_tool::Principal;

use crate::journal_args::JournalArgs;

#[derive(Debug, Args)]
pub(crate) struct ApprovalsArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: ApprovalsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Print approvals, the latest first
    List {
        /// In which state
        #[arg(long, value_enum, value_name = "STATE", default_value_t = StateArg::Pending)]
        state: StateArg,
        /// Of runs of this principal: operator, key:NAME or user:PROVIDER/SUBJECT
        #[arg(long, value_name = "PRINCIPAL")]
        principal: Option<Principal>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the card of an approval: the whole call and the whole script, with every character that does not show as itself
    /// named by its number
    Show {
        #[arg(value_name = "APPROVAL")]
        id: String,
        /// Print it as one JSON object, arguments and script byte for byte
        #[arg(long)]
        json: bool,
    },
    /// Print the card of an approval, ask, and approve it
    Approve(AnswerArgs),
    /// Print the card of an approval, ask, and deny it
    Deny(AnswerArgs),
    /// Print what servers ask in the middle of scripts' calls of running daemons, where no client can be asked
    Questions {
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a question of a server, ask, and answer it
    Answer(QuestionAnswerArgs),
    /// Print approvals as they are asked for and answered, until interrupted
    Watch {
        /// Print each as one JSON object in a line
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration that would make an approval unnecessary, with the calls of the last seven days that it would
    /// have allowed. It changes nothing
    Suggest {
        #[arg(value_name = "APPROVAL")]
        id: String,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[arg(value_name = "APPROVAL")]
    pub(crate) id: String,
    /// Why: for the record, and for the script where it is denied
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print the answered approval as one JSON object, in place of the card. Needs --yes
    #[arg(long, requires = "yes")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuestionAnswerArgs {
    #[arg(value_name = "QUESTION")]
    pub(crate) id: String,
    /// A field of the form. Of one with several choices: once for each
    #[arg(long = "field", value_name = "NAME=VALUE", conflicts_with = "decline", value_parser = field)]
    pub(crate) fields: Vec<(String, String)>,
    /// Decline to answer
    #[arg(long)]
    pub(crate) decline: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArg {
    Pending,
    Approved,
    Denied,
    Expired,
    Used,
    Void,
    All,
}

impl StateArg {
    /// The state. None: all.
    pub(crate) fn state(self) -> Option<ApprovalState> {
        match self {
            Self::Pending => Some(ApprovalState::Pending),
            Self::Approved => Some(ApprovalState::Approved),
            Self::Denied => Some(ApprovalState::Denied),
            Self::Expired => Some(ApprovalState::Expired),
            Self::Used => Some(ApprovalState::Used),
            Self::Void => Some(ApprovalState::Void),
            Self::All => None,
        }
    }
}
