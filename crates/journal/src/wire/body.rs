//! The private part of a record, before it is sealed: one JSON object, in which JSON values stand as texts, byte for byte.

use exuvia_tool::Json;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::call_error::WireCallError;
use super::head::malformed;
use super::readings::WireReading;
use crate::{JournalError, RunError};

/// The private part of a run that was rejected.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedBody {
    pub(super) reason: String,
}

/// The private part of the start of a run.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct StartBody {
    pub(super) source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<String>,
}

/// The private part of readings.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadingsBody {
    pub(super) readings: Vec<WireReading>,
}

/// The private part of a call that is intended, refused, or answered from a record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBody {
    pub(super) arguments: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<WireCallError>,
}

impl Default for CallBody {
    /// What is left of an erased call.
    fn default() -> Self {
        Self { arguments: "null".to_owned(), written: None, error: None }
    }
}

/// The private part of an outcome.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OutcomeBody {
    Value(String),
    Error(WireCallError),
}

/// The private part of an answer to an approval.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// The private part of the end of a run.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct EndBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<WireRunError>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) log: String,
}

/// The error that ended a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireRunError {
    kind: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    traceback: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The text of a body.
pub(super) fn write<T: Serialize>(body: &T) -> Result<Vec<u8>, JournalError> {
    serde_json::to_vec(body).map_err(malformed)
}

/// A body. Without one, because it was erased or there was nothing to say: what is left.
pub(super) fn read<T: DeserializeOwned + Default>(body: Option<&[u8]>) -> Result<T, JournalError> {
    body.map_or_else(|| Ok(T::default()), |body| serde_json::from_slice(body).map_err(malformed))
}

/// The JSON value that a text of a body is.
pub(super) fn json(text: String) -> Result<Json, JournalError> {
    Json::parse(text).map_err(malformed)
}

impl From<&RunError> for WireRunError {
    fn from(error: &RunError) -> Self {
        let RunError { kind, message, line, traceback, hint } = error.clone();
        Self { kind, message, line, traceback, hint }
    }
}

impl From<WireRunError> for RunError {
    fn from(error: WireRunError) -> Self {
        let WireRunError { kind, message, line, traceback, hint } = error;
        Self { kind, message, line, traceback, hint }
    }
}
