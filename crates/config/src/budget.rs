//! Budgets: what who acts may use in a period of the calendar.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use exuvia_tool::{Principal, Quantities};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::choices::values_only;

/// What may be used in a period, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetConfig {
    /// Whom it is for.
    pub members: Members,
    /// How many counters it has.
    pub each: Each,
    /// How long its counters count before they begin again at 0.
    pub period: Period,
    /// Where the calendar is that the periods are taken from.
    pub time_zone: TimeZone,
    /// The most of each quantity in a period; costs in millionths. None: as much as there is.
    pub limits: Quantities<Option<u64>>,
    /// What happens at a limit.
    pub action: BudgetAction,
}

/// Whom a budget is for: who is named by key, role or principal, and has all labels. Where nobody is named, everyone with the
/// labels; where there are none either, everyone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// By the names of roles.
    pub roles: BTreeSet<String>,
    /// By the names of keys, those included that are issued later.
    pub keys: BTreeSet<String>,
    /// By principals: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`.
    pub principals: BTreeSet<Principal>,
    /// The labels that a key must have, all of them.
    pub labels: BTreeMap<String, String>,
}

/// How many counters a budget has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum Each {
    /// One, for everyone whom it is for together.
    #[default]
    All,
    /// One for each key, each user and the operator.
    Key,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum Period {
    /// From a full minute to the next.
    Minute,
    /// From a full hour to the next.
    Hour,
    /// From midnight to midnight: 23 or 25 hours where the clock is put forward or back.
    Day,
    /// From the first day of a month to that of the next.
    Month,
}

/// What happens to what goes beyond a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum BudgetAction {
    /// It is refused.
    #[default]
    Refuse,
    /// It is made, and reported once in a period.
    Report,
}

impl Members {
    /// Whether the budget is for this one.
    #[must_use]
    pub fn have(&self, principal: &Principal, role: Option<&str>, labels: &BTreeMap<String, String>) -> bool {
        let names_nobody = self.roles.is_empty() && self.keys.is_empty() && self.principals.is_empty();
        let is_key = matches!(principal, Principal::Key(name) if self.keys.contains(&**name));
        let is_named =
            is_key || role.is_some_and(|role| self.roles.contains(role)) || self.principals.contains(principal);
        (names_nobody || is_named) && self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
    }
}

impl Period {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn a_budget_is_for_who_is_named_in_any_way_and_has_every_label() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let (ci, bob) = (Principal::Key("ci".into()), Principal::Key("bob".into()));
        let billing = labels(&[("team", "billing"), ("env", "prod")]);
        let everyone = Members::default();
        assert!(everyone.have(&Principal::Operator, None, &labels(&[])) && everyone.have(&ci, Some("a"), &billing));
        let named = Members { roles: set(["support"]), keys: set(["ci"]), ..Members::default() };
        assert!(named.have(&ci, Some("other"), &labels(&[])) && named.have(&bob, Some("support"), &labels(&[])));
        assert!(
            !named.have(&bob, Some("other"), &labels(&[])) && !named.have(&Principal::Operator, None, &labels(&[]))
        );
        let operator = Members { principals: [Principal::Operator].into(), ..Members::default() };
        assert!(operator.have(&Principal::Operator, None, &labels(&[])) && !operator.have(&ci, None, &labels(&[])));
        let labeled = Members { labels: labels(&[("team", "billing")]), ..named };
        assert!(labeled.have(&ci, None, &billing) && !labeled.have(&ci, None, &labels(&[("team", "sales")])));
        assert!(!labeled.have(&bob, Some("other"), &billing));
        let only_labels = Members { labels: labels(&[("team", "billing")]), ..Members::default() };
        assert!(only_labels.have(&bob, None, &billing) && !only_labels.have(&Principal::Operator, None, &labels(&[])));
    }
}
