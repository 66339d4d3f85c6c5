//! The calls of one run: counted, bounded, started, recorded.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use exuvia_tool::{
    ActiveTime, Arguments, BoxFuture, CallError, CallId, Deadline, HostBounds, Json, Limits, Line, Place, RunIo,
    ToolCall, ToolHost, ToolName, ToolOutcome, Turns,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::call_log::CallLog;
use crate::events::EventSink;
use crate::stop::ToolCallsExhausted;

/// The longest name of a server or tool that a call may carry, in bytes.
const NAME_BYTES: usize = 512;

/// How long after its deadline a call may still be answered. Whoever answers keeps the deadline; this is for one that does not,
/// and well apart from it: of two timers for one moment the outer one would often fire first, and nobody inside would know why.
const NET: Duration = Duration::from_secs(1);

/// Makes the calls of one run.
pub(crate) struct Calls {
    pub(crate) tools: Arc<dyn ToolHost>,
    limits: Limits,
    turns: Arc<CallTurns>,
    /// Calls that have not begun, in the order in which the script made them.
    line: Line,
    held: Arc<AtomicUsize>,
    pub(crate) active: Arc<ActiveTime>,
    log: CallLog,
    made: u64,
    /// Which script of its guest this is, counted from 0.
    script: u32,
    /// Started calls whose answer `wait` has not reported and that were neither taken nor dropped.
    unreported: BTreeSet<CallId>,
    answered_sender: mpsc::UnboundedSender<CallId>,
    pub(crate) answered: mpsc::UnboundedReceiver<CallId>,
}

/// A call that was started. Dropping it aborts the call.
#[expect(unreachable_pub, reason = "generated bindings name it in a public position of a private module")]
pub struct PendingCall {
    pub(crate) id: CallId,
    /// The script of its guest that started it.
    script: u32,
    pub(crate) answer: Option<oneshot::Receiver<CompletedCall>>,
    pub(crate) task: Option<AbortHandle>,
}

impl PendingCall {
    /// Its script is over, and nobody gets its answer.
    pub(crate) fn give_up(&mut self) {
        self.answer = None;
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A call as the guest asks for it.
pub(crate) struct CallRequest {
    name: ToolName,
    arguments: String,
    line: Option<u32>,
}

impl CallRequest {
    /// `line` is 0 if it is not known.
    pub(crate) fn new(name: ToolName, arguments: String, line: u32) -> Self {
        Self { name, arguments, line: (line > 0).then_some(line) }
    }
}

/// A call that was made, and the future that gives its answer.
pub(crate) struct MadeCall<F> {
    pub(crate) id: CallId,
    pub(crate) answer: F,
    /// The most bytes that may be buffered for the run, its answer included.
    buffered_bytes: usize,
}

/// What comes of a call.
pub(crate) type Answer = Result<Json, Failure>;

/// Why a call gave no value.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: CallError,
    /// The host made the error, by a bound that depends on the moment: see [`HostBounds`].
    pub(crate) is_by_host: bool,
}

impl Failure {
    fn by_host(error: CallError) -> Self {
        Self { error, is_by_host: true }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self { error, is_by_host: false }
    }
}

/// The turns of the calls of one run.
#[derive(Debug)]
struct CallTurns(Semaphore);

impl Turns for CallTurns {
    fn take(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.taken())
    }

    fn give_back(&self) {
        self.0.add_permits(1);
    }
}

impl CallTurns {
    async fn taken(&self) {
        // The semaphore is never closed: an error here cannot be.
        if let Ok(turn) = self.0.acquire().await {
            turn.forget();
        }
    }
}

/// Gives the turn of a call back when it is dropped, if the call has one then.
struct HasTurn<'a>(&'a Deadline);

impl Drop for HasTurn<'_> {
    fn drop(&mut self) {
        self.0.give_turn_back();
    }
}

/// A call that was made and has no answer, for as long as this exists.
struct InFlight(Arc<ActiveTime>);

impl InFlight {
    fn begin(active: &Arc<ActiveTime>) -> Self {
        active.call_began(Instant::now);
        Self(Arc::clone(active))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.call_ended(Instant::now);
    }
}

/// While this exists, the guest waits for answers.
pub(crate) struct GuestWaits(Arc<ActiveTime>);

impl Drop for GuestWaits {
    fn drop(&mut self) {
        self.0.guest_waits(false, Instant::now);
    }
}

/// The answer of a started call that nobody has taken yet.
pub(crate) struct CompletedCall {
    answer: Answer,
    _held: BufferedBytes,
}

impl CompletedCall {
    pub(crate) fn into_answer(self) -> Answer {
        self.answer
    }
}

