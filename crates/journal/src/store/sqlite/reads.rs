//! Reading from SQLite, off the threads of the runtime, also while another process writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_tool::BoxFuture;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row as SqlRow};

use super::{Folder, blocks, configure, erase, list, schema, sql, stats, tokens, tree, unreadable, unsigned};
use crate::blocks::{BlockNames, SealedBlocks};
use crate::index::{CallIndex, RunIndex};
use crate::store::{HeadRow, IndexRow, Reads, RecordRows, Row, StoredCheckpoint};
use crate::tree::TileId;
use crate::{Erasure, Filter, JournalError, JournalErrorKind, Object, Stats, Summary, TokenSum};

/// What [`Reads::rows`] returns at once, in bytes, but for its last row.
const ROWS_BYTES: usize = 16 << 20;

/// The reading side of a journal in SQLite.
#[derive(Clone)]
pub(crate) struct SqliteReads {
    folder: Folder,
    connections: Arc<Mutex<Vec<Connection>>>,
    /// All reads go through one connection, which reads one state of the database.
    is_snapshot: bool,
}

impl SqliteReads {
    /// Opens a journal for reading.
    ///
    /// # Errors
    ///
    /// There is none, a newer program made it, or it cannot be read.
    pub(crate) fn open(folder: Folder) -> Result<Self, JournalError> {
        let connection = connect(&folder)?;
        Ok(Self { folder, connections: Arc::new(Mutex::new(vec![connection])), is_snapshot: false })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, JournalError>> {
        let this = self.clone();
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || this.read_here(work)).await;
            done.map_err(|error| JournalError::new(JournalErrorKind::Unreadable).caused_by(error))?
        })
    }

    fn read_here<T>(&self, work: impl FnOnce(&Connection) -> Result<T, JournalError>) -> Result<T, JournalError> {
        if self.is_snapshot {
            let connections = self.connections();
            return match connections.first() {
                Some(connection) => work(connection),
                None => Err(JournalError::new(JournalErrorKind::Unreadable)),
            };
        }
        let connection = self.connections().pop();
        let connection = connection.map_or_else(|| connect(&self.folder), Ok)?;
        let result = work(&connection);
        self.connections().push(connection);
        result
    }
}

/// A connection that cannot change anything.
fn connect(folder: &Folder) -> Result<Connection, JournalError> {
    let path = folder.database();
    let refused = |error: String| {
        JournalError::new(JournalErrorKind::Unreadable).caused_by(format!("{}: {error}", path.display()))
    };
    if !path.exists() {
        return Err(refused("there is no journal".to_owned()));
    }
    // One that may write reads what a killed process has left in the write-ahead log; where the folder is read-only, one that may not.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY))
        .and_then(|connection| {
            configure(&connection)?;
            connection.pragma_update(None, "query_only", true)?;
            // The last connection that closes would copy the write-ahead log and wait for the disk.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(connection)
        });
    let connection = opened.map_err(|error| refused(error.to_string()))?;
    schema::check(&connection)?;
    Ok(connection)
}

impl Reads for SqliteReads {
    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Reads>, JournalError>> {
        let folder = self.folder.clone();
        self.read(move |_| {
            let connection = connect(&folder)?;
            connection.execute_batch("BEGIN; SELECT 1 FROM records LIMIT 1;").map_err(unreadable)?;
            let connections = Arc::new(Mutex::new(vec![connection]));
            Ok(Box::new(Self { folder, connections, is_snapshot: true }) as Box<dyn Reads>)
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.read(|connection| {
            let size = connection.query_row("SELECT ifnull(max(seq), 0) FROM records", [], |row| row.get(0));
            size.map(unsigned).map_err(unreadable)
        })
    }

    fn rows(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<Row>, JournalError>> {
        self.read(move |connection| rows(connection, after, limit).map_err(unreadable))
    }

    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<RecordRows>, JournalError>> {
        let id = id.to_owned();
        self.read(move |connection| record(connection, &id).map_err(unreadable))
    }

    fn principal<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, JournalError>> {
        let id = id.to_owned();
        self.read(move |connection| {
            let select = "SELECT principal FROM runs WHERE id = ?1";
            connection.query_row(select, [id], |row| row.get(0)).optional().map_err(unreadable)
        })
    }

    fn sealed_bytes<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<u64, JournalError>> {
        let id = id.to_owned();
        self.read(move |connection| {
            let sum = "WITH one AS (SELECT first FROM runs WHERE id = ?1) \
                SELECT (SELECT ifnull(sum(length(body)), 0) FROM records WHERE run = (SELECT first FROM one)) \
                + (SELECT ifnull(sum(length(sealed)), 0) FROM run_blocks JOIN file_blocks ON id = block WHERE run = (SELECT first FROM one))";
            connection.query_row(sum, [id], |row| row.get(0)).map(unsigned).map_err(unreadable)
        })
    }

    fn blocks<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<SealedBlocks>, JournalError>> {
        let id = id.to_owned();
        self.read(move |connection| blocks::of_run(connection, &id).map_err(unreadable))
    }

    fn block_names(&self, first: u64) -> BoxFuture<'_, Result<BlockNames, JournalError>> {
        self.read(move |connection| blocks::names(connection, sql(first)).map_err(unreadable))
    }

    fn block(&self, name: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        self.read(move |connection| blocks::sealed(connection, &name).map_err(unreadable))
    }

    fn tile(&self, id: TileId) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        self.read(move |connection| tree::tile(connection, id).map_err(unreadable))
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, JournalError>> {
        self.read(|connection| checkpoints(connection).map_err(unreadable))
    }

    fn newest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        self.read(|connection| {
            let newest = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1";
            connection.query_row(newest, [], |row| row.get(0)).optional().map_err(unreadable)
        })
    }

    fn index(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<IndexRow>, JournalError>> {
        self.read(move |connection| index(connection, after, limit).map_err(unreadable))
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>> {
        let filter = filter.clone();
        self.read(move |connection| list::list(connection, &filter))
    }

    fn stats<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Stats, JournalError>> {
        let filter = filter.clone();
        self.read(move |connection| stats::stats(connection, &filter).map_err(unreadable))
    }

    fn tokens(&self, since_ms: u64, until_ms: u64) -> BoxFuture<'_, Result<Vec<TokenSum>, JournalError>> {
        self.read(move |connection| tokens::sums(connection, since_ms, until_ms).map_err(unreadable))
    }

    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>> {
        let sha256 = sha256.to_owned();
        self.read(move |connection| object(connection, sha256))
    }

    fn erase<'a>(&'a self, id: &'a str, erasure: &'a Erasure) -> BoxFuture<'a, Result<bool, JournalError>> {
        let (id, folder, erasure) = (id.to_owned(), self.folder.clone(), erasure.clone());
        self.read(move |_| erase::erase(&folder, &id, &erasure))
    }
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row { seq: unsigned(row.get(0)?), head: row.get(1)?, body: row.get(2)? })
}

