//! Writing to SQLite.

use std::borrow::Cow;
use std::fs::{self, File};
use std::future::ready;
use std::path::Path;

use exuvia_tool::BoxFuture;
use rusqlite::{Connection, OptionalExtension as _, params};
use tlog_tiles::Error;

use super::places::{Place, Places};
use super::{Folder, blocks, configure, grow, index, retain, schema, sql, tokens, tree, unavailable};
use crate::store::{Batch, GuestFolder, KeyState, Prepared, Retained, Store};
use crate::tree::{Edge, TileSet, TreeHead};
use crate::wire::malformed;
use crate::{JournalError, JournalErrorKind, Retention, TokenSum};

/// Pages in the write-ahead log before they go to the database: 4 MiB. A larger log would be written to its end for
/// longer, and a file that grows is slower to sync than one that is overwritten.
const WAL_PAGES: u32 = 1_000;

/// The size of a write-ahead log that is copied to the database when a journal is opened, in bytes: whoever opens it
/// next reads all of it.
const LARGE_LOG_BYTES: u64 = 1 << 20;

/// Where a run is, and its key. Two statements: SQLite would prepare a join of both anew for every id, which takes longer than to run both.
const RUN: &str = "SELECT first FROM runs WHERE id = ?1";
const KEY: &str = "SELECT key FROM keys WHERE run = ?1";

/// The one connection that writes a journal.
pub(crate) struct SqliteStore {
    folder: Folder,
    /// None: it failed, and is opened again.
    connection: Option<Connection>,
    edge: Edge,
    /// The number of records that were known when the last commit began.
    committed_after: u64,
    places: Places,
    _lock: File,
}

impl SqliteStore {
    /// Opens the database, or makes one.
    ///
    /// # Errors
    ///
    /// A newer program made it, or it cannot be written.
    pub(crate) fn open(folder: Folder, lock: File) -> Result<Self, JournalError> {
        let connection = connect(&folder)?;
        let edge = tree::edge(&connection)?;
        let (connection, committed_after) = (Some(connection), edge.size());
        Ok(Self { folder, connection, edge, committed_after, places: Places::default(), _lock: lock })
    }

    /// The number of records.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The tree of all records.
    ///
    /// # Errors
    ///
    /// The edge lacks hashes.
    pub(crate) fn tree_head(&self) -> Result<TreeHead, JournalError> {
        self.edge.head()
    }

    /// The tree of all records, those included that others have appended.
    fn all_records(&mut self) -> Result<TreeHead, JournalError> {
        let mut edge = self.edge.clone();
        if self.with(|connection| tree::advance(connection, &mut edge))? {
            (self.edge, self.places) = (edge, Places::default());
        }
        self.tree_head()
    }

    /// Removes some of what is over.
    fn removed(
        &mut self,
        retention: (Retention, u64),
        is_open: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Retained, JournalError> {
        let (mut edge, guests) = (self.edge.clone(), self.folder.guests());
        let retained = self.with(|connection| retain::step(connection, &mut edge, &guests, retention, is_open))?;
        if edge.size() != self.edge.size() {
            (self.edge, self.places) = (edge, Places::default());
        }
        Ok(retained)
    }

    /// What `read` computes of the tree.
    ///
    /// # Errors
    ///
    /// A tile is missing or cannot be read.
    pub(crate) fn hash<T>(&mut self, read: impl Fn(&TileSet) -> Result<T, Error>) -> Result<T, JournalError> {
        let edge = self.edge.clone();
        let connection = self.connected()?;
        let mut tiles = TileSet::new(edge);
        loop {
            match tiles.compute(&read) {
                Ok(computed) => return computed.map_err(|error| malformed(error.to_string())),
                Err(missing) => {
                    for id in missing {
                        tiles.load(id, tree::tile(connection, id).map_err(unavailable)?);
                    }
                }
            }
        }
    }

    /// Lets the database have no more pages than it has.
    #[cfg(test)]
    pub(crate) fn fill(&mut self) {
        let limited = self.with(|connection| {
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        });
        limited.expect("a limit");
    }

    /// Lets nothing be written by this connection, as where the file system is read-only.
    #[cfg(test)]
    pub(crate) fn protect(&mut self) {
        self.with(|connection| connection.pragma_update(None, "query_only", true)).expect("a pragma");
    }

    /// As if the commit of the batch that begins at `first` had failed.
    #[cfg(test)]
    pub(crate) fn disconnected(&mut self, error: JournalError, first: u64) -> JournalError {
        self.connection = None;
        let parts = Edge::parts(first - 1);
        let connection = connect(&self.folder).expect("a connection");
        let mut heads = tree::heads(&connection, parts.heads_after).expect("heads");
        heads.truncate(usize::try_from(first - 1 - parts.heads_after).expect("few"));
        self.edge = Edge::from_parts(first - 1, &heads, &[]).expect("fewer than 256 records");
        error
    }

    fn connected(&mut self) -> Result<&mut Connection, JournalError> {
        if self.connection.is_none() {
            self.places = Places::default();
            self.connection = Some(connect(&self.folder)?);
        }
        self.connection.as_mut().ok_or_else(|| JournalError::new(JournalErrorKind::Unavailable))
    }

    /// Does something with the connection, and gives it up if that fails.
    fn with<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let result = work(self.connected()?);
        if result.is_err() {
            self.connection = None;
        }
        result.map_err(unavailable)
    }

