//! The counters of budgets.
//!
//! What takes from counters is sent at once, to the end of its transaction: a process that stops in the midst of it holds no lock. All processes lock
//! counters in the order of their names.

use tokio::try_join;

use super::{missing, schema, unavailable};
use crate::access::plan::{NameRange, Plan};
use crate::access::{AccessStoreError, AccessStoreErrorKind, MAX_NAMES, PRUNED_AT_ONCE, Taken};
use crate::store::postgres::{Parameters, Session};
use crate::store::sql;

/// A commit does not wait for the disk: SQLite's does not either.
const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off";
const SCHEMA: &str = "SELECT version FROM access_state";
const MAKE: &str = "INSERT INTO access_counters (counter, window_start_ms, window_end_ms, value) \
    SELECT counter, start_ms, end_ms, 0 FROM unnest($1::text[], $2::int8[], $3::int8[]) WITH ORDINALITY \
    AS w (counter, start_ms, end_ms, place) ORDER BY place ON CONFLICT DO NOTHING";
const LOCK: &str = "SELECT place, value FROM unnest($1::text[], $2::int8[]) WITH ORDINALITY AS w (counter, window_start_ms, place) \
    JOIN access_counters c USING (counter, window_start_ms) ORDER BY place FOR UPDATE OF c";
const VALUES: &str = "SELECT place, value FROM unnest($1::text[], $2::int8[]) WITH ORDINALITY AS w (counter, window_start_ms, place) \
    JOIN access_counters c USING (counter, window_start_ms)";
/// After [`LOCK`], whose counters nobody else can change: a later statement sees their last values.
const ADD: &str = "WITH w AS (SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[]) AS w (counter, start_ms, amount, most)) \
    UPDATE access_counters c SET value = c.value + w.amount FROM w WHERE c.counter = w.counter AND c.window_start_ms = w.start_ms \
    AND NOT EXISTS (SELECT 1 FROM w JOIN access_counters o ON o.counter = w.counter AND o.window_start_ms = w.start_ms \
    WHERE o.value > w.most - w.amount)";
const GIVE_BACK: &str = "UPDATE access_counters c SET value = greatest(c.value - w.amount, 0) \
    FROM unnest($1::text[], $2::int8[], $3::int8[]) AS w (counter, start_ms, amount) \
    WHERE c.counter = w.counter AND c.window_start_ms = w.start_ms";
const NAMES: &str = "SELECT counter FROM access_counters WHERE counter > $1 AND counter < $2 AND window_start_ms = $3 AND value > 0 \
    ORDER BY counter LIMIT $4";
const PRUNE: &str = "DELETE FROM access_counters WHERE (counter, window_start_ms) IN \
    (SELECT counter, window_start_ms FROM access_counters WHERE window_end_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// The rows of a plan, as columns.
struct Columns<'a> {
    counters: Vec<&'a str>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    amounts: Vec<i64>,
    limits: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(plan: &'a Plan) -> Self {
        Self {
            counters: plan.rows.iter().map(|row| row.counter.as_str()).collect(),
            starts: plan.rows.iter().map(|row| row.start_ms).collect(),
            ends: plan.rows.iter().map(|row| row.end_ms).collect(),
            amounts: plan.rows.iter().map(|row| row.amount).collect(),
            limits: plan.rows.iter().map(|row| row.limit).collect(),
        }
    }
}

pub(super) async fn take(session: &Session, plan: &Plan) -> Result<Taken, AccessStoreError> {
    let Columns { counters, starts, ends, amounts, limits } = &Columns::of(plan);
    for statement in [SCHEMA, MAKE, LOCK, ADD] {
        session.prepare(statement).await.map_err(unavailable)?;
    }
    let (made, locked, added): (Parameters<'_>, Parameters<'_>, Parameters<'_>) =
        (&[counters, starts, ends], &[counters, starts], &[counters, starts, amounts, limits]);
    let (_, version, _, locked, added, _) = try_join!(
        biased;
        session.client.batch_execute(BEGIN),
        session.query_opt(SCHEMA, &[]),
        session.execute(MAKE, made),
        session.query(LOCK, locked),
        session.execute(ADD, added),
        session.client.batch_execute("COMMIT"),
    )
    .map_err(unavailable)?;
    supported(version)?;
    let before: Vec<i64> = locked.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>().map_err(unavailable)?;
    let taken = plan.outcome(&before).filter(|_| before.len() == plan.rows.len());
    // A window that another process pruned in the meantime: nobody takes from one that is long over.
    let taken = taken.ok_or_else(|| AccessStoreError::new(AccessStoreErrorKind::Unavailable))?;
    let expected = if matches!(taken, Taken::All(_)) { plan.rows.len() as u64 } else { 0 };
    if added == expected { Ok(taken) } else { Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable)) }
}

pub(super) async fn give_back(session: &Session, plan: &Plan) -> Result<(), AccessStoreError> {
    let Columns { counters, starts, amounts, .. } = &Columns::of(plan);
    for statement in [SCHEMA, LOCK, GIVE_BACK] {
        session.prepare(statement).await.map_err(unavailable)?;
    }
    let (locked, given): (Parameters<'_>, Parameters<'_>) = (&[counters, starts], &[counters, starts, amounts]);
    let (_, version, ..) = try_join!(
        biased;
        session.client.batch_execute(BEGIN),
        session.query_opt(SCHEMA, &[]),
        session.query(LOCK, locked),
        session.execute(GIVE_BACK, given),
        session.client.batch_execute("COMMIT"),
    )
    .map_err(unavailable)?;
    supported(version)
}

pub(super) async fn read(session: &Session, plan: &Plan) -> Result<Vec<u64>, AccessStoreError> {
    let Columns { counters, starts, .. } = &Columns::of(plan);
    supported(session.query_opt(SCHEMA, &[]).await.map_err(unavailable)?)?;
    let mut values = vec![0; plan.rows.len()];
    for row in session.query(VALUES, &[counters, starts]).await.map_err(unavailable)? {
        let place: i64 = row.try_get(0).map_err(unavailable)?;
        let value = usize::try_from(place - 1).ok().and_then(|place| values.get_mut(place));
        *value.ok_or_else(|| missing("a counter"))? = row.try_get(1).map_err(unavailable)?;
    }
    Ok(plan.values(&values))
}

pub(super) async fn names(
    session: &Session,
    range: &NameRange,
    window_start_ms: u64,
) -> Result<Vec<String>, AccessStoreError> {
    supported(session.query_opt(SCHEMA, &[]).await.map_err(unavailable)?)?;
    let parameters: Parameters<'_> = &[&range.after, &range.before, &sql(window_start_ms), &sql(MAX_NAMES as u64)];
    let rows = session.query(NAMES, parameters).await.map_err(unavailable)?;
    rows.iter().map(|row| row.try_get(0).map_err(unavailable)).collect()
}

pub(super) async fn prune(session: &Session, before_ms: u64) -> Result<bool, AccessStoreError> {
    let pruned = session.execute(PRUNE, &[&sql(before_ms), &sql(PRUNED_AT_ONCE)]).await.map_err(unavailable)?;
    Ok(pruned == PRUNED_AT_ONCE)
}

fn supported(row: Option<tokio_postgres::Row>) -> Result<(), AccessStoreError> {
    let row = row.ok_or_else(|| missing("the row of the table `access_state`"))?;
    schema::supported(row.try_get(0).map_err(unavailable)?).map(drop)
}
