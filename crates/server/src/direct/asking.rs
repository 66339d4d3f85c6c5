//! What a server of the newer era asks for instead of answering (SEP-2322), and clients of the older era that are asked.

use exuvia_tool::Json;
use exuvia_upstream::{Input, Question};
use rmcp::model::InputRequiredResult;
use rmcp::service::{RequestContext, RoleServer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversation::ask_for;
use super::relayed::typed;

/// By what name a question that a server asks in the middle of a call goes into a result.
const QUESTION: &str = "question";

/// A result that asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asks {
    #[serde(default)]
    input_requests: Map<String, Value>,
    request_state: Option<String>,
}

/// Asks the client what a result asks for, one question after the other. `None`: it cannot answer one of them.
pub(super) async fn of_client(asks: &Json, context: &RequestContext<RoleServer>) -> Option<Input> {
    let Asks { input_requests, request_state } = typed(asks)?;
    let mut responses = Map::new();
    for (name, request) in &input_requests {
        let params = Json::from_value(request.get("params").unwrap_or(&json!({})));
        let answer = ask_for(context, request.get("method")?.as_str()?, &params).await?;
        responses.insert(name.clone(), answer.to_value().ok()?);
    }
    let responses = (!responses.is_empty()).then(|| Json::from_value(&Value::Object(responses)));
    Some(Input { responses, state: request_state })
}

/// The result that asks a client of the newer era what a server of the older one asks. The name of the call that waits is
/// still to be put in. `None`: the question is none that the protocol knows.
pub(super) fn result(question: &Question) -> Option<InputRequiredResult> {
    let params = question.params().to_value().ok()?;
    let result = json!({
        "resultType": "input_required",
        "inputRequests": { QUESTION: { "method": question.method(), "params": params } },
    });
    serde_json::from_str(&result.to_string()).ok()
}

/// What the client answers to that.
pub(super) fn answer(responses: Option<&Json>) -> Option<Json> {
    let responses = responses?.to_value().ok()?;
    responses.get(QUESTION).map(Json::from_value)
}
