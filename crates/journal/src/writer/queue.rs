//! What waits to be written: in order, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::refused_runs::RefusedRuns;
use crate::store::PackedObject;
use crate::tokens::{TokenKind, TokenSums};
use crate::{Entry, Event, JournalError, JournalErrorKind, Losses, Refusal, Seq};

/// Why an entry is not taken.
const NO_START: &str = "the start of its run could not be recorded";

/// An entry that waits to be written.
pub(super) struct Waiting {
    pub(super) entry: Entry,
    pub(super) at_ms: u64,
    bytes: usize,
    /// Who waits for it. None: it is queued.
    pub(super) done: Option<oneshot::Sender<Result<Seq, JournalError>>>,
    /// Of an intent whose waiter may leave.
    refusal: Option<Arc<Refusal>>,
    /// Whoever waits does something else meanwhile: it is written with what comes next.
    is_unhurried: bool,
}

impl Waiting {
    pub(super) fn new(entry: Entry, at_ms: u64, done: Option<oneshot::Sender<Result<Seq, JournalError>>>) -> Self {
        Self { bytes: entry.size_bytes(), entry, at_ms, done, refusal: None, is_unhurried: false }
    }

    /// The same, of an intent whose waiter may leave.
    pub(super) fn refusable_by(self, refusal: Arc<Refusal>) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    /// Whether it is the start of a run.
    fn is_start(&self) -> bool {
        matches!(self.entry.event, Event::RunStarted(_))
    }

    /// The same, where nothing is held up by it.
    pub(super) fn unhurried(self) -> Self {
        Self { is_unhurried: true, ..self }
    }

    /// Whether somebody does nothing until it is written.
    pub(super) fn holds_up(&self) -> bool {
        self.done.is_some() && !self.is_unhurried
    }

    /// Refuses it if it cannot be written now and may be dropped: what has not been done yet, and is not done then. Whoever is gone meanwhile
    /// does not learn of a refusal, and has queued what became of the intent: this one stays, so that the log has both.
    fn is_refused(&self) -> bool {
        let is_awaited = self.done.as_ref().is_some_and(|done| !done.is_closed());
        self.entry.event.is_intent() && is_awaited && self.refusal.as_ref().is_none_or(|refusal| refusal.refuse())
    }
}

/// What is taken from the queue to be written.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) entries: Vec<Waiting>,
    pub(super) objects: Vec<Arc<PackedObject>>,
}

/// How urgent it is to write.
#[derive(Debug, PartialEq)]
pub(super) enum Urgency {
    Empty,
    /// Something is queued since then.
    Queued(Instant),
    /// Somebody waits, or much waits.
    Now,
}

pub(super) struct Queue {
    state: Mutex<State>,
    wake: Notify,
    limit_bytes: usize,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Waiting>,
    objects: VecDeque<Arc<PackedObject>>,
    /// Of entries and objects, those included that are being written.
    bytes: usize,
    /// How many of the entries hold somebody up.
    durable: usize,
    /// Runs of which nothing is kept.
    refused: RefusedRuns,
    since: Option<Instant>,
    is_closed: bool,
    is_failing: bool,
    losses: Option<Arc<dyn Losses>>,
    /// Of what is no entry.
    tokens: TokenSums,
}

impl State {
    /// Of entries that cannot be written now, those that are refused, and the others, in order.
    fn parted(&mut self, entries: impl IntoIterator<Item = Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        entries.into_iter().partition(|waiting| {
            let is_refused = self.refused.has(&waiting.entry) || waiting.is_refused();
            if is_refused && waiting.is_start() {
                self.refused.add(waiting.entry.origin.run());
            }
            is_refused
        })
    }

    /// Takes out what waits of runs whose start was refused.
    fn purged(&mut self) -> Vec<Waiting> {
        let (purged, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|waiting| self.refused.has(&waiting.entry));
        self.durable = left.iter().filter(|waiting| waiting.holds_up()).count();
        self.entries = left.into();
        if self.entries.is_empty() && self.objects.is_empty() {
            self.since = None;
        }
        purged
    }
}

