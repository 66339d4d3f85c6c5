//! Input requests of servers of the modern era (SEP-2322), sent to clients of the legacy era.

use std::time::Duration;

use exuvia_mcp_client::{Abilities, Input, Question, question_form};
use exuvia_tool::Json;
use rmcp::model::InputRequiredResult;
use rmcp::service::{RequestContext, RoleServer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::results::typed;
use crate::questions::OpenQuestion;

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

/// The most questions of one result.
const QUESTIONS: usize = 16;

/// Asks the client what a result of `server` asks for, one question after the other. `None`: it cannot answer one of them in its
/// time.
pub(super) async fn of_client(
    server: &str,
    asks: &Json,
    context: &RequestContext<RoleServer>,
    patience: Duration,
) -> Option<Input> {
    let Asks { input_requests, request_state } = typed(asks)?;
    if input_requests.len() > QUESTIONS {
        return None;
    }
    let mut responses = Map::new();
    for (name, mut request) in input_requests {
        let method = request.get("method")?.as_str()?.to_owned();
        let params = request.get_mut("params").map_or_else(|| json!({}), Value::take);
        let mut open = OpenQuestion::ask(context, server, &method, params, patience).await?;
        let answer = open.answered().await;
        responses.insert(name, answer?.to_value().ok()?);
    }
    let responses = (!responses.is_empty()).then(|| Json::from_value(&Value::Object(responses)));
    Some(Input { responses, state: request_state })
}

/// A result of `server` that asks, as a client of the modern era is shown it: with its state sealed. `None`: it asks something that this
/// client cannot be asked, or its state cannot be sealed.
pub(super) fn shown_result(
    server: &str,
    asks: &Json,
    can: Abilities,
    seal: impl Fn(&str) -> Option<String>,
) -> Option<Json> {
    let mut asks: Map<String, Value> = typed(asks)?;
    if let Some(state) = asks.get_mut("requestState").filter(|state| !state.is_null()) {
        *state = Value::String(seal(state.as_str()?)?);
    }
    if let Some(Value::Object(requests)) = asks.remove("inputRequests") {
        let count = requests.len();
        let shown = question_form::requests(server, requests, can);
        if count > QUESTIONS || shown.len() < count {
            return None;
        }
        asks.insert("inputRequests".to_owned(), Value::Object(shown));
    }
    Some(Json::from_value(&Value::Object(asks)))
}

/// The error by which `server` asks for visits to web pages, as a client is shown it. `None`: it cannot be.
pub(super) fn shown_error(server: &str, data: Option<&Json>, can: Abilities) -> Option<Json> {
    let mut data = typed::<Value>(data?)?;
    let visits = data.get_mut("elicitations")?.as_array_mut().filter(|visits| visits.len() <= QUESTIONS)?;
    for visit in visits {
        let is_visit = visit.get("mode").and_then(Value::as_str) == Some("url");
        *visit = question_form::shown(server, "elicitation/create", visit.take(), can).filter(|_| is_visit)?;
    }
    Some(Json::from_value(&data))
}

/// The result that asks a client of the modern era what `server`, of the legacy era, asks. The name of the call that waits is
/// still to be put in. `None`: the client cannot be asked this.
pub(super) fn result(server: &str, question: &Question, can: Abilities) -> Option<InputRequiredResult> {
    let params = question_form::shown(server, question.method(), question.params().to_value().ok()?, can)?;
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
