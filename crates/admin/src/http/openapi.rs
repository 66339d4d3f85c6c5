//! The OpenAPI description, made of the operations.

use http::Method;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::answer::ErrorBody;
use crate::caller::{Audience, CSRF};
use crate::operation::{Described, Operation, parameters};
use crate::sessions::cookie_name;

/// What all paths of the API begin with.
pub(super) const BASE: &str = "/api/v1";

/// The description of these operations, on a listener with this port.
pub(super) fn description(operations: &[Operation], port: u16) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let error = generator.subschema_for::<ErrorBody>();
    let error = json!({"description": "why it was not done", "content": {"application/json": {"schema": error}}});
    let mut paths = Map::new();
    for operation in operations {
        let described = (operation.describe)(&mut generator);
        let entry = paths.entry(format!("{BASE}{}", operation.path)).or_insert_with(|| json!({}));
        entry[operation.method.as_str().to_ascii_lowercase()] = one(operation, described, &error);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Exuvia admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "For the operator, on a Unix socket and a loopback address.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(port)},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF},
            },
        },
    })
}

fn one(operation: &Operation, described: Described, error: &Value) -> Value {
    let Described { path, query, body, answer } = described;
    let in_path = parameters(&path).into_iter().map(|(name, schema, _)| parameter(&name, "path", schema, true));
    let in_query =
        parameters(&query).into_iter().map(|(name, schema, required)| parameter(&name, "query", schema, required));
    let media = if operation.is_stream { "text/event-stream" } else { "application/json" };
    let mut value = json!({
        "operationId": id(operation),
        "summary": operation.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": {"description": operation.summary, "content": {media: {"schema": answer}}},
            "default": error,
        },
        "security": match operation.audience {
            Audience::Anybody => json!([]),
            Audience::Programs => json!([{"token": []}]),
            Audience::Approvers | Audience::Operators => json!([{"token": []}, {"session": [], "csrf": []}]),
        },
    });
    if let Some((body, is_required)) = body {
        value["requestBody"] = json!({"required": is_required, "content": {"application/json": {"schema": body}}});
    }
    value
}

fn parameter(name: &str, place: &str, mut schema: Value, required: bool) -> Value {
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    json!({"name": name, "in": place, "required": required, "description": description.unwrap_or_default(), "schema": schema})
}

/// `get-runs-id` for `GET /runs/{id}`.
fn id(operation: &Operation) -> String {
    let method = if operation.method == Method::GET { "get" } else { operation.method.as_str() };
    let words = operation.path.split(['/', '{', '}']).filter(|word| !word.is_empty());
    [method.to_ascii_lowercase().as_str()].into_iter().chain(words).collect::<Vec<_>>().join("-")
}
