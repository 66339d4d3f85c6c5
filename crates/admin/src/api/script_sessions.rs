//! Sessions of scripts: listed, and ended.

use exuvia_gateway::{Forgotten, SessionState, Sessions};
use exuvia_tool::Principal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Done, Page};
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};

/// A session of scripts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ScriptSession")]
pub(super) struct SessionView {
    /// Its name.
    name: String,
    /// Whose it is: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`.
    principal: String,
    /// The profile of its clients. Null: they named none.
    profile: Option<String>,
    /// How many scripts it has run.
    scripts: u64,
    /// What they used together, in units of fuel: what bringing it back takes.
    fuel: u64,
    /// Whether its interpreter is in memory.
    is_warm: bool,
    /// What that holds, in bytes.
    memory_bytes: u64,
    /// When it began, in milliseconds since the epoch.
    began_ms: u64,
    /// When its last script ended.
    used_ms: u64,
    /// Why it cannot be brought back. Null: it can, as far as anybody knows.
    lost: Option<String>,
}

impl SessionView {
    fn of(state: SessionState, sessions: &Sessions) -> Self {
        let warm = sessions.warm_bytes(&state);
        let SessionState { name, principal, profile, scripts, fuel, began_ms, used_ms, lost, .. } = state;
        let (scripts, is_warm, memory_bytes) = (scripts.len() as u64, warm.is_some(), warm.unwrap_or(0));
        Self { name, principal, profile, scripts, fuel, is_warm, memory_bytes, began_ms, used_ms, lost }
    }
}

/// Whose sessions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionsQuery {
    /// Only those of this principal.
    principal: Option<String>,
}

/// The session, by its name.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SessionPath {
    /// The name.
    name: String,
}

/// Which session of this name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionQuery {
    /// Whose it is. Default: operator.
    principal: Option<String>,
    /// The profile of its clients. Default: they named none.
    profile: Option<String>,
}

pub(super) async fn list(ask: Ask<Nothing, SessionsQuery>) -> Result<Page<SessionView>, ApiError> {
    let sessions = ask.admin.gateway()?.sessions().clone();
    let principal = ask.query.principal.as_deref().map(parsed).transpose()?;
    let views = move || {
        let listed = sessions.list(principal.as_ref())?;
        Ok(listed.into_iter().map(|state| SessionView::of(state, &sessions)).collect())
    };
    Ok(Page::whole(blocking(views).await?))
}

pub(super) async fn end(ask: Ask<SessionPath, SessionQuery>) -> Result<Done, ApiError> {
    let (SessionPath { name }, SessionQuery { principal, profile }) = (ask.path, ask.query);
    let principal = parsed(principal.as_deref().unwrap_or("operator"))?;
    let sessions = ask.admin.gateway()?.sessions().clone();
    let in_profile = profile.as_ref().map_or_else(String::new, |profile| format!(" ({profile})"));
    let target = format!("{principal} {name}{in_profile}");
    let action = ask.admin.record(&ask.caller, "session.end", &target).await?;
    let named = name.clone();
    match blocking(move || sessions.forget(&principal, profile.as_deref(), &named)).await? {
        Forgotten::Done => {}
        Forgotten::InUse => return Err(ApiError::conflict("a script of this session runs")),
        _ => return Err(ApiError::not_found(format!("there is no session {name:?}"))),
    }
    action.done();
    Ok(Done::DONE)
}

fn parsed(principal: &str) -> Result<Principal, ApiError> {
    principal.parse().map_err(|error| ApiError::bad_request(format!("principal: {error}")))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.ok().and_then(Result::ok).ok_or_else(|| ApiError::unavailable("the sessions cannot be read or written now"))
}
