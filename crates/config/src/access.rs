//! Who may use the gateway, and what each may do: roles and keys, as configured.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use exuvia_policy::{Policy, RoleRules};
use exuvia_tool::Limits;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{BudgetConfig, FileAccess, IdentityProviderConfig};

/// Who may use the gateway beside its operator. Empty: every client is the operator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccessConfig {
    /// What may be done, by the name of a role.
    pub roles: BTreeMap<String, RoleConfig>,
    /// Keys whose hashes are in the file, by name.
    pub keys: BTreeMap<String, KeyConfig>,
    /// Authorization servers whose tokens are accepted, by name.
    pub identity_providers: BTreeMap<String, IdentityProviderConfig>,
    /// What may be used in a period, by the name of a budget.
    pub budgets: BTreeMap<String, BudgetConfig>,
}

/// What those who have a role may do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleConfig {
    /// Which tools they see and call, as written.
    pub rules: RoleRules,
    /// The same, compiled with what holds for everyone.
    pub policy: Arc<Policy>,
    /// Their limits of a run where they are lower than everybody's.
    pub limits: LoweredLimits,
    /// Whether they may read metrics and the state of servers.
    pub reads_metrics: bool,
    /// The only profile that they may use. None: any.
    pub profile: Option<String>,
    /// Whether the user of the client that asks may approve, beside the operator.
    pub client_approves: bool,
    /// What scripts may do with the files of its workspace. None: it names none.
    pub files: Option<FileAccess>,
}

/// Who may approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Approver {
    /// The operator.
    Operator,
    /// The user of the client.
    Client,
}

/// Limits of a run that a role lowers. None: everybody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoweredLimits {
    /// [`Limits::fuel`]
    pub fuel: Option<u64>,
    /// [`Limits::wall_ms`]
    pub wall_ms: Option<u64>,
    /// [`Limits::memory_bytes`]
    pub memory_bytes: Option<u64>,
    /// [`Limits::tool_calls`]
    pub tool_calls: Option<u64>,
    /// [`Limits::concurrent_calls`]
    pub concurrent_calls: Option<usize>,
    /// [`Limits::call_timeout_ms`]
    pub call_timeout_ms: Option<u64>,
    /// [`Limits::hold_ms`]
    pub hold_ms: Option<u64>,
}

impl LoweredLimits {
    /// The lower of each of these and of `limits`.
    #[must_use]
    pub fn of(&self, limits: &Limits) -> Limits {
        fn lower<T: Ord + Copy>(limit: T, lowered: Option<T>) -> T {
            lowered.map_or(limit, |lowered| limit.min(lowered))
        }
        Limits {
            fuel: lower(limits.fuel, self.fuel),
            wall_ms: lower(limits.wall_ms, self.wall_ms),
            memory_bytes: lower(limits.memory_bytes, self.memory_bytes),
            tool_calls: lower(limits.tool_calls, self.tool_calls),
            concurrent_calls: lower(limits.concurrent_calls, self.concurrent_calls),
            call_timeout_ms: lower(limits.call_timeout_ms, self.call_timeout_ms),
            hold_ms: lower(limits.hold_ms, self.hold_ms),
            ..limits.clone()
        }
    }
}

/// A key whose hash is in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyConfig {
    /// Its role.
    pub role: String,
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
    /// When it ends, in milliseconds since the epoch, UTC. None: when it is taken out of the file.
    pub expires_ms: Option<u64>,
    /// What the operator calls it by, for budgets and reports.
    pub labels: BTreeMap<String, String>,
}

/// A hash of a secret is no secret, and nobody needs it in a log.
impl fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyConfig").field("role", &self.role).field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl AccessConfig {
    /// Whether every client is the operator, because nobody else is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.keys.is_empty() && self.identity_providers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_lowers_limits_and_never_raises_one() {
        let lowered =
            LoweredLimits { fuel: Some(u64::MAX), wall_ms: Some(5), tool_calls: Some(0), ..Default::default() };
        let (all, limits) = (Limits::default(), lowered.of(&Limits::default()));
        assert_eq!((limits.fuel, limits.wall_ms, limits.tool_calls), (all.fuel, 5, 0));
        assert_eq!(limits.memory_bytes, all.memory_bytes);
    }
}
