//! What is stored of a text beside the columns that are searched.

use serde::{Deserialize, Serialize};

use super::{FunctionAct, FunctionState, MAX_FUNCTION_BYTES, MAX_FUNCTION_NAME_BYTES, NewFunction, StoredFunction};
use crate::{AccessStoreError, AccessStoreErrorKind};

/// The newest version that this program reads.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acts {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proposed: Option<FunctionAct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promoted: Option<FunctionAct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<FunctionAct>,
}

/// A row as a database has it: name, digest, state, version, acts.
pub(crate) type Row = (String, String, String, Option<i64>, String);

/// What was done with a text, as JSON.
///
/// # Errors
///
/// None that can occur.
pub(crate) fn encode(function: &StoredFunction) -> Result<String, AccessStoreError> {
    let StoredFunction { proposed, promoted, retired, .. } = function.clone();
    serde_json::to_string(&Acts { v: VERSION, proposed, promoted, retired }).map_err(malformed)
}

/// # Errors
///
/// A newer program wrote it, or it is malformed.
pub(crate) fn decode((name, sha256, state, version, acts): Row) -> Result<StoredFunction, AccessStoreError> {
    let read: Acts = serde_json::from_str(&acts).map_err(malformed)?;
    if read.v > VERSION {
        return Err(AccessStoreError::new(AccessStoreErrorKind::Newer));
    }
    let state = FunctionState::of(&state).ok_or_else(|| malformed("a function has an unknown state"))?;
    let version = version.map(u32::try_from).transpose().map_err(malformed)?;
    let Acts { proposed, promoted, retired, .. } = read;
    Ok(StoredFunction { name, sha256, state, version, proposed, promoted, retired })
}

/// # Errors
///
/// It is larger than it may be, or has a NUL.
pub(crate) fn check(new: &NewFunction) -> Result<(), AccessStoreError> {
    let is_small = new.source.len() <= MAX_FUNCTION_BYTES && new.name.len() <= MAX_FUNCTION_NAME_BYTES;
    let texts = [&new.source, &new.name, &new.sha256];
    if is_small && !texts.iter().any(|text| text.contains('\0')) {
        return Ok(());
    }
    Err(malformed("a function is beyond its bounds"))
}

fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by(cause)
}
