//! The thread that writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::objects::KnownObjects;
use super::pace::Pace;
use super::prepare::{Keys, Unready};
use super::queue::{Queue, Taken, Urgency, Waiting};
use super::upkeep::{CheckpointFile, Upkeep};
use crate::store::{Batch, PackedObject, Retained, Store};
use crate::tokens::TokenSums;
use crate::{Clock, JournalError, Retention, Seq};

/// What is written at once, in bytes of memory and in entries.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_ENTRIES: usize = 4_096;

/// How long the thread looks for the next durable entry after one was written, and after one was queued, before it sleeps.
const NEAR: Duration = Duration::from_micros(60);
const SOON: Duration = Duration::from_micros(150);

/// A batch that nobody knows of whether it was written.
struct Doubt {
    /// The head of its first record.
    head: Vec<u8>,
    /// How many of its entries were put back.
    kept: usize,
}

pub(super) struct Worker {
    store: Box<dyn Store>,
    queue: Arc<Queue>,
    objects: Arc<KnownObjects>,
    keys: Keys,
    checkpoints: Arc<CheckpointFile>,
    upkeep: Upkeep,
    clock: Clock,
    retention: Retention,
    pace: Pace,
    doubt: Option<Doubt>,
    /// Somebody waited for the last batch.
    was_awaited: bool,
    /// Several did, or one did while it was written.
    was_shared: bool,
    /// Not before: another attempt to write queued entries.
    retry_at: Instant,
    /// Records are written that no checkpoint covers.
    is_dirty: bool,
    checkpoint_at: Instant,
    /// The records that the newest checkpoint covers.
    signed_size: u64,
    /// Retention waits because the clock jumped.
    waits: bool,
    /// The newest checkpoint, until it is in the database.
    unstored: Option<(u64, Vec<u8>)>,
    store_checkpoint_at: Instant,
    retain_at: Instant,
    /// Of what is written, until they are in the database.
    tokens: TokenSums,
}

