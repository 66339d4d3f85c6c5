//! What can be said to a client while its request is on its way.

use exuvia_tool::Json;
use exuvia_upstream::{Abilities, Question};
use rmcp::model::{CustomRequest, ProgressNotificationParam, ServerRequest};
use rmcp::service::{RequestContext, RoleServer};
use serde::Deserialize;

use crate::client::is_modern;

/// What a server tells of its progress.
#[derive(Deserialize)]
struct Progress {
    progress: f64,
    total: Option<f64>,
    message: Option<String>,
}

/// What the client can be asked for.
pub(super) fn abilities(context: &RequestContext<RoleServer>) -> Abilities {
    let capabilities = context.client_capabilities().unwrap_or_default();
    Abilities {
        elicitation: capabilities.elicitation.is_some(),
        sampling: capabilities.sampling.is_some(),
        tasks: is_modern(context) && capabilities.supports_tasks(),
    }
}

/// Whether the client can be asked this.
pub(super) fn can_be_asked(context: &RequestContext<RoleServer>, method: &str) -> bool {
    let can = abilities(context);
    match method {
        "elicitation/create" => can.elicitation,
        "sampling/createMessage" => can.sampling,
        _ => false,
    }
}

/// Tells the client how far its request is, if it wants to know.
pub(super) async fn tell(context: &RequestContext<RoleServer>, params: &Json) {
    let Some(token) = context.meta.get_progress_token() else { return };
    let Ok(Progress { progress, total, message }) = serde_json::from_str(params.as_str()) else { return };
    let mut param = ProgressNotificationParam::new(token, progress);
    (param.total, param.message) = (total, message);
    // A client that is gone is met as a cancellation.
    let _ = context.peer.notify_progress(param).await;
}

/// Asks the client what a server asks, in the middle of its request. Must be called in the task of the request: rmcp sends the
/// question where that one came from.
pub(super) async fn ask(context: &RequestContext<RoleServer>, question: Question) {
    if let Some(result) = ask_for(context, question.method(), question.params()).await {
        question.answer(result);
    }
}

/// The client's answer. `None`: it cannot be asked this, or declines to answer.
pub(super) async fn ask_for(context: &RequestContext<RoleServer>, method: &str, params: &Json) -> Option<Json> {
    if !can_be_asked(context, method) {
        return None;
    }
    let request = CustomRequest::new(method, Some(params.to_value().ok()?));
    let result = context.peer.send_request(ServerRequest::CustomRequest(request)).await.ok()?;
    Json::parse(serde_json::to_string(&result).ok()?).ok()
}
