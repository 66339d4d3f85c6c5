//! Saved functions.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{schema, unavailable};
use crate::access::{AccessStoreError, AccessStoreErrorKind};
use crate::functions::{
    FunctionState, MAX_FUNCTIONS, NewFunction, PromotedFunctions, ProposalBounds, Proposed, Retirement, Row,
    StoredFunction, decode, encode,
};
use crate::store::unsigned;

const REVISION: &str = "SELECT functions_version FROM state";
const ADVANCE: &str = "UPDATE state SET functions_version = functions_version + 1";
const PROMOTED: &str =
    "SELECT name, sha256, state, version, acts, source FROM functions WHERE state = 'promoted' ORDER BY name";
const ALL: &str =
    "SELECT name, sha256, state, version, acts FROM functions ORDER BY name, version IS NULL, version, sha256";
const OF_NAME: &str = "SELECT name, sha256, state, version, acts FROM functions WHERE name = ?1";
const ONE: &str = "SELECT name, sha256, state, version, acts FROM functions WHERE name = ?1 AND sha256 = ?2";
const SOURCE: &str = "SELECT source FROM functions WHERE name = ?1 AND sha256 = ?2";
const COUNTS: &str = "SELECT count(*), count(*) FILTER (WHERE state = 'proposed'), \
    count(*) FILTER (WHERE state = 'proposed' AND principal = ?1) FROM functions";
const PUT: &str = "INSERT INTO functions (name, sha256, state, version, principal, acts, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
    ON CONFLICT DO UPDATE SET state = excluded.state, version = excluded.version, acts = excluded.acts";
const SET: &str = "UPDATE functions SET state = ?3, acts = ?4 WHERE name = ?1 AND sha256 = ?2";
const REMOVE: &str = "DELETE FROM functions WHERE name = ?1 AND sha256 = ?2";
const LAST: &str = "SELECT coalesce(max(version), 0) FROM functions WHERE name = ?1";

type Read<T> = Result<T, AccessStoreError>;

pub(super) fn promoted(connection: &mut Connection, known: Option<u64>) -> Read<Option<PromotedFunctions>> {
    schema::check(connection)?;
    let state = connection.transaction().map_err(unavailable)?;
    let revision = state.query_row(REVISION, [], |row| row.get(0)).map(unsigned).map_err(unavailable)?;
    if known == Some(revision) {
        return Ok(None);
    }
    let mut found = state.prepare_cached(PROMOTED).map_err(unavailable)?;
    let rows = found.query_map([], |found| Ok((row(found)?, found.get(5)?))).map_err(unavailable)?;
    let functions = rows.map(|row| {
        let (row, source) = row.map_err(unavailable)?;
        Ok((decode(row)?, source))
    });
    Ok(Some(PromotedFunctions { revision, functions: functions.collect::<Read<_>>()? }))
}

pub(super) fn all(connection: &Connection) -> Read<Vec<StoredFunction>> {
    schema::check(connection)?;
    let mut found = connection.prepare_cached(ALL).map_err(unavailable)?;
    let rows = found.query_map([], row).map_err(unavailable)?;
    rows.map(|row| decode(row.map_err(unavailable)?)).collect()
}

pub(super) fn source(connection: &Connection, name: &str, sha256: &str) -> Read<Option<String>> {
    schema::check(connection)?;
    connection.query_row(SOURCE, [name, sha256], |row| row.get(0)).optional().map_err(unavailable)
}

pub(super) fn propose(connection: &mut Connection, new: &NewFunction, bounds: ProposalBounds) -> Read<Proposed> {
    let transaction = begin(connection)?;
    if let Some(known) = one(&transaction, &new.name, &new.sha256)? {
        return Ok(Proposed::Known(known.state));
    }
    let principal = new.act.principal.to_string();
    let counts = transaction.query_row(COUNTS, [&principal], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
    let [all, pending, own] = counts.map_err(unavailable)?.map(unsigned);
    if own >= bounds.pending_per_principal || pending >= bounds.pending {
        return Ok(Proposed::Full { own: own >= bounds.pending_per_principal });
    }
    room(all)?;
    put(&transaction, &StoredFunction::proposed(new), &new.source)?;
    commit(transaction)?;
    Ok(Proposed::Stored)
}

pub(super) fn promote(connection: &mut Connection, new: &NewFunction) -> Read<u32> {
    let transaction = begin(connection)?;
    let known = one(&transaction, &new.name, &new.sha256)?;
    if known.is_none() {
        let counts = transaction.query_row(COUNTS, [""], |row| row.get(0)).map(unsigned);
        room(counts.map_err(unavailable)?)?;
    }
    for other in of_name(&transaction, &new.name)? {
        if other.state == FunctionState::Promoted && other.sha256 != new.sha256 {
            set(&transaction, &other.retired_by(&new.act))?;
        }
    }
    let last: i64 = transaction.query_row(LAST, [&new.name], |row| row.get(0)).map_err(unavailable)?;
    let next = u32::try_from(last + 1).unwrap_or(u32::MAX);
    let function = StoredFunction::promoted(known, new, next);
    put(&transaction, &function, &new.source)?;
    commit(transaction)?;
    Ok(function.version.unwrap_or(next))
}

pub(super) fn retire(connection: &mut Connection, retirement: &Retirement) -> Read<u64> {
    let transaction = begin(connection)?;
    let mut retired = 0;
    for function in of_name(&transaction, &retirement.name)? {
        let is_meant = retirement.sha256.as_ref().is_none_or(|sha256| *sha256 == function.sha256);
        match function.state {
            FunctionState::Promoted if is_meant => set(&transaction, &function.retired_by(&retirement.act))?,
            FunctionState::Proposed if is_meant => {
                transaction.execute(REMOVE, [&function.name, &function.sha256]).map_err(unavailable)?;
            }
            _ => continue,
        }
        retired += 1;
    }
    commit(transaction)?;
    Ok(retired)
}

fn begin(connection: &mut Connection) -> Read<Transaction<'_>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    schema::check(&transaction)?;
    Ok(transaction)
}

fn commit(transaction: Transaction<'_>) -> Read<()> {
    transaction.execute(ADVANCE, []).and_then(|_| transaction.commit()).map_err(unavailable)
}

fn room(all: u64) -> Read<()> {
    if all >= MAX_FUNCTIONS { Err(AccessStoreError::new(AccessStoreErrorKind::Full)) } else { Ok(()) }
}

fn one(connection: &Connection, name: &str, sha256: &str) -> Read<Option<StoredFunction>> {
    let found = connection.query_row(ONE, [name, sha256], row).optional().map_err(unavailable)?;
    found.map(decode).transpose()
}

fn of_name(connection: &Connection, name: &str) -> Read<Vec<StoredFunction>> {
    let mut found = connection.prepare_cached(OF_NAME).map_err(unavailable)?;
    let rows = found.query_map([name], row).map_err(unavailable)?;
    rows.map(|row| decode(row.map_err(unavailable)?)).collect()
}

fn put(transaction: &Transaction<'_>, function: &StoredFunction, source: &str) -> Read<()> {
    let StoredFunction { name, sha256, state, version, .. } = function;
    let written = params![name, sha256, state.name(), version, function.proposer(), encode(function)?, source];
    transaction.execute(PUT, written).map(drop).map_err(unavailable)
}

fn set(transaction: &Transaction<'_>, function: &StoredFunction) -> Read<()> {
    let written = params![function.name, function.sha256, function.state.name(), encode(function)?];
    transaction.execute(SET, written).map(drop).map_err(unavailable)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}
