//! The import `meter`: gives a run its fuel, slice by slice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Result;

use crate::bindings::exuvia::sandbox::meter;
use crate::{FuelClaimed, OutOfFuel, Sandbox};

/// The fuel that a guest gets at a time. Of a run that is stopped between two slices, as much may be missing in what is
/// reported.
pub const FUEL_SLICE: u64 = 100_000;

/// After how much fuel a guest yields: some 5 ms of work. A guest that computes lets others run, and can be stopped, this
/// often.
const YIELD: u64 = 5_000_000;

/// Fuel that several runs use together. Each has a limit of its own as well.
#[derive(Debug)]
pub struct SharedFuel {
    limit: u64,
    used: AtomicU64,
}

impl SharedFuel {
    /// This much. At the limit every one of the runs is stopped at its next slice: together they use at most one
    /// [slice](FUEL_SLICE) more for each that executes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self::after(limit, 0)
    }

    /// The same, of which so much was used before.
    #[must_use]
    pub fn after(limit: u64, used: u64) -> Self {
        Self { limit, used: AtomicU64::new(used) }
    }

    /// What is used of it, as of the last slices.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether there was as much left.
    fn spend(&self, spent: u64) -> bool {
        let add = |used: u64| Some(used.saturating_add(spent));
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).unwrap_or(u64::MAX);
        before.saturating_add(spent) <= self.limit
    }
}

/// The fuel of one run.
pub(crate) struct Meter {
    limit: u64,
    used: u64,
    given: i64,
    /// What it uses together with others.
    pub(crate) shared: Option<Arc<SharedFuel>>,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: 0, given: 0, shared: None }
    }

    /// That of a further script of the same guest, which has the rest of the last slice.
    pub(crate) fn after(&self, limit: u64) -> Self {
        Self { limit, used: 0, given: self.given, shared: None }
    }

    /// The fuel used so far, as of the last slice.
    pub(crate) fn used(&self) -> u64 {
        self.used.min(self.limit)
    }

    /// Takes what is left of the last slice, and gives the next one.
    fn next_slice(&mut self, balance: i64) -> Result<i64> {
        // The guest's code takes from what it was given, and never adds: whatever else calls this can make a run end sooner,
        // not later.
        let Ok(spent) = u64::try_from(i128::from(self.given) - i128::from(balance)) else {
            return Err(FuelClaimed { claimed: balance, given: self.given }.into());
        };
        self.used = self.used.saturating_add(spent);
        if self.used > self.limit {
            return Err(OutOfFuel { allowed: self.limit }.into());
        }
        if let Some(shared) = &self.shared
            && !shared.spend(spent)
        {
            return Err(OutOfFuel { allowed: shared.limit }.into());
        }
        let slice = FUEL_SLICE.min(self.limit - self.used);
        self.given = i64::try_from(slice).unwrap_or(i64::MAX);
        Ok(self.given)
    }
}

impl meter::Host for Sandbox {
    async fn next_slice(&mut self, balance: i64) -> Result<i64> {
        let yields = self.meter.used / YIELD;
        let slice = self.meter.next_slice(balance)?;
        if self.meter.used / YIELD > yields {
            tokio::task::yield_now().await;
        }
        Ok(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{FUEL_SLICE, Meter};
    use crate::OutOfFuel;

    const GIVEN: i64 = FUEL_SLICE.cast_signed();

    #[test]
    fn what_was_given_and_is_not_left_is_used() {
        let mut meter = Meter::new(2 * FUEL_SLICE);
        assert_eq!(meter.next_slice(-7).expect("fuel"), GIVEN);
        assert_eq!(meter.used(), 7);
        assert_eq!(meter.next_slice(GIVEN - 10).expect("fuel"), GIVEN);
        assert_eq!(meter.used(), 17);
        assert_eq!(meter.next_slice(-1).expect("the rest"), GIVEN - 18);
        assert_eq!(meter.next_slice(0).expect("exactly all of it"), 0);
        assert_eq!(meter.used(), 2 * FUEL_SLICE);
        let error = meter.next_slice(-1).expect_err("no more");
        assert_eq!(error.downcast_ref::<OutOfFuel>().expect("its kind").allowed, 2 * FUEL_SLICE);
        assert_eq!(meter.used(), 2 * FUEL_SLICE);
    }

    #[test]
    fn a_guest_that_claims_more_than_it_was_given_is_stopped() {
        let mut meter = Meter::new(u64::MAX);
        for balance in [1, i64::MAX] {
            assert!(meter.next_slice(balance).is_err(), "{balance}");
        }
        meter.next_slice(-1).expect("fuel");
        assert!(meter.next_slice(GIVEN + 1).is_err());
        assert_eq!(meter.next_slice(i64::MIN).expect("a large debt is used fuel"), GIVEN);
        assert!(meter.used() > 1 << 62);
    }

    /// Calls that are not the guest's own code's, at any time and with any balance, only add to what is used.
    #[test]
    fn nothing_is_gained_by_calls_in_between() {
        for between in [GIVEN, GIVEN / 2, 0, -1, -GIVEN] {
            let mut meter = Meter::new(10 * FUEL_SLICE);
            let mut consumed = 0;
            let mut balance = meter.next_slice(-1).expect("fuel");
            let stopped = loop {
                if meter.next_slice(between.min(meter.given)).is_err() {
                    break true;
                }
                consumed += u64::try_from(balance + 1).expect("a slice");
                match meter.next_slice(-1) {
                    Ok(next) => balance = next,
                    Err(_) => break true,
                }
                if consumed > 11 * FUEL_SLICE {
                    break false;
                }
            };
            assert!(stopped, "{between}");
        }
    }
}
