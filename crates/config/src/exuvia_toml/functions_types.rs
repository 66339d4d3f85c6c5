//! `[functions]` as it is written. The doc comments here are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

/// The default of `depth`.
pub(super) const DEPTH: u32 = 2;
/// The default of `proposals`.
pub(super) const PROPOSALS: u64 = 100;
/// The default of `proposals_per_principal`.
pub(super) const PROPOSALS_PER_PRINCIPAL: u64 = 10;

/// Saved functions: Python files that scripts call as `functions.NAME(...)`, once somebody has promoted them with `exuvia functions promote`.
/// Who may call which is policy as for tools, with `functions` in the place of the server: `functions.*`, and `functions.TEAM.*` for those
/// in a namespace.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Functions {
    /// Directory of functions: `NAME.py`, or `NAMESPACE/NAME.py`. Default: none, there are those alone that were proposed.
    #[schemars(length(min = 1))]
    pub(super) dir: Option<String>,
    /// Whether scripts may propose functions with `functions.propose(name=..., code=...)`. Default: false.
    pub(super) propose: bool,
    /// Whether clients are offered functions as well: as tools, `functions__NAME`, and as skills of the MCP skills extension. Default: false.
    pub(super) expose: bool,
    /// How deep functions may call each other, the one that a script calls included. Default: 2.
    #[schemars(range(min = 1, max = 8))]
    pub(super) depth: Option<u32>,
    /// How many proposals may wait to be promoted. Default: 100.
    #[schemars(range(max = 1_000))]
    pub(super) proposals: Option<u64>,
    /// The same, of one principal. Default: 10.
    #[schemars(range(max = 1_000))]
    pub(super) proposals_per_principal: Option<u64>,
}
