//! Runs in flight.

use exuvia_gateway::RunInfo;
use exuvia_tool::RunId;
use schemars::JsonSchema;
use serde::Serialize;

use super::page::Page;
use super::runs::RunPath;
use crate::answer::ApiError;
use crate::events::Events;
use crate::live_events;
use crate::operation::Ask;

/// A run in flight.
#[derive(Serialize, JsonSchema)]
pub(super) struct LiveRun {
    /// Its id.
    id: String,
    /// On whose behalf.
    principal: String,
    /// The profile that its client named.
    profile: Option<String>,
    /// The SHA-256 of its script. Null: it is not read yet.
    source_sha256: Option<String>,
    /// How far it is: `queued`, `reading`, `executing`.
    state: String,
    /// Since when, in milliseconds since the epoch.
    since_ms: u64,
}

impl LiveRun {
    fn of(run: &RunInfo) -> Self {
        let state = serde_json::to_value(run.state).ok();
        Self {
            id: run.id.to_string(),
            principal: run.principal.to_string(),
            profile: run.profile.as_deref().map(str::to_owned),
            source_sha256: run.source_sha256.clone(),
            state: state.as_ref().and_then(|state| state.as_str()).unwrap_or_default().to_owned(),
            since_ms: run.since_ms,
        }
    }
}

pub(super) async fn list(ask: Ask) -> Result<Page<LiveRun>, ApiError> {
    Ok(Page::whole(ask.admin.gateway()?.live_runs().list().iter().map(LiveRun::of).collect()))
}

pub(super) async fn events(ask: Ask) -> Result<Events, ApiError> {
    let place = ask.admin.stream_place()?;
    let changes = ask.admin.gateway()?.live_runs().changes();
    Ok(Events::new(live_events::of_all(changes), ask.admin.over(), place))
}

pub(super) async fn events_of_run(ask: Ask<RunPath>) -> Result<Events, ApiError> {
    let place = ask.admin.stream_place()?;
    let run = RunId::new(&ask.path.id);
    let events = ask.admin.gateway()?.live_runs().subscribe(&run);
    let events = events.ok_or_else(|| ApiError::not_found(format!("no run {:?} is in flight", ask.path.id)))?;
    let shows_log = ask.admin.sources().config().redaction.is_empty();
    Ok(Events::new(live_events::of_run(events, shows_log), ask.admin.over(), place))
}
