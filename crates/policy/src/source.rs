//! The policy as an operator writes it.

use std::collections::BTreeMap;
use std::fmt;

use exuvia_tool::Cost;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy, not yet compiled. The default lets every tool be seen and none be called without asking.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PolicySource {
    /// What holds for the tools of each server, by the server's name. A server that is missing has the defaults.
    pub servers: BTreeMap<String, ServerRules>,
    /// Named sets of patterns of the form `SERVER.TOOL`, for use as `@name`.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Patterns of the form `SERVER.TOOL`, and groups, that are added to the servers' `auto_execute`. One that begins with the
    /// name of a server means that server, the longest such.
    pub auto_execute: Vec<String>,
    /// The same for the servers' `deny`. One holds for every server that it can mean.
    pub deny: Vec<String>,
    /// The same as `auto_execute` for the servers' `repeatable`.
    pub repeatable: Vec<String>,
}

/// What holds for one role, beside what the servers' own rules say. All patterns have the form `SERVER.TOOL`, or are groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RoleRules {
    /// The role, as keys of configuration name it: `roles.NAME`.
    pub name: String,
    /// What the role sees of what the servers' own `tools` show. None: all of it.
    pub tools: Option<Vec<String>>,
    /// What runs without asking, in place of every server's own list and of the top-level one. None: those hold.
    pub auto_execute: Option<Vec<String>>,
    /// What is never called, in addition to the servers' own lists.
    pub deny: Vec<String>,
    /// What happens with all other tools, in place of the servers' own choices. None: those hold.
    pub on_unlisted: Option<OnUnlisted>,
    /// Conditions on arguments, in addition to the servers' own, by pattern and argument.
    pub constraints: BTreeMap<String, BTreeMap<String, Condition>>,
}

/// What holds for the tools of one server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerRules {
    /// Which tools exist for scripts and clients, as names, globs (`get_*`) and groups (`@name`). [Reads](crate::READS) stand in
    /// all lists as tools do. Default: `["*"]`.
    pub tools: Vec<String>,
    /// Which tools run without asking. Default: none.
    pub auto_execute: Vec<String>,
    /// Which tools are never called, whatever else allows them. They can still be seen. Default: none.
    pub deny: Vec<String>,
    /// Which tools do no harm when a call of them is made twice: a call is made again after a failure that passes, and before its
    /// record is durable. Those whose servers declare them read-only or idempotent are made again as well. Default: none.
    pub repeatable: Vec<String>,
    /// How often a call of a repeatable tool is made again after a failure that passes; 0 for never. Default: 3.
    pub retries: Option<u32>,
    /// What happens when a tool is needed that is neither in `auto_execute` nor in `deny`. Default: `ask-before`.
    pub on_unlisted: OnUnlisted,
    /// What the arguments of a tool must be, by the tool's name or glob and the argument's name.
    pub constraints: BTreeMap<String, BTreeMap<String, Condition>>,
    /// The most calls to this server in one run. Default: as many as the run may make (`limits.tool_calls`).
    pub calls_per_run: Option<u64>,
    /// The most calls to this server in any 60 seconds, of all runs together. Default: no bound but the runs' own.
    pub calls_per_minute: Option<u32>,
    /// What a call to this server costs, for budgets. Default: nothing.
    #[serde(skip_serializing_if = "Cost::is_zero")]
    #[schemars(with = "f64")]
    pub cost_per_call: Cost,
    /// What a call of a tool costs, by the tool's name or glob. An entry that is the tool's name counts before globs, and of globs
    /// the highest. Default: `cost_per_call`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub costs: BTreeMap<String, Cost>,
}

impl Default for ServerRules {
    fn default() -> Self {
        Self {
            tools: vec!["*".to_owned()],
            auto_execute: Vec::new(),
            deny: Vec::new(),
            repeatable: Vec::new(),
            retries: None,
            on_unlisted: OnUnlisted::default(),
            constraints: BTreeMap::new(),
            calls_per_run: None,
            calls_per_minute: None,
            cost_per_call: Cost::ZERO,
            costs: BTreeMap::new(),
        }
    }
}

/// What happens when a script needs a tool that is neither allowed nor denied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnlisted {
    /// A script that names such a tool is not started before a person approves it; any other starts, and its first such call waits for
    /// approval.
    #[default]
    AskBefore,
    /// Every script starts, and each such call waits for approval.
    AskAtCall,
    /// A script that names such a tool is refused, and such a call is denied.
    Deny,
}

impl fmt::Display for OnUnlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AskBefore => "ask-before",
            Self::AskAtCall => "ask-at-call",
            Self::Deny => "deny",
        })
    }
}

/// What an argument must be. All parts that are given must hold; of an array, for each of its elements, of which there must be
/// one. An argument that is not given, or given twice, or beside another that lenient servers take for it (`Path` or `path[]`
/// beside `path`), does not fulfill a condition: what its server takes instead is unknown. The conditions on one call take at most
/// 4,000,000 steps, about one for each byte that is looked at, and for each state of an expression; a call that needs more is
/// denied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// A path at or below this one, for all servers however they read it: an absolute path below an absolute one, a relative path
    /// below a relative one (`.` for any). It begins with this one and never leads out of it. Compared by components; `..` counts
    /// in plain paths only, and percent-encoding, backslashes, addresses, drives and `~` lead nowhere. Links on the server's
    /// disk are beyond its sight.
    pub under: Option<String>,
    /// A number not above this one, compared exactly.
    pub at_most: Option<f64>,
    /// A number not below this one, compared exactly.
    pub at_least: Option<f64>,
    /// One of these values. An empty list is, if `[]` is among them.
    pub one_of: Option<Vec<Value>>,
    /// A text that matches this regular expression as a whole. Linear time: no look-around, no back-references.
    pub matching: Option<String>,
}
