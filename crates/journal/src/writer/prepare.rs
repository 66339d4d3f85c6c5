//! Entries made ready to be written: encoded, and sealed with the key of their run.

use std::collections::HashMap;
use std::sync::Arc;

use exuvia_tool::Origin;

use super::queue::Waiting;
use crate::blocks::Block;
use crate::hex::Digest;
use crate::index::{Change, State, error_line};
use crate::seal::RunKey;
use crate::store::{KeyState, Prepared, Store};
use crate::wire::{self, BodyRef, Head, version_of};
use crate::{Entry, Event, JournalError, Reading};

/// Runs whose keys are remembered. What is forgotten is read from the store.
const MAX_KEYS: usize = 1 << 16;

/// The keys of the runs that go on.
#[derive(Default)]
pub(super) struct Keys {
    /// None: it was dropped.
    open: HashMap<Arc<str>, Option<RunKey>>,
    /// Those that are over once the batch is written.
    ended: Vec<Arc<str>>,
    /// The last batch was not written: perhaps because a run had begun before.
    is_cautious: bool,
}

/// Why an entry is not ready.
pub(super) enum Unready {
    /// The store could not be asked for the key.
    Store(JournalError),
    /// It can never be written.
    Entry(JournalError),
}

impl Keys {
    /// Whether the run goes on, as far as this process knows.
    pub(super) fn is_open(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    /// The batch is written.
    pub(super) fn on_written(&mut self) {
        self.is_cautious = false;
        for id in self.ended.drain(..) {
            self.open.remove(&id);
        }
        if self.open.len() > MAX_KEYS {
            self.open.clear();
        }
    }

    /// The batch is not written, or not in this form.
    pub(super) fn forget(&mut self) {
        self.is_cautious = true;
        self.open.clear();
        self.ended.clear();
    }

    /// The entry as it will be written.
    pub(super) async fn prepare(&mut self, waiting: &Waiting, store: &mut dyn Store) -> Result<Prepared, Unready> {
        let id = id(&waiting.entry.origin);
        // Whoever begins a run or direct call has just made its id, which no other has: the store, which may be far, is not asked.
        let (key, is_first) = self.key(&id, begins(&waiting.entry) && !self.is_cautious, store).await?;
        let prepared = prepared(&waiting.entry, waiting.at_ms, (&id, key, is_first)).map_err(Unready::Entry)?;
        if matches!(prepared.change.state, State::Ended { .. }) {
            self.ended.push(id);
        }
        Ok(prepared)
    }

    async fn key(
        &mut self,
        id: &Arc<str>,
        is_new: bool,
        store: &mut dyn Store,
    ) -> Result<(Option<RunKey>, bool), Unready> {
        if let Some(key) = self.open.get(id) {
            return Ok((key.clone(), false));
        }
        let state = if is_new { KeyState::New } else { store.key(id).await.map_err(Unready::Store)? };
        let (key, is_first) = match state {
            KeyState::New => (Some(RunKey::generate().map_err(Unready::Store)?), true),
            KeyState::Known(key) => (Some(key), false),
            KeyState::Erased => (None, false),
        };
        self.open.insert(Arc::clone(id), key.clone());
        Ok((key, is_first))
    }
}

/// Whether nothing was recorded of the run or direct call before, unless the batch with this entry was not written. A direct call is one call.
fn begins(entry: &Entry) -> bool {
    match &entry.event {
        Event::RunStarted(_) | Event::RunRefused { .. } => true,
        Event::CallIntended { .. } | Event::CallRefused { .. } => matches!(entry.origin, Origin::Direct(_)),
        _ => false,
    }
}

fn id(origin: &Origin) -> Arc<str> {
    match origin {
        Origin::Run(run) => run.as_str().into(),
        Origin::Direct(call) => call.as_str().into(),
        _ => "".into(),
    }
}

/// The record of an entry of this run or direct call, sealed with its key if it has one. `is_first`: the record has the key.
///
/// # Errors
///
/// The format has no room for it.
pub(crate) fn prepared(
    entry: &Entry,
    at_ms: u64,
    (id, key, is_first): (&Arc<str>, Option<RunKey>, bool),
) -> Result<Prepared, JournalError> {
    if matches!(entry.event, Event::Erased) {
        return Err(wire::malformed("erasing is recorded by whoever erases"));
    }
    let body = match &key {
        Some(key) => wire::body(&entry.event)?.map(|body| key.seal(id, entry.event.kind(), &body)).transpose()?,
        None => None,
    };
    let blocks = if body.is_some() { blocks(&entry.event) } else { Vec::new() };
    let key = key.filter(|_| is_first);
    let head = Head {
        v: version_of(&entry.event),
        seq: 0,
        at_ms,
        principal: entry.principal.clone(),
        run: entry.origin.run().map(|run| run.as_str().to_owned()),
        direct: entry.origin.direct().map(|call| call.as_str().to_owned()),
        event: wire::head_event(&entry.event),
        key_sha256: key.as_ref().map(RunKey::commitment),
        body: body.as_ref().map(|body| BodyRef { bytes: body.len() as u64, sha256: Digest::of(body) }),
    };
    // Without a key there is no private part, and the index has no text of it either.
    let change = Change::of(&head, error_line(&entry.event).filter(|_| body.is_some()));
    Ok(Prepared { id: Arc::clone(id), key, version: head.v, head: head.without_seq()?, body, blocks, change })
}

/// What an event has of files that is kept apart from its record.
fn blocks(event: &Event) -> Vec<Block> {
    let Event::RunReadings(readings) = event else { return Vec::new() };
    let blocks = readings.iter().filter_map(Reading::file_block);
    blocks.map(|(sha256, bytes)| Block { sha256, bytes: bytes.clone() }).collect()
}
