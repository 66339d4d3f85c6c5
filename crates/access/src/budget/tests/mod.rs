//! Budgets over a store in memory, whose clock and faults the tests set.

mod store;

mod crossing;
mod faults;
mod random;
mod runs;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_config::{BudgetAction, BudgetConfig, Each, Members, Period};
use exuvia_tool::{Cost, Principal, Quantities, Quantity};
use jiff::tz::TimeZone;

use self::store::FakeStore;
use super::*;
use crate::identity::Source;
use crate::{Access, Identity};

/// Noon, 29 November 2026, UTC.
const NOON: u64 = 1_795_953_600_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// A budget of a day for everyone together.
pub(super) fn budget(limits: &[(Quantity, u64)]) -> BudgetConfig {
    let mut all = Quantities::default();
    limits.iter().for_each(|&(quantity, limit)| all[quantity] = Some(limit));
    BudgetConfig {
        members: Members::default(),
        each: Each::All,
        period: Period::Day,
        time_zone: TimeZone::UTC,
        limits: all,
        action: BudgetAction::Refuse,
    }
}

/// The budgets of processes with one store and one clock.
struct World {
    store: Arc<FakeStore>,
    now_ms: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::default(), now_ms: Arc::new(AtomicU64::new(NOON)) }
    }

    fn process<const N: usize>(&self, budgets: [(&str, BudgetConfig); N]) -> Arc<Budgets> {
        let configured: BTreeMap<String, BudgetConfig> =
            budgets.into_iter().map(|(name, budget)| (name.to_owned(), budget)).collect();
        let now_ms = Arc::clone(&self.now_ms);
        let store = Arc::clone(&self.store) as Arc<dyn exuvia_journal::AccessStore>;
        Budgets::new(store, &configured, Access::open(), Arc::new(move || now_ms.load(Ordering::Relaxed)))
    }

    fn at(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }
}

fn key(name: &str) -> Arc<Identity> {
    Identity::new(Principal::Key(name.into()), "support", Arc::default(), Source::Nobody)
}

fn spender(budgets: &Arc<Budgets>, name: &str) -> Spender {
    budgets.spender(&key(name), None)
}

/// Makes a call, if it may be made.
async fn call(spender: &Spender, cost: u64) -> Result<(), Refused> {
    spender.reserve_call(Cost::from_micros(cost)).await.map(|reservation| drop(reservation.map(CallReservation::make)))
}

/// How many of so many calls may be made.
async fn calls(spender: &Spender, count: usize) -> usize {
    let mut made = 0;
    for _ in 0..count {
        made += usize::from(call(spender, 0).await.is_ok());
    }
    made
}

fn exhausted(refused: Refused) -> exuvia_tool::Exhausted {
    match refused {
        Refused::Exhausted(exhausted) => exhausted,
        Refused::Uncounted => panic!("the store answers"),
    }
}
