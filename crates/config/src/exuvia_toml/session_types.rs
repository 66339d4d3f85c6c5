//! `[sessions]` as it is written, and resolved. The doc comments here are what editors show: they are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{SessionShare, SessionsConfig};

/// Sessions: a script may go on where the one before it stopped, with its variables, by naming a `session`. Without this table there are
/// none.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sessions {
    /// Whose scripts a session is of: `key`, those of one key, user or operator; `session`, those of one MCP session, with which it ends.
    /// Default: key.
    pub(super) share: SessionShare,
    /// Sessions whose interpreters stay in memory between two scripts, of everybody together; what they hold counts for `memory_bytes` of
    /// `[runs]`. Others are brought back by running their scripts again on their records. Default: 8.
    #[schemars(range(max = 1_000))]
    pub(super) warm: Option<u32>,
    /// After how many minutes without a script an interpreter is given up. Default: 30.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) idle_minutes: Option<u64>,
    /// Sessions of one key, user or operator. For one more, the one that was not used for longest is forgotten. Default: 20.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) per_principal: Option<usize>,
    /// Scripts of one session. Default: 200.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) scripts: Option<usize>,
    /// Fuel of all scripts of a session together. Default: 100000000000.
    #[schemars(range(min = 1))]
    pub(super) fuel: Option<u64>,
    /// The most fuel that it may take to bring a session back; one that takes more ends with its interpreter, until this is raised. Default:
    /// 10000000000.
    pub(super) revival_fuel: Option<u64>,
    /// After how many days without use a session is forgotten. Default: 7.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) keep_days: Option<u64>,
}

impl Sessions {
    pub(super) fn resolved(&self) -> SessionsConfig {
        let default = SessionsConfig::default();
        SessionsConfig {
            share: self.share,
            warm: self.warm.unwrap_or(default.warm),
            idle: self.idle_minutes.map_or(default.idle, SessionsConfig::of_minutes),
            per_principal: self.per_principal.unwrap_or(default.per_principal),
            scripts: self.scripts.unwrap_or(default.scripts),
            fuel: self.fuel.unwrap_or(default.fuel),
            revival_fuel: self.revival_fuel.unwrap_or(default.revival_fuel),
            keep: self.keep_days.map_or(default.keep, SessionsConfig::of_days),
        }
    }
}
