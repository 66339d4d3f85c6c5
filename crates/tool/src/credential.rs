//! The name under which a caller's credentials are found.

use std::fmt;
use std::sync::Arc;

/// Names the credentials that a caller has for servers: those of its role. It is no secret and leads to none but where connections to servers
/// are opened.
///
/// ```
/// assert_eq!(exuvia_tool::CredentialId::of_role("support".into()).to_string(), "role:support");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId {
    role: Arc<str>,
}

impl CredentialId {
    /// The credentials that the configuration has for a role.
    #[must_use]
    pub fn of_role(role: Arc<str>) -> Self {
        Self { role }
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role:{}", self.role)
    }
}
