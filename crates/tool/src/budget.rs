//! What budgets count, and the refusal of one that is used up.

use std::fmt;
use std::ops::{Index, IndexMut};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Runs that start.
    Runs,
    /// Calls that leave the gateway, of scripts and of clients.
    Calls,
    /// Fuel of runs.
    Fuel,
    /// Time of runs, in milliseconds.
    WallMs,
    /// What calls cost, in millionths.
    Cost,
}

impl Quantity {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Runs, Self::Calls, Self::Fuel, Self::WallMs, Self::Cost];

    /// The name of the key that bounds it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Calls => "calls",
            Self::Fuel => "fuel",
            Self::WallMs => "wall_ms",
            Self::Cost => "cost",
        }
    }
}

/// One value for each [`Quantity`]: amounts, or limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantities<T = u64>([T; Quantity::ALL.len()]);

impl<T> Quantities<T> {
    /// The value that `of` gives for each.
    pub fn of(of: impl FnMut(Quantity) -> T) -> Self {
        Self(Quantity::ALL.map(of))
    }

    /// Each quantity with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Quantity, &T)> {
        Quantity::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<Quantity> for Quantities<T> {
    type Output = T;

    fn index(&self, quantity: Quantity) -> &T {
        &self.0[quantity as usize]
    }
}

impl<T> IndexMut<Quantity> for Quantities<T> {
    fn index_mut(&mut self, quantity: Quantity) -> &mut T {
        &mut self.0[quantity as usize]
    }
}

/// A budget has not enough left for a run or a call. `Display` is for the script and its client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exhausted {
    /// The budget's name. Empty: that of the request itself, which its client has set.
    pub budget: String,
    /// What there is not enough of.
    pub quantity: Quantity,
    /// When to try again, in milliseconds. None: never, with this request.
    pub retry_after_ms: Option<u64>,
    /// What is missing is reserved by runs and calls in flight, which may give some of it back.
    pub is_reserved: bool,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.budget.as_str() {
            "" => f.write_str("the budget of this request")?,
            budget => write!(f, "budget `{budget}`")?,
        }
        let left = if self.is_reserved { "left that is not reserved by what is in flight" } else { "left" };
        write!(f, " has not enough {} {left}", self.quantity.name())?;
        match self.retry_after_ms {
            Some(ms) => write!(f, ": try again in {}", Wait(Duration::from_millis(ms))),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Exhausted {}

/// A time to wait, in at most two units, rounded up.
struct Wait(Duration);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let seconds = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        if seconds <= MINUTE {
            return write!(f, "{} s", seconds.max(1));
        }
        let (large, small, names) = match () {
            () if seconds <= HOUR => (MINUTE, 1, ["min", "s"]),
            () if seconds <= DAY => (HOUR, MINUTE, ["h", "min"]),
            () => (DAY, HOUR, ["d", "h"]),
        };
        let seconds = seconds.next_multiple_of(small);
        match (seconds / large, seconds % large / small) {
            (all, 0) => write!(f, "{all} {}", names[0]),
            (all, rest) => write!(f, "{all} {} {rest} {}", names[0], names[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quantity_has_a_place_of_its_own() {
        let mut amounts = Quantities::of(|quantity| quantity as u64);
        amounts[Quantity::Fuel] += 10;
        let all: Vec<_> = amounts.iter().map(|(quantity, amount)| (quantity.name(), *amount)).collect();
        assert_eq!(all, [("runs", 0), ("calls", 1), ("fuel", 12), ("wall_ms", 3), ("cost", 4)]);
    }

    #[test]
    fn a_refusal_names_the_budget_and_when_to_try_again() {
        let refusal = |budget: &str, retry_after_ms, is_reserved| {
            let budget = budget.to_owned();
            Exhausted { budget, quantity: Quantity::Calls, retry_after_ms, is_reserved }.to_string()
        };
        for (ms, wait) in [
            (0, "1 s"),
            (1, "1 s"),
            (59_001, "60 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "60 min"),
            (3_600_001, "1 h 1 min"),
            (11_520_000, "3 h 12 min"),
            (86_400_000, "24 h"),
            (86_400_001, "1 d 1 h"),
            (30 * 86_400_000, "30 d"),
        ] {
            let told = refusal("support-day", Some(ms), false);
            assert_eq!(told, format!("budget `support-day` has not enough calls left: try again in {wait}"));
        }
        assert_eq!(refusal("", None, false), "the budget of this request has not enough calls left");
        let reserved = refusal("a", Some(1_000), true);
        assert_eq!(
            reserved,
            "budget `a` has not enough calls left that is not reserved by what is in flight: try again in 1 s"
        );
    }
}
