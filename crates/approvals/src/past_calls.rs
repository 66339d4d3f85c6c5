//! Calls of the journal that a suggestion would have allowed.

use exuvia_journal::{Archive, Event, Filter, JournalError};
use exuvia_tool::{Principal, ToolCall};
use serde::{Deserialize, Serialize};

use crate::Scope;

/// The most runs and direct calls whose records are read.
pub const MAX_RUNS_READ: usize = 500;
/// The most calls that are listed. Further ones are counted.
pub const MAX_PAST_CALLS: usize = 100;
/// The largest record that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Calls that a suggestion would have allowed, the latest runs first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PastCalls {
    /// The calls, at most [`MAX_PAST_CALLS`].
    pub calls: Vec<PastCall>,
    /// How many there were in what was read.
    pub count: u64,
    /// Whether all records of the time were read: there may be more calls otherwise.
    pub is_whole: bool,
}

/// A call of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastCall {
    /// The run or direct call.
    pub run: String,
    /// The number of the call in the run.
    pub call: u64,
    /// On whose behalf.
    pub principal: Principal,
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Whether it was sent; otherwise it was refused, or waited for an approval.
    pub was_sent: bool,
}

/// The calls since a time, in milliseconds since the epoch, that these would have allowed, for each of them in their order. Reads at most [`MAX_RUNS_READ`]
/// records.
///
/// # Errors
///
/// The journal cannot be read.
pub async fn past_calls(
    archive: &dyn Archive,
    scopes: &[&Scope],
    since_ms: u64,
) -> Result<Vec<PastCalls>, JournalError> {
    let mut all = vec![PastCalls { is_whole: true, ..PastCalls::default() }; scopes.len()];
    let Some(server) = scopes.first().map(|scope| scope.server().to_owned()) else { return Ok(all) };
    let filter =
        Filter { server: Some(server), since_ms: Some(since_ms), limit: MAX_RUNS_READ + 1, ..Filter::default() };
    let found = archive.list(&filter).await?;
    let mut is_whole = found.len() <= MAX_RUNS_READ;
    for summary in found.iter().take(MAX_RUNS_READ) {
        let run = summary.origin.run().map(ToString::to_string);
        let id = run.or_else(|| summary.origin.direct().map(|call| call.as_str().to_owned())).unwrap_or_default();
        if archive.record_bytes(&id).await?.is_some_and(|bytes| bytes > MAX_RECORD_BYTES) {
            is_whole = false;
            continue;
        }
        let Some(record) = archive.record(&id).await?.filter(|record| !record.is_erased) else { continue };
        let mut last = None;
        for stamped in &record.entries {
            let Some((call, was_sent)) = call_of(&stamped.entry.event) else { continue };
            // A call that is made again after a failure, or after its approval, is one call.
            if last.replace(call.id) == Some(call.id) {
                continue;
            }
            for (scope, calls) in scopes.iter().zip(&mut all) {
                if scope.allows(&call.name, call.arguments.as_str()) {
                    calls.add(past(&id, &record.principal, call, (stamped.at_ms, was_sent)));
                }
            }
        }
    }
    all.iter_mut().for_each(|calls| calls.is_whole = is_whole);
    Ok(all)
}

impl PastCalls {
    fn add(&mut self, call: PastCall) {
        self.count += 1;
        if self.calls.len() < MAX_PAST_CALLS {
            self.calls.push(call);
        }
    }
}

fn call_of(event: &Event) -> Option<(&ToolCall, bool)> {
    match event {
        Event::CallIntended { call, .. } => Some((call, true)),
        Event::CallRefused { call, .. } => Some((call, false)),
        _ => None,
    }
}

fn past(run: &str, principal: &Principal, call: &ToolCall, (at_ms, was_sent): (u64, bool)) -> PastCall {
    PastCall {
        run: run.to_owned(),
        call: call.id.0,
        principal: principal.clone(),
        server: call.name.server.clone(),
        tool: call.name.tool.clone(),
        at_ms,
        was_sent,
    }
}
