//! Writing to PostgreSQL.
//!
//! Who appends locks the one row of the table `log`, learns what others have appended meanwhile, appends, and advances the row. The commit is
//! sent when everything else was answered: a commit whose outcome is unknown held the lock, so that whoever has the lock next sees its outcome.

use std::collections::HashMap;
use std::fs::File;
use std::time::Duration;

use exuvia_tool::BoxFuture;
use tokio::time::Instant;
use tokio::try_join;

use super::address::Address;
use super::batch::{KEYS, Known, RECORDS, Rows, TILES};
use super::log::{Grown, LOCK, LOG, Log, commit, lock};
use super::session::{Purpose, Session, step};
use super::tree::advance;
use super::{Parameters, blocks, calls, retain, runs, schema, sql, tokens, unavailable};
use crate::store::{Batch, GuestFolder, KeyState, Retained, Store};
use crate::tree::{Edge, TreeHead};
use crate::wire::malformed;
use crate::{JournalError, JournalErrorKind, Retention, TokenSum};

const ADVANCE: &str =
    "UPDATE log SET size = $1, root = $2, bytes = bytes + $3 + $4, content_bytes = content_bytes + $4";
const KNOWN: &str = "SELECT id, first, erased_by IS NOT NULL FROM runs WHERE id = ANY($1)";
const KEY: &str = "SELECT key FROM runs LEFT JOIN keys ON keys.run = runs.first WHERE id = $1";
/// Whether a head is among the later ones: the parameter lacks the beginning with its place.
const IS_WRITTEN: &str = "SELECT EXISTS (SELECT 1 FROM records WHERE seq > $1 \
    AND substr(head, octet_length(head) - octet_length($2::bytea) + 1) = $2::bytea)";
/// Objects that runs name.
const NAMED: &str = "INSERT INTO objects (sha256, last_run) SELECT * FROM unnest($1::text[], $2::int8[]) \
    ON CONFLICT (sha256) DO UPDATE SET last_run = excluded.last_run";
const OBJECT: &str =
    "INSERT INTO objects (sha256, kind) VALUES ($1, $2) ON CONFLICT (sha256) DO UPDATE SET kind = excluded.kind";
const OBJECT_BYTES: &str = "INSERT INTO object_bytes (sha256, zstd) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const CHECKPOINT: &str = "INSERT INTO checkpoints (size, note) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// From one failed attempt to connect to the next: doubled up to the longest.
const SHORTEST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The connection that writes a journal.
pub(crate) struct PostgresStore {
    address: Address,
    /// None: there is none, or it failed.
    session: Option<Session>,
    /// The tree of what this process has seen in the log.
    edge: Edge,
    /// The number of records that were known when the last commit began.
    committed_after: u64,
    /// When connecting failed: no attempt before then, and how long it is until then.
    retry: Option<(Instant, Duration)>,
    /// Objects that were ever removed, as of the last look.
    removed_objects: u64,
    guests: GuestFolder,
    /// The lock of the folder.
    _lock: File,
}

impl PostgresStore {
    /// A store that knows the log up to this edge. It connects when it is needed.
    pub(super) fn new(address: Address, edge: Edge, guests: GuestFolder, lock: File) -> Self {
        let (session, retry) = (None, None);
        Self { address, session, edge, committed_after: 0, retry, removed_objects: 0, guests, _lock: lock }
    }

    /// The connection, taken out: a future that fails or is dropped closes it.
    async fn session(&mut self) -> Result<Session, JournalError> {
        if let Some(session) = self.session.take().filter(Session::is_open) {
            return Ok(session);
        }
        let now = Instant::now();
        if self.retry.is_some_and(|(at, _)| now < at) {
            return Err(JournalError::new(JournalErrorKind::Unavailable).caused_by("the server is not connected"));
        }
        let connected = step(connect(&self.address)).await;
        self.retry = match &connected {
            Ok(_) => None,
            Err(_) => {
                let wait = self.retry.map_or(SHORTEST_RETRY, |(_, wait)| (wait * 2).min(LONGEST_RETRY));
                Some((Instant::now() + wait, wait))
            }
        };
        connected
    }
}

async fn connect(address: &Address) -> Result<Session, JournalError> {
    let session = Session::connect(address, Purpose::Write).await.map_err(unavailable)?;
    schema::check(&session, &address.schema).await?;
    for statement in [
        LOCK,
        ADVANCE,
        KNOWN,
        KEY,
        RECORDS,
        TILES,
        KEYS,
        NAMED,
        runs::BEGIN,
        runs::END,
        calls::TOOLS,
        calls::BEGIN,
        calls::END,
    ] {
        session.prepare(statement).await.map_err(unavailable)?;
    }
    Ok(session)
}

/// Appends a batch. Returns the edge after it, and the place of its first record.
async fn append(session: &Session, known: &Edge, batch: &Batch) -> Result<(Edge, u64), JournalError> {
    // Sent together: the server does one after the other.
    let (log, known_runs) = try_join!(biased; lock(session), known_runs(session, batch))?;
    let mut edge = known.clone();
    advance(session, &mut edge, &log).await?;
    let first = edge.size() + 1;
    let kept_bytes = keep(session, batch).await?;
    let rows = Rows::of(batch, &mut edge, &known_runs);
    let block_bytes = blocks::keep(session, &rows.blocks).await?;
    let grown = rows.grown() + Grown { heads: 0, content: kept_bytes + block_bytes };
    Box::pin(insert(session, rows, edge.head()?, grown)).await.map_err(unavailable)?;
    commit(session).await?;
    Ok((edge, first))
}