impl Worker {
    pub(super) fn new(
        store: Box<dyn Store>,
        (queue, objects): (Arc<Queue>, Arc<KnownObjects>),
        checkpoints: Arc<CheckpointFile>,
        upkeep: Upkeep,
        (clock, retention): (Clock, Retention),
        pace: Pace,
    ) -> Self {
        let now = Instant::now();
        Self {
            store,
            queue,
            objects,
            keys: Keys::default(),
            checkpoints,
            upkeep,
            clock,
            retention,
            pace,
            doubt: None,
            was_awaited: false,
            was_shared: false,
            retry_at: now,
            is_dirty: true,
            checkpoint_at: now + pace.checkpoint,
            signed_size: 0,
            waits: false,
            unstored: None,
            store_checkpoint_at: now,
            retain_at: now + pace.checkpoint,
            tokens: TokenSums::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<(), JournalError> {
        while !self.queue.is_closed() {
            self.wait().await;
            self.was_awaited = false;
            if self.is_due() {
                let _ = self.write(false).await;
            }
            self.upkeep().await;
        }
        self.close().await
    }

    /// Waits until something is due.
    async fn wait(&self) {
        if self.was_awaited && self.next_is_near(NEAR) {
            return;
        }
        let mut has_looked = self.was_shared;
        loop {
            let upkeep = if self.is_dirty { self.checkpoint_at.min(self.retain_at) } else { self.retain_at };
            let at = match self.queue.urgency() {
                Urgency::Now => return,
                // A call has come back: a script makes the next one soon.
                Urgency::Queued(since) if !has_looked && since.elapsed() < SOON => {
                    has_looked = true;
                    if self.next_is_near(SOON) {
                        return;
                    }
                    continue;
                }
                Urgency::Queued(since) => upkeep.min((since + self.pace.flush).max(self.retry_at)),
                Urgency::Empty => upkeep,
            };
            if self.queue.is_closed() || at <= Instant::now() || timeout_at(at, self.queue.woken()).await.is_err() {
                return;
            }
        }
    }

    /// Looks for the next durable entry for so long: to wake a sleeping thread takes longer than whoever made the last entry takes to make the
    /// next one. Leaves the processor to everything else.
    fn next_is_near(&self, within: Duration) -> bool {
        let until = std::time::Instant::now() + within;
        while std::time::Instant::now() < until {
            if self.queue.urgency() == Urgency::Now {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    fn is_due(&self) -> bool {
        match self.queue.urgency() {
            Urgency::Now => true,
            Urgency::Queued(since) => (since + self.pace.flush).max(self.retry_at) <= Instant::now(),
            Urgency::Empty => false,
        }
    }

    /// Writes what comes first in the queue.
    async fn write(&mut self, is_last: bool) -> Result<(), JournalError> {
        let result = match self.settle().await {
            Ok(()) => self.write_next(is_last).await,
            Err(error) => {
                self.keys.forget();
                self.queue.set_failing(true);
                self.queue.refuse(self.queue.take_refusable(&error), &error);
                Err(error)
            }
        };
        if result.is_err() {
            self.retry_at = Instant::now() + self.pace.retry;
        }
        result
    }

    /// Finds out whether the batch before this one was written, if nobody knows.
    async fn settle(&mut self) -> Result<(), JournalError> {
        let Some(doubt) = &self.doubt else { return Ok(()) };
        if self.store.settle(&doubt.head).await? {
            self.queue.drop_first(doubt.kept);
            self.is_dirty = true;
        }
        self.doubt = None;
        Ok(())
    }

    async fn write_next(&mut self, is_last: bool) -> Result<(), JournalError> {
        let Taken { entries, objects } = self.queue.take(BATCH_BYTES, BATCH_ENTRIES);
        let (entries, mut batch) = match self.prepared(entries).await {
            Ok(prepared) => prepared,
            Err((entries, error)) => return Err(self.failed(entries, objects, error).1),
        };
        batch.objects = objects;
        if is_last || self.store_checkpoint_at <= Instant::now() {
            batch.checkpoint = self.unstored.take();
        }
        if batch.records.is_empty() && batch.objects.is_empty() && batch.checkpoint.is_none() {
            self.queue.set_failing(false);
            return Ok(());
        }
        match self.store.commit(&batch).await {
            Ok(first) => {
                self.written(entries, &batch, first);
                Ok(())
            }
            Err(error) => {
                self.unstored = batch.checkpoint;
                let head = batch.records.first().map(|record| record.head.clone()).unwrap_or_default();
                let (kept, error) = self.failed(entries, batch.objects, error);
                self.doubt = Some(Doubt { head, kept });
                Err(error)
            }
        }
    }

    /// The batch of these entries, and those that are in it. What can never be written is reported.
    async fn prepared(&mut self, entries: Vec<Waiting>) -> Result<(Vec<Waiting>, Batch), (Vec<Waiting>, JournalError)> {
        let mut batch = Batch::default();
        let mut ready = Vec::with_capacity(entries.len());
        let mut entries = entries.into_iter();
        while let Some(waiting) = entries.next() {
            match self.keys.prepare(&waiting, &mut *self.store).await {
                Ok(prepared) => {
                    batch.records.push(prepared);
                    ready.push(waiting);
                }
                Err(Unready::Entry(error)) => {
                    self.queue.lose(vec![waiting], &error);
                    entries = self.queue.without_refused_runs(entries, &error).into_iter();
                }
                Err(Unready::Store(error)) => {
                    ready.push(waiting);
                    ready.extend(entries);
                    return Err((ready, error));
                }
            }
        }
        Ok((ready, batch))
    }

    fn written(&mut self, entries: Vec<Waiting>, batch: &Batch, first: u64) {
        self.queue.release(&entries, &batch.objects);
        // Before anybody is told.
        self.queue.set_failing(false);
        let awaited = entries.iter().filter(|entry| entry.holds_up()).count();
        self.was_awaited = awaited > 0;
        self.was_shared = awaited + self.queue.durable() > 1;
        for (seq, entry) in (first..).zip(entries) {
            self.tokens.add_entry(&entry.entry, entry.at_ms);
            if let Some(done) = entry.done {
                let _ = done.send(Ok(Seq(seq)));
            }
        }
        self.keys.on_written();
        self.is_dirty |= !batch.records.is_empty();
        if batch.checkpoint.is_some() {
            self.store_checkpoint_at = Instant::now() + self.pace.stored_checkpoint;
        }
    }

    /// Refuses intents that somebody waits for, and keeps the rest for the next attempt. Returns how many entries that are.
    fn failed(
        &mut self,
        entries: Vec<Waiting>,
        objects: Vec<Arc<PackedObject>>,
        error: JournalError,
    ) -> (usize, JournalError) {
        self.keys.forget();
        self.queue.set_failing(true);
        let (refused, queued) = self.queue.refusable(entries, &error);
        self.queue.refuse(refused, &error);
        let kept = queued.len();
        self.queue.put_back(queued, objects);
        (kept, error)
    }

    async fn upkeep(&mut self) {
        let now = Instant::now();
        if self.is_dirty && self.checkpoint_at <= now {
            if self.checkpoint().await.is_ok() {
                self.upkeep.checkpoint();
            }
            self.write_tokens().await;
            self.checkpoint_at = now + self.pace.checkpoint;
        }
        if self.retain_at <= now && self.doubt.is_none() {
            let is_open = |id: &str| self.keys.is_open(id);
            let retained = self.store.retain(self.retention, (self.clock)(), &is_open).await.unwrap_or_default();
            self.retained(retained);
            self.write_tokens().await;
            self.retain_at = Instant::now() + if retained.more { self.pace.flush } else { self.pace.retain };
            // Others may have recorded that they erased something.
            self.is_dirty |= self.store.tree().await.is_ok_and(|tree| tree.size != self.signed_size);
        }
    }

    /// Adds what was counted to the sums in the database. What cannot be written now is tried again.
    async fn write_tokens(&mut self) {
        self.tokens.append(self.queue.take_tokens());
        let sums = self.tokens.sums();
        if !sums.is_empty() && self.store.add_tokens(&sums).await.is_ok() {
            self.tokens = TokenSums::default();
        }
    }

    fn retained(&mut self, retained: Retained) {
        if retained.objects > 0 {
            self.objects.forget();
        }
        self.is_dirty |= retained.is_recorded;
        let is_over = retained.public_bytes > self.retention.max_bytes;
        self.queue.losses().inspect(|losses| losses.public_part(retained.public_bytes, is_over));
        if retained.waits && !std::mem::replace(&mut self.waits, retained.waits) {
            self.queue.losses().inspect(|losses| losses.retention_waits());
        }
        self.waits = retained.waits;
    }

    async fn checkpoint(&mut self) -> Result<(), JournalError> {
        let tree = self.store.tree().await?;
        self.unstored = Some((tree.size, self.checkpoints.sign(tree)?));
        self.signed_size = tree.size;
        self.is_dirty = false;
        Ok(())
    }

    /// Writes all that waits and a last checkpoint, for as long as closing may take.
    async fn close(&mut self) -> Result<(), JournalError> {
        let until = Instant::now() + self.pace.close;
        loop {
            let result = self.write(false).await;
            match (result, self.queue.urgency()) {
                (Ok(()), Urgency::Empty) => break,
                (Ok(()), _) => {}
                (Err(error), _) if Instant::now() >= until => {
                    let Taken { entries, .. } = self.queue.take(usize::MAX, usize::MAX);
                    self.queue.lose(entries, &error);
                    return Err(error);
                }
                (Err(_), _) => tokio::time::sleep(self.pace.retry).await,
            }
        }
        // A process that ends before its first look for what is over has one here.
        let is_open = |id: &str| self.keys.is_open(id);
        let retained = self.store.retain(self.retention, (self.clock)(), &is_open).await.unwrap_or_default();
        self.retained(retained);
        self.write_tokens().await;
        self.checkpoint().await?;
        // The file is written beside the database: closing waits for the disk once.
        self.upkeep.checkpoint();
        self.write(true).await?;
        self.checkpoints.write()
    }
}
