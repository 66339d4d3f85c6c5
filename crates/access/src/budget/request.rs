//! The budget that a client sets for one request: lower than what it has, never higher.

use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_config::{LEAST_FUEL, LEAST_WALL_MS};
use exuvia_tool::{Cost, Exhausted, Quantities, Quantity};
use serde_json::Value;

/// The key in `_meta` under which a client sets it.
pub const BUDGET_KEY: &str = "exuvia/budget";

/// The budget of one request: of a script, or of a client's own call. What it does not name is bounded by whatever else holds.
#[derive(Debug, Default)]
pub struct RequestBudget {
    limits: Quantities<Option<u64>>,
    /// What calls have used of it.
    used: Quantities<AtomicU64>,
}

impl RequestBudget {
    /// Reads what a client sent: an object with any of `calls`, `fuel`, `wall_ms` and `cost`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the client.
    pub fn parse(sent: &Value) -> Result<Self, String> {
        let wrong = |message: &str| format!("{BUDGET_KEY}: {message}");
        let Value::Object(sent) = sent else {
            return Err(wrong("must be an object with `calls`, `fuel`, `wall_ms` or `cost`"));
        };
        let mut limits = Quantities::<Option<u64>>::default();
        for (key, value) in sent {
            let (quantity, least) = match key.as_str() {
                "calls" => (Quantity::Calls, 0),
                "fuel" => (Quantity::Fuel, LEAST_FUEL),
                "wall_ms" => (Quantity::WallMs, LEAST_WALL_MS),
                "cost" => (Quantity::Cost, 0),
                _ => return Err(wrong("has a key other than `calls`, `fuel`, `wall_ms` and `cost`")),
            };
            let limit = match quantity {
                Quantity::Cost => cost(value).ok_or("must be a number from 0 up with at most 6 decimals".to_owned()),
                _ => value
                    .as_u64()
                    .filter(|limit| *limit >= least)
                    .ok_or(format!("must be a whole number from {least} up")),
            };
            limits[quantity] = Some(limit.map_err(|message| wrong(&format!("`{key}` {message}")))?);
        }
        Ok(Self { limits, ..Self::default() })
    }

    /// The lower of its limit and this one.
    #[must_use]
    pub fn lower(&self, quantity: Quantity, limit: u64) -> u64 {
        self.limits[quantity].map_or(limit, |own| own.min(limit))
    }

    /// Takes these amounts of what has a limit: all, or nothing.
    pub(crate) fn take(&self, amounts: &Quantities) -> Result<(), Exhausted> {
        for quantity in Quantity::ALL {
            let Some(limit) = self.limits[quantity] else { continue };
            let more = |used: u64| used.checked_add(amounts[quantity]).filter(|used| *used <= limit);
            if self.used[quantity].fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
                let taken = Quantities::of(|other| if other < quantity { amounts[other] } else { 0 });
                self.give_back(&taken);
                return Err(Exhausted { budget: String::new(), quantity, retry_after_ms: None, is_reserved: false });
            }
        }
        Ok(())
    }

    /// Gives back what was not used.
    pub(crate) fn give_back(&self, amounts: &Quantities) {
        for quantity in Quantity::ALL.into_iter().filter(|&quantity| self.limits[quantity].is_some()) {
            self.used[quantity].fetch_sub(amounts[quantity], Ordering::Relaxed);
        }
    }
}

fn cost(value: &Value) -> Option<u64> {
    let Value::Number(number) = value else { return None };
    number.to_string().parse::<Cost>().ok().map(Cost::micros)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_lowers_limits_and_never_raises_one() {
        let budget = RequestBudget::parse(&json!({"fuel": 5_000_000, "wall_ms": 18_446_744_073_709_551_615_u64}))
            .expect("valid");
        assert_eq!(budget.lower(Quantity::Fuel, 20_000_000), 5_000_000);
        assert_eq!(budget.lower(Quantity::Fuel, 2_000_000), 2_000_000);
        assert_eq!(budget.lower(Quantity::WallMs, 120_000), 120_000);
        assert_eq!(budget.lower(Quantity::Calls, 7), 7);
    }

    #[test]
    fn calls_and_cost_of_a_request_end_where_it_says_and_are_taken_together() {
        let budget = RequestBudget::parse(&json!({"calls": 3, "cost": 0.05})).expect("valid");
        let amounts = |calls, cost| {
            let mut amounts = Quantities::default();
            (amounts[Quantity::Calls], amounts[Quantity::Cost]) = (calls, cost);
            amounts
        };
        assert_eq!(budget.take(&amounts(1, 40_000)), Ok(()));
        let refused = budget.take(&amounts(1, 20_000)).expect_err("too expensive");
        assert_eq!((refused.quantity, refused.retry_after_ms), (Quantity::Cost, None));
        // The call was not counted either.
        assert!(budget.take(&amounts(2, 0)).is_ok());
        assert_eq!(budget.take(&amounts(1, 0)).expect_err("none left").quantity, Quantity::Calls);
        budget.give_back(&amounts(1, 0));
        assert!(budget.take(&amounts(1, 10_000)).is_ok());
    }

    #[test]
    fn what_is_no_budget_is_refused_with_what_to_send() {
        for (sent, told) in [
            (json!(5), "must be an object"),
            (json!({"runs": 1}), "has a key other than"),
            (json!({"calls": -1}), "`calls` must be a whole number from 0 up"),
            (json!({"calls": 1.5}), "`calls` must be"),
            (json!({"calls": "1"}), "`calls` must be"),
            (json!({"fuel": 10}), "`fuel` must be a whole number from 1000000 up"),
            (json!({"wall_ms": 0}), "`wall_ms` must be a whole number from 100 up"),
            (json!({"cost": -0.1}), "`cost` must be a number"),
            (json!({"cost": 0.000_000_1}), "`cost` must be a number"),
            (json!({"cost": null}), "`cost` must be a number"),
        ] {
            let error = RequestBudget::parse(&sent).expect_err("invalid");
            assert!(error.starts_with("exuvia/budget: ") && error.contains(told), "{sent}: {error}");
        }
        assert!(RequestBudget::parse(&json!({})).is_ok());
    }
}
