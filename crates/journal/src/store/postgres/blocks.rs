//! What runs read of files. Whoever writes here has the lock of the log.

use std::collections::{BTreeMap, HashMap};

use super::session::Session;
use super::{sql, unavailable, unreadable};
use crate::JournalError;
use crate::blocks::{Block, BlockNames, BlockSecret, SealedBlocks};
use crate::wire::malformed;

const SECRET: &str = "SELECT secret FROM block_secret";
const THERE: &str = "SELECT name FROM file_blocks WHERE name = ANY($1)";
const ADD: &str = "INSERT INTO file_blocks (name, sealed) SELECT * FROM unnest($1::bytea[], $2::bytea[])";
const NAME: &str = "WITH added AS (INSERT INTO run_blocks (run, name) SELECT * FROM unnest($1::int8[], $2::bytea[]) \
    ON CONFLICT DO NOTHING RETURNING name), counted AS (SELECT name, count(*) AS runs FROM added GROUP BY name) \
    UPDATE file_blocks f SET uses = f.uses + counted.runs FROM counted WHERE f.name = counted.name";
const UNNAME: &str = "WITH removed AS (DELETE FROM run_blocks WHERE run = ANY($1) RETURNING name), \
    counted AS (SELECT name, count(*) AS runs FROM removed GROUP BY name) \
    UPDATE file_blocks f SET uses = f.uses - counted.runs FROM counted WHERE f.name = counted.name";
const REMOVE: &str = "WITH removed AS (DELETE FROM file_blocks WHERE uses <= 0 RETURNING octet_length(sealed) AS bytes) \
    SELECT coalesce(sum(bytes), 0)::int8 FROM removed";
const RUN: &str = "SELECT first FROM runs WHERE id = $1 AND erased_by IS NULL";
const OF_RUN: &str = "SELECT name, sealed FROM run_blocks JOIN file_blocks USING (name) WHERE run = $1";
const NAMES: &str = "SELECT name FROM run_blocks JOIN file_blocks USING (name) WHERE run = $1";
const BLOCK: &str = "SELECT sealed FROM file_blocks WHERE name = $1";

/// Keeps the blocks that records of these runs name. What is kept already is counted. Returns the bytes of what was not there.
pub(super) async fn keep(session: &Session, named: &[(i64, &Block)]) -> Result<i64, JournalError> {
    if named.is_empty() {
        return Ok(0);
    }
    let secret = BlockSecret::new(&secret(session).await?);
    let names: Vec<Vec<u8>> = named.iter().map(|(_, block)| secret.name(&block.sha256).to_vec()).collect();
    let mut missing: BTreeMap<&[u8], &Block> =
        names.iter().map(Vec::as_slice).zip(named.iter().map(|(_, block)| *block)).collect();
    for row in session.query(THERE, &[&names]).await.map_err(unavailable)? {
        missing.remove(row.try_get::<_, &[u8]>(0).map_err(unavailable)?);
    }
    let (new, sealed): (Vec<&[u8]>, Vec<Vec<u8>>) = missing
        .into_iter()
        .map(|(name, block)| Ok((name, secret.sealed(block)?)))
        .collect::<Result<Vec<_>, JournalError>>()?
        .into_iter()
        .unzip();
    if !new.is_empty() {
        session.execute(ADD, &[&new, &sealed]).await.map_err(unavailable)?;
    }
    let runs: Vec<i64> = named.iter().map(|(run, _)| *run).collect();
    session.execute(NAME, &[&runs, &names]).await.map_err(unavailable)?;
    Ok(sql(sealed.iter().map(|sealed| sealed.len() as u64).sum()))
}

/// Removes what these runs alone name. Returns its bytes.
pub(super) async fn remove(session: &Session, runs: &[i64]) -> Result<i64, JournalError> {
    if session.execute(UNNAME, &[&runs]).await.map_err(unavailable)? == 0 {
        return Ok(0);
    }
    let row = session.query_opt(REMOVE, &[]).await.map_err(unavailable)?;
    row.map_or(Ok(0), |row| row.try_get(0)).map_err(unavailable)
}

/// The blocks that a run names. None: there is no such run, or it was erased.
pub(super) async fn of_run(session: &Session, id: &str) -> Result<Option<SealedBlocks>, JournalError> {
    let Some(run) = session.query_opt(RUN, &[&id]).await.map_err(unreadable)? else { return Ok(None) };
    let run: i64 = run.try_get(0).map_err(unreadable)?;
    let rows = session.query(OF_RUN, &[&run]).await.map_err(unreadable)?;
    let blocks = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let blocks = blocks.collect::<Result<HashMap<_, _>, tokio_postgres::Error>>().map_err(unreadable)?;
    Ok(Some(SealedBlocks { secret: secret(session).await?, blocks }))
}

/// The names of the blocks that the run which begins at this place has, of those that are there.
pub(super) async fn names(session: &Session, run: i64) -> Result<BlockNames, JournalError> {
    let rows = session.query(NAMES, &[&run]).await.map_err(unreadable)?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(unreadable)?;
    Ok(BlockNames { secret: stored_secret(session).await?.unwrap_or_default(), names })
}

/// A block as it is stored.
pub(super) async fn sealed(session: &Session, name: &[u8; 32]) -> Result<Option<Vec<u8>>, JournalError> {
    let row = session.query_opt(BLOCK, &[&name.as_slice()]).await.map_err(unreadable)?;
    row.map(|row| row.try_get(0)).transpose().map_err(unreadable)
}

async fn secret(session: &Session) -> Result<Vec<u8>, JournalError> {
    stored_secret(session).await?.ok_or_else(|| malformed("the table `block_secret` is empty"))
}

async fn stored_secret(session: &Session) -> Result<Option<Vec<u8>>, JournalError> {
    let row = session.query_opt(SECRET, &[]).await.map_err(unavailable)?;
    row.map(|row| row.try_get(0)).transpose().map_err(unavailable)
}
