//! Admission: the decision on a script before it starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use exuvia_tool::{HeldCall, Namespace, ToolName};

use crate::authorize::{Denial, DenialReason};
use crate::classification::Classification;
use crate::grants::Grants;
use crate::policy::Policy;
use crate::source::OnUnlisted;

/// What is known of a script before it runs.
#[derive(Debug, Clone, Default)]
pub struct ReferencedTools {
    /// The tools that it names, by calling them or otherwise. Others that it may reach are decided on when it calls them.
    pub names: BTreeSet<ToolName>,
}

/// What becomes of a script.
#[derive(Debug, Clone)]
pub enum Admission {
    /// It starts, with these grants.
    Start(Grants),
    /// Somebody has to be asked first, about each of these.
    Hold(Vec<HeldCall>),
    /// It is refused, for each of these.
    Refuse(Vec<Denial>),
}

/// Decides on a client's script. An operator's needs no decision: see [`Grants::everything_visible`].
///
/// A tool that is denied by name does not stop a script: the call is denied when it is made, and the script may be written
/// to do without.
#[must_use]
pub fn admit(policy: &Arc<Policy>, namespace: &Arc<Namespace>, referenced: &ReferencedTools) -> Admission {
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    for tool in &referenced.names {
        match policy.classify(tool) {
            Classification::Unlisted(OnUnlisted::AskBefore) => held.push(tool.clone()),
            Classification::Unlisted(OnUnlisted::Deny) => {
                refused.push(Denial { tool: tool.clone(), reason: DenialReason::Unlisted });
            }
            Classification::Unlisted(OnUnlisted::AskAtCall)
            | Classification::Listed(_)
            | Classification::Denied(_)
            | Classification::Hidden => {}
        }
    }
    if !refused.is_empty() {
        Admission::Refuse(refused)
    } else if !held.is_empty() {
        Admission::Hold(asked_together(policy, &held))
    } else {
        Admission::Start(Grants::listed(policy, namespace))
    }
}

/// One line of configuration for all tools of a server.
fn asked_together(policy: &Policy, held: &[ToolName]) -> Vec<HeldCall> {
    let of_server = |server: &str| -> Vec<&str> {
        held.iter().filter(|tool| tool.server == server).map(|tool| tool.tool.as_str()).collect()
    };
    let hold = |tool: &ToolName| HeldCall {
        id: None,
        name: tool.clone(),
        arguments: None,
        allow: policy.line_that_allows(&tool.server, &of_server(&tool.server)),
        approval: None,
    };
    held.iter().map(hold).collect()
}
