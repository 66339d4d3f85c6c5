//! Approvals: how people learn that they wait, how long that may take, and how many may.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Http;

/// What the text of a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// The sizes of a secret, in bytes: those of the Standard Webhooks specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How people learn that approvals wait, and how much may.
#[derive(Debug, Clone, Default)]
pub struct ApprovalsConfig {
    /// Where a message is sent for each of them.
    pub webhook: Option<Webhook>,
    /// Whether the desktop of the user shows them.
    pub desktop: bool,
    /// How long they can be answered, and how many may wait.
    pub limits: ApprovalLimits,
}

/// How long approvals can be answered, and how many may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalLimits {
    /// How long an approval can be answered and used. Default: 24 hours.
    pub expires: Duration,
    /// How long a run that waits belongs to a process that does not say so again. None: as the store needs.
    pub lease: Option<Duration>,
    /// Pending approvals. Default: 100,000.
    pub pending: u64,
    /// Pending approvals of one principal. Default: 1,000.
    pub pending_per_principal: u64,
    /// Runs that wait. Default: 20,000.
    pub waiting_runs: u64,
    /// Runs of one principal that wait. Default: 1,000.
    pub waiting_runs_per_principal: u64,
}

impl Default for ApprovalLimits {
    fn default() -> Self {
        Self {
            expires: Duration::from_secs(24 * 60 * 60),
            lease: None,
            pending: 100_000,
            pending_per_principal: 1_000,
            waiting_runs: 20_000,
            waiting_runs_per_principal: 1_000,
        }
    }
}

/// A receiver of signed messages.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its address, its proxy and its certificate authorities.
    pub http: Http,
    /// What messages are signed with.
    pub secret: WebhookSecret,
}

/// The key of the signatures of a webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl ApprovalsConfig {
    /// Whether nobody is notified.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.webhook.is_none() && !self.desktop
    }
}

impl WebhookSecret {
    /// Reads `whsec_` and base64, as the Standard Webhooks specification has it. No error contains it.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        bytes.map(Self).ok_or_else(|| {
            "must be `whsec_` and the base64 of 24 to 64 random bytes; `openssl rand -base64 32` prints some".to_owned()
        })
    }

    /// The bytes of the key.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_base64_of_enough_bytes_behind_its_prefix_and_no_error_quotes_it() {
        let text = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        assert_eq!(WebhookSecret::parse(&text(24)).unwrap().bytes(), [7; 24]);
        assert!(WebhookSecret::parse(&text(64)).is_ok());
        for wrong in [&text(23), &text(65), "whsec_?s3cret", "s3crets3crets3crets3crets3crets3", &text(24)[6..], ""] {
            let why = WebhookSecret::parse(wrong).unwrap_err();
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
