//! What people are shown of a script whose calls they are asked about.

use std::sync::Arc;

use exuvia_analysis::{Evidence, MayCall, Precision};
use exuvia_journal::{HeldRun, ScriptCall};
use exuvia_policy::{Classification, Policy};
use exuvia_tool::{Principal, RunId};

use crate::client_questions::ClientAsker;
use crate::view_store::ViewStore;

/// What people are shown of a script.
pub(crate) struct ApprovalCard {
    pub(crate) principal: Principal,
    pub(crate) role: Option<Arc<str>>,
    pub(crate) profile: Option<Arc<str>>,
    pub(crate) client: Option<Arc<str>>,
    /// The source of the script, which the run has as well.
    pub(crate) script: Arc<String>,
    pub(crate) script_sha256: String,
    /// What the pre-pass found, where it was made.
    pub(crate) reads: Option<(MayCall, Precision)>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) view_store: Arc<ViewStore>,
    /// Whether the user of the client may answer.
    pub(crate) client_approves: bool,
    /// Asks the user of the client. None: the user may not answer, or cannot be asked.
    pub(crate) asker: Option<ClientAsker>,
}

impl ApprovalCard {
    pub(crate) fn held_run(&self, run: &RunId, lease: exuvia_journal::Lease) -> HeldRun {
        let (calls, unpredicted) = self.reads.as_ref().map_or_else(Default::default, |(may_call, precision)| {
            let call = |(tool, evidence): (_, &[Evidence])| {
                let needs_approval = matches!(self.policy.classify(&tool), Classification::Unlisted(_));
                let mut lines: Vec<u32> = evidence.iter().map(|evidence| evidence.line).collect();
                lines.dedup();
                ScriptCall { tool, lines, needs_approval }
            };
            let reasons =
                precision.reasons().iter().map(|reason| format!("line {}: {}", reason.line, reason.text)).collect();
            (may_call.iter().map(call).collect(), reasons)
        });
        HeldRun {
            run: run.clone(),
            principal: self.principal.clone(),
            role: self.role.as_deref().map(str::to_owned),
            profile: self.profile.as_deref().map(str::to_owned),
            script: self.script.to_string(),
            script_sha256: self.script_sha256.clone(),
            calls,
            unpredicted,
            lease,
        }
    }
}
