//! The configuration that is in use.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::ApiError;
use crate::operation::Ask;

/// The configuration that is in use, without secrets.
#[derive(Serialize, JsonSchema)]
pub(super) struct ConfigView {
    /// A line for each server, list, profile and address, as `exuvia config check` prints it.
    text: String,
}

pub(super) async fn show(ask: Ask) -> Result<ConfigView, ApiError> {
    Ok(ConfigView { text: ask.admin.sources().config().summary.clone() })
}
