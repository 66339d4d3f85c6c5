//! The readings of a run that were not handed on yet.

use std::sync::{Arc, Mutex};

use exuvia_journal::{Cut, Reading};
use exuvia_tool::locked;

use crate::recorded_size::RecordedSize;

/// How many bytes of readings are kept before they are handed on.
const BATCH_BYTES: usize = 64 << 10;

/// Takes readings, and says whether it has.
type Sink = Box<dyn FnMut(Vec<Reading>) -> bool + Send>;

/// The readings of a run that were not handed on yet. Clones are the same.
#[derive(Clone)]
pub struct PendingReadings(Arc<Mutex<Batch>>);

struct Batch {
    /// None: the run is over.
    sink: Option<Sink>,
    readings: Vec<Reading>,
    batch_bytes: usize,
    size: RecordedSize,
    /// Why nothing more is recorded. What comes after a gap is of no use.
    cut: Option<Cut>,
}

impl PendingReadings {
    /// Those of a run of which so much is recorded already.
    pub(crate) fn after(size: RecordedSize, sink: impl FnMut(Vec<Reading>) -> bool + Send + 'static) -> Self {
        let (readings, batch_bytes, cut) = Default::default();
        let batch = Batch { sink: Some(Box::new(sink)), readings, batch_bytes, size, cut };
        Self(Arc::new(Mutex::new(batch)))
    }

    /// The run is over: hands on what there is, and nothing afterwards.
    pub(crate) fn end(&self) {
        let mut batch = locked(&self.0);
        batch.hand_on();
        batch.sink = None;
    }

    pub(crate) fn record(&self, content_bytes: usize, reading: impl FnOnce() -> Reading) {
        locked(&self.0).record(|size| size.add_bytes(content_bytes).map(|bytes| (bytes, reading())));
    }

    /// Records an answer of the files of the run.
    pub(crate) fn record_file(&self, reading: Reading) {
        if !self.are_complete() {
            return;
        }
        // Of what is large, the digest is computed here, and not under the lock.
        let _ = reading.file_block();
        locked(&self.0).record(|size| size.add(&reading).map(|bytes| (bytes, reading)));
    }

    /// Hands on what there is, so that what is recorded next stands behind it.
    pub fn hand_on(&self) {
        locked(&self.0).hand_on();
    }

    /// Whether all that the run has taken is recorded. Without, it cannot be replayed.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        locked(&self.0).cut.is_none()
    }
}

impl Batch {
    fn record(&mut self, add: impl FnOnce(&mut RecordedSize) -> Result<(usize, Reading), Cut>) {
        if self.cut.is_some() {
            return;
        }
        match add(&mut self.size) {
            Ok((bytes, reading)) => {
                self.readings.push(reading);
                self.batch_bytes += bytes;
            }
            Err(cut) => self.cut(cut),
        }
        if self.batch_bytes >= BATCH_BYTES {
            self.hand_on();
        }
    }

    fn cut(&mut self, cut: Cut) {
        self.cut = Some(cut);
        self.readings.push(Reading::Cut(cut));
    }

    fn hand_on(&mut self) {
        let Some(sink) = self.sink.as_mut().filter(|_| !self.readings.is_empty()) else { return };
        self.batch_bytes = 0;
        let is_taken = sink(std::mem::take(&mut self.readings));
        if !is_taken && self.cut != Some(Cut::Journal) {
            // To be handed on with the next, or at the end: there may be room for this alone.
            self.cut(Cut::Journal);
        }
    }
}
