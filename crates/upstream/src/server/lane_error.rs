//! Why a call did not reach a server.

use std::time::{Duration, Instant};

use exuvia_tool::{Absence, CallError, ToolName};

use super::dialer::CredentialHolder;
use crate::status::StartError;

/// Who can help where scripts and clients cannot. A call that fails with it is not retried automatically.
const ASK: &str = "ask the operator";

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(crate) enum LaneError {
    /// The gateway ends.
    ShutDown,
    /// The run that the connection belonged to is over.
    RunOver,
    /// The breaker is open.
    Open { failures: u32, until: Instant },
    /// It could not be opened.
    Unopened {
        /// Why.
        start_error: StartError,
        /// There was one before.
        again: bool,
    },
    /// All connections that the server may have are in use.
    Full {
        /// How many that are.
        connections: usize,
        /// They are all that one principal may have, and its own.
        is_own: bool,
    },
    /// Its credential was replaced while it was in use.
    Replaced,
    /// The principal has to log in first.
    LoginMissing,
    /// The server refuses the credential of this holder.
    Refused(CredentialHolder),
}

impl LaneError {
    /// The error for the script that called `name`.
    pub(crate) fn of_call(&self, name: &ToolName) -> CallError {
        let server = &name.server;
        CallError::UpstreamUnavailable(match self {
            Self::ShutDown => format!("server {server} is shut down; {name} was not called"),
            Self::RunOver => format!("the run is over; {name} was not called"),
            Self::Open { failures, until } => format!(
                "server {server} has failed {failures} times in a row; {name} was not called; try again in {} s",
                seconds(until.saturating_duration_since(Instant::now()))
            ),
            Self::Unopened { again: true, .. } => {
                format!("server {server} exited and could not be restarted; {name} was not called")
            }
            Self::Unopened { again: false, .. } => format!("server {server} did not start; {name} was not called"),
            Self::Full { connections, is_own } => {
                let (allowed, used) = (*connections as u64, *connections as u64 + 1);
                let limit = if *is_own { "connections of one key" } else { "connections" };
                return CallError::LimitReached { limit: limit.to_owned(), allowed, used };
            }
            Self::Replaced => format!("the credential for server {server} was replaced; {name} was not called"),
            Self::LoginMissing => {
                format!("server {server} needs a login of your own; {ASK} to log in for you; {name} was not called")
            }
            Self::Refused(CredentialHolder::Principal(_)) => {
                format!("server {server} refuses your login; {ASK} to log in for you again; {name} was not called")
            }
            Self::Refused(_) => {
                format!("server {server} refuses the credential of your role; {ASK} to check it; {name} was not called")
            }
        })
    }

    /// Why a server did not start for which this was wanted.
    pub(crate) fn start_error(&self) -> StartError {
        match self {
            Self::Unopened { start_error, .. } => start_error.clone(),
            other => StartError { message: other.message(), why: Absence::Failed },
        }
    }

    /// The message for the operator.
    fn message(&self) -> String {
        match self {
            Self::ShutDown => "it is shut down".to_owned(),
            Self::RunOver => "the run is over".to_owned(),
            Self::Open { failures, .. } => {
                format!("it has failed {failures} times in a row, circuit breaker open")
            }
            Self::Unopened { start_error, .. } => start_error.message.clone(),
            Self::Replaced => "its credential was replaced".to_owned(),
            Self::LoginMissing => "a login is missing".to_owned(),
            Self::Refused(_) => "it refuses the credential".to_owned(),
            Self::Full { connections, .. } => format!("all of its {connections} connections are in use"),
        }
    }
}

/// Whole seconds, rounded up: who tries again then is not too early.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0 || time.is_zero())
}
