//! One run: what is recorded of it, and what can be done with it.

use exuvia_gateway::{NotCancelled, now_ms};
use exuvia_journal::{Erasure, WaitingState};
use exuvia_tool::{Json, Origin, RunId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::Done;
use super::run_detail::RunDetail;
use crate::action::ID_PREFIX;
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::exported::Exported;
use crate::operation::Ask;
use crate::sources::SourceError;

/// The most that is shown of arguments or a value, in bytes of JSON.
const VALUE_BYTES: usize = 4 << 20;

/// A run or direct call.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RunPath {
    /// Its id.
    pub(super) id: String,
}

/// A call of a run.
#[derive(Deserialize, JsonSchema)]
pub(super) struct CallPath {
    /// The id of the run.
    id: String,
    /// The place of the call in the list of `/runs/{id}`, counted from 0.
    n: u32,
}

/// Arguments and answer of a call, redacted.
#[derive(Serialize, JsonSchema)]
pub(super) struct CallContent {
    /// The arguments that were sent, as JSON text. Null: erased, or too large.
    arguments: Option<String>,
    /// The arguments as the script wrote them, as JSON text, where they are others.
    written: Option<String>,
    /// What it was answered, as JSON text. Null: nothing, erased, or too large.
    value: Option<String>,
    /// Why it was not answered.
    error: Option<String>,
    /// Whether something is left out because it is larger than 4 MiB.
    is_cut: bool,
}

/// What is recorded of a run or direct call, redacted.
pub(super) async fn exported(admin: &Admin, id: &str) -> Result<Exported, ApiError> {
    let (journals, config) = (admin.sources().journals().await?, admin.sources().config());
    let (_, record) = journals.record(id).await?.ok_or_else(|| unknown(id))?;
    // Of a large record the redaction takes a while.
    let made = tokio::task::spawn_blocking(move || Exported::of(&record, &config.redaction));
    made.await.map_err(|_| ApiError::unavailable("the record could not be read"))
}

/// The kind and the id of a run or direct call.
pub(super) fn exported_origin(origin: &Origin) -> (&'static str, String) {
    match origin {
        Origin::Run(run) => ("run", run.to_string()),
        Origin::Direct(call) if call.as_str().starts_with(ID_PREFIX) => ("admin", call.to_string()),
        Origin::Direct(call) => ("direct", call.to_string()),
        _ => ("unknown", String::new()),
    }
}

pub(super) fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("no run or direct call {id:?} is recorded"))
}

pub(super) async fn show(ask: Ask<RunPath>) -> Result<RunDetail, ApiError> {
    let id = ask.path.id;
    let exported = exported(&ask.admin, &id).await?;
    let run = RunId::new(&id);
    let live = ask.admin.gateway().is_ok_and(|gateway| gateway.live_runs().has(&run));
    let waits = match ask.admin.sources().approvals() {
        Ok(store) => store.waiting(&run).await?.map(|waiting| waiting.state).filter(WaitingState::goes_on),
        // Nobody is asked.
        Err(_) => None,
    };
    Ok(RunDetail::of(exported, live, waits.map(|state| state.name())))
}

pub(super) async fn call(ask: Ask<CallPath>) -> Result<CallContent, ApiError> {
    let mut exported = exported(&ask.admin, &ask.path.id).await?;
    let place = ask.path.n as usize;
    if place >= exported.calls.len() {
        return Err(ApiError::not_found(format!("the run has {} calls", exported.calls.len())));
    }
    let call = exported.calls.swap_remove(place);
    let is_large = |json: &Json| json.size_bytes() > VALUE_BYTES;
    let parts = [&call.arguments, &call.written, &call.value];
    let is_cut = parts.into_iter().flatten().any(is_large);
    let [arguments, written, value] =
        [call.arguments, call.written, call.value].map(|json| json.filter(|json| !is_large(json)).map(text));
    Ok(CallContent { arguments, written, value, error: call.error, is_cut })
}

/// JSON as text: no number and no repeated key changes on the way.
pub(super) fn text(json: Json) -> String {
    json.as_str().to_owned()
}

pub(super) async fn cancel(ask: Ask<RunPath>) -> Result<Done, ApiError> {
    let id = RunId::new(&ask.path.id);
    let action = ask.admin.record(&ask.caller, "run.cancel", id.as_str()).await?;
    ask.admin.gateway()?.cancel_run(&id).await.map_err(|why| {
        let message = format!("run {:?} is not cancelled: {why}", ask.path.id);
        match why {
            NotCancelled::Unknown => ApiError::not_found(message),
            NotCancelled::Elsewhere => ApiError::conflict(message),
            why => ApiError::unavailable(SourceError::new(why).to_string()),
        }
    })?;
    action.done();
    Ok(Done::DONE)
}

pub(super) async fn erase(ask: Ask<RunPath>) -> Result<Done, ApiError> {
    let id = ask.path.id;
    let action = ask.admin.record(&ask.caller, "run.erase", &id).await?;
    let erasure = Erasure { principal: ask.caller.principal(), at_ms: now_ms() };
    if !ask.admin.sources().journals().await?.erase(&id, &erasure).await? {
        return Err(unknown(&id));
    }
    action.done();
    Ok(Done::DONE)
}
