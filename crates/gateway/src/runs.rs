//! The registry of runs in flight: who started them, their state, and how to subscribe to one or cancel it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use exuvia_tool::{CallContext, Principal, RunEvent, RunId};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::ids::now_ms;

/// Buffered events of a run for one subscriber. A subscriber that falls behind loses the oldest.
const EVENTS: usize = 256;

/// How far a run is. One that is over is no longer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// Its script is read, or waits to be.
    Reading,
    /// Its script executes.
    Executing,
    /// Its script waits for the approval of its start.
    Held,
}

/// A run in flight.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RunInfo {
    /// Its name, here and in the journal.
    pub id: RunId,
    /// Who acts.
    pub principal: Principal,
    /// The profile that its client named, if it named one.
    pub profile: Option<Arc<str>>,
    /// The SHA-256 of its script, in lower-case hexadecimal digits. None before the script is read.
    pub source_sha256: Option<String>,
    /// How far it is.
    pub state: RunState,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// Something happened to the registry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RunChange {
    /// A run is in flight, as it was then.
    Started(RunInfo),
    /// A run is no longer in flight.
    Ended(RunId),
}

/// The runs in flight. There are at most as many as the queue has places.
#[derive(Debug, Default)]
pub struct Runs {
    live: Mutex<HashMap<RunId, Arc<LiveRun>>>,
    /// Created by the first subscriber.
    changes: OnceLock<broadcast::Sender<RunChange>>,
}

/// One run in flight.
pub(crate) struct LiveRun {
    info: Mutex<RunInfo>,
    cancellation: CancellationToken,
    /// Created by the first subscriber.
    events: OnceLock<broadcast::Sender<RunEvent>>,
}

/// Keeps a run in the registry until it is dropped.
pub(crate) struct Registered {
    runs: Arc<Runs>,
    run: RunId,
    live: Arc<LiveRun>,
}

impl Runs {
    /// All of them, in the order in which they began.
    #[must_use]
    pub fn list(&self) -> Vec<RunInfo> {
        let mut all: Vec<RunInfo> = self.live().values().map(|live| live.info().clone()).collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all
    }

    /// Cancels a run, which still gives its report. Whether there is one of this name.
    pub fn cancel(&self, run: &RunId) -> bool {
        let live = self.live().get(run).cloned();
        live.inspect(|live| live.cancellation.cancel()).is_some()
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, run: &RunId) -> bool {
        self.live().contains_key(run)
    }

    /// What happens in a run from now on, in order. Ends when the run does. None: there is none of this name.
    #[must_use]
    pub fn subscribe(&self, run: &RunId) -> Option<broadcast::Receiver<RunEvent>> {
        let live = self.live().get(run).cloned()?;
        Some(live.events.get_or_init(|| broadcast::Sender::new(EVENTS)).subscribe())
    }

    /// Beginnings and ends of runs from now on. A subscriber that falls behind loses the oldest.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<RunChange> {
        self.changes.get_or_init(|| broadcast::Sender::new(EVENTS)).subscribe()
    }

    fn changed(&self, change: impl FnOnce() -> RunChange) {
        if let Some(changes) = self.changes.get() {
            // Whoever followed them may be gone.
            let _ = changes.send(change());
        }
    }

    /// How many execute.
    pub(crate) fn executing(&self) -> usize {
        self.live().values().filter(|live| live.info().state == RunState::Executing).count()
    }

    /// A run is in flight.
    pub(crate) fn enter(
        self: &Arc<Self>,
        run: RunId,
        context: &CallContext,
        profile: Option<Arc<str>>,
        cancellation: CancellationToken,
    ) -> Registered {
        let info = RunInfo {
            id: run.clone(),
            principal: context.principal.clone(),
            profile,
            source_sha256: None,
            state: RunState::Queued,
            since_ms: now_ms(),
        };
        let live = Arc::new(LiveRun { info: Mutex::new(info), cancellation, events: OnceLock::new() });
        self.live().insert(run.clone(), Arc::clone(&live));
        self.changed(|| RunChange::Started(live.info().clone()));
        Registered { runs: Arc::clone(self), run, live }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Arc<LiveRun>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveRun {
    fn info(&self) -> MutexGuard<'_, RunInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run is this far now.
    pub(crate) fn is(&self, state: RunState) {
        let mut info = self.info();
        (info.state, info.since_ms) = (state, now_ms());
    }

    /// The run's script is this one.
    pub(crate) fn reads(&self, source_sha256: String) {
        self.info().source_sha256 = Some(source_sha256);
    }

    /// Something happened in the run. Without anybody who follows it this costs nothing.
    pub(crate) fn tell(&self, event: &RunEvent) {
        if let Some(events) = self.events.get() {
            // Whoever followed it may be gone.
            let _ = events.send(event.clone());
        }
    }
}

impl fmt::Debug for LiveRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", *self.info())
    }
}

