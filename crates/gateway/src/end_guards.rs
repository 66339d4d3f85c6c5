//! The ends of calls and runs, recorded and counted however they come about.

use std::sync::Arc;
use std::time::Instant;

use exuvia_journal::{Event, FunctionUsage, JournalError, Refusal, RunEnd};
use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{BoxFuture, CallError, CallId, Cost, Deadline, Origin, ToolOutcome};
use exuvia_upstream::Routes;

use crate::approvals::{Parked, RunEnding, RunHolds};
use crate::metrics::Metrics;
use crate::record::{RunRecord, unrecorded};
use crate::recorded_end::{recorded_end, recorded_usage};

/// The outcome of a run or call whose future was dropped before it completed.
const CANCELLED: &str = "cancelled";

/// The outcome of a call that was dropped without one: after its deadline it has timed out, whichever timer fired first.
fn dropped(deadline: Option<&Deadline>) -> &'static str {
    if deadline.is_some_and(|deadline| Instant::now() >= deadline.at()) { "timed-out" } else { CANCELLED }
}

/// What came of a call.
struct Came {
    code: &'static str,
    value_bytes: u64,
    outcome: Option<ToolOutcome>,
}

/// Records the end of a call when dropped. Created before the intent is recorded, so that a call that is dropped while the
/// journal writes leaves no intent without an end.
pub(crate) struct CallEndGuard {
    record: Arc<RunRecord>,
    id: CallId,
    begun: Instant,
    deadline: Option<Deadline>,
    /// What came of it.
    came: Option<Came>,
    /// Its end is recorded, or it has none because its intent could not be.
    is_over: bool,
    /// Whether the journal has refused its intent.
    intent: Arc<Refusal>,
}

impl CallEndGuard {
    pub(crate) fn new(record: &Arc<RunRecord>, id: CallId, deadline: Option<Deadline>) -> Self {
        let (came, is_over, intent) = Default::default();
        Self { record: Arc::clone(record), id, begun: Instant::now(), deadline, came, is_over, intent }
    }

    /// By which the journal says that it refuses the intent.
    pub(crate) fn intent(&self) -> &Arc<Refusal> {
        &self.intent
    }

    /// This came of the call.
    pub(crate) fn came(&mut self, outcome: &ToolOutcome) {
        let value_bytes = outcome.as_ref().map_or(0, |value| value.size_bytes() as u64);
        let code = outcome.as_ref().map_or_else(CallError::code, |_| "ok");
        self.came = Some(Came { code, value_bytes, outcome: Some(outcome.clone()) });
    }

    /// This came of a client's own call, which has its answer as the server wrote it.
    pub(crate) fn relayed(&mut self, code: &'static str, outcome: Option<ToolOutcome>, value_bytes: u64) {
        self.came = Some(Came { code, value_bytes, outcome });
    }

    /// The call is not made: it has no end.
    pub(crate) fn forget(mut self) {
        self.is_over = true;
    }

    /// Records what came of the call, durable when it returns: a client is about to see it. A failure is logged and counted; the call has been
    /// made, and its answer is not withheld.
    pub(crate) async fn end(mut self) {
        self.is_over = true;
        let ended = self.ended();
        let _ = self.record.require(ended).await;
    }

    fn ended(&mut self) -> Event {
        let none = || Came { code: dropped(self.deadline.as_ref()), value_bytes: 0, outcome: None };
        let Came { code, value_bytes, outcome } = self.came.take().unwrap_or_else(none);
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Event::CallEnded { id: self.id, code: code.to_owned(), outcome, value_bytes, ms }
    }
}

impl Drop for CallEndGuard {
    fn drop(&mut self) {
        // An intent that was refused, of which nobody has heard, has no end.
        if !self.is_over && !self.intent.leave() {
            let ended = self.ended();
            self.record.note(ended);
        }
    }
}

/// Counts a call when dropped.
pub(crate) struct CallCountGuard {
    metrics: Arc<Metrics>,
    /// None: the server does not exist, and its name is untrusted text of the caller.
    server: Option<String>,
    begun: Instant,
    deadline: Option<Deadline>,
    pub(crate) code: Option<&'static str>,
}

impl CallCountGuard {
    pub(crate) fn new(metrics: &Arc<Metrics>, server: Option<String>, deadline: Option<Deadline>) -> Self {
        Self { metrics: Arc::clone(metrics), server, begun: Instant::now(), deadline, code: None }
    }
}

impl Drop for CallCountGuard {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            let code = self.code.unwrap_or_else(|| dropped(self.deadline.as_ref()));
            self.metrics.call_ended(server, code, self.begun.elapsed());
        }
    }
}

/// Records and counts the end of a run, when it is reported or when this is dropped.
pub(crate) struct RunEndGuard {
    record: Arc<RunRecord>,
    metrics: Arc<Metrics>,
    begun: Instant,
    /// Whether its start is recorded, or about to be: only then its end is.
    pub(crate) is_started: bool,
    /// Its start, as long as it is not recorded.
    pub(crate) starting: Option<BoxFuture<'static, Result<(), JournalError>>>,
    is_over: bool,
    /// What the run came to, before notes were added for its author.
    pub(crate) came: Option<RunEnd>,
    /// What of it is held.
    pub(crate) holds: Option<Arc<RunHolds>>,
}