    fn write(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        self.committed_after = self.edge.size();
        // Given up if the batch fails.
        let (mut edge, mut places) = (self.edge.clone(), std::mem::take(&mut self.places));
        let first = self.with(|connection| {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            if tree::advance(connection, &mut edge)? {
                // Others have erased something: of what, is read again.
                places = Places::default();
            }
            let first = edge.size() + 1;
            let mut bytes = 0;
            for record in &batch.records {
                bytes += insert(connection, record, &mut edge, &mut places)?;
            }
            grow(connection, bytes + insert_rest(connection, batch)?)?;
            // A failure ends the connection, and the transaction with it.
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(first)
        })?;
        places.trim();
        (self.edge, self.places) = (edge, places);
        Ok(first)
    }

    /// Whether one of the records since the last commit is this one. The edge is that of what is there then.
    fn settled(&mut self, head: &[u8]) -> Result<bool, JournalError> {
        let known = self.committed_after;
        let found = tree::edge(self.connected()?)?;
        if found.size() < known {
            let cause = format!("the database has {} records, and {known} were written", found.size());
            return Err(JournalError::new(JournalErrorKind::Inconsistent).caused_by(cause));
        }
        if found.size() == known || head.is_empty() {
            return Ok(false);
        }
        let later = self.with(|connection| tree::heads(connection, known))?;
        self.edge = found;
        Ok(later.iter().any(|found| found.ends_with(head)))
    }

    fn find_key(&mut self, id: &str) -> Result<KeyState, JournalError> {
        self.with(|connection| {
            let mut found = connection.prepare_cached(RUN)?;
            let Some(first) = found.query_row([id], |row| row.get::<_, i64>(0)).optional()? else {
                return Ok(KeyState::New);
            };
            let mut found = connection.prepare_cached(KEY)?;
            let key = found.query_row([first], |row| row.get::<_, [u8; 32]>(0)).optional()?;
            Ok(key.map_or(KeyState::Erased, |key| KeyState::Known(key.into())))
        })
    }
}

impl Store for SqliteStore {
    fn commit<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, Result<u64, JournalError>> {
        Box::pin(ready(self.write(batch)))
    }

    fn settle<'a>(&'a mut self, head: &'a [u8]) -> BoxFuture<'a, Result<bool, JournalError>> {
        Box::pin(ready(self.settled(head)))
    }

    fn guests(&self) -> GuestFolder {
        self.folder.guests()
    }

    fn key<'a>(&'a mut self, id: &'a str) -> BoxFuture<'a, Result<KeyState, JournalError>> {
        Box::pin(ready(self.find_key(id)))
    }

    fn add_tokens<'a>(&'a mut self, sums: &'a [TokenSum]) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(ready(self.with(|connection| tokens::add(connection, sums))))
    }

    fn tree(&mut self) -> BoxFuture<'_, Result<TreeHead, JournalError>> {
        Box::pin(ready(self.all_records()))
    }

    fn retain<'a>(
        &'a mut self,
        retention: Retention,
        now_ms: u64,
        is_open: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Retained, JournalError>> {
        Box::pin(ready(self.removed((retention, now_ms), is_open)))
    }
}

