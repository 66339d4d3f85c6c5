//! The log and its Merkle tree in the database. Not the writer alone appends: whoever erases does as well.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{sql, unavailable, unsigned};
use crate::JournalError;
use crate::tree::{Edge, Tile, TileId};
use crate::wire::at_seq;

/// What stands for the run of a record that belongs to none.
pub(super) const NO_RUN: i64 = 0;

/// The edge of the tree of all records.
pub(crate) fn edge(connection: &Connection) -> Result<Edge, JournalError> {
    let size =
        connection.query_row("SELECT ifnull(max(seq), 0) FROM records", [], |row| row.get(0)).map_err(unavailable)?;
    let parts = Edge::parts(unsigned(size));
    let heads = heads(connection, parts.heads_after).map_err(unavailable)?;
    let tiles = parts.tiles.into_iter().map(|id| {
        let hashes = tile(connection, id).map_err(unavailable)?.unwrap_or_default();
        Ok(Tile { id, hashes })
    });
    Edge::from_parts(unsigned(size), &heads, &tiles.collect::<Result<Vec<_>, JournalError>>()?)
}

/// Brings an edge to the records that there are. Returns whether others have appended some.
pub(super) fn advance(connection: &Connection, edge: &mut Edge) -> rusqlite::Result<bool> {
    let known = edge.size();
    let mut heads = connection.prepare_cached("SELECT head FROM records WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = heads.query([sql(known)])?;
    while let Some(row) = rows.next()? {
        edge.append(row.get_ref(0)?.as_bytes()?);
    }
    Ok(edge.size() > known)
}

/// The heads of the records after this place.
pub(super) fn heads(connection: &Connection, after: u64) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut heads = connection.prepare("SELECT head FROM records WHERE seq > ?1 ORDER BY seq")?;
    heads.query_map([sql(after)], |row| row.get(0))?.collect()
}

/// A tile that is full.
pub(super) fn tile(connection: &Connection, id: TileId) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut tile = connection.prepare_cached("SELECT hashes FROM tiles WHERE id = ?1")?;
    tile.query_row([id.key()], |row| row.get(0)).optional()
}

/// Appends a record of a run, whose head has this version and lacks its beginning with the place. The edge must be that of all records.
pub(crate) fn append(
    connection: &Connection,
    edge: &mut Edge,
    run: i64,
    (version, head): (u32, &[u8]),
    body: Option<&[u8]>,
) -> rusqlite::Result<()> {
    let seq = edge.size() + 1;
    let head = at_seq(head, version, seq);
    let mut inserted =
        connection.prepare_cached("INSERT INTO records (seq, run, head, body) VALUES (?1, ?2, ?3, ?4)")?;
    inserted.execute(params![sql(seq), run, head, body])?;
    for tile in edge.append(&head) {
        let mut inserted = connection.prepare_cached("INSERT INTO tiles (id, hashes) VALUES (?1, ?2)")?;
        inserted.execute(params![tile.id.key(), tile.hashes])?;
    }
    Ok(())
}
