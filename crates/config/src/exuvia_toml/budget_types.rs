//! `[budgets.NAME]`, as written, and what calls cost. The doc comments here are what editors show.

use std::borrow::Cow;
use std::collections::BTreeMap;

use exuvia_tool::Cost;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::limits::{LEAST_FUEL, LEAST_WALL_MS};
use crate::{BudgetAction, Each, Period};

/// The largest cost, in units: with six decimals it has as many digits as a number of TOML keeps.
const MOST_UNITS: u64 = 1_000_000_000;

/// What may be used in a period. A run reserves its limits of fuel and time when it starts, a call itself and its cost, and
/// what is not used is given back: no limit is ever exceeded. Counters are those of the journal's store, so that all
/// processes with the same store have one budget.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Budget {
    /// Whom it is for, by role. A role may also name its budgets. Default: everyone.
    pub(super) roles: Vec<String>,
    /// Whom it is for, by key, issued ones included. Default: everyone.
    pub(super) keys: Vec<String>,
    /// Whom it is for, as records name them: `operator`, `key:NAME`, `user:PROVIDER/SUBJECT`. Default: everyone.
    pub(super) principals: Vec<String>,
    /// Only for keys with all of these labels, for example `{ team = "billing" }`. Default: any.
    pub(super) labels: BTreeMap<String, String>,
    /// `all`: one counter for all of them together; `key`: one for each. Default: all.
    pub(super) each: Option<Each>,
    /// `minute`, `hour`, `day` or `month` of the calendar. With each the counters begin again.
    pub(super) period: Option<Period>,
    /// The time zone of the calendar, for example `"Europe/Berlin"`. Default: UTC.
    pub(super) time_zone: Option<String>,
    /// Runs that start. Default: any number.
    #[schemars(range(max = i64::MAX))]
    pub(super) runs: Option<u64>,
    /// Tool calls, of scripts and of clients. Default: any number.
    #[schemars(range(max = i64::MAX))]
    pub(super) calls: Option<u64>,
    /// Fuel of all runs. Default: any amount.
    #[schemars(range(min = LEAST_FUEL, max = i64::MAX))]
    pub(super) fuel: Option<u64>,
    /// Wall-clock time of all runs, in milliseconds. Default: any amount.
    #[schemars(range(min = LEAST_WALL_MS, max = i64::MAX))]
    pub(super) wall_ms: Option<u64>,
    /// What all calls cost, as `cost_per_call` and `costs` of servers say. Default: any amount.
    pub(super) cost: Option<Price>,
    /// What happens at a limit: `refuse`, or `report`, which lets everything pass and logs it once in a period. Default:
    /// refuse.
    pub(super) action: Option<BudgetAction>,
}

/// A cost as written: a number with at most six decimals.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Price(Value);

impl Price {
    /// The cost, or what is wrong.
    pub(super) fn cost(&self) -> Result<Cost, String> {
        self.0.to_string().parse().map_err(|error: exuvia_tool::NoCost| error.to_string())
    }
}

impl JsonSchema for Price {
    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0, "maximum": MOST_UNITS})
    }
}
