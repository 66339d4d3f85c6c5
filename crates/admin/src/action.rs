//! What the operator does, recorded with who did it before it is done.
//!
//! An action is in the journal what a client's own call is: its intent with principal, name and target, and how it ended. Its server is one
//! that no configuration can name.

use std::sync::Arc;

use exuvia_journal::{ACTION_PREFIX, Entry, Event, Journal};
use exuvia_text::line;
use exuvia_tool::{Arguments, CallId, Cost, DirectCallId, Origin, Principal, ToolCall, ToolName};
use serde_json::json;

use crate::admin::Admin;
use crate::answer::ApiError;
use crate::caller::Caller;

/// The server that actions are recorded with.
pub(crate) const SERVER: &str = "exuvia:admin";

/// An action whose intent is recorded. Dropped before it is [done](Self::done), it has failed.
#[must_use = "what is not done has failed"]
pub(crate) struct RecordedAction {
    journal: Arc<dyn Journal>,
    principal: Principal,
    origin: Origin,
    is_done: bool,
}

impl Admin {
    /// Records what a caller is about to do to something.
    ///
    /// # Errors
    ///
    /// It cannot be recorded: it must not be done.
    pub(crate) async fn record(
        &self,
        caller: &Caller,
        action: &'static str,
        target: &str,
    ) -> Result<RecordedAction, ApiError> {
        tracing::info!(principal = %caller.principal(), way = caller.way(), action, target = %line(target), "admin action");
        let not_open = || ApiError::unavailable("the journal is not open yet");
        let journal = self.sources().journal().ok_or_else(not_open)?;
        let id = DirectCallId::new(format!("{ACTION_PREFIX}{}", self.gateway()?.new_direct_call_id()));
        let arguments = Arguments::parse(json!({"target": target, "way": caller.way()}).to_string());
        let arguments = arguments.map_err(|error| ApiError::bad_request(error.to_string()))?;
        let call = ToolCall { id: CallId(1), name: ToolName::new(SERVER, action), arguments, line: None };
        let rule = format!("admin API, by {}", caller.way());
        let (principal, origin) = (caller.principal(), Origin::Direct(id));
        let event = Event::CallIntended { call, written: None, rule, cost: Cost::default() };
        let entry = Entry { principal: principal.clone(), origin: origin.clone(), event };
        journal.append_durable(entry).await?;
        Ok(RecordedAction { journal, principal, origin, is_done: false })
    }
}

impl RecordedAction {
    /// It is done.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for RecordedAction {
    fn drop(&mut self) {
        let code = if self.is_done { "ok" } else { "failed" }.to_owned();
        let event = Event::CallEnded { id: CallId(1), code, outcome: None, value_bytes: 0, ms: 0 };
        let entry = Entry { principal: self.principal.clone(), origin: self.origin.clone(), event };
        if let Err(error) = self.journal.enqueue(entry) {
            tracing::warn!(%error, "the end of an admin action is not recorded");
        }
    }
}
