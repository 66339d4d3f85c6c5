//! Saved functions. Whoever changes one locks the row of the state first, so that changes come one after the other.

use tokio_postgres::Row;

use super::{missing, schema, unavailable};
use crate::access::{AccessStoreError, AccessStoreErrorKind};
use crate::functions::{
    FunctionState, MAX_FUNCTIONS, NewFunction, PromotedFunctions, ProposalBounds, Proposed, Retirement, StoredFunction,
    decode, encode,
};
use crate::store::postgres::Session;
use crate::store::unsigned;

const REVISION: &str = "SELECT version, functions_version FROM access_state";
const ADVANCE: &str =
    "UPDATE access_state SET functions_version = functions_version + 1 RETURNING version, functions_version";
/// One statement sees one state of the database: the revision and the functions belong together.
const PROMOTED: &str = "SELECT s.version, s.functions_version, f.name, f.sha256, f.state, f.version, f.acts, f.source \
    FROM access_state s LEFT JOIN access_functions f ON f.state = 'promoted' ORDER BY f.name";
const ALL: &str =
    "SELECT name, sha256, state, version, acts FROM access_functions ORDER BY name, version NULLS LAST, sha256";
const OF_NAME: &str = "SELECT name, sha256, state, version, acts FROM access_functions WHERE name = $1";
const SOURCE: &str = "SELECT source FROM access_functions WHERE name = $1 AND sha256 = $2";
const COUNTS: &str = "SELECT count(*), count(*) FILTER (WHERE state = 'proposed'), \
    count(*) FILTER (WHERE state = 'proposed' AND principal = $1) FROM access_functions";
const PUT: &str = "INSERT INTO access_functions (name, sha256, state, version, principal, acts, source) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name, sha256) DO UPDATE \
    SET state = excluded.state, version = excluded.version, acts = excluded.acts";
const SET: &str = "UPDATE access_functions SET state = $3, acts = $4 WHERE name = $1 AND sha256 = $2";
const REMOVE: &str = "DELETE FROM access_functions WHERE name = $1 AND sha256 = $2";

type Done<T> = Result<T, AccessStoreError>;

pub(super) async fn promoted(session: &Session, known: Option<u64>) -> Done<Option<PromotedFunctions>> {
    if known.is_some() {
        let row = session.query_opt(REVISION, &[]).await.map_err(unavailable)?;
        if known == Some(revision(row.as_ref())?) {
            return Ok(None);
        }
    }
    let rows = session.query(PROMOTED, &[]).await.map_err(unavailable)?;
    let revision = revision(rows.first())?;
    let is_there = |row: &&Row| row.try_get::<_, Option<String>>(2).is_ok_and(|name| name.is_some());
    let functions =
        rows.iter().filter(is_there).map(|row| Ok((function(row, 2)?, row.try_get(7).map_err(unavailable)?)));
    Ok(Some(PromotedFunctions { revision, functions: functions.collect::<Done<_>>()? }))
}

pub(super) async fn all(session: &Session) -> Done<Vec<StoredFunction>> {
    supported(session).await?;
    let rows = session.query(ALL, &[]).await.map_err(unavailable)?;
    rows.iter().map(|row| function(row, 0)).collect()
}

pub(super) async fn source(session: &Session, name: &str, sha256: &str) -> Done<Option<String>> {
    supported(session).await?;
    // PostgreSQL has no NUL in a text, and no function has one in its name.
    if name.contains('\0') || sha256.contains('\0') {
        return Ok(None);
    }
    let row = session.query_opt(SOURCE, &[&name, &sha256]).await.map_err(unavailable)?;
    row.map(|row| row.try_get(0).map_err(unavailable)).transpose()
}

pub(super) async fn propose(session: &Session, new: &NewFunction, bounds: ProposalBounds) -> Done<Proposed> {
    begin(session).await?;
    let proposed = proposed_in(session, new, bounds).await;
    end(session, proposed.is_ok()).await?;
    proposed
}

async fn proposed_in(session: &Session, new: &NewFunction, bounds: ProposalBounds) -> Done<Proposed> {
    advance(session).await?;
    let known = of_name(session, &new.name).await?;
    if let Some(known) = known.iter().find(|known| known.sha256 == new.sha256) {
        return Ok(Proposed::Known(known.state));
    }
    let [all, pending, own] = counts(session, &new.act.principal.to_string()).await?;
    if own >= bounds.pending_per_principal || pending >= bounds.pending {
        return Ok(Proposed::Full { own: own >= bounds.pending_per_principal });
    }
    room(all)?;
    put(session, &StoredFunction::proposed(new), &new.source).await?;
    Ok(Proposed::Stored)
}

