//! Grants: what one run may call.

use std::collections::BTreeSet;
use std::sync::Arc;

use exuvia_tool::{Namespace, ToolName};

use crate::classification::Classification;
use crate::policy::Policy;
use crate::reads::is_read;
use crate::source::OnUnlisted;

/// The tools that one run may call. Fixed when the run starts: authority never grows while it runs. What the policy says at
/// the moment of a call can only take from it. As cheap to make with 2,000 tools as with one.
#[derive(Debug, Clone)]
pub struct Grants(Granted);

/// On whose word tools are granted.
#[derive(Debug, Clone)]
enum Granted {
    /// The policy's lists: a tool that is removed from them during the run is no longer granted. And these, with which a person let the
    /// script start.
    Listed(Arc<Policy>, Arc<Namespace>, BTreeSet<ToolName>),
    /// The same, for what a client asks of servers beside calls.
    Reads(Arc<Policy>),
    /// The operator's command, for every visible tool: only a denial revokes it.
    Visible(Arc<Namespace>),
    /// The same, for these.
    These(BTreeSet<ToolName>),
    /// The word of a person, who was shown the call.
    Approved(ToolName),
    /// What these grant, and of that no more than these tools.
    Within(Arc<Grants>, Arc<BTreeSet<ToolName>>),
}

impl Grants {
    /// Grants of exactly these tools, on the word of the operator.
    #[must_use]
    pub fn of(tools: impl IntoIterator<Item = ToolName>) -> Self {
        Self(Granted::These(tools.into_iter().collect()))
    }

    /// Grants of every tool that is visible in `namespace`: what an operator gives a script by running it by hand.
    #[must_use]
    pub fn everything_visible(namespace: &Arc<Namespace>) -> Self {
        Self(Granted::Visible(Arc::clone(namespace)))
    }

    /// Grants of the tools of `namespace` that the policy lists: what a client's script has without approval.
    #[must_use]
    pub fn listed(policy: &Arc<Policy>, namespace: &Arc<Namespace>) -> Self {
        Self::approved_start(policy, namespace, BTreeSet::new())
    }

    /// The same, and of these tools that the policy asks about, with which a person let the script start.
    #[must_use]
    pub fn approved_start(policy: &Arc<Policy>, namespace: &Arc<Namespace>, tools: BTreeSet<ToolName>) -> Self {
        Self(Granted::Listed(Arc::clone(policy), Arc::clone(namespace), tools))
    }

    /// What a person grants who approves of one call of this tool: no more than the policy lets a person grant.
    #[must_use]
    pub fn approved(tool: ToolName) -> Self {
        Self(Granted::Approved(tool))
    }

    /// What both grant: these grants, and a function's own tools.
    #[must_use]
    pub fn within(&self, tools: &Arc<BTreeSet<ToolName>>) -> Self {
        Self(Granted::Within(Arc::new(self.clone()), Arc::clone(tools)))
    }

    /// Grants of the [reads](crate::READS) that the policy lists, and of no tool.
    #[must_use]
    pub fn listed_reads(policy: &Arc<Policy>) -> Self {
        Self(Granted::Reads(Arc::clone(policy)))
    }

    /// Whether a call of this tool was granted when the run started.
    #[must_use]
    pub fn cover(&self, tool: &ToolName) -> bool {
        match &self.0 {
            Granted::Listed(policy, namespace, approved) => {
                let is_listed = || matches!(policy.classify(tool), Classification::Listed(_));
                has(namespace, tool) && (approved.contains(tool) || is_listed())
            }
            Granted::Reads(policy) => is_read(&tool.tool) && matches!(policy.classify(tool), Classification::Listed(_)),
            Granted::Visible(namespace) => has(namespace, tool),
            Granted::These(tools) => tools.contains(tool),
            Granted::Approved(approved) => approved == tool,
            Granted::Within(grants, tools) => tools.contains(tool) && grants.cover(tool),
        }
    }

    /// Whether it still is.
    pub(crate) fn still_cover(&self, tool: &ToolName, standing: &Classification) -> bool {
        if let Granted::Within(grants, tools) = &self.0 {
            return tools.contains(tool) && grants.still_cover(tool, standing);
        }
        let stands = match standing {
            Classification::Listed(_) => true,
            Classification::Unlisted(on_unlisted) => match &self.0 {
                Granted::Listed(.., approved) => approved.contains(tool) && *on_unlisted != OnUnlisted::Deny,
                Granted::Approved(_) => *on_unlisted != OnUnlisted::Deny,
                Granted::Reads(_) => false,
                Granted::Visible(_) | Granted::These(_) | Granted::Within(..) => true,
            },
            Classification::Denied(_) | Classification::Hidden => false,
        };
        stands && self.cover(tool)
    }
}

/// Whether a namespace has a tool of just this name: the one that its server gave it.
fn has(namespace: &Namespace, tool: &ToolName) -> bool {
    namespace.server(&tool.server).is_some_and(|server| server.tool(&tool.tool).is_some())
}