/// Those runs of a batch that began in an earlier one.
async fn known_runs(session: &Session, batch: &Batch) -> Result<HashMap<String, Known>, JournalError> {
    let mut ids: Vec<&str> = batch.records.iter().map(|record| &*record.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = if ids.is_empty() { Vec::new() } else { session.query(KNOWN, &[&ids]).await.map_err(unavailable)? };
    let known =
        rows.iter().map(|row| Ok((row.try_get(0)?, Known { first: row.try_get(1)?, is_erased: row.try_get(2)? })));
    known.collect::<Result<_, _>>().map_err(unavailable)
}

/// Inserts all rows, advances the log by what they add to the tree with them, and waits for the answers together.
async fn insert(session: &Session, rows: Rows<'_>, tree: TreeHead, grown: Grown) -> Result<(), tokio_postgres::Error> {
    let (size, root) = (sql(tree.size), tree.root.0.as_slice());
    let advanced: Parameters<'_> = &[&size, &root, &grown.heads, &grown.content];
    let (runs, ended_runs) = rows.runs.columns();
    let (calls, ended_calls) = rows.calls.columns();
    let (objects, last_runs) = rows.named.into_iter().unzip();
    try_join!(
        biased;
        rows.records.insert(session),
        rows.tiles.insert(session),
        rows.keys.insert(session),
        runs.insert(session),
        ended_runs.update(session),
        calls.insert_tools(session),
        calls.insert(session),
        ended_calls.update(session),
        insert_named(session, objects, last_runs),
        session.execute(ADVANCE, advanced),
    )?;
    Ok(())
}

async fn insert_named(session: &Session, objects: Vec<&str>, last_runs: Vec<i64>) -> Result<(), tokio_postgres::Error> {
    if !objects.is_empty() {
        session.execute(NAMED, &[&objects, &last_runs]).await?;
    }
    Ok(())
}

/// Keeps the objects and the checkpoint of a batch. Returns the bytes of those that were not there.
async fn keep(session: &Session, batch: &Batch) -> Result<i64, JournalError> {
    let mut bytes = 0;
    for object in &batch.objects {
        session.execute(OBJECT, &[&object.sha256, &object.kind.name()]).await.map_err(unavailable)?;
        let added = session.execute(OBJECT_BYTES, &[&object.sha256, &object.zstd]).await.map_err(unavailable)?;
        bytes += sql(added * object.zstd.len() as u64);
    }
    if let Some((size, note)) = &batch.checkpoint {
        session.execute(CHECKPOINT, &[&sql(*size), note]).await.map_err(unavailable)?;
    }
    Ok(bytes)
}

/// Whether a batch is written. Whoever has the lock knows: its commit was decided before.
async fn is_written(session: &Session, after: u64, head: &[u8]) -> Result<bool, JournalError> {
    let log = lock(session).await?;
    let mut is_written = false;
    if log.size > after && !head.is_empty() {
        let row = session.query_opt(IS_WRITTEN, &[&sql(after), &head]).await.map_err(unavailable)?;
        is_written = row.is_some_and(|row| row.try_get(0).unwrap_or(false));
    }
    commit(session).await?;
    Ok(is_written)
}

async fn key(session: &Session, id: &str) -> Result<KeyState, JournalError> {
    let Some(row) = session.query_opt(KEY, &[&id]).await.map_err(unavailable)? else { return Ok(KeyState::New) };
    let Some(key) = row.try_get::<_, Option<&[u8]>>(0).map_err(unavailable)? else { return Ok(KeyState::Erased) };
    let key: [u8; 32] = key.try_into().map_err(|_| malformed("a key has 32 bytes"))?;
    Ok(KeyState::Known(key.into()))
}

impl Store for PostgresStore {
    fn commit<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, Result<u64, JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            self.committed_after = self.edge.size();
            let (edge, first) = step(append(&session, &self.edge, batch)).await?;
            (self.edge, self.session) = (edge, Some(session));
            Ok(first)
        })
    }

    fn add_tokens<'a>(&'a mut self, sums: &'a [TokenSum]) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            step(tokens::add(&session, sums)).await?;
            self.session = Some(session);
            Ok(())
        })
    }

    fn settle<'a>(&'a mut self, head: &'a [u8]) -> BoxFuture<'a, Result<bool, JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let is_written = step(is_written(&session, self.committed_after, head)).await?;
            self.session = Some(session);
            Ok(is_written)
        })
    }

    fn guests(&self) -> GuestFolder {
        self.guests.clone()
    }

    fn key<'a>(&'a mut self, id: &'a str) -> BoxFuture<'a, Result<KeyState, JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let key = step(key(&session, id)).await?;
            self.session = Some(session);
            Ok(key)
        })
    }

    fn tree(&mut self) -> BoxFuture<'_, Result<TreeHead, JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let mut edge = self.edge.clone();
            step(async {
                let row = session.query_opt(LOG, &[]).await.map_err(unavailable)?;
                let log = Log::of(&row.ok_or_else(|| malformed("the table `log` is empty"))?)?;
                advance(&session, &mut edge, &log).await
            })
            .await?;
            (self.edge, self.session) = (edge, Some(session));
            self.edge.head()
        })
    }

    fn retain<'a>(
        &'a mut self,
        retention: Retention,
        now_ms: u64,
        is_open: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Retained, JournalError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let mut edge = self.edge.clone();
            let (retained, removed) = step(retain::step(&session, &mut edge, (retention, now_ms), is_open)).await?;
            self.edge = edge;
            let guests = if retained.more { step(retain::remove_guests(&session, &self.guests)).await? } else { 0 };
            self.session = Some(session);
            let objects = removed.saturating_sub(std::mem::replace(&mut self.removed_objects, removed));
            Ok(Retained { objects: usize::try_from(objects).unwrap_or(usize::MAX).saturating_add(guests), ..retained })
        })
    }
}
