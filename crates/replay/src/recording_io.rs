//! A `RunIo` that keeps what it gives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, CallError, CallId, FileValue, HostBounds, NextWait, RunFiles, RunIo, locked};

use crate::recording_files::RecordingFiles;

/// The readings that are recorded of one run, in bytes, a clock reading counting as 16. A run that takes more cannot be replayed
/// beyond: what it records must not grow without bound.
pub const MAX_READINGS_BYTES: usize = 16 << 20;

/// How many bytes of readings are kept before they are handed on.
const BATCH_BYTES: usize = 64 << 10;

/// What a reading counts beside its content.
const READING_BYTES: usize = 16;

/// Keeps what a run takes from another [`RunIo`], and hands it to a sink in batches: when there are 64 KiB of it, when somebody
/// [asks](PendingReadings::hand_on), and when this is dropped, which is at the end of the run.
pub struct RecordingIo<I: RunIo> {
    io: I,
    pending: PendingReadings,
}

/// The readings of a run that were not handed on yet. Clones are the same.
#[derive(Clone)]
pub struct PendingReadings(Arc<Mutex<Batch>>);

struct Batch {
    /// None: the run is over.
    sink: Option<Box<dyn FnMut(Vec<Reading>) + Send>>,
    readings: Vec<Reading>,
    batch_bytes: usize,
    left_bytes: usize,
    is_complete: bool,
}

impl PendingReadings {
    pub(crate) fn record(&self, content_bytes: usize, reading: impl FnOnce() -> Reading) {
        locked(&self.0).record(content_bytes, reading);
    }

    /// Hands on what there is, so that what is recorded next stands behind it.
    pub fn hand_on(&self) {
        locked(&self.0).hand_on();
    }

    /// Whether all that the run has taken is recorded. Without, it cannot be replayed to where it is.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        locked(&self.0).is_complete
    }
}

impl Batch {
    fn record(&mut self, content_bytes: usize, reading: impl FnOnce() -> Reading) {
        let bytes = content_bytes.saturating_add(READING_BYTES);
        let Some(left_bytes) = self.left_bytes.checked_sub(bytes) else {
            // What comes after a gap is of no use.
            (self.left_bytes, self.is_complete) = (0, false);
            return;
        };
        self.left_bytes = left_bytes;
        self.readings.push(reading());
        self.batch_bytes += bytes;
        if self.batch_bytes >= BATCH_BYTES {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if !self.readings.is_empty() {
            self.batch_bytes = 0;
            let readings = std::mem::take(&mut self.readings);
            if let Some(sink) = &mut self.sink {
                sink(readings);
            }
        }
    }
}

/// About how many bytes a reading counts.
pub(crate) fn counted_bytes(reading: &Reading) -> usize {
    let content = match reading {
        Reading::Random(bytes) => bytes.len(),
        Reading::Delivered(calls) => size_of_val(calls.as_slice()),
        Reading::Failed(_, error) => error.to_string().len(),
        Reading::Found(answer) => answer.len(),
        Reading::File { answer: Ok(FileValue::Bytes(bytes)), .. } => bytes.len(),
        Reading::File { answer: Ok(FileValue::Entries(entries)), .. } => {
            entries.iter().map(|entry| entry.name.len().saturating_add(READING_BYTES)).sum()
        }
        _ => 0,
    };
    content.saturating_add(READING_BYTES)
}

impl<I: RunIo> RecordingIo<I> {
    /// Records what a run takes from `io`. The sink is called on the thread of the run and must not block.
    pub fn new(io: I, sink: impl FnMut(Vec<Reading>) + Send + 'static) -> Self {
        Self::after(0, io, sink)
    }

    /// The same, for a run of which so many bytes are recorded already.
    pub fn after(bytes: usize, io: I, sink: impl FnMut(Vec<Reading>) + Send + 'static) -> Self {
        let batch = Batch {
            sink: Some(Box::new(sink)),
            readings: Vec::new(),
            batch_bytes: 0,
            left_bytes: MAX_READINGS_BYTES.saturating_sub(bytes),
            is_complete: true,
        };
        Self { io, pending: PendingReadings(Arc::new(Mutex::new(batch))) }
    }

    /// What was not handed on yet.
    #[must_use]
    pub fn pending(&self) -> PendingReadings {
        self.pending.clone()
    }

    fn record(&mut self, content_bytes: usize, reading: impl FnOnce() -> Reading) {
        self.pending.record(content_bytes, reading);
    }
}

impl<I: RunIo> Drop for RecordingIo<I> {
    fn drop(&mut self) {
        let mut batch = locked(&self.pending.0);
        batch.hand_on();
        batch.sink = None;
    }
}

impl<I: RunIo> RunIo for RecordingIo<I> {
    fn files(&mut self) -> Option<Arc<dyn RunFiles>> {
        let files = self.io.files()?;
        Some(Arc::new(RecordingFiles { files, pending: self.pending() }))
    }

    fn wall_clock(&mut self) -> Duration {
        let now = self.io.wall_clock();
        self.record(0, || Reading::WallClock(now));
        now
    }

    fn monotonic_clock(&mut self) -> Duration {
        let now = self.io.monotonic_clock();
        self.record(0, || Reading::MonotonicClock(now));
        now
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        self.io.fill_random(bytes);
        self.record(bytes.len(), || Reading::Random(bytes.to_vec()));
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.io.sleep_until(deadline)
    }

    fn deliver(&mut self, answered: Vec<CallId>) -> Vec<CallId> {
        self.io.deliver(answered)
    }

    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        self.io.next_wait(outstanding)
    }

    fn waited(&mut self, reported: &[CallId]) {
        self.record(size_of_val(reported), || Reading::Delivered(reported.to_vec()));
    }

    fn host_bounds(&mut self, call: CallId) -> HostBounds {
        self.io.host_bounds(call)
    }

    fn host_failed(&mut self, call: CallId, error: &CallError) {
        self.record(error.to_string().len(), || Reading::Failed(call, error.clone()));
    }

    fn blocked_on(&mut self, call: CallId) {
        self.io.blocked_on(call);
    }

    fn found(&mut self, answer: &str) {
        self.record(answer.len(), || Reading::Found(answer.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use exuvia_host::SystemIo;

    use super::*;

    #[test]
    fn readings_are_handed_on_in_batches_and_at_the_end_and_are_bounded() {
        let (sender, batches) = mpsc::channel();
        let mut io =
            RecordingIo::new(SystemIo::new(), move |batch: Vec<_>| sender.send(batch.len()).expect("it is read"));
        let mut bytes = [0; 1_000];
        (0..64).for_each(|_| io.fill_random(&mut bytes));
        assert!(batches.try_recv().is_err(), "the batch is not full");
        io.wall_clock();
        (0..40).for_each(|_| io.waited(&[CallId(1)]));
        assert_eq!(batches.try_recv(), Ok(86));
        let mut many = vec![0; 1 << 20];
        (0..20).for_each(|_| io.fill_random(&mut many));
        io.wall_clock();
        drop(io);
        let rest: Vec<usize> = batches.try_iter().collect();
        assert_eq!((rest.iter().sum::<usize>(), rest.len()), (19 + 15, 15));
    }
}
