//! What one run may call.

use std::collections::BTreeSet;

use exuvia_tool::{Namespace, ToolName};

use crate::policy::{Policy, Standing, all_tools};

/// The tools that one run may call. Fixed when the run starts: authority never grows while it runs. What the policy says at
/// the moment of a call can only take from it.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    tools: BTreeSet<ToolName>,
    by: GrantedBy,
}

/// On whose word tools were granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum GrantedBy {
    /// The policy's lists: a tool that leaves them while the run goes on is no longer granted.
    #[default]
    Policy,
    /// A person who is allowed to: only a denial takes it back.
    Operator,
}

impl Grants {
    /// Grants of exactly these tools, on the word of the operator.
    #[must_use]
    pub fn of(tools: impl IntoIterator<Item = ToolName>) -> Self {
        Self { tools: tools.into_iter().collect(), by: GrantedBy::Operator }
    }

    /// Grants of every tool that is visible in `namespace`: what an operator gives a script by running it by hand.
    #[must_use]
    pub fn everything_visible(namespace: &Namespace) -> Self {
        Self::of(all_tools(namespace))
    }

    /// Grants of the tools that the policy lists: what a client's script has by itself.
    #[must_use]
    pub fn listed(policy: &Policy, namespace: &Namespace) -> Self {
        Self { tools: policy.listed(namespace).into_iter().collect(), by: GrantedBy::Policy }
    }

    /// Whether a call of this tool was granted when the run started.
    #[must_use]
    pub fn cover(&self, tool: &ToolName) -> bool {
        self.tools.contains(tool)
    }

    /// Whether it still is.
    pub(crate) fn still_cover(&self, tool: &ToolName, standing: &Standing) -> bool {
        let listed = matches!(standing, Standing::Listed(_));
        self.cover(tool) && (listed || (self.by == GrantedBy::Operator && matches!(standing, Standing::Unlisted(_))))
    }
}
