//! Operations: a route with the types of what is asked and answered. The description is made of the same types that the handler takes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::Admin;
use crate::answer::{ApiError, Body, json};
use crate::caller::{Audience, Caller};
use crate::events::Events;

/// No parameter, or no body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What is asked.
pub(crate) struct Ask<P = Nothing, Q = Nothing, B = Nothing> {
    pub(crate) admin: Arc<Admin>,
    pub(crate) caller: Caller,
    /// What the path names.
    pub(crate) path: P,
    /// What stands behind the path.
    pub(crate) query: Q,
    pub(crate) body: B,
}

/// A request whose caller is known, before its parameters are read.
pub(crate) struct RawAsk {
    pub(crate) admin: Arc<Admin>,
    pub(crate) caller: Caller,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: String,
    pub(crate) body: Bytes,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, ApiError>> + Send>>;

/// A route of the API.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// Below `/api/v1`.
    pub(crate) path: &'static str,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    pub(crate) audience: Audience,
    pub(crate) is_stream: bool,
    pub(crate) describe: fn(&mut SchemaGenerator) -> Described,
    answer: Box<dyn Fn(RawAsk) -> Answering + Send + Sync>,
}

/// The schemas of an operation.
pub(crate) struct Described {
    pub(crate) path: Schema,
    pub(crate) query: Schema,
    /// None: it takes none. With whether it has to be there.
    pub(crate) body: Option<(Schema, bool)>,
    pub(crate) answer: Schema,
}

impl Operation {
    /// One that is answered with JSON.
    pub(crate) fn new<P, Q, B, A, F>(
        (method, path): (Method, &'static str),
        audience: Audience,
        summary: &'static str,
        handler: fn(Ask<P, Q, B>) -> F,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + Send + 'static,
        F: Future<Output = Result<A, ApiError>> + Send + 'static,
    {
        let answer = move |ask: RawAsk| -> Answering {
            let typed = ask.typed();
            Box::pin(async move { Ok(json(StatusCode::OK, &handler(typed?).await?)) })
        };
        let describe = described::<P, Q, B, A>;
        Self { method, path, summary, audience, is_stream: false, describe, answer: Box::new(answer) }
    }

    /// One that sets headers: logging in and out.
    pub(crate) fn with_headers<P, Q, B, A, F>(
        (method, path): (Method, &'static str),
        audience: Audience,
        summary: &'static str,
        handler: fn(Ask<P, Q, B>) -> F,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + Send + 'static,
        F: Future<Output = Result<(A, http::HeaderMap), ApiError>> + Send + 'static,
    {
        let answer = move |ask: RawAsk| -> Answering {
            let typed = ask.typed();
            Box::pin(async move {
                let (value, headers) = handler(typed?).await?;
                let mut response = json(StatusCode::OK, &value);
                response.headers_mut().extend(headers);
                Ok(response)
            })
        };
        let describe = described::<P, Q, B, A>;
        Self { method, path, summary, audience, is_stream: false, describe, answer: Box::new(answer) }
    }

    /// One that is answered with events, for as long as the client reads.
    pub(crate) fn stream<P, Q, F>(
        path: &'static str,
        audience: Audience,
        summary: &'static str,
        handler: fn(Ask<P, Q, Nothing>) -> F,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        F: Future<Output = Result<Events, ApiError>> + Send + 'static,
    {
        let answer = move |ask: RawAsk| -> Answering {
            let typed = ask.typed();
            Box::pin(async move { Ok(handler(typed?).await?.into_response()) })
        };
        let (method, describe) = (Method::GET, described::<P, Q, Nothing, String>);
        Self { method, path, summary, audience, is_stream: true, describe, answer: Box::new(answer) }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, ask: RawAsk) -> Result<Response<Body>, ApiError> {
        (self.answer)(ask).await
    }
}

impl RawAsk {
    fn typed<P: DeserializeOwned, Q: DeserializeOwned, B: DeserializeOwned>(self) -> Result<Ask<P, Q, B>, ApiError> {
        let path = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.path).finish();
        // A name that cannot be is a name that is not there.
        let path = serde_urlencoded::from_str(&path).map_err(|error| ApiError::not_found(error.to_string()))?;
        let query = serde_urlencoded::from_str(&self.query)
            .map_err(|error| ApiError::bad_request(format!("query: {error}")))?;
        let body = if self.body.is_empty() { &b"{}"[..] } else { &self.body };
        let wrong = |error: serde_json::Error| ApiError::bad_request(format!("body: {error}"));
        let mut body: Value = serde_json::from_slice(body).map_err(wrong)?;
        write_integers(&mut body);
        let body = serde_json::from_value(body).map_err(wrong)?;
        Ok(Ask { admin: self.admin, caller: self.caller, path, query, body })
    }
}

/// Writes 30.0 as 30, which is an integer in JSON Schema, wherever it stands.
fn write_integers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < EXACT);
            if let Some(whole) = whole.filter(|_| !number.is_u64() && !number.is_i64()) {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_integers),
        Value::Object(members) => members.values_mut().for_each(write_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Below it, each integer is a number of 64 bits with a floating point: 2 to the 53rd.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn described<P: JsonSchema, Q: JsonSchema, B: JsonSchema + DeserializeOwned, A: JsonSchema>(
    generator: &mut SchemaGenerator,
) -> Described {
    let is_required = serde_json::from_str::<B>("{}").is_err();
    let body = (B::schema_id() != Nothing::schema_id()).then(|| (generator.subschema_for::<B>(), is_required));
    Described {
        path: P::json_schema(generator),
        query: Q::json_schema(generator),
        body,
        answer: generator.subschema_for::<A>(),
    }
}

/// The parameters that a schema of an object describes: name, schema, whether it is required.
pub(crate) fn parameters(schema: &Schema) -> Vec<(String, Value, bool)> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, schema)| (name.clone(), schema.clone(), is_required(name))).collect()
}
