//! Names of runs and of clients' own calls.
//!
//! They are ULIDs: unique over restarts and processes, and sorted by the time at which they were made. Of those of the same
//! millisecond the earlier one of a gateway comes first, too.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia_tool::{DirectCallId, RunId};
use ulid::Ulid;

/// Of the 80 bits that stand behind the time, so many count what was made, and the others are random.
const COUNTED: u32 = 24;

/// Makes all names of a gateway.
#[derive(Debug)]
pub(crate) struct Ids {
    made: AtomicU32,
    /// In place of randomness, should the system have none any more.
    seed: [u8; 7],
}

/// The time of day, in milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Ids {
    /// # Errors
    ///
    /// The system has no randomness.
    pub(crate) fn new() -> io::Result<Self> {
        let mut seed = [0; 7];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { made: AtomicU32::new(0), seed })
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
        let random = random.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte));
        let number = self.made.fetch_add(1, Ordering::Relaxed) % (1 << COUNTED);
        Ulid::from_parts(now_ms(), u128::from(number) << (80 - COUNTED) | random)
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
}