impl Queue {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { state: Mutex::default(), wake: Notify::new(), limit_bytes }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry. It is made under the lock, so that the times have the order of the places, as far as the clock has.
    pub(super) fn push(&self, waiting: impl FnOnce() -> Waiting) -> Result<(), JournalError> {
        let mut state = self.state();
        self.admit(&state)?;
        let waiting = waiting();
        if waiting.is_start() {
            state.refused.remove(waiting.entry.origin.run());
        } else if state.refused.has(&waiting.entry) {
            return Err(JournalError::new(JournalErrorKind::Unavailable).caused_by(NO_START));
        }
        if state.bytes > 0 && state.bytes + waiting.bytes > self.limit_bytes {
            return Err(JournalError::new(JournalErrorKind::Full));
        }
        state.bytes += waiting.bytes;
        let is_first = state.since.is_none();
        if is_first {
            state.since = Some(Instant::now());
        }
        let is_durable = waiting.holds_up();
        state.durable += usize::from(is_durable);
        state.entries.push_back(waiting);
        if is_first || is_durable || state.bytes > self.limit_bytes / 4 {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Adds an object: it is written before any entry that is added later, or with it.
    pub(super) fn push_object(&self, object: PackedObject) -> Result<(), JournalError> {
        let mut state = self.state();
        self.admit(&state)?;
        state.bytes += object.zstd.len();
        state.since.get_or_insert_with(Instant::now);
        state.objects.push_back(Arc::new(object));
        self.wake.notify_one();
        Ok(())
    }

    fn admit(&self, state: &State) -> Result<(), JournalError> {
        if state.is_closed {
            return Err(JournalError::new(JournalErrorKind::Unavailable).caused_by("the journal is closed"));
        }
        if state.bytes >= self.limit_bytes {
            return Err(JournalError::new(JournalErrorKind::Full));
        }
        Ok(())
    }

    /// Takes what comes first, up to so many bytes: at least one entry, if there is one. It counts as waiting until it is released.
    pub(super) fn take(&self, max_bytes: usize, max_entries: usize) -> Taken {
        let mut state = self.state();
        let mut taken = Taken { objects: state.objects.drain(..).collect(), entries: Vec::new() };
        let mut bytes = 0;
        while let Some(next) = state.entries.front()
            && (taken.entries.is_empty() || (bytes + next.bytes <= max_bytes && taken.entries.len() < max_entries))
        {
            bytes += next.bytes;
            state.durable -= usize::from(next.holds_up());
            taken.entries.extend(state.entries.pop_front());
        }
        state.since = (!state.entries.is_empty()).then(Instant::now);
        taken
    }

    /// What was taken is dealt with: it counts no more.
    pub(super) fn release(&self, entries: &[Waiting], objects: &[Arc<PackedObject>]) {
        let bytes: usize = entries.iter().map(|entry| entry.bytes).sum();
        let more: usize = objects.iter().map(|object| object.zstd.len()).sum();
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes + more);
    }

    /// Puts back what could not be written. Nobody waits for it.
    pub(super) fn put_back(&self, entries: Vec<Waiting>, objects: Vec<Arc<PackedObject>>) {
        let mut state = self.state();
        for entry in entries.into_iter().rev() {
            state.entries.push_front(entry);
        }
        for object in objects.into_iter().rev() {
            state.objects.push_front(object);
        }
        if !state.entries.is_empty() || !state.objects.is_empty() {
            state.since.get_or_insert_with(Instant::now);
        }
    }

    /// Drops the first entries: they are written.
    pub(super) fn drop_first(&self, count: usize) {
        let mut state = self.state();
        let count = count.min(state.entries.len());
        let written: Vec<_> = state.entries.drain(..count).collect();
        drop(state);
        self.release(&written, &[]);
    }

    /// Of entries that cannot be written now, those that are refused, and the others, in order: nobody waits for them any more. With the start of a
    /// run everything is refused that came of it, here and in the queue.
    pub(super) fn refusable(
        &self,
        entries: impl IntoIterator<Item = Waiting>,
        error: &JournalError,
    ) -> (Vec<Waiting>, Vec<Waiting>) {
        let mut state = self.state();
        let (mut refused, queued) = state.parted(entries);
        if refused.iter().any(Waiting::is_start) {
            refused.extend(state.purged());
        }
        drop(state);
        (refused, told_late(queued, error))
    }

    /// Takes the entries that cannot be written now and may be refused. Those that stay are told so.
    pub(super) fn take_refusable(&self, error: &JournalError) -> Vec<Waiting> {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.entries);
        let (refused, queued) = state.parted(waiting);
        (state.entries, state.durable) = (told_late(queued, error).into(), 0);
        refused
    }

