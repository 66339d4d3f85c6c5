//! What comes of asking.

use exuvia_journal::{Approval, ApprovalState, NewApproval};

/// What came of asking.
pub(crate) enum Answered {
    /// Somebody approved.
    Approved(Box<Approval>),
    /// Why not, for the script.
    Not(String),
    /// It could not be asked, for the moment.
    Unavailable(String),
}

/// Whether something may come of it, or the script has not been told.
pub(crate) fn is_usable(state: ApprovalState) -> bool {
    !matches!(state, ApprovalState::Used | ApprovalState::Void)
}

/// Whether an approval that was asked covers what is asked now.
pub(crate) fn is_same(asked: &Approval, new: &NewApproval) -> bool {
    (&asked.tool, &asked.arguments_sha256, &asked.tool_sha256) == (&new.tool, &new.arguments_sha256, &new.tool_sha256)
}

/// What an approval that was answered comes to.
pub(crate) fn outcome(approval: Approval) -> Answered {
    let reason = approval.answer.as_ref().and_then(|answer| answer.reason.as_deref());
    match approval.state {
        ApprovalState::Approved => Answered::Approved(Box::new(approval)),
        ApprovalState::Denied => Answered::Not(match reason {
            Some(reason) => format!("a person denied it: {reason}"),
            None => "a person denied it".to_owned(),
        }),
        ApprovalState::Expired => Answered::Not("nobody approved it in time".to_owned()),
        ApprovalState::Pending | ApprovalState::Used | ApprovalState::Void => {
            Answered::Not("its approval is void".to_owned())
        }
    }
}
