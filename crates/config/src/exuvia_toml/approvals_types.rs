//! `[approvals]` as it is written. The doc comments here are what editors show: they are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

/// How people learn that approvals wait. Messages hold no arguments and no script.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {
    "webhook": ["webhook_secret"],
    "webhook_secret": ["webhook"], "webhook_ca": ["webhook"], "webhook_proxy": ["webhook"],
}))]
pub(super) struct Approvals {
    /// Where a signed message is sent for each approval that waits, by POST after the Standard Webhooks specification. An
    /// `https://` address, or `http://` on this machine. Default: none.
    #[schemars(length(min = 1))]
    pub(super) webhook: Option<String>,
    /// What the messages are signed with: `whsec_` and the base64 of 24 to 64 random bytes, for example
    /// `"${APPROVALS_SECRET}"`. `openssl rand -base64 32` prints some.
    #[schemars(length(min = 1))]
    pub(super) webhook_secret: Option<String>,
    /// A PEM file of certificate authorities that replace those of the system, for a private receiver.
    #[schemars(length(min = 1))]
    pub(super) webhook_ca: Option<String>,
    /// An HTTP proxy on the way to the receiver. Proxies from the environment are ignored. Default: none.
    #[schemars(length(min = 1))]
    pub(super) webhook_proxy: Option<String>,
    /// Whether the desktop shows a notification, by `notify-send` or on macOS by `osascript`. Default: false.
    pub(super) desktop: bool,
}
