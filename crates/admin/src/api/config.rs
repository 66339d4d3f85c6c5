//! The configuration that is in use.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::ApiError;
use crate::operation::Ask;

/// The configuration that is in use, without secrets.
#[derive(Serialize, JsonSchema)]
pub(super) struct ConfigView {
    /// The text of an `exuvia.toml` with everything that is in use, with the defaults. Values that may be secrets are left out. It can be read
    /// again, as by `/policy/dry-run`.
    toml: String,
    /// A line for each server, list, profile and address, as `exuvia config check` prints it.
    text: String,
}

pub(super) async fn show(ask: Ask) -> Result<ConfigView, ApiError> {
    let config = ask.admin.sources().config();
    Ok(ConfigView { toml: config.toml.clone(), text: config.summary.clone() })
}