pub(super) async fn promote(session: &Session, new: &NewFunction) -> Done<u32> {
    begin(session).await?;
    let promoted = promoted_in(session, new).await;
    end(session, promoted.is_ok()).await?;
    promoted
}

async fn promoted_in(session: &Session, new: &NewFunction) -> Done<u32> {
    advance(session).await?;
    let all = of_name(session, &new.name).await?;
    let next = all.iter().filter_map(|one| one.version).max().unwrap_or(0).saturating_add(1);
    let mut known = None;
    for other in all {
        if other.sha256 == new.sha256 {
            known = Some(other);
        } else if other.state == FunctionState::Promoted {
            set(session, &other.retired_by(&new.act)).await?;
        }
    }
    if known.is_none() {
        room(counts(session, "").await?[0])?;
    }
    let function = StoredFunction::promoted(known, new, next);
    put(session, &function, &new.source).await?;
    Ok(function.version.unwrap_or(next))
}

pub(super) async fn retire(session: &Session, retirement: &Retirement) -> Done<u64> {
    if retirement.name.contains('\0') {
        return Ok(0);
    }
    begin(session).await?;
    let retired = retired_in(session, retirement).await;
    end(session, retired.is_ok()).await?;
    retired
}

async fn retired_in(session: &Session, retirement: &Retirement) -> Done<u64> {
    advance(session).await?;
    let mut retired = 0;
    for function in of_name(session, &retirement.name).await? {
        let is_meant = retirement.sha256.as_ref().is_none_or(|sha256| *sha256 == function.sha256);
        match function.state {
            FunctionState::Promoted if is_meant => set(session, &function.retired_by(&retirement.act)).await?,
            FunctionState::Proposed if is_meant => {
                let removed = session.execute(REMOVE, &[&function.name, &function.sha256]).await;
                removed.map(drop).map_err(unavailable)?;
            }
            _ => continue,
        }
        retired += 1;
    }
    Ok(retired)
}

async fn begin(session: &Session) -> Done<()> {
    session.client.batch_execute("BEGIN").await.map_err(unavailable)
}

async fn end(session: &Session, is_done: bool) -> Done<()> {
    let end = if is_done { "COMMIT" } else { "ROLLBACK" };
    session.client.batch_execute(end).await.map_err(unavailable)
}

async fn advance(session: &Session) -> Done<()> {
    let row = session.query_opt(ADVANCE, &[]).await.map_err(unavailable)?;
    revision(row.as_ref()).map(drop)
}

async fn supported(session: &Session) -> Done<()> {
    let row = session.query_opt(REVISION, &[]).await.map_err(unavailable)?;
    revision(row.as_ref()).map(drop)
}

/// The revision of all functions, in a row that begins with the version of the schema and with it.
fn revision(row: Option<&Row>) -> Done<u64> {
    let row = row.ok_or_else(|| missing("the row of the table `access_state`"))?;
    schema::supported(row.try_get(0).map_err(unavailable)?)?;
    row.try_get(1).map(unsigned).map_err(unavailable)
}

async fn of_name(session: &Session, name: &str) -> Done<Vec<StoredFunction>> {
    let rows = session.query(OF_NAME, &[&name]).await.map_err(unavailable)?;
    rows.iter().map(|row| function(row, 0)).collect()
}

async fn counts(session: &Session, principal: &str) -> Done<[u64; 3]> {
    let row = session.query_opt(COUNTS, &[&principal]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| missing("the count of functions"))?;
    let count = |column| row.try_get(column).map(unsigned).map_err(unavailable);
    Ok([count(0)?, count(1)?, count(2)?])
}

fn room(all: u64) -> Done<()> {
    if all >= MAX_FUNCTIONS { Err(AccessStoreError::new(AccessStoreErrorKind::Full)) } else { Ok(()) }
}

async fn put(session: &Session, function: &StoredFunction, source: &str) -> Done<()> {
    let StoredFunction { name, sha256, state, version, .. } = function;
    let (state, version, acts) = (state.name(), version.map(i64::from), encode(function)?);
    let principal = function.proposer();
    let written = session.execute(PUT, &[name, sha256, &state, &version, &principal, &acts, &source]).await;
    written.map(drop).map_err(unavailable)
}

async fn set(session: &Session, function: &StoredFunction) -> Done<()> {
    let (state, acts) = (function.state.name(), encode(function)?);
    let written = session.execute(SET, &[&function.name, &function.sha256, &state, &acts]).await;
    written.map(drop).map_err(unavailable)
}

/// The function whose columns begin at this one.
fn function(row: &Row, first: usize) -> Done<StoredFunction> {
    let text = |column: usize| row.try_get::<_, String>(first + column).map_err(unavailable);
    let version = row.try_get(first + 3).map_err(unavailable)?;
    decode((text(0)?, text(1)?, text(2)?, version, text(4)?))
}
