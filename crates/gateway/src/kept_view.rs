//! What the journal has of a view: digests of what its runs see and may do.

use std::sync::{Arc, OnceLock};

use exuvia_journal::Object;
use exuvia_policy::Policy;
use exuvia_replay::{namespace_object, sha256_hex};
use exuvia_tool::Namespace;

/// Made when the first run of the view needs it.
#[derive(Debug, Default)]
pub(crate) struct KeptView {
    namespace: OnceLock<Arc<Object>>,
    policy_sha256: OnceLock<String>,
}

impl KeptView {
    /// The servers and tools that scripts see. The first time it renders all that servers wrote: not for the threads of runs.
    pub(crate) fn namespace(&self, namespace: &Namespace) -> Arc<Object> {
        Arc::clone(self.namespace.get_or_init(|| Arc::new(namespace_object(namespace))))
    }

    /// Whether that is made.
    pub(crate) fn has_namespace(&self) -> bool {
        self.namespace.get().is_some()
    }

    /// The digest of the policy as the operator wrote it, and of what the role says.
    pub(crate) fn policy_sha256(&self, policy: &Policy) -> &str {
        // Plain data with texts as keys: serializing it does not fail.
        self.policy_sha256.get_or_init(|| {
            let mut written = serde_json::to_vec(policy.source()).unwrap_or_default();
            written.extend(policy.role().map(|role| serde_json::to_vec(role).unwrap_or_default()).unwrap_or_default());
            sha256_hex(written)
        })
    }
}
