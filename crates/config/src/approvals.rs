//! How people learn that approvals wait.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Http;

/// What the text of a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// The sizes of a secret, in bytes: those of the Standard Webhooks specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How people learn that approvals wait.
#[derive(Debug, Clone, Default)]
pub struct ApprovalsConfig {
    /// Where a message is sent for each of them.
    pub webhook: Option<Webhook>,
    /// Whether the desktop of the user shows them.
    pub desktop: bool,
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