impl RunEndGuard {
    pub(crate) fn new(record: &Arc<RunRecord>, metrics: &Arc<Metrics>) -> Self {
        let (record, metrics, begun) = (Arc::clone(record), Arc::clone(metrics), Instant::now());
        let (is_started, is_over, starting, came, holds) = Default::default();
        Self { record, metrics, begun, is_started, starting, is_over, came, holds }
    }

    /// The run ended in this way. Waits until that is recorded for good, and says in the report what is missing in the record.
    /// Whether there is a record, and nothing is.
    pub(crate) async fn end(mut self, report: &mut Report) -> bool {
        self.is_over = true;
        let held = self.holds.take().filter(|holds| holds.is_begun());
        if let Some(holds) = held.as_ref().filter(|holds| holds.is_lost()) {
            tracing::warn!(run.id = %holds.run, "another process has the run");
            *report = Report::not_started(Outcome::Unavailable("another process goes on with this run".to_owned()));
            return false;
        }
        if let Some((holds, parked)) = held.as_ref().and_then(|holds| Some((holds, holds.parked_run()?))) {
            return self.park(holds, &parked, report).await;
        }
        let is_recorded = self.record_end(report).await;
        if let Some(holds) = &held {
            let ending = match &report.outcome {
                Outcome::Void(why) => RunEnding::Void(why.clone()),
                _ => RunEnding::Over,
            };
            holds.end(ending).await;
        }
        is_recorded
    }

    /// Whether the run has no instance any more and goes on later.
    pub(crate) fn is_parked(&self) -> bool {
        self.holds.as_ref().is_some_and(|holds| holds.parked_run().is_some())
    }

    /// Records that the run has no instance any more, and gives it to whoever brings it back.
    async fn park(mut self, holds: &RunHolds, parked: &Parked, report: &Report) -> bool {
        self.metrics.run_parked();
        let usage = self.came.take().map_or_else(|| recorded_usage(report, Cost::ZERO), |end| end.usage);
        let event = Event::RunParked { held: parked.approvals(), usage };
        // Without it the run is brought back as well.
        let is_recorded = self.record.require(event).await.is_ok();
        holds.end(RunEnding::Parked).await;
        tracing::info!(run.id = %holds.run, approvals = parked.held.len(), "run parked");
        is_recorded
    }

    async fn record_end(&mut self, report: &mut Report) -> bool {
        let (took, mut is_recorded) = (self.begun.elapsed(), false);
        // A start that is not recorded yet is recorded with the end, or refused with it.
        let starting = self.starting.take();
        if self.is_started && (starting.is_some() || !self.record.start().leave()) {
            let mut end = self.came.take().unwrap_or_else(|| recorded_end(report, Cost::ZERO));
            // Nothing goes on from here.
            end.usage.functions = FunctionUsage::default();
            // A failure is logged and counted. One that is late is recorded when the journal can be written again.
            let recorded = self.record.require(Event::RunEnded(Box::new(end))).await;
            is_recorded = recorded.is_ok();
            if let Err(error) = recorded
                && self.record.start().leave()
            {
                *report = Report::not_started(Outcome::Unavailable(unrecorded(&error)));
            }
        }
        drop(starting);
        self.metrics.run_ended(report, took);
        report.unrecorded = self.record.lost();
        is_recorded && report.unrecorded == 0
    }
}

impl Drop for RunEndGuard {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime of runs ends, or something in the run panicked.
            let outcome = if std::thread::panicking() { "fault" } else { CANCELLED };
            self.metrics.run_dropped(outcome);
            // What is held is brought back, by whoever finds that this process has left it.
            let is_held = self.holds.as_ref().is_some_and(|holds| holds.is_begun());
            if self.is_started && !is_held && !self.record.start().leave() {
                let end = RunEnd { outcome: outcome.to_owned(), ..RunEnd::default() };
                self.record.note(Event::RunEnded(Box::new(end)));
            }
        }
    }
}

/// Tells the servers when a run, or a client's own call, is over.
pub(crate) struct OriginEndGuard {
    routes: Routes,
    origin: Origin,
}

impl OriginEndGuard {
    pub(crate) fn of(routes: Routes, origin: Origin) -> Self {
        Self { routes, origin }
    }
}

impl Drop for OriginEndGuard {
    fn drop(&mut self) {
        self.routes.ended(&self.origin);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::{Debug, Write as _};
    use std::future::{poll_fn, ready};
    use std::sync::Mutex;
    use std::task::Poll;

    use exuvia_journal::{Entry, Journal, JournalError, JournalErrorKind, Seq};
    use exuvia_tool::{Arguments, BoxFuture, CallContext, Origin, Principal, RunId, ToolCall, ToolName};
    use tracing::field::{Field, Visit};
    use tracing::span;

    use super::*;
    use crate::record::Recorder;
    use crate::tool_pins::WithheldTools;

    /// As much waits to be written as may wait.
    struct Full;

    impl Journal for Full {
        fn append_durable(&self, _: Entry) -> BoxFuture<'_, Result<Seq, JournalError>> {
            Box::pin(ready(Err(JournalError::new(JournalErrorKind::Full))))
        }

        fn enqueue(&self, _: Entry) -> Result<(), JournalError> {
            Err(JournalError::new(JournalErrorKind::Full))
        }
    }

