//! What runs read of files.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::sql;
use crate::JournalError;
use crate::blocks::{Block, BlockNames, BlockSecret, SealedBlocks};

/// Keeps the blocks that a record of the run names. What is kept already is counted. Returns the bytes of what was not there.
pub(super) fn keep(connection: &Connection, run: i64, blocks: &[Block]) -> rusqlite::Result<i64> {
    if blocks.is_empty() {
        return Ok(0);
    }
    let mut bytes = 0;
    let secret = BlockSecret::new(&secret(connection)?);
    let mut find = connection.prepare_cached("SELECT id FROM file_blocks WHERE name = ?1")?;
    let mut add = connection.prepare_cached("INSERT INTO file_blocks (name, sealed) VALUES (?1, ?2)")?;
    let mut name_it = connection.prepare_cached("INSERT OR IGNORE INTO run_blocks (run, block) VALUES (?1, ?2)")?;
    let mut count = connection.prepare_cached("UPDATE file_blocks SET uses = uses + 1 WHERE id = ?1")?;
    for block in blocks {
        let name = secret.name(&block.sha256);
        let id = match find.query_row([name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                let sealed = secret.sealed(block).map_err(unwritable)?;
                bytes += sql(sealed.len() as u64);
                add.insert(params![name, sealed])?
            }
        };
        if name_it.execute([run, id])? > 0 {
            count.execute([id])?;
        }
    }
    Ok(bytes)
}

/// Removes what this run alone names, up to so many bytes. Returns whether nothing is left that it names, and the bytes that were removed.
pub(super) fn remove(connection: &Connection, run: i64, left_bytes: &mut i64) -> rusqlite::Result<(bool, i64)> {
    let named =
        "SELECT block, length(sealed) FROM run_blocks JOIN file_blocks ON id = block WHERE run = ?1 ORDER BY block";
    let mut named = connection.prepare_cached(named)?;
    let mut rows = named.query([run])?;
    let mut blocks = Vec::new();
    while *left_bytes > 0
        && let Some(row) = rows.next()?
    {
        let (block, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
        blocks.push((block, bytes));
        *left_bytes -= bytes;
    }
    drop(rows);
    let mut unname = connection.prepare_cached("DELETE FROM run_blocks WHERE run = ?1 AND block = ?2")?;
    let mut count = connection.prepare_cached("UPDATE file_blocks SET uses = uses - 1 WHERE id = ?1")?;
    let mut remove = connection.prepare_cached("DELETE FROM file_blocks WHERE id = ?1 AND uses <= 0")?;
    let mut removed_bytes = 0;
    for (block, bytes) in blocks {
        unname.execute([run, block])?;
        count.execute([block])?;
        if remove.execute([block])? > 0 {
            removed_bytes += bytes;
        }
    }
    Ok((*left_bytes > 0, removed_bytes))
}

/// The blocks that a run names. None: there is no such run, or it was erased.
pub(super) fn of_run(connection: &Connection, id: &str) -> rusqlite::Result<Option<SealedBlocks>> {
    let run = "SELECT first FROM runs WHERE id = ?1 AND erased_by IS NULL";
    let Some(run) = connection.query_row(run, [id], |row| row.get::<_, i64>(0)).optional()? else { return Ok(None) };
    let named = "SELECT name, sealed FROM run_blocks JOIN file_blocks ON id = block WHERE run = ?1";
    let mut named = connection.prepare_cached(named)?;
    let blocks = named.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let blocks = blocks.collect::<rusqlite::Result<HashMap<_, _>>>()?;
    Ok(Some(SealedBlocks { secret: secret(connection)?, blocks }))
}

/// The names of the blocks that the run which begins at this place has, of those that are there.
pub(super) fn names(connection: &Connection, run: i64) -> rusqlite::Result<BlockNames> {
    let named = "SELECT name FROM run_blocks JOIN file_blocks ON id = block WHERE run = ?1";
    let mut named = connection.prepare_cached(named)?;
    let names = named.query_map([run], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(BlockNames { secret: secret(connection).optional()?.unwrap_or_default(), names })
}

/// A block as it is stored.
pub(super) fn sealed(connection: &Connection, name: &[u8; 32]) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut find = connection.prepare_cached("SELECT sealed FROM file_blocks WHERE name = ?1")?;
    find.query_row([name], |row| row.get(0)).optional()
}

fn secret(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    connection.query_row("SELECT secret FROM block_secret", [], |row| row.get(0))
}

fn unwritable(error: JournalError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
