//! Conversations: which meta-tools a model called, turn by turn.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{SuiteError, files};

/// One call of a meta-tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The meta-tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A conversation that was recorded: it is played again, call by call, against the gateway of today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// Its name.
    pub name: String,
    /// The round whose servers it needs.
    pub round: String,
    /// What the user asked.
    pub prompt: String,
    /// The calls of each turn.
    pub turns: Vec<Vec<Exchange>>,
}

impl Transcript {
    /// All transcripts below a folder.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub(super) fn read_all(folder: &Path) -> Result<Vec<Self>, SuiteError> {
        let read = |file: std::path::PathBuf| {
            serde_json::from_str(&files::text(&file)?).map_err(|error| SuiteError::new(&file, error))
        };
        files::below(folder, "json")?.into_iter().map(read).collect()
    }
}