    /// Nothing can be written now, which takes a while to find out.
    struct Unwritable;

    impl Journal for Unwritable {
        fn append_durable(&self, _: Entry) -> BoxFuture<'_, Result<Seq, JournalError>> {
            Box::pin(ready(Err(JournalError::new(JournalErrorKind::Unavailable))))
        }

        fn append_start(&self, _: Entry, refusal: &Arc<Refusal>) -> BoxFuture<'_, Result<Seq, JournalError>> {
            let refusal = Arc::clone(refusal);
            Box::pin(async move {
                tokio::task::yield_now().await;
                let kind = if refusal.refuse() { JournalErrorKind::Unavailable } else { JournalErrorKind::Late };
                Err(JournalError::new(kind))
            })
        }

        fn enqueue(&self, _: Entry) -> Result<(), JournalError> {
            Ok(())
        }
    }

    fn intent() -> Event {
        let (name, arguments) = (ToolName::new("crm", "get"), Arguments::parse("{}").unwrap());
        let call = ToolCall { id: CallId(1), name, arguments, line: None };
        Event::CallIntended { call, written: None, rule: String::new(), cost: Cost::ZERO }
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_written_ends_the_run_unless_it_has_done_something() {
        let recorder = Recorder::new(Arc::new(Unwritable), Arc::new(Metrics::new(Default::default())));
        for does_something in [false, true] {
            let record = recorder.of(&CallContext::new(Principal::Operator, Origin::Run(RunId::new("01J"))));
            let mut start = Box::pin(Arc::clone(&record).start_meanwhile(Event::RunStarted(Box::default())));
            let begun = poll_fn(|context| Poll::Ready(start.as_mut().poll(context))).await;
            assert!(begun.is_pending());
            if does_something {
                // A call that may be repeated is made before its intent is durable.
                record.queue(intent()).unwrap();
            }
            assert_eq!(start.await.is_ok(), does_something);
            assert_eq!(record.start().is_refused(), !does_something);
            assert_eq!(record.queue(intent()).is_ok(), does_something);
            assert_eq!(record.lost(), u64::from(!does_something));
        }
    }

    #[tokio::test]
    async fn a_run_whose_start_is_refused_with_its_end_is_answered_as_one_that_was_not_run() {
        let metrics = Arc::new(Metrics::new(Default::default()));
        let recorder = Recorder::new(Arc::new(Unwritable), Arc::clone(&metrics));
        for is_kept in [false, true] {
            let record = recorder.of(&CallContext::new(Principal::Operator, Origin::Run(RunId::new("01J"))));
            let mut ending = RunEndGuard::new(&record, &metrics);
            ending.is_started = true;
            ending.starting = Some(Box::pin(std::future::pending()));
            assert!(if is_kept { !record.start().leave() } else { record.start().refuse() });
            let mut report = Report::not_started(Outcome::Cancelled);
            assert!(!ending.end(&mut report).await);
            assert_eq!(report.outcome.name(), if is_kept { "cancelled" } else { "unavailable" });
        }
    }

    /// The events of the log, with their fields.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, "{field}={value:?} ").unwrap();
        }
    }

    impl tracing::Subscriber for Log {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(format!("{} ", event.metadata().level()));
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn the_operator_hears_of_an_end_that_is_lost_when_a_call_or_a_run_is_dropped() {
        let metrics = Arc::new(Metrics::new(Default::default()));
        let recorder = Recorder::new(Arc::new(Full), Arc::clone(&metrics));
        let record = recorder.of(&CallContext::new(Principal::Operator, Origin::Run(RunId::new("01J"))));
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            drop(CallEndGuard::new(&record, CallId(7), None));
            let mut ending = RunEndGuard::new(&record, &metrics);
            ending.is_started = true;
            drop(ending);
        });
        let told = log.0.lock().unwrap().clone();
        assert_eq!(told.len(), 2, "{told:?}");
        for (line, fields) in told.iter().zip([
            &["ERROR", "run.id=01J", "call.id=7", "entry=\"call-ended\"", "error.kind=\"full\""][..],
            &["ERROR", "run.id=01J", "entry=\"run-ended\"", "no room"],
        ]) {
            assert!(fields.iter().all(|field| line.contains(field)), "{line}");
        }
        assert!(recorder.is_failing() && record.lost() == 2);
        let counted = metrics.text(&[], &BTreeMap::new(), &BTreeMap::new(), &[], &WithheldTools::default());
        for kind in ["call-ended", "run-ended"] {
            let line = format!("exuvia_journal_append_failures_total{{entry=\"{kind}\"}} 1\n");
            assert!(counted.contains(&line), "{counted}");
        }
    }
}
