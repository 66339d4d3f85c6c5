//! The Merkle tree in the database, as far as a process needs it.

use tlog_tiles::{Error, tree_hash};
use tokio_postgres::Row;

use super::log::{Grown, Log};
use super::session::Session;
use super::{sql, unavailable, unsigned};
use crate::tree::{Edge, Tile, TileId, TileSet, TreeHead};
use crate::wire::{at_seq, malformed};
use crate::{JournalError, JournalErrorKind};

/// Records of others that are read one by one. Further behind, the edge is read anew.
const NEAR: u64 = 4_096;
/// What stands for the run of a record that belongs to none.
pub(super) const NO_RUN: i64 = 0;

const RECORD: &str = "INSERT INTO records (seq, run, head, body) VALUES ($1, $2, $3, $4)";
const TILE: &str = "INSERT INTO tiles (id, hashes) VALUES ($1, $2)";
const ADVANCE: &str = "UPDATE log SET size = $1, root = $2";

/// Brings an edge to the records that the log has. What others have appended extends what this process knows, or is refused.
///
/// # Errors
///
/// The log has fewer records than were there before, or others. The server cannot be reached.
pub(super) async fn advance(session: &Session, edge: &mut Edge, log: &Log) -> Result<(), JournalError> {
    let known = edge.head()?;
    if log.size < known.size {
        return Err(inconsistent(format!(
            "the database has {} records, it had {}: the last ones are missing",
            log.size, known.size
        )));
    }
    if log.size - known.size > NEAR {
        *edge = load(session, log.size).await?;
        check_contains(session, edge, known).await?;
    } else if log.size > known.size {
        for head in heads(session, known.size, log.size).await? {
            edge.append(&head);
        }
    }
    if !log.has_root_of(edge) {
        return Err(inconsistent("the database has other records than this process knows".to_owned()));
    }
    Ok(())
}

/// The edge of the tree of so many records.
pub(super) async fn load(session: &Session, size: u64) -> Result<Edge, JournalError> {
    let parts = Edge::parts(size);
    let heads = heads(session, parts.heads_after, size).await?;
    let tiles = tiles(session, &parts.tiles).await?;
    Edge::from_parts(size, &heads, &tiles)
}

/// Checks that a tree with this edge begins with the records of a smaller one.
///
/// # Errors
///
/// It does not. The server cannot be reached.
pub(super) async fn check_contains(session: &Session, edge: &Edge, known: TreeHead) -> Result<(), JournalError> {
    let mut set = TileSet::new(edge.clone());
    loop {
        match set.compute(|tiles| tree_hash(known.size, tiles)) {
            Ok(Ok(root)) if root == known.root => return Ok(()),
            Ok(Ok(_) | Err(Error::IndexesNotInTree)) => {
                return Err(inconsistent(format!("the first {} records of the database are others", known.size)));
            }
            Ok(Err(error)) => return Err(malformed(error.to_string())),
            Err(missing) => {
                let found = tiles(session, &missing).await?;
                for id in missing {
                    let tile = found.iter().find(|tile| tile.id == id);
                    set.load(id, tile.map(|tile| tile.hashes.clone()));
                }
            }
        }
    }
}

/// Appends a record of a run, whose head has this version and lacks its beginning with the place. The log is locked, and the edge is that of all records.
/// Returns what it adds.
///
/// # Errors
///
/// The server cannot be reached.
pub(super) async fn append(
    session: &Session,
    edge: &mut Edge,
    run: i64,
    (version, head): (u32, &[u8]),
    body: Option<&[u8]>,
) -> Result<Grown, JournalError> {
    let seq = edge.size() + 1;
    let head = at_seq(head, version, seq);
    session.execute(RECORD, &[&sql(seq), &run, &head, &body]).await.map_err(unavailable)?;
    for tile in edge.append(&head) {
        session.execute(TILE, &[&tile.id.key(), &tile.hashes]).await.map_err(unavailable)?;
    }
    let tree = edge.head()?;
    session.execute(ADVANCE, &[&sql(tree.size), &tree.root.0.as_slice()]).await.map_err(unavailable)?;
    Ok(Grown { heads: sql(head.len() as u64), content: sql(body.map_or(0, <[u8]>::len) as u64) })
}

async fn heads(session: &Session, after: u64, to: u64) -> Result<Vec<Vec<u8>>, JournalError> {
    let heads = "SELECT head FROM records WHERE seq > $1 AND seq <= $2 ORDER BY seq";
    let rows = session.query(heads, &[&sql(after), &sql(to)]).await.map_err(unavailable)?;
    rows.iter().map(|row| row.try_get(0).map_err(unavailable)).collect()
}

/// Those of the tiles that are there.
async fn tiles(session: &Session, ids: &[TileId]) -> Result<Vec<Tile>, JournalError> {
    let keys: Vec<i64> = ids.iter().map(|id| id.key()).collect();
    let tiles =
        "SELECT ids.n, hashes FROM unnest($1::int8[]) WITH ORDINALITY AS ids (id, n) JOIN tiles USING (id) ORDER BY n";
    let rows = session.query(tiles, &[&keys]).await.map_err(unavailable)?;
    let tile = |row: &Row| {
        let number = unsigned(row.try_get::<_, i64>(0).map_err(unavailable)?);
        let id = usize::try_from(number).ok().and_then(|number| ids.get(number.checked_sub(1)?));
        let id = *id.ok_or_else(|| malformed("a tile that was not asked for"))?;
        Ok(Tile { id, hashes: row.try_get(1).map_err(unavailable)? })
    };
    rows.iter().map(tile).collect()
}

fn inconsistent(cause: String) -> JournalError {
    JournalError::new(JournalErrorKind::Inconsistent).caused_by(cause)
}