    pub(super) fn urgency(&self) -> Urgency {
        let state = self.state();
        match state.since {
            _ if state.durable > 0 || state.bytes > self.limit_bytes / 4 && !state.is_failing => Urgency::Now,
            Some(since) => Urgency::Queued(since),
            None => Urgency::Empty,
        }
    }

    /// How many entries somebody waits for.
    pub(super) fn durable(&self) -> usize {
        self.state().durable
    }

    /// Waits until something is urgent that was not.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(super) fn set_failing(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    pub(super) fn is_failing(&self) -> bool {
        self.state().is_failing
    }

    /// Tells those who wait for these entries that they are not kept.
    pub(super) fn refuse(&self, entries: Vec<Waiting>, error: &JournalError) {
        self.release(&entries, &[]);
        for Waiting { done, refusal, .. } in entries {
            // Before it is told, also of what goes with the start of its run.
            let _ = refusal.map(|refusal| refusal.refuse());
            if let Some(done) = done {
                let _ = done.send(Err(repeated(JournalErrorKind::Unavailable, error)));
            }
        }
    }

    /// The same entries without those of runs whose start was refused, which are refused as well.
    pub(super) fn without_refused_runs(
        &self,
        entries: impl Iterator<Item = Waiting>,
        error: &JournalError,
    ) -> Vec<Waiting> {
        let state = self.state();
        let (refused, others) = entries.partition(|waiting| state.refused.has(&waiting.entry));
        drop(state);
        self.refuse(refused, error);
        others
    }

    /// Nothing is kept of a run whose start can never be written.
    fn refuse_run(&self, start: &Entry, error: &JournalError) {
        let mut state = self.state();
        state.refused.add(start.origin.run());
        let purged = state.purged();
        drop(state);
        self.refuse(purged, error);
    }

    /// Reports entries that were taken and can never be written.
    pub(super) fn lose(&self, entries: Vec<Waiting>, error: &JournalError) {
        self.release(&entries, &[]);
        let losses = self.losses();
        for entry in entries {
            let hears = entry.refusal.as_ref().is_none_or(|refusal| refusal.refuse());
            if hears && entry.is_start() {
                self.refuse_run(&entry.entry, error);
            }
            match (entry.done.filter(|_| hears), &losses) {
                (Some(done), _) => drop(done.send(Err(repeated(error.kind(), error)))),
                (None, Some(losses)) => losses.lost(&entry.entry, error),
                (None, None) => {}
            }
        }
    }

    /// Adds to the sums of tokens. Nobody is woken for it.
    pub(super) fn add_tokens(&self, at_ms: u64, kind: TokenKind, sum: (u64, u64)) {
        self.state().tokens.add(at_ms, kind, sum);
    }

    /// Takes what was added to the sums of tokens.
    pub(super) fn take_tokens(&self) -> TokenSums {
        std::mem::take(&mut self.state().tokens)
    }

    pub(super) fn tell_losses(&self, losses: Arc<dyn Losses>) {
        self.state().losses = Some(losses);
    }

    /// Who is told of losses.
    pub(super) fn losses(&self) -> Option<Arc<dyn Losses>> {
        self.state().losses.clone()
    }
}

/// The same entries, for which nobody waits any more.
fn told_late(mut entries: Vec<Waiting>, error: &JournalError) -> Vec<Waiting> {
    for done in entries.iter_mut().filter_map(|entry| entry.done.take()) {
        let _ = done.send(Err(repeated(JournalErrorKind::Late, error)));
    }
    entries
}

/// The same error for one more who waits.
fn repeated(kind: JournalErrorKind, error: &JournalError) -> JournalError {
    let cause = if error.kind() == kind { error.causes() } else { format!("{error:#}") };
    JournalError::new(kind).caused_by(cause)
}
