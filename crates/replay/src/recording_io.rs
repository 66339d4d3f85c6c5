//! A `RunIo` that keeps what it gives.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, CallError, CallId, HostBounds, NextWait, RunFiles, RunIo};

use crate::pending_readings::PendingReadings;
use crate::recorded_size::RecordedSize;
use crate::recording_files::RecordingFiles;

/// Keeps what a run takes from another [`RunIo`], and hands it to a sink in batches: when there are 64 KiB of it, when somebody
/// [asks](PendingReadings::hand_on), and when this is dropped, which is at the end of the run.
pub struct RecordingIo<I: RunIo> {
    io: I,
    pending: PendingReadings,
}

impl<I: RunIo> RecordingIo<I> {
    /// Records what a run takes from `io`. The sink is called on the thread of the run, must not block, and says whether it keeps the readings:
    /// if not, the run is not recorded any further.
    pub fn new(io: I, sink: impl FnMut(Vec<Reading>) -> bool + Send + 'static) -> Self {
        Self::after(RecordedSize::default(), io, sink)
    }

    /// The same, for a run of which so much is recorded already.
    pub fn after(size: RecordedSize, io: I, sink: impl FnMut(Vec<Reading>) -> bool + Send + 'static) -> Self {
        Self { io, pending: PendingReadings::after(size, sink) }
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
        self.pending.end();
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
        let mut io = RecordingIo::new(SystemIo::new(), move |batch: Vec<_>| sender.send(batch.len()).is_ok());
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
        assert_eq!((rest.iter().sum::<usize>(), rest.len()), (19 + 15 + 1, 16), "the last one says that it was cut");
    }
}