/// Bytes that the host holds for a run, for as long as this exists.
struct BufferedBytes {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl BufferedBytes {
    /// Holds `bytes` more.
    ///
    /// # Errors
    ///
    /// All together would be more than `limit`.
    fn more(total: &Arc<AtomicUsize>, bytes: usize, limit: usize) -> Result<Self, Failure> {
        let sum = total.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let held = Self { total: Arc::clone(total), bytes };
        if sum > limit { Err(Failure::by_host(over("buffered_bytes", limit, sum))) } else { Ok(held) }
    }
}

impl Drop for BufferedBytes {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What `take` answers when there is nothing left to take.
pub(crate) fn already_taken() -> CallError {
    CallError::UpstreamUnavailable("the result of this call was already taken".into())
}

impl Calls {
    pub(crate) fn new(tools: Arc<dyn ToolHost>, limits: &Limits, events: EventSink) -> Self {
        let (answered_sender, answered) = mpsc::unbounded_channel();
        Self {
            tools,
            limits: limits.clone(),
            turns: Arc::new(CallTurns(Semaphore::new(limits.concurrent_calls.clamp(1, Semaphore::MAX_PERMITS)))),
            line: Line::default(),
            held: Arc::default(),
            active: Arc::default(),
            log: CallLog::new(events),
            made: 0,
            script: 0,
            unreported: BTreeSet::new(),
            answered_sender,
            answered,
        }
    }

    pub(crate) fn log(&self) -> &CallLog {
        &self.log
    }

    /// Makes a call: the future takes it from its turn to its answer.
    ///
    /// # Errors
    ///
    /// The run has no call left. This error traps.
    pub(crate) fn make(
        &mut self,
        io: &mut dyn RunIo,
        request: CallRequest,
    ) -> Result<MadeCall<impl Future<Output = Answer> + Send + use<>>, ToolCallsExhausted> {
        if self.made >= self.limits.tool_calls {
            return Err(ToolCallsExhausted { allowed: self.limits.tool_calls });
        }
        self.made += 1;
        let (id, CallRequest { name, arguments, line }) = (CallId(self.made), request);
        let (name, named) = bounded_name(name);
        let recorded = self.log.begin(id, &name);
        let (turns, tools, place) = (Arc::clone(&self.turns), Arc::clone(&self.tools), self.line.enter());
        // From here on: a run does not wait for held calls alone while others have not had their turns.
        let in_flight = InFlight::begin(&self.active);
        let active = Arc::clone(&self.active);
        let bounds = io.host_bounds(id);
        let buffered_bytes = if bounds == HostBounds::Live { self.limits.buffered_bytes } else { usize::MAX };
        let admitted = named.map_err(Into::into).and_then(|()| self.admit(arguments, buffered_bytes));
        let (timeout, result_bytes) = (self.limits.call_timeout(), self.limits.call_result_bytes);
        let answer = async move {
            let answer = match admitted {
                Ok((arguments, _held)) => {
                    place.first().await;
                    turns.taken().await;
                    let deadline = Deadline::after(Instant::now(), timeout).of_run(active).with_turn(turns);
                    let _has_turn = HasTurn(&deadline);
                    let answer = tools.call(ToolCall { id, name, arguments, line }, deadline.clone());
                    begun(place, until(deadline.clone(), &bounds, answer)).await
                }
                Err(failure) => Err(failure),
            };
            let answer = match bounds {
                HostBounds::Failed(error) => Err(Failure::by_host(error)),
                HostBounds::Live | HostBounds::Passed => answer.and_then(|value| bounded(value, result_bytes)),
            };
            recorded.end(answer.as_ref().map(drop).map_err(|failure| &failure.error));
            drop(in_flight);
            answer
        };
        Ok(MadeCall { id, answer, buffered_bytes })
    }

    /// Takes arguments in, if they are JSON and there is room for them.
    fn admit(&self, text: String, buffered_bytes: usize) -> Result<(Arguments, BufferedBytes), Failure> {
        let (size, limit) = (text.len(), self.limits.call_arguments_bytes);
        if size > limit {
            return Err(over("call_arguments_bytes", limit, size).into());
        }
        let held = BufferedBytes::more(&self.held, size, buffered_bytes)?;
        let arguments = Arguments::parse(text)
            .map_err(|error| CallError::InvalidArguments(format!("the arguments are not JSON: {error}")))?;
        Ok((arguments, held))
    }

