//! The digest of what an approval asks.

use sha2::{Digest as _, Sha256};

use super::Approval;
use crate::hex;

/// The digest of all that whoever answers is asked: of each part its length and its bytes, so that no two questions have one digest.
pub(super) fn sha256(approval: &Approval, arguments: &str) -> String {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let (server, tool) = approval.tool.as_ref().map(|tool| (&*tool.server, &*tool.tool)).unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [
        "exuvia approval 1",
        approval.id.as_str(),
        approval.run.as_str(),
        &number(approval.call.map(|call| call.0)),
        &approval.principal.to_string(),
        approval.role.as_deref().unwrap_or_default(),
        server,
        tool,
        arguments,
        &approval.arguments_sha256,
        &approval.script_sha256,
        approval.tool_sha256.as_deref().unwrap_or_default(),
        &number(approval.line.map(u64::from)),
        &approval.rule,
        if approval.may_have_happened { "may have happened" } else { "" },
        &number(Some(approval.expires_ms)),
    ] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(&digest.finalize())
}
