//! What comes of tools that are not as they were first seen.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::choices::values_only;

/// Whether the tools of a server are held against their pins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum PinMode {
    /// They are not.
    Off,
    /// What changed is reported.
    #[default]
    Record,
    /// A tool that changed, and one that is new on a known server, is withheld until it is accepted.
    Enforce,
}

impl PinMode {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Record => "record",
            Self::Enforce => "enforce",
        }
    }
}
