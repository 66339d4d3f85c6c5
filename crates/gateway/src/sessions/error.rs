//! Why a script does not run in its session.

use std::fmt;
use std::io;

use exuvia_runtime::{Outcome, ScriptError};

/// The kind of error of a script whose session does not take it.
const KIND: &str = "SessionUnavailable";

/// Why a session is lost whose scripts are not recorded any more.
pub(super) const NOT_KEPT: &str = "what was recorded of it is not kept any more";

/// Why a script does not run in its session. `{}` is for the client.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// There is no place for sessions, or no record to bring them back by.
    NotKept,
    /// Another script of it runs.
    Busy,
    /// Its file is that of somebody else, from before their directories were told apart.
    Others,
    /// It has run as many scripts as one may.
    Scripts(usize),
    /// Its scripts have used as much fuel as they may.
    Fuel(u64),
    /// All sessions of the principal run scripts.
    TooMany(usize),
    /// It cannot be brought back, for this reason, and never will be.
    Lost(String),
    /// Bringing it back takes more fuel than it may.
    TooExpensive {
        /// What its scripts have used.
        fuel: u64,
        /// What may be used.
        allowed: u64,
    },
    /// It cannot be brought back for the moment, for this reason.
    NotNow(String),
    /// The reason is the operator's.
    Io(io::Error),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKept => f.write_str("sessions are not kept here"),
            Self::Others => f.write_str("there is a session of this name whose owner has your name in other letters"),
            Self::Busy => f.write_str("another script of this session runs"),
            Self::Scripts(most) => write!(f, "this session has run its {most} scripts"),
            Self::Fuel(most) => write!(f, "the scripts of this session have used their {most} units of fuel"),
            Self::TooMany(most) => write!(f, "all of your {most} sessions run scripts"),
            Self::Lost(why) => write!(f, "this session cannot be brought back: {why}"),
            Self::TooExpensive { fuel, allowed } => write!(
                f,
                "this session cannot be brought back: running its scripts again takes {fuel} units of fuel, and {allowed} may be used (`revival_fuel`)"
            ),
            Self::NotNow(why) => write!(f, "this session cannot be brought back at the moment: {why}"),
            Self::Io(_) => f.write_str("the session cannot be read or written"),
        }
    }
}

impl SessionError {
    fn hint(&self) -> &'static str {
        match self {
            Self::NotKept => "send the script without `session`",
            Self::Others => "name another session",
            Self::Busy | Self::TooMany(_) | Self::NotNow(_) | Self::Io(_) => "send it again later",
            Self::Scripts(_) | Self::Fuel(_) | Self::Lost(_) | Self::TooExpensive { .. } => {
                "start a new session under another name, and compute again what is needed"
            }
        }
    }

    /// What comes of the script.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::Raised(ScriptError {
            kind: KIND.to_owned(),
            message: format!("the script was not run: {self}"),
            line: None,
            traceback: String::new(),
            hint: Some(self.hint().to_owned()),
        })
    }
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
