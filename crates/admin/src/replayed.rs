//! What came of a replay, in words that both the command line and the API use.

use exuvia_replay::{Difference, Replayed, Verdict};

/// What an edited script always uses more or less of.
const USAGE: [&str; 2] = ["fuel", "memory_bytes_peak"];

/// The stable name of a verdict.
#[must_use]
pub fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::SameSoFar => "same-so-far",
        Verdict::ReachedCall(_) => "reached-call",
        Verdict::Departed(_) => "departed",
        Verdict::Completed => "completed",
        Verdict::NewCall(_) => "new-call",
        _ => "unknown",
    }
}

/// What comes out differently and is worth to be told.
#[must_use]
pub fn told_differences(replayed: &Replayed) -> Vec<Difference> {
    let is_completed = matches!(replayed.verdict, Verdict::Completed);
    let is_told = |difference: &&Difference| !is_completed || !USAGE.contains(&difference.what);
    replayed.differences.iter().filter(is_told).cloned().collect()
}

/// Whether a run departs from its record, or comes out differently.
#[must_use]
pub fn is_difference(verdict: &Verdict, differences: &[Difference]) -> bool {
    match verdict {
        Verdict::Same | Verdict::SameSoFar | Verdict::ReachedCall(_) => false,
        Verdict::Completed => !differences.is_empty(),
        _ => true,
    }
}
