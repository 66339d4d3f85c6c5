//! What the log says that retention removed.

use super::report::Report;
use crate::wire::{Head, HeadEvent};

/// The records of retention, in order: 40 bytes each.
#[derive(Default)]
pub(super) struct Expiries(Vec<Expiry>);

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
        let before = self.0.last().map_or(0, |before| before.last);
        if first > last || last >= head.seq || first < before {
            report
                .inconsistencies
                .add(format!("record {} says that retention removed what is not before it", head.seq));
        }
        self.0.push(Expiry { seq: head.seq, first, last, left: runs });
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether one of them covers the run that begins there.
    pub(super) fn covers(&self, first: u64) -> bool {
        let place = self.0.partition_point(|expiry| expiry.last < first);
        self.0.get(place).is_some_and(|expiry| expiry.first <= first)
    }

    /// Takes the run that begins there off the record at this place. Returns whether the record covers it.
    pub(super) fn take(&mut self, seq: u64, first: u64) -> bool {
        let place = self.0.binary_search_by_key(&seq, |expiry| expiry.seq);
        let expiry = place.ok().and_then(|place| self.0.get_mut(place));
        let Some(expiry) = expiry.filter(|expiry| (expiry.first..=expiry.last).contains(&first)) else { return false };
        let is_left = expiry.left > 0;
        expiry.left = expiry.left.saturating_sub(1);
        is_left
    }

    /// Reports the records that say that more was removed.
    pub(super) fn finish(&self, report: &mut Report) {
        for Expiry { seq, left, .. } in self.0.iter().filter(|expiry| expiry.left > 0) {
            report
                .inconsistencies
                .add(format!("record {seq} says that retention removed {left} runs more than it did"));
        }
    }
}
