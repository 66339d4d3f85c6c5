//! The record of an answer.

use exuvia_tool::Origin;

use super::stored::of_journal;
use super::{Approval, ApprovalAnswer, ApprovalError};
use crate::seal::RunKey;
use crate::store::Prepared;
use crate::writer::prepared;
use crate::{Entry, Event};

/// That somebody answered, as an entry of the run.
pub(super) fn entry(approval: &Approval, allow: bool, answer: &ApprovalAnswer) -> Entry {
    let event = Event::ApprovalAnswered {
        approval: approval.id.clone(),
        call: approval.call,
        allowed: allow,
        channel: answer.channel,
        shown_sha256: answer.shown_sha256.clone(),
        reason: answer.reason.clone(),
    };
    Entry { principal: answer.by.clone(), origin: Origin::Run(approval.run.clone()), event }
}

/// The same, ready to be written, sealed with the key of the run.
///
/// # Errors
///
/// The system gives no randomness.
pub(super) fn record(
    approval: &Approval,
    allow: bool,
    answer: &ApprovalAnswer,
    key: RunKey,
) -> Result<Prepared, ApprovalError> {
    let id = approval.run.as_str().into();
    prepared(&entry(approval, allow, answer), answer.at_ms, (&id, Some(key), false)).map_err(of_journal)
}
