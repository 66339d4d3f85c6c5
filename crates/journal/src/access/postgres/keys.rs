//! Issued keys.

use super::{missing, schema, unavailable};
use crate::access::{AccessStoreError, AccessStoreErrorKind, KeyChanges, MAX_KEYS, PRUNED_AT_ONCE, StoredKey, json};
use crate::store::postgres::Session;
use crate::store::{sql, unsigned};

/// One statement sees one state of the database: the version and the keys belong together.
const SINCE: &str = "SELECT s.version, s.keys_version, k.name, k.version, k.json \
    FROM access_state s LEFT JOIN access_keys k ON k.version > $1 ORDER BY k.version";
const ONE: &str = "SELECT s.version, s.keys_version, k.name, k.version, k.json \
    FROM access_state s LEFT JOIN access_keys k ON k.name = $1";
/// Who writes a key holds the row, so that versions are seen in their order.
const ADVANCE: &str = "UPDATE access_state SET keys_version = keys_version + 1 RETURNING version, keys_version";
const COUNT: &str = "SELECT count(*) FROM access_keys";
const INSERT: &str =
    "INSERT INTO access_keys (name, version, ended_ms, json) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
const REPLACE: &str = "UPDATE access_keys SET version = $2, ended_ms = $3, json = $4 WHERE name = $1 AND version = $5";
const PRUNE: &str = "DELETE FROM access_keys WHERE ended_ms < $1 AND name IN \
    (SELECT name FROM access_keys WHERE ended_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) async fn since(session: &Session, after: u64) -> Result<KeyChanges, AccessStoreError> {
    let rows = session.query(SINCE, &[&sql(after)]).await.map_err(unavailable)?;
    let state = rows.first().ok_or_else(|| missing("the row of the table `access_state`"))?;
    schema::supported(state.try_get(0).map_err(unavailable)?)?;
    let version = unsigned(state.try_get(1).map_err(unavailable)?);
    let keys = rows.iter().filter_map(|row| key(row).transpose()).collect::<Result<_, _>>()?;
    Ok(KeyChanges { version, keys })
}

pub(super) async fn one(session: &Session, name: &str) -> Result<Option<StoredKey>, AccessStoreError> {
    // PostgreSQL has no NUL in a text, and no key has one in its name.
    if name.contains('\0') {
        return Ok(None);
    }
    let row = session.query_opt(ONE, &[&name]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| missing("the row of the table `access_state`"))?;
    schema::supported(row.try_get(0).map_err(unavailable)?)?;
    key(&row)
}

/// The key of a row. None: it has none.
fn key(row: &tokio_postgres::Row) -> Result<Option<StoredKey>, AccessStoreError> {
    let Some(name) = row.try_get::<_, Option<String>>(2).map_err(unavailable)? else { return Ok(None) };
    let version = row.try_get(3).map(unsigned).map_err(unavailable)?;
    json::decode(name, version, row.try_get(4).map_err(unavailable)?).map(Some)
}

pub(super) async fn put(session: &Session, key: &StoredKey, json: &str) -> Result<u64, AccessStoreError> {
    if key.name.contains('\0') {
        return Err(AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by("the name of a key has no NUL"));
    }
    session.client.batch_execute("BEGIN").await.map_err(unavailable)?;
    let written = write(session, key, json).await;
    let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
    session.client.batch_execute(end).await.map_err(unavailable)?;
    written
}

async fn write(session: &Session, key: &StoredKey, json: &str) -> Result<u64, AccessStoreError> {
    let row = session.query_opt(ADVANCE, &[]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| missing("the row of the table `access_state`"))?;
    schema::supported(row.try_get(0).map_err(unavailable)?)?;
    let version: i64 = row.try_get(1).map_err(unavailable)?;
    if key.revision == 0 && count(session).await? >= MAX_KEYS {
        return Err(AccessStoreError::new(AccessStoreErrorKind::Full));
    }
    let ended_ms = key.ended_ms().map(sql);
    let changed = match key.revision {
        0 => session.execute(INSERT, &[&key.name, &version, &ended_ms, &json]).await,
        revision => session.execute(REPLACE, &[&key.name, &version, &ended_ms, &json, &sql(revision)]).await,
    };
    match changed.map_err(unavailable)? {
        1 => Ok(unsigned(version)),
        _ => Err(AccessStoreError::new(AccessStoreErrorKind::Conflict)),
    }
}

async fn count(session: &Session) -> Result<u64, AccessStoreError> {
    let row = session.query_opt(COUNT, &[]).await.map_err(unavailable)?;
    row.map_or(Ok(0), |row| row.try_get(0)).map(unsigned).map_err(unavailable)
}

pub(super) async fn prune(session: &Session, before_ms: u64) -> Result<bool, AccessStoreError> {
    let pruned = session.execute(PRUNE, &[&sql(before_ms), &sql(PRUNED_AT_ONCE)]).await.map_err(unavailable)?;
    Ok(pruned == PRUNED_AT_ONCE)
}
