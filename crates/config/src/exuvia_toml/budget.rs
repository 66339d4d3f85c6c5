//! `[budgets]`, resolved.

use std::collections::{BTreeMap, BTreeSet};

use exuvia_tool::{Cost, Principal, Quantities, Quantity};
use jiff::tz::TimeZone;

use super::budget_types::Budget;
use super::document::below;
use super::file_types;
use super::resolve::Resolver;
use crate::{BudgetConfig, Members};

impl Resolver<'_> {
    /// The budgets of a file, with the roles that name them.
    pub(super) fn budgets(&mut self, written: &file_types::File) -> BTreeMap<String, BudgetConfig> {
        let mut budgets = BTreeMap::new();
        for (name, budget) in &written.budgets {
            let pointer = below("/budgets", name);
            self.access_name(name, &pointer);
            let members = self.members(budget, written, &pointer);
            budgets.extend(self.budget(budget, members, &pointer).map(|budget| (name.clone(), budget)));
        }
        for (role, named) in written.roles.iter().map(|(name, role)| (name, &role.budgets)) {
            for (index, budget) in named.iter().enumerate() {
                match budgets.get_mut(budget) {
                    Some(budget) => drop(budget.members.roles.insert(role.clone())),
                    // A budget that is wrong is reported where it is.
                    None if written.budgets.contains_key(budget) => {}
                    None => {
                        let pointer = format!("{}/{index}", below(&below("/roles", role), "budgets"));
                        self.error(&pointer, "unknown budget");
                    }
                }
            }
        }
        budgets
    }

    fn budget(&mut self, written: &Budget, members: Members, pointer: &str) -> Option<BudgetConfig> {
        let cost = written.cost.as_ref().and_then(|cost| self.cost(cost, &below(pointer, "cost")));
        let limits = Quantities::of(|quantity| match quantity {
            Quantity::Runs => written.runs,
            Quantity::Calls => written.calls,
            Quantity::Fuel => written.fuel,
            Quantity::WallMs => written.wall_ms,
            Quantity::Cost => cost.map(Cost::micros),
        });
        if limits.iter().all(|(_, limit)| limit.is_none()) && written.cost.is_none() {
            self.error(pointer, "limits nothing: needs `runs`, `calls`, `fuel`, `wall_ms` or `cost`");
        }
        if written.period.is_none() {
            self.error(pointer, "requires `period`: minute, hour, day or month");
        }
        let time_zone = match &written.time_zone {
            None => Some(TimeZone::UTC),
            Some(name) => self.time_zone(name, &below(pointer, "time_zone")),
        };
        let (each, action) = (written.each.unwrap_or_default(), written.action.unwrap_or_default());
        Some(BudgetConfig { members, each, period: written.period?, time_zone: time_zone?, limits, action })
    }

    fn members(&mut self, written: &Budget, file: &file_types::File, pointer: &str) -> Members {
        for (index, role) in written.roles.iter().enumerate() {
            if !file.roles.contains_key(role) {
                self.error(&format!("{}/{index}", below(pointer, "roles")), "unknown role");
            }
        }
        let mut principals = BTreeSet::new();
        for (index, text) in written.principals.iter().enumerate() {
            match text.parse::<Principal>() {
                Ok(principal) => drop(principals.insert(principal)),
                Err(error) => self.error(&format!("{}/{index}", below(pointer, "principals")), error.to_string()),
            }
        }
        Members {
            roles: written.roles.iter().cloned().collect(),
            keys: written.keys.iter().cloned().collect(),
            principals,
            labels: written.labels.clone(),
        }
    }

    fn time_zone(&mut self, name: &str, pointer: &str) -> Option<TimeZone> {
        let zone = TimeZone::get(name).ok();
        if zone.is_none() {
            self.error(pointer, "unknown time zone; must be one of the IANA database, for example \"Europe/Berlin\"");
        }
        zone
    }
}
