//! Names of runs and of clients' own calls.
//!
//! They are ULIDs: unique over restarts and processes, and sorted by the time at which they were made. Of those of the same
//! millisecond the earlier one of a gateway comes first, too.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia_tool::{DirectCallId, RunId};
use ulid::Ulid;

/// Of the 80 bits that stand behind the time, so many count what was made in the same millisecond, and the others are random. A client
/// learns nothing from its names of how much others have made.
const COUNTED: u32 = 20;
const RANDOM: u32 = 80 - COUNTED;

/// Makes all names of a gateway.
#[derive(Debug)]
pub(crate) struct Ids {
    /// The millisecond of the latest name, above the number of those that were made in it.
    latest: AtomicU64,
    /// In place of randomness, should the system have none any more.
    seed: [u8; 8],
}

/// The time of day, in milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// A name of this process that no other one on this machine has or had.
pub(crate) fn process_name() -> String {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} {}", std::process::id(), started.as_nanos())
}

impl Ids {
    /// # Errors
    ///
    /// The system has no randomness.
    pub(crate) fn new() -> io::Result<Self> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { latest: AtomicU64::new(0), seed })
    }

    /// The name of another run.
    pub(crate) fn run(&self) -> RunId {
        RunId::new(self.next().to_string())
    }

    /// The name of another call that a client makes itself.
    pub(crate) fn direct_call(&self) -> DirectCallId {
        DirectCallId::new(self.next().to_string())
    }

    fn next(&self) -> Ulid {
        let mut random = self.seed;
        // What it began with is as good where that fails: no other process has it.
        let _ = getrandom::fill(&mut random);
        let random = u128::from(u64::from_ne_bytes(random));
        let mut made = 0;
        // Never earlier than the latest one: a clock may be set back. More in one millisecond than are counted are of the next one.
        let _ = self.latest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| {
            made = (latest + 1).max(now_ms() << COUNTED);
            Some(made)
        });
        let number = u128::from(made % (1 << COUNTED));
        Ulid::from_parts(made >> COUNTED, (number << RANDOM) | (random % (1 << RANDOM)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_new_and_sorted_and_tell_when_they_were_made() {
        let begun = now_ms();
        let (ids, others) = (Ids::new().unwrap(), Ids::new().unwrap());
        let names: Vec<String> = (0..10_000).map(|_| ids.run().to_string()).collect();
        assert!(names.is_sorted());
        let all: BTreeSet<String> =
            names.iter().cloned().chain((0..10_000).map(|_| others.run().to_string())).collect();
        assert_eq!(all.len(), 20_000);
        for name in &all {
            let made = Ulid::from_string(name).unwrap().timestamp_ms();
            assert!(name.len() == 26 && (begun..=now_ms()).contains(&made), "{name}");
        }
    }

    #[test]
    fn a_name_tells_nothing_of_how_many_were_made_before() {
        let number = |name: RunId| Ulid::from_string(name.as_str()).unwrap().random() >> RANDOM;
        let ids = Ids::new().unwrap();
        (0..1_000).for_each(|_| drop(ids.run()));
        std::thread::sleep(std::time::Duration::from_millis(10));
        assert_eq!(number(ids.run()), 0);
    }
}
