//! Who a request is made by.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use exuvia_tool::Principal;

use crate::jwt::ValidToken;
use crate::keys::KeyStanding;

/// Labels of a key, by name.
pub type Labels = BTreeMap<String, String>;

/// Who a request is made by, as authenticated. What it may do now is [asked](crate::Access::role_of) at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    principal: Principal,
    /// None: the operator's own.
    role: Option<Arc<str>>,
    labels: Arc<Labels>,
    source: Source,
}

/// Where an identity comes from, and what has to hold for it to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Operator,
    /// The operator, in the place of those who have a role.
    OperatorAs,
    /// Nobody was authenticated.
    Nobody,
    /// A key that was issued, with the hash of the secret that was shown.
    Issued {
        hash: [u8; 32],
    },
    /// A key of the configuration, with the hash of the secret that was shown.
    Configured {
        hash: [u8; 32],
    },
    /// A token of an identity provider.
    Token(ValidToken),
    /// A user of an identity provider whose token is gone: what was started with it goes on.
    Absent,
}

impl Identity {
    /// The operator, and every client where no key is configured.
    #[must_use]
    pub fn operator() -> Arc<Self> {
        static OPERATOR: LazyLock<Arc<Identity>> = LazyLock::new(|| {
            let (principal, source) = (Principal::Operator, Source::Operator);
            Arc::new(Identity { principal, role: None, labels: Arc::default(), source })
        });
        Arc::clone(&OPERATOR)
    }

    /// The operator, who may do what those may who have this role: for trying out what they can.
    #[must_use]
    pub fn operator_as(role: &str) -> Arc<Self> {
        Self::new(Principal::Operator, role, Arc::default(), Source::OperatorAs)
    }

    /// Who may do nothing: stands where no identity was established.
    #[must_use]
    pub fn nobody() -> Arc<Self> {
        let (principal, source) = (Principal::Key("".into()), Source::Nobody);
        Arc::new(Self { principal, role: Some("".into()), labels: Arc::default(), source })
    }

    pub(crate) fn new(principal: Principal, role: &str, labels: Arc<Labels>, source: Source) -> Arc<Self> {
        Arc::new(Self { principal, role: Some(role.into()), labels, source })
    }

    /// The user of an identity provider.
    pub(crate) fn of_token(token: ValidToken) -> Arc<Self> {
        let (principal, role) = (token.principal().clone(), Arc::clone(token.role()));
        Arc::new(Self { principal, role: Some(role), labels: Arc::default(), source: Source::Token(token) })
    }

    pub(crate) fn of_absent(principal: Principal, role: &str) -> Arc<Self> {
        Self::new(principal, role, Arc::default(), Source::Absent)
    }

    /// When the token ends by which it was authenticated, in milliseconds since the epoch, UTC. None for keys and for the operator.
    #[must_use]
    pub fn token_ends_ms(&self) -> Option<u64> {
        match &self.source {
            Source::Token(token) => Some(token.expires_ms()),
            Source::Absent
            | Source::Operator
            | Source::OperatorAs
            | Source::Nobody
            | Source::Configured { .. }
            | Source::Issued { .. } => None,
        }
    }

    /// The holder of a key that was issued.
    pub(crate) fn of_issued(key: KeyStanding, hash: [u8; 32]) -> Arc<Self> {
        let (principal, source) = (Principal::Key(key.name), Source::Issued { hash });
        Arc::new(Self { principal, role: Some(key.role), labels: key.labels, source })
    }

    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The role when the identity was authenticated. None for the operator.
    #[must_use]
    pub fn role(&self) -> Option<&Arc<str>> {
        self.role.as_ref()
    }

    /// What the operator calls it by.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}