impl Registered {
    pub(crate) fn live(&self) -> &Arc<LiveRun> {
        &self.live
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.runs.live().remove(&self.run);
        self.runs.changed(|| RunChange::Ended(self.run.clone()));
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{LogStream, Origin};
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn entered(runs: &Arc<Runs>, name: &str) -> (Registered, CancellationToken) {
        let (run, cancellation) = (RunId::new(name), CancellationToken::new());
        let context = CallContext::new(Principal::Operator, Origin::Run(run.clone()));
        (runs.enter(run, &context, Some("team".into()), cancellation.clone()), cancellation)
    }

    #[test]
    fn runs_are_listed_from_their_beginning_to_their_end_and_cancelled_one_by_one() {
        let runs = Arc::<Runs>::default();
        let ((second, other), (first, cancelled)) = (entered(&runs, "b"), entered(&runs, "a"));
        first.live().reads("00ff".to_owned());
        first.live().is(RunState::Executing);
        let told = |info: &RunInfo| (info.id.to_string(), info.state, info.source_sha256.clone());
        let expected =
            [("a".to_owned(), RunState::Executing, Some("00ff".to_owned())), ("b".to_owned(), RunState::Queued, None)];
        assert_eq!(runs.list().iter().map(told).collect::<Vec<_>>(), expected);
        assert_eq!((runs.executing(), runs.list()[0].profile.as_deref()), (1, Some("team")));
        assert!(runs.cancel(&RunId::new("a")) && !runs.cancel(&RunId::new("c")));
        assert!(cancelled.is_cancelled() && !other.is_cancelled());
        drop((first, second));
        assert!(runs.list().is_empty() && !runs.cancel(&RunId::new("a")));
    }

    #[test]
    fn beginnings_and_ends_are_told_to_those_who_follow_them() {
        let runs = Arc::<Runs>::default();
        let _before = entered(&runs, "a");
        let mut changes = runs.changes();
        drop(entered(&runs, "b"));
        assert!(matches!(changes.try_recv(), Ok(RunChange::Started(run)) if run.id == RunId::new("b")));
        assert!(matches!(changes.try_recv(), Ok(RunChange::Ended(run)) if run == RunId::new("b")));
        assert!(changes.try_recv().is_err());
    }

    #[test]
    fn a_subscriber_gets_the_events_of_a_run_to_its_end_and_a_bounded_part_if_late() {
        let runs = Arc::<Runs>::default();
        let (run, _) = entered(&runs, "a");
        let said = |text: usize| RunEvent::Log { stream: LogStream::Stdout, text: text.to_string() };
        run.live().tell(&said(0));
        let mut events = runs.subscribe(&RunId::new("a")).expect("it is there");
        assert!(runs.subscribe(&RunId::new("b")).is_none());
        run.live().tell(&said(1));
        assert!(matches!(events.try_recv(), Ok(RunEvent::Log { text, .. }) if text == "1"));
        (0..EVENTS + 10).for_each(|n| run.live().tell(&said(n)));
        assert!(matches!(events.try_recv(), Err(TryRecvError::Lagged(10))));
        drop(run);
        let left = std::iter::from_fn(|| events.try_recv().ok()).count();
        assert!(left == EVENTS && matches!(events.try_recv(), Err(TryRecvError::Closed)), "{left}");
    }
}
