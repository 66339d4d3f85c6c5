//! Issued keys.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{schema, unavailable};
use crate::access::{AccessStoreError, AccessStoreErrorKind, KeyChanges, MAX_KEYS, PRUNED_AT_ONCE, StoredKey, json};
use crate::store::{sql, unsigned};

const VERSION: &str = "SELECT version FROM state";
const SINCE: &str = "SELECT name, version, json FROM keys WHERE version > ?1 ORDER BY version";
const ONE: &str = "SELECT name, version, json FROM keys WHERE name = ?1";
const ADVANCE: &str = "UPDATE state SET version = version + 1 RETURNING version";
const COUNT: &str = "SELECT count(*) FROM keys";
const INSERT: &str =
    "INSERT INTO keys (name, version, ended_ms, json) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING";
const REPLACE: &str = "UPDATE keys SET version = ?2, ended_ms = ?3, json = ?4 WHERE name = ?1 AND version = ?5";
const PRUNE: &str = "DELETE FROM keys WHERE name IN (SELECT name FROM keys WHERE ended_ms < ?1 LIMIT ?2)";

pub(super) fn since(connection: &mut Connection, after: u64) -> Result<KeyChanges, AccessStoreError> {
    schema::check(connection)?;
    let state = connection.transaction().map_err(unavailable)?;
    let version = state.prepare_cached(VERSION).and_then(|mut version| version.query_row([], |row| row.get(0)));
    let version = unsigned(version.map_err(unavailable)?);
    if version <= after {
        return Ok(KeyChanges { version, keys: Vec::new() });
    }
    let mut found = state.prepare_cached(SINCE).map_err(unavailable)?;
    let rows = found.query_map([sql(after)], row).map_err(unavailable)?;
    let keys = rows.map(|row| key(row.map_err(unavailable)?)).collect::<Result<_, _>>()?;
    Ok(KeyChanges { version, keys })
}

pub(super) fn one(connection: &Connection, name: &str) -> Result<Option<StoredKey>, AccessStoreError> {
    schema::check(connection)?;
    let found = connection.prepare_cached(ONE).and_then(|mut one| one.query_row([name], row).optional());
    found.map_err(unavailable)?.map(key).transpose()
}

type Row = (String, i64, String);

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn key((name, version, json): Row) -> Result<StoredKey, AccessStoreError> {
    json::decode(name, unsigned(version), &json)
}

pub(super) fn put(connection: &mut Connection, key: &StoredKey, json: &str) -> Result<u64, AccessStoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    schema::check(&transaction)?;
    let is_new = key.revision == 0;
    if is_new && count(&transaction).map_err(unavailable)? >= MAX_KEYS {
        return Err(AccessStoreError::new(AccessStoreErrorKind::Full));
    }
    let (version, changed) = write(&transaction, key, json).map_err(unavailable)?;
    if changed != 1 {
        return Err(AccessStoreError::new(AccessStoreErrorKind::Conflict));
    }
    transaction.commit().map_err(unavailable)?;
    Ok(unsigned(version))
}

fn write(transaction: &Transaction<'_>, key: &StoredKey, json: &str) -> rusqlite::Result<(i64, usize)> {
    let version: i64 = transaction.query_row(ADVANCE, [], |row| row.get(0))?;
    let ended_ms = key.ended_ms().map(sql);
    let changed = match key.revision {
        0 => transaction.execute(INSERT, params![key.name, version, ended_ms, json])?,
        revision => transaction.execute(REPLACE, params![key.name, version, ended_ms, json, sql(revision)])?,
    };
    Ok((version, changed))
}

fn count(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    transaction.query_row(COUNT, [], |row| row.get(0)).map(unsigned)
}

pub(super) fn prune(connection: &Connection, before_ms: u64) -> Result<bool, AccessStoreError> {
    let pruned = connection.execute(PRUNE, [sql(before_ms), sql(PRUNED_AT_ONCE)]).map_err(unavailable)?;
    Ok(pruned as u64 == PRUNED_AT_ONCE)
}
