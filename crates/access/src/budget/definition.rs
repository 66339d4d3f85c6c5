//! A budget as configured, and as it is for one who acts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_config::{BudgetAction, BudgetConfig};
use exuvia_journal::BudgetOverride;
use exuvia_tool::{Quantities, Quantity};

use super::calendar::Calendar;

/// A budget, and how often something went beyond it.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name.
    pub(crate) name: Arc<str>,
    pub(crate) config: BudgetConfig,
    pub(crate) calendar: Calendar,
    pub(crate) exceeded: Quantities<AtomicU64>,
}

/// The limits of a budget for one who acts, some of them others for a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BudgetLimits {
    configured: Quantities<Option<u64>>,
    /// Those in place of them, and until when.
    overridden: Option<(Quantities<Option<u64>>, u64)>,
}

impl Definition {
    pub(crate) fn new(name: &str, config: BudgetConfig) -> Arc<Self> {
        let calendar = Calendar { period: config.period, time_zone: config.time_zone.clone() };
        Arc::new(Self { name: name.into(), config, calendar, exceeded: Quantities::of(|_| AtomicU64::new(0)) })
    }

    pub(crate) fn refuses(&self) -> bool {
        self.config.action == BudgetAction::Refuse
    }

    /// One more thing went beyond it.
    pub(crate) fn exceeded(&self, quantity: Quantity) {
        self.exceeded[quantity].fetch_add(1, Ordering::Relaxed);
    }

    /// Its limits, where these overrides are those of who acts.
    pub(crate) fn limits(&self, overrides: &[BudgetOverride], now_ms: u64) -> BudgetLimits {
        let configured = self.config.limits;
        // Of several the one that holds longest.
        let own = overrides.iter().filter(|own| *own.budget == *self.name && own.until_ms > now_ms);
        let overridden = own.max_by_key(|own| own.until_ms).map(|own| (overridden(&configured, own), own.until_ms));
        BudgetLimits { configured, overridden }
    }
}

fn overridden(configured: &Quantities<Option<u64>>, own: &BudgetOverride) -> Quantities<Option<u64>> {
    let BudgetOverride { percent, amounts, .. } = own;
    Quantities::of(|quantity| {
        let scaled = configured[quantity].map(|limit| scaled(limit, *percent));
        amount(amounts, quantity).or(scaled)
    })
}

fn amount(amounts: &BTreeMap<String, u64>, quantity: Quantity) -> Option<u64> {
    amounts.get(quantity.name()).copied()
}

fn scaled(limit: u64, percent: u32) -> u64 {
    u64::try_from(u128::from(limit) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

impl BudgetLimits {
    /// The limit of a quantity at this time. None: there is none.
    pub(crate) fn of(&self, quantity: Quantity, now_ms: u64) -> Option<u64> {
        match &self.overridden {
            Some((limits, until_ms)) if now_ms < *until_ms => limits[quantity],
            _ => self.configured[quantity],
        }
    }

    /// Until when these limits hold, seen from this time, if they ever change.
    pub(crate) fn hold_until(&self, now_ms: u64) -> Option<u64> {
        self.overridden.as_ref().map(|(_, until_ms)| *until_ms).filter(|until_ms| now_ms < *until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::tests::budget;

    #[test]
    fn an_override_replaces_limits_until_its_end_and_the_longest_counts() {
        let definition = Definition::new("day", budget(&[(Quantity::Calls, 10), (Quantity::Fuel, 1_000)]));
        let own = |budget: &str, percent, calls: Option<u64>, until_ms| BudgetOverride {
            budget: budget.to_owned(),
            percent,
            amounts: calls.map(|calls| ("calls".to_owned(), calls)).into_iter().collect(),
            until_ms,
        };
        let overrides = [
            own("other", 1, None, 900),
            own("day", 200, None, 500),
            own("day", 150, Some(50), 700),
            own("day", 1, None, 50),
        ];
        let limits = definition.limits(&overrides, 100);
        let at = |now| [Quantity::Calls, Quantity::Fuel, Quantity::Runs].map(|quantity| limits.of(quantity, now));
        assert_eq!((at(100), at(699)), ([Some(50), Some(1_500), None], [Some(50), Some(1_500), None]));
        assert_eq!(at(700), [Some(10), Some(1_000), None]);
        assert_eq!((limits.hold_until(100), limits.hold_until(700)), (Some(700), None));
        assert_eq!(definition.limits(&[], 100).of(Quantity::Calls, 100), Some(10));
        assert_eq!(scaled(u64::MAX, 200), u64::MAX);
    }
}