fn rows(connection: &Connection, after: u64, limit: u64) -> rusqlite::Result<Vec<Row>> {
    let select = "SELECT seq, head, body FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut select = connection.prepare_cached(select)?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for found in select.query_map([sql(after), sql(limit)], row)? {
        let found = found?;
        bytes += found.head.len() + found.body.as_ref().map_or(0, Vec::len);
        rows.push(found);
        if bytes > ROWS_BYTES {
            break;
        }
    }
    Ok(rows)
}

fn record(connection: &Connection, id: &str) -> rusqlite::Result<Option<RecordRows>> {
    let known = "SELECT first, erased_by, key FROM runs LEFT JOIN keys ON run = first WHERE id = ?1";
    let known = connection.query_row(known, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((first, erased_by, key)): Option<(i64, Option<i64>, _)> = known else { return Ok(None) };
    let mut select = connection.prepare_cached("SELECT seq, head, body FROM records WHERE run = ?1 ORDER BY seq")?;
    let rows = select.query_map([first], row)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(RecordRows { rows, key, erased_by: erased_by.map(unsigned) }))
}

fn checkpoints(connection: &Connection) -> rusqlite::Result<Vec<StoredCheckpoint>> {
    let mut select = connection.prepare("SELECT size, note FROM checkpoints ORDER BY size")?;
    select.query_map([], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))?.collect()
}

fn index(connection: &Connection, after: u64, limit: u64) -> rusqlite::Result<Vec<IndexRow>> {
    let select = "SELECT first, id, is_direct, principal, started_ms, ended_ms, outcome, fuel, erased_by, key, profile \
                  FROM runs LEFT JOIN keys ON run = first WHERE first > ?1 ORDER BY first LIMIT ?2";
    let calls = "SELECT call, server, t.tool, code, ms, cost FROM calls c JOIN tools t ON t.id = c.tool WHERE run = ?1";
    let heads = "SELECT seq, head, body IS NOT NULL FROM records WHERE run = ?1 ORDER BY seq";
    let (mut calls, mut heads) = (connection.prepare_cached(calls)?, connection.prepare_cached(heads)?);
    let mut select = connection.prepare_cached(select)?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for row in select.query_map([sql(after), sql(limit)], |row| Ok((run_index(row)?, row.get(9)?)))? {
        let (mut run, key) = row?;
        run.calls = calls.query_map([sql(run.first)], call_index)?.collect::<rusqlite::Result<_>>()?;
        let heads = heads.query_map([sql(run.first)], head_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        bytes += heads.iter().map(|row: &HeadRow| row.head.len()).sum::<usize>();
        found.push(IndexRow { run, key, heads });
        if bytes > ROWS_BYTES {
            break;
        }
    }
    Ok(found)
}

fn head_row(row: &SqlRow<'_>) -> rusqlite::Result<HeadRow> {
    Ok(HeadRow { seq: unsigned(row.get(0)?), head: row.get(1)?, has_body: row.get(2)? })
}

fn run_index(row: &SqlRow<'_>) -> rusqlite::Result<RunIndex> {
    Ok(RunIndex {
        first: unsigned(row.get(0)?),
        id: row.get(1)?,
        is_direct: row.get(2)?,
        principal: row.get(3)?,
        profile: row.get(10)?,
        started_ms: unsigned(row.get(4)?),
        ended_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
        outcome: row.get(6)?,
        fuel: unsigned(row.get(7)?),
        erased_by: row.get::<_, Option<i64>>(8)?.map(unsigned),
        calls: std::collections::BTreeMap::new(),
    })
}

fn call_index(row: &SqlRow<'_>) -> rusqlite::Result<(u64, CallIndex)> {
    let ms = row.get::<_, Option<i64>>(4)?.map(unsigned);
    let cost = unsigned(row.get(5)?);
    Ok((unsigned(row.get(0)?), CallIndex { server: row.get(1)?, tool: row.get(2)?, code: row.get(3)?, ms, cost }))
}

fn object(connection: &Connection, sha256: String) -> Result<Option<Object>, JournalError> {
    let select = "SELECT kind, zstd FROM objects JOIN object_bytes USING (id) WHERE sha256 = ?1";
    let found =
        connection.query_row(select, [&sha256], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((kind, zstd)) = found.optional().map_err(unreadable)? else { return Ok(None) };
    crate::store::object(&kind, &sha256, &zstd).map(Some)
}
