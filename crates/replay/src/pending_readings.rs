//! The readings of a run that were not handed on yet.

use std::sync::{Arc, Mutex};

use exuvia_journal::Reading;
use exuvia_tool::{FileValue, locked};

/// The readings that are recorded of one run, in bytes, a clock reading counting as 16. A run that takes more cannot be replayed
/// beyond: what it records must not grow without bound.
pub const MAX_READINGS_BYTES: usize = 16 << 20;

/// How many bytes of readings are kept before they are handed on.
const BATCH_BYTES: usize = 64 << 10;

/// What a reading counts beside its content.
const READING_BYTES: usize = 16;

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
    /// Those of a run of which so many bytes are recorded already.
    pub(crate) fn after(bytes: usize, sink: impl FnMut(Vec<Reading>) + Send + 'static) -> Self {
        let batch = Batch {
            sink: Some(Box::new(sink)),
            readings: Vec::new(),
            batch_bytes: 0,
            left_bytes: MAX_READINGS_BYTES.saturating_sub(bytes),
            is_complete: true,
        };
        Self(Arc::new(Mutex::new(batch)))
    }

    /// The run is over: hands on what there is, and nothing afterwards.
    pub(crate) fn end(&self) {
        let mut batch = locked(&self.0);
        batch.hand_on();
        batch.sink = None;
    }

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
