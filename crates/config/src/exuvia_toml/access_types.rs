//! `[roles.NAME]` and `[keys.NAME]`, as written. The doc comments here are what editors show.

use std::collections::BTreeMap;

use exuvia_policy::{Condition, OnUnlisted};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bytes::Bytes;
use super::limits::{LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS, LONGEST_MS};
use crate::access::Approver;

/// The hash of a key's secret, as written.
pub(super) const HASH: &str = "^sha256:[0-9a-f]{64}$";
/// What is said of another one.
pub(super) const HASH_EXPECTED: &str = "must be sha256: and 64 hexadecimal digits; `exuvia keys hash` prints it";

/// What the keys and users of a role may do.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Role {
    /// Tools that are visible, as `SERVER.TOOL`: names, globs and groups. What the `tools` of a server hides stays
    /// hidden. Default: all that the servers show.
    pub(super) tools: Option<Vec<String>>,
    /// Tools that scripts may call without approval, in place of the servers' lists and of the top-level one. Default:
    /// those lists.
    pub(super) auto_execute: Option<Vec<String>>,
    /// Tools that may never be called, in addition to the servers' lists and to the top-level one. Default: none.
    pub(super) deny: Vec<String>,
    /// What happens when a script needs a tool that is in neither list. Default: what the server says.
    pub(super) on_unlisted: Option<OnUnlisted>,
    /// Conditions on arguments, in addition to those of the servers, by `SERVER.TOOL` and the argument's name.
    pub(super) constraints: BTreeMap<String, BTreeMap<String, Condition>>,
    /// The only profile that may be used; it is also served at `/mcp`. Default: any.
    #[schemars(length(min = 1))]
    pub(super) profile: Option<String>,
    /// The workspace of its scripts. Default: that of the profile, or the top-level one.
    pub(super) workspace: Option<String>,
    /// Whether its keys may read `/metrics` and the details of `/readyz`. Default: false.
    pub(super) metrics: bool,
    /// Budgets that are for it, beside those that name it themselves.
    pub(super) budgets: Vec<String>,
    /// Who may approve calls of its keys and users that need approval: the operator, and with `client` also the user of the client that asks,
    /// where the client can ask them. Default: the operator.
    pub(super) approve_by: Option<Vec<Approver>>,
    /// Limits of its runs. A limit above that of `[limits]` has no effect.
    pub(super) limits: RoleLimits,
    /// Credentials for servers, by their names. Default: those of the servers' own entries.
    pub(super) credentials: BTreeMap<String, Credential>,
}

/// What a role shows a server in place of the credentials of the server's own entry. Its keys and users share a connection
/// of their own.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Credential {
    /// Headers of every request, for example `{ Authorization = "Bearer ${SUPPORT_TOKEN}" }`. None of the server's own
    /// headers go along, and no token of `oauth`.
    pub(super) headers: BTreeMap<String, String>,
    /// Environment variables of the server's process, in addition to its own and instead of those of the same names.
    pub(super) env: BTreeMap<String, String>,
    /// Whether each key and user has a login of its own with the server's authorization server, by
    /// `exuvia login SERVER --key KEY`. Default: false.
    pub(super) oauth: bool,
}

/// Limits of the runs of a role. They lower those of `[limits]` and never raise one.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RoleLimits {
    /// Fuel of a run.
    #[schemars(range(min = LEAST_FUEL, max = i64::MAX))]
    pub(super) fuel: Option<u64>,
    /// Wall-clock time of a run in milliseconds.
    #[schemars(range(min = LEAST_WALL_MS, max = LONGEST_MS))]
    pub(super) wall_ms: Option<u64>,
    /// Memory of a run, the interpreter included.
    pub(super) memory_bytes: Option<Bytes<LEAST_MEMORY_BYTES, { 4 << 30 }>>,
    /// Tool calls of a run.
    #[schemars(range(max = 10_000_000))]
    pub(super) tool_calls: Option<u64>,
    /// Concurrent tool calls of a run.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) concurrent_calls: Option<usize>,
    /// Timeout of one call, in milliseconds.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) call_timeout_ms: Option<u64>,
    /// Time that a run waits for approvals before it is parked, in milliseconds.
    #[schemars(range(max = LONGEST_MS))]
    pub(super) hold_ms: Option<u64>,
}

/// A virtual key. Its secret is never in the file: `exuvia keys hash` prints the hash of one, and `exuvia keys create` issues keys
/// that need no entry here.
// What the schema requires and reports can be missing here.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["role", "hash"]))]
pub(super) struct Key {
    /// The role of the key.
    pub(super) role: Option<String>,
    /// `sha256:` and the SHA-256 of the secret in hexadecimal digits.
    #[schemars(regex(pattern = HASH))]
    pub(super) hash: Option<String>,
    /// When the key ends, for example `2027-01-31T12:00:00Z`. Default: never.
    pub(super) expires: Option<String>,
    /// Labels for budgets and reports, for example `{ team = "billing" }`.
    pub(super) labels: BTreeMap<String, String>,
}
