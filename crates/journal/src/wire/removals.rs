//! Records about what was removed.

use exuvia_tool::Principal;

use super::head::{ExpiredBy, Head, HeadEvent, VERSION};
use crate::{Erasure, JournalError};

/// The record that a run or direct call was erased, as it is stored but for its [beginning](super::at_seq).
///
/// # Errors
///
/// None that can occur: all keys are texts.
pub(crate) fn erased(id: &str, is_direct: bool, erasure: &Erasure) -> Result<Vec<u8>, JournalError> {
    let head = Head {
        run: (!is_direct).then(|| id.to_owned()),
        direct: is_direct.then(|| id.to_owned()),
        ..head(erasure.principal.clone(), erasure.at_ms, HeadEvent::Erased {})
    };
    head.without_seq()
}

/// The record that retention removed something, as it is stored but for its [beginning](super::at_seq). `places`: where the first and
/// the last of the runs and direct calls begin. `runs`: how many of them are removed by this.
///
/// # Errors
///
/// None that can occur: all keys are texts.
pub(crate) fn expired(
    (first, last): (u64, u64),
    runs: u64,
    by: ExpiredBy,
    at_ms: u64,
) -> Result<Vec<u8>, JournalError> {
    head(Principal::Operator, at_ms, HeadEvent::Expired { first, last, runs, by }).without_seq()
}

fn head(principal: Principal, at_ms: u64, event: HeadEvent) -> Head {
    Head { v: VERSION, seq: 0, at_ms, principal, run: None, direct: None, event, key_sha256: None, body: None }
}