fn connect(folder: &Folder) -> Result<Connection, JournalError> {
    let path = folder.database();
    let opened = Connection::open(&path).and_then(|connection| {
        configure(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
        Ok(connection)
    });
    let mut connection = opened.map_err(|error| {
        JournalError::new(JournalErrorKind::Unavailable).caused_by(format!("{}: {error}", path.display()))
    })?;
    schema::migrate(&mut connection)?;
    copy_large_log(&connection, &path);
    Ok(connection)
}

/// Copies a large write-ahead log to the database, as far as readers let it. What cannot be copied now is copied later.
fn copy_large_log(connection: &Connection, database: &Path) {
    let log = fs::metadata(database.with_extension("db-wal"));
    if log.is_ok_and(|log| log.len() > LARGE_LOG_BYTES) {
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

/// Returns the bytes of its content.
fn insert(connection: &Connection, record: &Prepared, edge: &mut Edge, places: &mut Places) -> rusqlite::Result<i64> {
    let seq = sql(edge.size() + 1);
    let Place { first: run, is_erased } = places.run(connection, &record.id, (seq, record.key.is_some()))?;
    // Of a run that was erased, no private part is kept, whatever its key was when it was sealed.
    let body = record.body.as_deref().filter(|_| !is_erased);
    tree::append(connection, edge, run, (record.version, &record.head), body)?;
    let mut bytes = sql(body.map_or(0, <[u8]>::len) as u64);
    if !is_erased {
        bytes += blocks::keep(connection, run, &record.blocks)?;
    }
    if let Some(key) = &record.key {
        let mut inserted = connection.prepare_cached("INSERT INTO keys (run, key) VALUES (?1, ?2)")?;
        inserted.execute(params![run, key.as_bytes()])?;
    }
    let change = if is_erased { Cow::Owned(record.change.without_error()) } else { Cow::Borrowed(&record.change) };
    index::apply(connection, places, (run, seq == run), &record.id, &change)?;
    Ok(bytes)
}

/// Returns the bytes of the objects that were not there.
fn insert_rest(connection: &Connection, batch: &Batch) -> rusqlite::Result<i64> {
    let mut bytes = 0;
    for object in &batch.objects {
        let named = "INSERT INTO objects (sha256, kind) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET kind = ?2";
        connection.execute(named, params![object.sha256, object.kind.name()])?;
        let kept = "INSERT OR IGNORE INTO object_bytes (id, zstd) SELECT id, ?2 FROM objects WHERE sha256 = ?1";
        let added = connection.execute(kept, params![object.sha256, object.zstd])?;
        bytes += sql((added * object.zstd.len()) as u64);
    }
    if let Some((size, note)) = &batch.checkpoint {
        connection
            .execute("INSERT OR IGNORE INTO checkpoints (size, note) VALUES (?1, ?2)", params![sql(*size), note])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use tempfile::tempdir;

    use super::*;
    use crate::OpenOptions;
    use crate::store::sqlite::opened;

    #[test]
    fn no_statement_that_finds_a_key_is_prepared_again_for_another_id() {
        let dir = tempdir().expect("folder");
        let (mut store, _) = opened(&OpenOptions::new(dir.path(), || 7)).expect("a store");
        let insert = "INSERT INTO runs (first, id, is_direct, principal, started_ms) VALUES (?1, ?1, 0, '', 0)";
        let key = "INSERT INTO keys (run, key) VALUES (?1, zeroblob(32))";
        for run in 1..4 {
            store.with(|connection| connection.execute(insert, [run])).expect("a run");
            store.with(|connection| connection.execute(key, [run])).expect("a key");
            assert_eq!(store.find_key(&run.to_string()).expect("read"), KeyState::Known([0; 32].into()));
            assert_eq!(store.find_key(&format!("no {run}")).expect("read"), KeyState::New);
        }
        store.with(|connection| connection.execute("DELETE FROM keys WHERE run = 2", [])).expect("deleted");
        assert_eq!(store.find_key("2").expect("read"), KeyState::Erased);
        for sql in [RUN, KEY] {
            let connection = store.connected().expect("connected");
            let statement = connection.prepare_cached(sql).expect("cached");
            assert!(statement.get_status(StatementStatus::Run) > 1, "{sql}");
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
