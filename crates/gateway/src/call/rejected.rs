//! Calls that are not made.

use exuvia_policy::Denial;
use exuvia_tool::{CallError, HeldCall, ToolName};

use crate::approvals::Answered;

/// What is recorded and counted of a call that is held.
pub(crate) const AWAITING: &str = "awaiting-approval";

/// A call that is not made.
pub(crate) enum CallRejected {
    /// The script gets an error.
    Refused {
        error: CallError,
        /// The rule behind it, for the operator. Empty where there is none.
        rule: String,
    },
    /// An approval is needed; the script gets no error.
    Held(Box<HeldCall>),
}

impl CallRejected {
    /// The rejection of a call that the policy denies.
    pub(crate) fn denied(denial: &Denial) -> Self {
        Self::Refused { error: CallError::Denied(denial.to_string()), rule: denial.operator() }
    }

    /// The rejection of a call that nobody approved.
    pub(crate) fn unapproved(tool: &ToolName, answered: Answered) -> Self {
        let (Answered::Not(why) | Answered::Unavailable(why)) = &answered else {
            return CallError::UpstreamUnavailable(format!("{tool} was not called")).into();
        };
        let message = format!("{tool} was not called: {why}");
        match answered {
            Answered::Unavailable(_) => CallError::UpstreamUnavailable(message).into(),
            _ => Self::Refused { error: CallError::Denied(message), rule: "approval".to_owned() },
        }
    }

    /// What is recorded and counted of it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused { error, .. } => error.code(),
            Self::Held(_) => AWAITING,
        }
    }

    /// The rule behind it, for the operator.
    pub(crate) fn rule(&self) -> &str {
        match self {
            Self::Refused { rule, .. } => rule,
            Self::Held(_) => "",
        }
    }
}

impl From<CallError> for CallRejected {
    fn from(error: CallError) -> Self {
        Self::Refused { error, rule: String::new() }
    }
}
