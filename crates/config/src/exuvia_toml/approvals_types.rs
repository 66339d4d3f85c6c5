//! `[approvals]` as it is written. The doc comments here are what editors show: they are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

/// How people learn that approvals wait, how long they can be answered, and how many may wait. Messages hold no arguments and no
/// script.
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
    /// How long an approval can be answered and used, in minutes. Then it counts as denied. Default: 1,440, a day.
    #[schemars(range(min = 1, max = 43_200))]
    pub(super) expires_minutes: Option<u64>,
    /// How long a run that waits belongs to a process that was killed, in milliseconds. Then another process, or the next one, brings it back.
    /// Default: 2,000, in PostgreSQL 10,000.
    #[schemars(range(min = 1_000, max = 600_000))]
    pub(super) lease_ms: Option<u64>,
    /// Approvals that may be pending. A call beyond that is denied, with the reason. Default: 100,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) pending: Option<u64>,
    /// Approvals of one principal that may be pending. Default: 1,000, or `pending` where that is less.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) pending_per_principal: Option<u64>,
    /// Runs that may wait for approvals. Default: 20,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) waiting_runs: Option<u64>,
    /// Runs of one principal that may wait for approvals. Default: 1,000, or `waiting_runs` where that is less.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) waiting_runs_per_principal: Option<u64>,
}
