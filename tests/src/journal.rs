//! A journal that fails on request.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use exuvia_gateway::now_ms;
use exuvia_journal::{
    Archive, Entry, Event, Filter, Journal, JournalError, JournalErrorKind, Losses, MemoryJournal, Object, Record, Seq,
    Stamped, Summary,
};
use exuvia_tool::BoxFuture;

/// Keeps entries in memory, but for those of the kinds that are to fail.
pub struct TestJournal {
    kept: MemoryJournal,
    troubles: Mutex<Troubles>,
    losses: OnceLock<Arc<dyn Losses>>,
    /// What runs name by a digest. None: neither objects nor readings are kept.
    objects: Option<Mutex<BTreeMap<String, Arc<Object>>>>,
}

/// By [kind](exuvia_journal::Event::kind).
#[derive(Default)]
struct Troubles {
    failing: Vec<&'static str>,
    stalling: Vec<&'static str>,
    losing: Vec<&'static str>,
}

impl TestJournal {
    /// One that keeps at most about so many bytes.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        let kept = MemoryJournal::new(limit_bytes, now_ms);
        Self { kept, troubles: Mutex::default(), losses: OnceLock::new(), objects: None }
    }

    /// One that keeps what replays need as well.
    #[must_use]
    pub fn for_replays(limit_bytes: usize) -> Self {
        Self { objects: Some(Mutex::default()), ..Self::new(limit_bytes) }
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on entries of these kinds cannot be kept, and all others can.
    pub fn fail(&self, kinds: &[&'static str]) {
        self.troubles().failing = kinds.to_vec();
    }

    /// From now on entries of these kinds are kept, and nobody who waits for that is told.
    pub fn stall(&self, kinds: &[&'static str]) {
        self.troubles().stalling = kinds.to_vec();
    }

    /// From now on entries of these kinds are taken and then lost.
    pub fn lose(&self, kinds: &[&'static str]) {
        self.troubles().losing = kinds.to_vec();
    }

    /// What was kept.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.stamped().into_iter().map(|stamped| stamped.entry).collect()
    }

    /// The same, with places and times.
    #[must_use]
    pub fn stamped(&self) -> Vec<Stamped> {
        self.kept.entries()
    }

    /// The same entries and objects, as if all runs had been made with this guest.
    ///
    /// # Panics
    ///
    /// It keeps nothing for replays.
    #[must_use]
    pub fn made_with(&self, guest_sha256: &str) -> Self {
        let objects = self.objects.as_ref().expect("objects are kept");
        let objects = objects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let other = Self { objects: Some(Mutex::new(objects)), ..Self::new(64 << 20) };
        for mut entry in self.entries() {
            if let Event::RunStarted(start) = &mut entry.event {
                guest_sha256.clone_into(&mut start.guest_sha256);
            }
            other.kept.enqueue(entry).expect("kept");
        }
        other
    }

    /// Removes what runs name by a digest.
    pub fn forget_objects(&self) {
        if let Some(objects) = &self.objects {
            objects.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// The kinds of what was kept.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        self.entries().iter().map(|entry| entry.event.kind()).collect()
    }
}

impl Default for TestJournal {
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

fn full() -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by("the disk is full")
}

impl Journal for TestJournal {
    fn append_durable(&self, entry: Entry) -> BoxFuture<'_, Result<Seq, JournalError>> {
        let kind = entry.event.kind();
        let troubles = self.troubles();
        if troubles.failing.contains(&kind) {
            return Box::pin(ready(Err(full())));
        }
        let appended = self.kept.append_durable(entry);
        if troubles.stalling.contains(&kind) { Box::pin(pending()) } else { appended }
    }

    fn enqueue(&self, entry: Entry) -> Result<(), JournalError> {
        let kind = entry.event.kind();
        let troubles = self.troubles();
        if troubles.failing.contains(&kind) {
            return Err(full());
        }
        if troubles.losing.contains(&kind) {
            if let Some(losses) = self.losses.get() {
                losses.lost(&entry, &full());
            }
            return Ok(());
        }
        self.kept.enqueue(entry)
    }

    fn tell_losses(&self, losses: Arc<dyn Losses>) {
        let _ = self.losses.set(losses);
    }

    fn keeps_readings(&self) -> bool {
        self.objects.is_some()
    }

    fn keep(&self, object: Arc<Object>) -> BoxFuture<'_, Result<(), JournalError>> {
        if let Some(objects) = &self.objects {
            objects.lock().unwrap_or_else(PoisonError::into_inner).insert(object.sha256.clone(), object);
        }
        Box::pin(ready(Ok(())))
    }
}

impl Archive for TestJournal {
    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>, JournalError>> {
        self.kept.record(id)
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>> {
        self.kept.list(filter)
    }

    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>> {
        let objects = self.objects.as_ref().map(|objects| objects.lock().unwrap_or_else(PoisonError::into_inner));
        let object = objects.and_then(|objects| objects.get(sha256).map(|object| Object::clone(object)));
        Box::pin(ready(Ok(object)))
    }
}
