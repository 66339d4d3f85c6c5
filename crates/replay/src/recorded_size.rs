//! How much is recorded of what a run took from the world.

use std::collections::HashSet;

use exuvia_journal::{Cut, Reading};
use exuvia_tool::FileValue;

/// The readings that are recorded of one run, in bytes, a clock reading counting as 16, without what it read of files. A run that takes more
/// cannot be replayed: what it records must not grow without bound.
pub const MAX_READINGS_BYTES: usize = 16 << 20;

/// What is recorded of what one run read of files, in bytes: the same block counts once. A run that reads more cannot be replayed.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// What a reading counts beside its content.
const READING_BYTES: usize = 16;

/// How much is recorded of one run. That of a run that begins: nothing.
#[derive(Debug, Clone, Default)]
pub struct RecordedSize {
    bytes: usize,
    file_bytes: usize,
    blocks: HashSet<[u8; 32]>,
}

impl RecordedSize {
    /// Counts a reading with content of so many bytes. Returns how many it counts.
    ///
    /// # Errors
    ///
    /// It is too much. It is not counted.
    pub(crate) fn add_bytes(&mut self, content_bytes: usize) -> Result<usize, Cut> {
        let added = content_bytes.saturating_add(READING_BYTES);
        let bytes = self.bytes.saturating_add(added);
        if bytes > MAX_READINGS_BYTES {
            return Err(Cut::Readings);
        }
        self.bytes = bytes;
        Ok(added)
    }

    /// Counts a reading. Returns how many bytes it adds to what is to be handed on.
    ///
    /// # Errors
    ///
    /// It is too much. It is not counted.
    pub(crate) fn add(&mut self, reading: &Reading) -> Result<usize, Cut> {
        let block = match reading {
            Reading::FileBlock { sha256, bytes, .. } => Some((*sha256, usize::try_from(*bytes).unwrap_or(usize::MAX))),
            other => other.file_block().map(|(sha256, bytes)| (sha256, bytes.len())),
        };
        let Some((sha256, bytes)) = block else {
            return self.add_bytes(content_bytes(reading));
        };
        if self.blocks.contains(&sha256) {
            return self.add_bytes(sha256.len()).map(|added| added.saturating_add(bytes));
        }
        let file_bytes = self.file_bytes.saturating_add(bytes);
        if file_bytes > MAX_FILE_BYTES {
            return Err(Cut::Files);
        }
        let added = self.add_bytes(sha256.len())?;
        self.file_bytes = file_bytes;
        self.blocks.insert(sha256);
        Ok(added.saturating_add(bytes))
    }
}

/// About how many bytes a reading has beside its own size.
fn content_bytes(reading: &Reading) -> usize {
    match reading {
        Reading::Random(bytes) => bytes.len(),
        Reading::Delivered(calls) => size_of_val(calls.as_slice()),
        Reading::Failed(_, error) => error.to_string().len(),
        Reading::Found(answer) => answer.len(),
        Reading::File { answer: Ok(FileValue::Bytes(bytes)), .. } => bytes.len(),
        Reading::File { answer: Ok(FileValue::Entries(entries)), .. } => {
            entries.iter().map(|entry| entry.name.len().saturating_add(READING_BYTES)).sum()
        }
        _ => 0,
    }
}
