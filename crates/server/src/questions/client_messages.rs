//! Messages to a client while its request is in flight.

use std::time::Duration;

use exuvia_mcp_client::Abilities;
use exuvia_mcp_client::question_form::shown;
use exuvia_tool::Json;
use rmcp::model::{CancelledNotificationParam, CustomRequest, ProgressNotificationParam, ServerRequest};
use rmcp::service::{PeerRequestOptions, RequestContext, RequestHandle, RoleServer};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::client::is_modern;

/// How long the withdrawal of a question may take.
const WITHDRAWING: Duration = Duration::from_secs(1);

/// A progress notification of a server.
#[derive(Deserialize)]
struct Progress {
    progress: f64,
    total: Option<f64>,
    message: Option<String>,
}

/// What the client can be asked for. A client that declares elicitation without a mode supports forms.
pub(crate) fn abilities(context: &RequestContext<RoleServer>) -> Abilities {
    let capabilities = context.client_capabilities().unwrap_or_default();
    let (form, url) =
        capabilities.elicitation.as_ref().map_or((false, false), |can| (can.form.is_some(), can.url.is_some()));
    Abilities {
        elicitation: form || (capabilities.elicitation.is_some() && !url),
        url,
        sampling: capabilities.sampling.is_some(),
        tasks: is_modern(context) && capabilities.supports_tasks(),
        roots: is_modern(context) && capabilities.roots.is_some(),
    }
}

/// Tells the client how far its request is, if it wants to know.
pub(crate) async fn forward_progress(context: &RequestContext<RoleServer>, params: &Json) {
    let Some(token) = context.meta.get_progress_token() else { return };
    let Ok(Progress { progress, total, message }) = serde_json::from_str(params.as_str()) else { return };
    let mut param = ProgressNotificationParam::new(token, progress);
    (param.total, param.message) = (total, message);
    // A disconnect is handled as a cancellation, elsewhere.
    let _ = context.peer.notify_progress(param).await;
}

/// A question that a client of the legacy era has before it.
pub(crate) struct OpenQuestion {
    request: RequestHandle<RoleServer>,
    until: Instant,
}

impl OpenQuestion {
    /// Asks the client what `server` asks. Must be called in the task of the client's request: rmcp sends the question where that
    /// one came from. `None`: the client cannot be asked this, or is gone.
    pub(crate) async fn ask(
        context: &RequestContext<RoleServer>,
        server: &str,
        method: &str,
        params: Value,
        patience: Duration,
    ) -> Option<Self> {
        let params = shown(server, method, params, abilities(context))?;
        Self::send(context, method, params, patience).await
    }

    /// The same, with parameters as they are to be shown.
    pub(crate) async fn send(
        context: &RequestContext<RoleServer>,
        method: &str,
        params: Value,
        patience: Duration,
    ) -> Option<Self> {
        let until = Instant::now() + patience;
        let request = ServerRequest::CustomRequest(CustomRequest::new(method, Some(params)));
        let sent = context.peer.send_cancellable_request(request, PeerRequestOptions::no_options());
        let request = tokio::time::timeout_at(until, sent).await.ok()?.ok()?;
        Some(Self { request, until })
    }

    /// The client's answer. `None`: it has none, or took too long.
    pub(crate) async fn answered(&mut self) -> Option<Json> {
        let answer = tokio::time::timeout_at(self.until, &mut self.request.rx).await;
        let Ok(answer) = answer else {
            self.withdraw().await;
            return None;
        };
        Json::parse(serde_json::to_string(&answer.ok()?.ok()?).ok()?).ok()
    }

    /// Tells the client that its answer is no longer needed.
    pub(crate) async fn withdraw(&self) {
        let params = CancelledNotificationParam::new(Some(self.request.id.clone()), Some("no longer asked".to_owned()));
        let told = self.request.peer.notify_cancelled(params);
        let _ = tokio::time::timeout(WITHDRAWING, told).await;
    }
}