    /// Starts a call that goes on beside the guest.
    ///
    /// # Errors
    ///
    /// The run has no call left. This error traps.
    pub(crate) fn start(
        &mut self,
        io: &mut dyn RunIo,
        request: CallRequest,
    ) -> Result<PendingCall, ToolCallsExhausted> {
        let MadeCall { id, answer: call, buffered_bytes } = self.make(io, request)?;
        let (sender, answer) = oneshot::channel();
        let (answered, held) = (self.answered_sender.clone(), Arc::clone(&self.held));
        let task = tokio::spawn(async move {
            // The receivers are gone when the run is over or the call was dropped: then there is no receiver.
            let _ = sender.send(hold(call.await, &held, buffered_bytes));
            let _ = answered.send(id);
        });
        self.unreported.insert(id);
        Ok(PendingCall { id, script: self.script, answer: Some(answer), task: Some(task.abort_handle()) })
    }

    /// The guest waits for answers, until this is dropped.
    pub(crate) fn waiting(&self) -> GuestWaits {
        self.active.guest_waits(true, Instant::now);
        GuestWaits(Arc::clone(&self.active))
    }

    /// The started calls whose answers were neither reported nor taken.
    pub(crate) fn unreported(&self) -> impl Iterator<Item = CallId> + '_ {
        self.unreported.iter().copied()
    }

    /// Those of a further script of the same guest.
    pub(crate) fn further(&self, tools: Arc<dyn ToolHost>, limits: &Limits, events: EventSink) -> Self {
        Self { script: self.script.wrapping_add(1), ..Self::new(tools, limits, events) }
    }

    /// Whether the script that runs started this call, and not an earlier one.
    pub(crate) fn is_own(&self, pending: &PendingCall) -> bool {
        pending.script == self.script
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

/// A name of the guest's, cut if it is longer than any tool's, and then an error: records keep names.
fn bounded_name(name: ToolName) -> (ToolName, Result<(), CallError>) {
    let cut = |text: &str| text[..text.floor_char_boundary(NAME_BYTES)].to_owned();
    if name.server.len() <= NAME_BYTES && name.tool.len() <= NAME_BYTES {
        return (name, Ok(()));
    }
    let error = CallError::UnknownTool(format!("server and tool names are limited to {NAME_BYTES} bytes"));
    (ToolName::new(cut(&name.server), cut(&name.tool)), Err(error))
}

fn bounded(value: Json, allowed: usize) -> Answer {
    let size = value.size_bytes();
    if size > allowed { Err(over("call_result_bytes", allowed, size).into()) } else { Ok(value) }
}

fn over(limit: &str, allowed: usize, used: usize) -> CallError {
    CallError::LimitReached { limit: limit.to_owned(), allowed: allowed as u64, used: used as u64 }
}

/// A call that begins in its place: whoever is behind it begins when it has been polled once.
async fn begun<T>(place: Place, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    drop(place);
    match first {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => call.await,
    }
}

async fn until(deadline: Deadline, bounds: &HostBounds, answer: impl Future<Output = ToolOutcome>) -> Answer {
    if *bounds != HostBounds::Live {
        return answer.await.map_err(Into::into);
    }
    let mut answer = pin!(answer);
    loop {
        let net = deadline.check_at(Instant::now()) + NET;
        if let Ok(outcome) = tokio::time::timeout_at(net.into(), &mut answer).await {
            return outcome.map_err(Into::into);
        }
        if deadline.check_at(Instant::now()) + NET <= net {
            return Err(Failure::by_host(deadline.missed()));
        }
    }
}

/// Counts an answer that nobody has taken yet.
fn hold(answer: Answer, total: &Arc<AtomicUsize>, limit: usize) -> CompletedCall {
    let size = answer.as_ref().map_or(0, Json::size_bytes);
    match BufferedBytes::more(total, size, limit) {
        Ok(held) => CompletedCall { answer, _held: held },
        Err(failure) => {
            CompletedCall { answer: Err(failure), _held: BufferedBytes { total: Arc::clone(total), bytes: 0 } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_tool_can_have_is_cut_and_refused() {
        let (name, refused) = bounded_name(ToolName::new("a", "ä".repeat(NAME_BYTES)));
        assert!(name.tool.len() <= NAME_BYTES && matches!(refused, Err(CallError::UnknownTool(_))));
        let (name, allowed) = bounded_name(ToolName::new("a", "b".repeat(NAME_BYTES)));
        assert!(name.tool.len() == NAME_BYTES && allowed.is_ok());
    }

    #[test]
    fn buffered_bytes_are_counted_until_they_are_dropped() {
        let total = Arc::default();
        let first = BufferedBytes::more(&total, 60, 100).expect("there is room");
        assert!(BufferedBytes::more(&total, 60, 100).is_err());
        drop(first);
        assert!(BufferedBytes::more(&total, 100, 100).is_ok());
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }
}
