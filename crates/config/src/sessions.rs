//! Sessions of scripts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::choices::values_only;

/// How scripts go on where earlier ones stopped: what is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionsConfig {
    /// Whose scripts go on with each other. Default: those of one principal.
    pub share: SessionShare,
    /// Sessions whose interpreters stay in memory between two scripts, of all principals together. Default 8.
    pub warm: u32,
    /// After how long without a script an interpreter is given up. The session is brought back by its record. Default 30 minutes.
    pub idle: Duration,
    /// Sessions of one principal. For one more, the one that was not used for longest is forgotten. Default 20.
    pub per_principal: usize,
    /// Scripts of one session. Default 200.
    pub scripts: usize,
    /// The fuel of all scripts of a session together. Default 100,000,000,000.
    pub fuel: u64,
    /// The most fuel that it may take to bring a session back. Default 10,000,000,000.
    pub revival_fuel: u64,
    /// After how long without use a session is forgotten. Default 7 days.
    pub keep: Duration,
}

/// Whose scripts a session of a name is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = values_only)]
pub enum SessionShare {
    /// Those of one key, user or operator.
    #[default]
    Key,
    /// Those of one MCP session: of a client from its `initialize` on, or of one connection where the protocol has no sessions. They end with it.
    Session,
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            share: SessionShare::Key,
            warm: 8,
            idle: Duration::from_secs(30 * MINUTE),
            per_principal: 20,
            scripts: 200,
            fuel: 100_000_000_000,
            revival_fuel: 10_000_000_000,
            keep: Duration::from_secs(7 * DAY),
        }
    }
}

impl SessionsConfig {
    pub(crate) fn of_minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * MINUTE)
    }

    pub(crate) fn of_days(days: u64) -> Duration {
        Duration::from_secs(days * DAY)
    }

    /// In minutes.
    pub(crate) fn idle_minutes(&self) -> u64 {
        self.idle.as_secs() / MINUTE
    }

    /// In days.
    pub(crate) fn keep_days(&self) -> u64 {
        self.keep.as_secs() / DAY
    }

    /// In a line.
    pub(crate) fn summary(&self) -> String {
        let Self { share, warm, per_principal, scripts, fuel, revival_fuel, .. } = self;
        let share = match share {
            SessionShare::Key => "",
            SessionShare::Session => "each of one MCP session, ",
        };
        format!(
            "sessions: {share}{warm} in memory for {} min, {per_principal} of a principal kept for {} days; {scripts} scripts, {fuel} fuel, \
             {revival_fuel} to bring one back",
            self.idle_minutes(),
            self.keep_days()
        )
    }
}
