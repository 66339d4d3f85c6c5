//! Verification of what runs read of files, which is kept apart from their records.

use std::collections::{HashMap, HashSet};

use super::report::Report;
use crate::blocks::BlockSecret;
use crate::seal::RunKey;
use crate::store::{IndexRow, Reads};
use crate::wire::{Head, stamped};
use crate::{Event, JournalError, Reading};

/// Blocks that are remembered as read, about 10 MB: what several runs read is checked once. What is forgotten is read again.
const REMEMBERED: usize = 1 << 18;

/// The blocks that were read: whether each has the bytes of its digest.
#[derive(Default)]
pub(super) struct Blocks(HashMap<[u8; 32], bool>);

/// What is wrong with the blocks of one run.
#[derive(Default)]
struct Wrong {
    missing: u64,
    changed: u64,
}

impl Blocks {
    /// Checks the blocks that these records of a run name, one record and one block in memory at a time. A run that was erased has none.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub(super) async fn check(
        &mut self,
        reads: &dyn Reads,
        row: &IndexRow,
        records: &[u64],
        report: &mut Report,
    ) -> Result<(), JournalError> {
        let key = row.key.filter(|_| row.run.erased_by.is_none()).map(RunKey::from);
        let Some(key) = key.filter(|_| !records.is_empty()) else { return Ok(()) };
        let kept = reads.block_names(row.run.first).await?;
        let secret = BlockSecret::new(&kept.secret);
        let (mut seen, mut wrong) = (HashSet::new(), Wrong::default());
        for &seq in records {
            let Some(named) = named(reads, seq, &key, report).await? else { continue };
            for sha256 in named.into_iter().filter(|sha256| seen.insert(*sha256)) {
                let name = secret.name(&sha256);
                if !kept.names.contains(name.as_slice()) {
                    wrong.missing += 1;
                } else if !self.is_whole(reads, &secret, (&sha256, name), report).await? {
                    wrong.changed += 1;
                }
            }
        }
        wrong.add(&row.run.id, report);
        Ok(())
    }

    /// Whether a block has the bytes of its digest.
    async fn is_whole(
        &mut self,
        reads: &dyn Reads,
        secret: &BlockSecret,
        (sha256, name): (&[u8; 32], [u8; 32]),
        report: &mut Report,
    ) -> Result<bool, JournalError> {
        if let Some(is_whole) = self.0.get(sha256) {
            return Ok(*is_whole);
        }
        report.file_blocks += 1;
        let is_whole = reads.block(name).await?.is_some_and(|sealed| secret.opened(sha256, &sealed).is_ok());
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(*sha256, is_whole);
        Ok(is_whole)
    }
}

impl Wrong {
    fn add(&self, id: &str, report: &mut Report) {
        if self.missing + self.changed > 0 {
            report.inconsistencies.add(format!(
                "{id} cannot be replayed: of the blocks that it read of its files, {} are missing and {} differ from their digests",
                self.missing, self.changed
            ));
        }
    }
}

/// The blocks that a record names, by digest. None: it cannot be told, which is reported.
async fn named(
    reads: &dyn Reads,
    seq: u64,
    key: &RunKey,
    report: &mut Report,
) -> Result<Option<Vec<[u8; 32]>>, JournalError> {
    let row = reads.rows(seq.saturating_sub(1), 1).await?.pop().filter(|row| row.seq == seq);
    // One that is missing was reported with the run.
    let Some((head, body)) = row.and_then(|row| Some((Head::parse(&row.head).ok()?, row.body?))) else {
        return Ok(None);
    };
    let opened = key.open(head.id(), head.event.kind(), &body);
    let Ok(Event::RunReadings(readings)) =
        opened.and_then(|body| stamped(head, Some(&body))).map(|stamped| stamped.entry.event)
    else {
        report.inconsistencies.add(format!("the private part of record {seq} does not open with the key of its run"));
        return Ok(None);
    };
    let digests = readings.into_iter().filter_map(|reading| match reading {
        Reading::FileBlock { sha256, .. } => Some(sha256),
        _ => None,
    });
    Ok(Some(digests.collect()))
}
