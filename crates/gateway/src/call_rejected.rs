//! Calls that are not made.

use exuvia_policy::Denial;
use exuvia_tool::{CallError, HeldCall};

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
