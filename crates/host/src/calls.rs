//! The calls of one run: counted, bounded, started, recorded.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exuvia_tool::{CallError, CallId, CallRecord, Json, RunEvent, ToolCall, ToolHost, ToolName, ToolOutcome};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::sandbox::{CallLimits, EventSink};
use crate::stop::ToolCallsExhausted;

/// Makes the calls of one run.
pub(crate) struct Calls {
    pub(crate) tools: Arc<dyn ToolHost>,
    limits: CallLimits,
    turns: Arc<Semaphore>,
    held_bytes: Arc<AtomicUsize>,
    log: CallLog,
    made: u64,
    /// Started calls whose answer `wait` has not reported and that were neither taken nor dropped.
    unreported: BTreeSet<CallId>,
    answered_sender: mpsc::UnboundedSender<CallId>,
    pub(crate) answered: mpsc::UnboundedReceiver<CallId>,
}

/// A call that was started. Dropping it aborts the call.
// Public to the letter: the generated bindings name it in a public position of a private module.
#[allow(unreachable_pub)]
pub struct PendingCall {
    pub(crate) id: CallId,
    pub(crate) answer: Option<oneshot::Receiver<Answer>>,
    task: Option<AbortHandle>,
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The answer of a started call. Its size counts against `held_results_bytes` for as long as it exists.
pub(crate) struct Answer {
    outcome: Option<ToolOutcome>,
    held_bytes: Arc<AtomicUsize>,
    size_bytes: usize,
}

impl Answer {
    pub(crate) fn into_outcome(mut self) -> ToolOutcome {
        self.outcome.take().unwrap_or_else(|| Err(already_taken()))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.held_bytes.fetch_sub(self.size_bytes, Ordering::Relaxed);
    }
}

/// What `take` answers when there is nothing left to take.
pub(crate) fn already_taken() -> CallError {
    CallError::UpstreamUnavailable("the answer of this call was taken before".into())
}

impl Calls {
    pub(crate) fn new(tools: Arc<dyn ToolHost>, limits: &CallLimits, events: EventSink) -> Self {
        let (answered_sender, answered) = mpsc::unbounded_channel();
        Self {
            tools,
            limits: limits.clone(),
            turns: Arc::new(Semaphore::new(limits.concurrent_calls.clamp(1, Semaphore::MAX_PERMITS))),
            held_bytes: Arc::default(),
            log: CallLog::new(events),
            made: 0,
            unreported: BTreeSet::new(),
            answered_sender,
            answered,
        }
    }

    pub(crate) fn log(&self) -> &CallLog {
        &self.log
    }

    /// The future that makes a call, from its turn to its answer.
    ///
    /// # Errors
    ///
    /// The run has no call left. This error traps.
    pub(crate) fn make(
        &mut self,
        name: ToolName,
        arguments: String,
    ) -> Result<(CallId, impl Future<Output = ToolOutcome> + Send + use<>), ToolCallsExhausted> {
        if self.made >= self.limits.tool_calls {
            return Err(ToolCallsExhausted { allowed: self.limits.tool_calls });
        }
        self.made += 1;
        let id = CallId(self.made);
        let recorded = self.log.begin(id, &name);
        let turns = Arc::clone(&self.turns);
        let answer = checked_arguments(arguments, self.limits.call_arguments_bytes)
            .map(|arguments| Arc::clone(&self.tools).call(ToolCall { id, name, arguments }));
        let (timeout, result_bytes) = (self.limits.call_timeout, self.limits.call_result_bytes);
        let call = async move {
            let outcome = match answer {
                Ok(answer) => {
                    // The semaphore is never closed: an error here cannot be.
                    let _turn = turns.acquire_owned().await;
                    within(timeout, answer).await
                }
                Err(error) => Err(error),
            };
            let outcome = outcome.and_then(|value| bounded(value, "call_result_bytes", result_bytes));
            recorded.end(&outcome);
            outcome
        };
        Ok((id, call))
    }

