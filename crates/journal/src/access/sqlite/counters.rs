//! The counters of budgets.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{schema, unavailable};
use crate::access::plan::{NameRange, Plan, Row};
use crate::access::{AccessStoreError, AccessStoreErrorKind, MAX_NAMES, PRUNED_AT_ONCE, Taken};
use crate::store::sql;

const VALUE: &str = "SELECT value FROM counters WHERE counter = ?1 AND window_start_ms = ?2";
const ADD: &str = "INSERT INTO counters (counter, window_start_ms, window_end_ms, value) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT DO UPDATE SET value = value + excluded.value";
const GIVE_BACK: &str = "UPDATE counters SET value = max(value - ?3, 0) WHERE counter = ?1 AND window_start_ms = ?2";
const NAMES: &str = "SELECT counter FROM counters WHERE counter > ?1 AND counter < ?2 AND window_start_ms = ?3 AND value > 0 \
    ORDER BY counter LIMIT ?4";
const PRUNE: &str = "DELETE FROM counters WHERE (counter, window_start_ms) IN \
    (SELECT counter, window_start_ms FROM counters WHERE window_end_ms < ?1 LIMIT ?2)";

pub(super) fn take(connection: &mut Connection, plan: &Plan) -> Result<Taken, AccessStoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    schema::check(&transaction)?;
    let before = values(&transaction, plan).map_err(unavailable)?;
    let taken = plan.outcome(&before).ok_or_else(|| AccessStoreError::new(AccessStoreErrorKind::Unavailable))?;
    if matches!(taken, Taken::All(_)) {
        add(&transaction, plan).and_then(|()| transaction.commit()).map_err(unavailable)?;
    }
    Ok(taken)
}

fn add(transaction: &Transaction<'_>, plan: &Plan) -> rusqlite::Result<()> {
    let mut add = transaction.prepare_cached(ADD)?;
    for Row { counter, start_ms, end_ms, amount, .. } in &plan.rows {
        add.execute(params![counter, start_ms, end_ms, amount])?;
    }
    Ok(())
}

fn values(connection: &Connection, plan: &Plan) -> rusqlite::Result<Vec<i64>> {
    let mut value = connection.prepare_cached(VALUE)?;
    let mut value = |row: &Row| value.query_row(params![row.counter, row.start_ms], |row| row.get(0)).optional();
    plan.rows.iter().map(|row| Ok(value(row)?.unwrap_or(0))).collect()
}

pub(super) fn give_back(connection: &mut Connection, plan: &Plan) -> Result<(), AccessStoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    schema::check(&transaction)?;
    for Row { counter, start_ms, amount, .. } in &plan.rows {
        let given = transaction.prepare_cached(GIVE_BACK);
        given.and_then(|mut given| given.execute(params![counter, start_ms, amount])).map_err(unavailable)?;
    }
    transaction.commit().map_err(unavailable)
}

pub(super) fn read(connection: &mut Connection, plan: &Plan) -> Result<Vec<u64>, AccessStoreError> {
    let state = connection.transaction().map_err(unavailable)?;
    schema::check(&state)?;
    Ok(plan.values(&values(&state, plan).map_err(unavailable)?))
}

pub(super) fn names(
    connection: &mut Connection,
    range: &NameRange,
    window_start_ms: u64,
) -> Result<Vec<String>, AccessStoreError> {
    schema::check(connection)?;
    let mut found = connection.prepare_cached(NAMES).map_err(unavailable)?;
    let most = sql(MAX_NAMES as u64);
    let names = found.query_map(params![range.after, range.before, sql(window_start_ms), most], |row| row.get(0));
    names.and_then(Iterator::collect).map_err(unavailable)
}

pub(super) fn prune(connection: &Connection, before_ms: u64) -> Result<bool, AccessStoreError> {
    let pruned = connection.execute(PRUNE, [sql(before_ms), sql(PRUNED_AT_ONCE)]).map_err(unavailable)?;
    Ok(pruned as u64 == PRUNED_AT_ONCE)
}
