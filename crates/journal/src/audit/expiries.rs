//! What the log says that retention removed.

use super::report::Report;
use crate::wire::{Head, HeadEvent};

/// The records of retention, in order: 56 bytes each.
#[derive(Default)]
pub(super) struct Expiries {
    records: Vec<Expiry>,
    /// What they cover, in order of the places, once it is [sorted](Self::sort).
    covered: Vec<(u64, u64)>,
}

struct Expiry {
    seq: u64,
    first: u64,
    last: u64,
    /// Runs that it says it removed, less those that were found.
    left: u64,
}

impl Expiries {
    /// Notes a record, if it is one of retention.
    pub(super) fn note(&mut self, head: &Head, report: &mut Report) {
        let HeadEvent::Expired { first, last, runs, .. } = head.event else { return };
        if first > last || last >= head.seq {
            report
                .inconsistencies
                .add(format!("record {} says that retention removed what is not before it", head.seq));
        }
        self.records.push(Expiry { seq: head.seq, first, last, left: runs });
    }

    /// Sorts what was noted. Two records may have one run in common: it was removed in two steps. Retention comes back to runs that it stepped
    /// over, so that the order of the records is not that of the runs.
    pub(super) fn sort(&mut self, report: &mut Report) {
        self.covered = self.records.iter().map(|expiry| (expiry.first, expiry.last)).collect();
        self.covered.sort_unstable();
        if let Some(pair) = self.covered.windows(2).find(|pair| pair[1].0 < pair[0].1) {
            let (first, last) = pair[1];
            report
                .inconsistencies
                .add(format!("two records say that retention removed the runs from {first} to {last}"));
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether one of them covers the run that begins there.
    pub(super) fn covers(&self, first: u64) -> bool {
        let place = self.covered.partition_point(|(_, last)| *last < first);
        self.covered.get(place).is_some_and(|(begin, _)| *begin <= first)
    }

    /// Takes the run that begins there off the record at this place. Returns whether the record covers it.
    pub(super) fn take(&mut self, seq: u64, first: u64) -> bool {
        let place = self.records.binary_search_by_key(&seq, |expiry| expiry.seq);
        let expiry = place.ok().and_then(|place| self.records.get_mut(place));
        let Some(expiry) = expiry.filter(|expiry| (expiry.first..=expiry.last).contains(&first)) else { return false };
        let is_left = expiry.left > 0;
        expiry.left = expiry.left.saturating_sub(1);
        is_left
    }

    /// Reports the records that say that more was removed.
    pub(super) fn finish(&self, report: &mut Report) {
        for Expiry { seq, left, .. } in self.records.iter().filter(|expiry| expiry.left > 0) {
            report
                .inconsistencies
                .add(format!("record {seq} says that retention removed {left} runs more than it did"));
        }
    }
}