    /// Starts a call that goes on beside the guest.
    ///
    /// # Errors
    ///
    /// The run has no call left. This error traps.
    pub(crate) fn start(&mut self, name: ToolName, arguments: String) -> Result<PendingCall, ToolCallsExhausted> {
        let (id, call) = self.make(name, arguments)?;
        let (sender, answer) = oneshot::channel();
        let answered = self.answered_sender.clone();
        let (held_bytes, limit) = (Arc::clone(&self.held_bytes), self.limits.held_results_bytes);
        let task = tokio::spawn(async move {
            // The receivers are gone when the run is over or the call was dropped: then nobody is to be told.
            let _ = sender.send(hold(call.await, held_bytes, limit));
            let _ = answered.send(id);
        });
        self.unreported.insert(id);
        Ok(PendingCall { id, answer: Some(answer), task: Some(task.abort_handle()) })
    }

    /// The script took this call's answer or dropped the call: `wait` has nothing to say of it any more.
    pub(crate) fn forget(&mut self, id: CallId) {
        self.unreported.remove(&id);
    }

    /// An answer that was held back is offered again by the next `wait`.
    pub(crate) fn put_back(&self, id: CallId) {
        // Both ends live in `self`: the channel is open.
        let _ = self.answered_sender.send(id);
    }

    pub(crate) fn is_unreported(&self, id: CallId) -> bool {
        self.unreported.contains(&id)
    }

    pub(crate) fn nothing_outstanding(&self) -> bool {
        self.unreported.is_empty()
    }
}

fn checked_arguments(text: String, limit: usize) -> Result<Json, CallError> {
    if text.len() > limit {
        return Err(over("call_arguments_bytes", limit, text.len()));
    }
    Json::parse(text).map_err(|error| CallError::InvalidArguments(format!("the arguments are not JSON: {error}")))
}

fn bounded(value: Json, limit: &str, allowed: usize) -> ToolOutcome {
    if value.size_bytes() > allowed { Err(over(limit, allowed, value.size_bytes())) } else { Ok(value) }
}

fn over(limit: &str, allowed: usize, used: usize) -> CallError {
    CallError::LimitReached { limit: limit.to_owned(), allowed: allowed as u64, used: used as u64 }
}

async fn within(timeout: Duration, answer: impl Future<Output = ToolOutcome>) -> ToolOutcome {
    match tokio::time::timeout(timeout, answer).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CallError::TimedOut(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))),
    }
}

/// Counts an answer that nobody has taken yet.
fn hold(outcome: ToolOutcome, held_bytes: Arc<AtomicUsize>, limit: usize) -> Answer {
    let size_bytes = outcome.as_ref().map_or(0, Json::size_bytes);
    let held = held_bytes.fetch_add(size_bytes, Ordering::Relaxed) + size_bytes;
    let outcome = if held > limit { Err(over("held_results_bytes", limit, held)) } else { outcome };
    Answer { outcome: Some(outcome), held_bytes, size_bytes }
}

/// The record of a run's calls. Clones share it.
#[derive(Clone)]
pub struct CallLog {
    calls: Arc<Mutex<HashMap<CallId, CallRecord>>>,
    events: EventSink,
}

impl CallLog {
    fn new(events: EventSink) -> Self {
        Self { calls: Arc::default(), events }
    }

    /// The calls made so far, in the order in which they were made. A call that has no outcome yet is told as `cancelled`:
    /// this is meant to be read when the run is over.
    #[must_use]
    pub fn records(&self) -> Vec<CallRecord> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<_> = calls.values().cloned().collect();
        records.sort_by_key(|record| record.id);
        records
    }

    fn begin(&self, id: CallId, name: &ToolName) -> CallInProgress {
        (self.events)(RunEvent::CallStarted { id, name: name.clone() });
        let record = CallRecord {
            id: Some(id),
            server: name.server.clone(),
            tool: name.tool.clone(),
            outcome: "cancelled".into(),
            ms: 0,
        };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(id, record);
        CallInProgress { log: self.clone(), id, begun: Instant::now() }
    }
}

/// A call that is recorded as cancelled unless it comes to an end.
struct CallInProgress {
    log: CallLog,
    id: CallId,
    begun: Instant,
}

impl CallInProgress {
    fn end(self, outcome: &ToolOutcome) {
        let code = outcome.as_ref().map_or_else(CallError::code, |_| "ok");
        self.set(code);
    }

    fn set(&self, code: &str) {
        let mut calls = self.log.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = calls.get_mut(&self.id) else { return };
        code.clone_into(&mut record.outcome);
        record.ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ended = record.clone();
        drop(calls);
        (self.log.events)(RunEvent::CallEnded(ended));
    }
}
