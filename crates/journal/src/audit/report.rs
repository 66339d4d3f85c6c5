//! What verification reports.

use super::findings::Findings;

/// What verification found, in two verdicts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Records in the log.
    pub records: u64,
    /// Runs and direct calls.
    pub runs: u64,
    /// Those among them that somebody erased: their private parts cannot be checked.
    pub erased_runs: u64,
    /// Those whose private parts retention removed.
    pub expired_runs: u64,
    /// Blocks that runs read of files and that were compared with their digests.
    pub file_blocks: u64,
    /// Checkpoints that were compared, that in the file included.
    pub checkpoints: u64,
    /// The records that the newest checkpoint covers. Later ones are consistent, but could be cut off without a trace.
    pub covered_records: u64,
    /// What shows that the log was changed, or is damaged.
    pub inconsistencies: Findings,
    /// Outcomes without an intent, and runs that do not begin with their start.
    pub gaps: Findings,
    /// Calls that were dispatched and have no outcome: unknown, or still going on.
    pub unknown_calls: Findings,
    /// Runs without an end: unknown, or still going on.
    pub unknown_runs: Findings,
}

impl Report {
    /// No record was changed, removed, inserted or moved, no checkpoint says otherwise, and what runs read of files is there as it was read.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.inconsistencies.is_empty()
    }

    /// Each outcome has its intent, and each intent its outcome or is listed as unknown; the same of runs and their ends.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }
}
