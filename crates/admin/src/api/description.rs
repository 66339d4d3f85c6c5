//! The OpenAPI description.

use serde_json::{Map, Value};

use crate::answer::ApiError;
use crate::operation::Ask;

pub(super) async fn show(ask: Ask) -> Result<Map<String, Value>, ApiError> {
    match ask.admin.description() {
        Value::Object(description) => Ok(description.clone()),
        _ => Err(ApiError::unavailable("there is no description")),
    }
}
