//! The OpenAPI description.

use serde_json::{Map, Value};

use crate::http::{ApiError, Ask, ROUTES};

pub(super) async fn show(_: Ask) -> Result<Map<String, Value>, ApiError> {
    match ROUTES.description() {
        Value::Object(description) => Ok(description),
        _ => Err(ApiError::unavailable("there is no description")),
    }
}
