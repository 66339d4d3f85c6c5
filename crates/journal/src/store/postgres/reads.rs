//! Reading from PostgreSQL, also while others write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use exuvia_tool::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_postgres::Row as SqlRow;

use super::address::Address;
use super::session::{Purpose, READ, Session};
use super::{blocks, erase, list, schema, sql, stats, tokens, unreadable, unsigned};
use crate::blocks::{BlockNames, SealedBlocks};
use crate::index::{CallIndex, RunIndex, text};
use crate::store::{HeadRow, IndexRow, Reads, RecordRows, Row, StoredCheckpoint};
use crate::tree::TileId;
use crate::wire::malformed;
use crate::{Erasure, Filter, JournalError, JournalErrorKind, Object, Stats, Summary, TokenSum};

/// What is read at once, in bytes, but for its last row.
const ROWS_BYTES: i64 = 16 << 20;
/// Connections that read at once. Further readers wait.
const MAX_SESSIONS: usize = 8;

const SIZE: &str = "SELECT size FROM log";
const ROWS: &str = "SELECT seq, head, body FROM (SELECT seq, head, body, \
    sum(octet_length(head) + coalesce(octet_length(body), 0)) OVER (ORDER BY seq) - octet_length(head) - coalesce(octet_length(body), 0) AS before \
    FROM (SELECT * FROM records WHERE seq > $1 ORDER BY seq LIMIT $2) AS next) AS summed WHERE before <= $3 ORDER BY seq";
const RUN: &str = "SELECT first, erased_by, key FROM runs LEFT JOIN keys ON keys.run = runs.first WHERE id = $1";
const RECORD: &str = "SELECT seq, head, body FROM records WHERE run = $1 ORDER BY seq";
const PRINCIPAL: &str = "SELECT principal FROM runs WHERE id = $1";
const SEALED_BYTES: &str = "WITH one AS (SELECT first FROM runs WHERE id = $1) \
    SELECT (SELECT coalesce(sum(octet_length(body)), 0)::int8 FROM records WHERE run = (SELECT first FROM one)) \
    + (SELECT coalesce(sum(octet_length(sealed)), 0)::int8 FROM run_blocks JOIN file_blocks USING (name) \
    WHERE run = (SELECT first FROM one))";
const TILE: &str = "SELECT hashes FROM tiles WHERE id = $1";
const CHECKPOINTS: &str = "SELECT size, note FROM checkpoints ORDER BY size";
pub(super) const NEWEST_CHECKPOINT: &str = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1";
const INDEX: &str = "SELECT first, id, is_direct, principal, started_ms, ended_ms, outcome, fuel, erased_by, key, \
    (SELECT sum(octet_length(head))::int8 FROM records WHERE run = first), profile \
    FROM runs LEFT JOIN keys ON keys.run = runs.first WHERE first > $1 ORDER BY first LIMIT $2";
const CALLS: &str =
    "SELECT run, call, server, t.tool, code, ms, cost FROM calls c JOIN tools t ON t.id = c.tool WHERE run = ANY($1)";
const HEADS: &str = "SELECT run, seq, head, body IS NOT NULL FROM records WHERE run = ANY($1) ORDER BY run, seq";
const OBJECT: &str = "SELECT kind, zstd FROM objects JOIN object_bytes USING (sha256) WHERE sha256 = $1";

/// The reading side of a journal in PostgreSQL.
#[derive(Clone)]
pub(crate) struct PostgresReads {
    address: Address,
    idle: Arc<Mutex<Vec<Session>>>,
    room: Arc<Semaphore>,
    /// The one connection, which reads one state of the database.
    snapshot: Option<Arc<Session>>,
}

/// A connection in use.
struct Lent<'a> {
    session: Session,
    _room: SemaphorePermit<'a>,
}

impl PostgresReads {
    /// The journal at a URL. It connects when it is needed.
    ///
    /// # Errors
    ///
    /// The URL is malformed.
    pub(crate) fn open(url: &str) -> Result<Self, JournalError> {
        let address = Address::parse(url)?;
        let room = Arc::new(Semaphore::new(MAX_SESSIONS));
        Ok(Self { address, idle: Arc::default(), room, snapshot: None })
    }

    async fn lend(&self) -> Result<Lent<'_>, JournalError> {
        let room = self.room.acquire().await.map_err(|_| JournalError::new(JournalErrorKind::Unreadable))?;
        let idle = std::mem::take(&mut *self.idle());
        let mut open = idle.into_iter().filter(Session::is_open);
        let session = open.next();
        self.idle().extend(open);
        let session = match session {
            Some(session) => session,
            None => connect(&self.address, Purpose::Read).await?,
        };
        Ok(Lent { session, _room: room })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads by `$session` what `$read` returns. A connection on which that failed is used no more.
macro_rules! read {
    ($reads:expr, |$session:ident| $read:expr) => {{
        let reads = $reads;
        Box::pin(async move {
            within(async move {
                if let Some(snapshot) = &reads.snapshot {
                    let $session: &Session = snapshot;
                    return $read.await;
                }
                let lent = reads.lend().await?;
                let $session = &lent.session;
                let found = $read.await?;
                reads.idle().push(lent.session);
                Ok(found)
            })
            .await
        })
    }};
}

async fn connect(address: &Address, purpose: Purpose) -> Result<Session, JournalError> {
    let unread = |error| JournalError::new(JournalErrorKind::Unreadable).caused_by(error);
    let session = Session::connect_apart(address, purpose).await.map_err(unread)?;
    schema::check(&session, &address.schema).await?;
    Ok(session)
}

async fn within<T>(work: impl Future<Output = Result<T, JournalError>>) -> Result<T, JournalError> {
    timeout(READ, work).await.unwrap_or_else(|_| {
        let cause = format!("the server did not answer within {} s", READ.as_secs());
        Err(JournalError::new(JournalErrorKind::Unreadable).caused_by(cause))
    })
}

impl Reads for PostgresReads {
    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Reads>, JournalError>> {
        Box::pin(within(async {
            let session = connect(&self.address, Purpose::Read).await?;
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM log";
            session.client.batch_execute(begin).await.map_err(unreadable)?;
            Ok(Box::new(Self { snapshot: Some(Arc::new(session)), ..self.clone() }) as Box<dyn Reads>)
        }))
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        read!(self, |session| size(session))
    }

    fn rows(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<Row>, JournalError>> {
        read!(self, |session| rows(session, after, limit))
    }

    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<RecordRows>, JournalError>> {
        read!(self, |session| record(session, id))
    }

    fn principal<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, JournalError>> {
        read!(self, |session| principal(session, id))
    }

    fn sealed_bytes<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<u64, JournalError>> {
        read!(self, |session| sealed_bytes(session, id))
    }

    fn blocks<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<SealedBlocks>, JournalError>> {
        read!(self, |session| blocks::of_run(session, &text(id)))
    }

    fn block_names(&self, first: u64) -> BoxFuture<'_, Result<BlockNames, JournalError>> {
        read!(self, |session| blocks::names(session, sql(first)))
    }

    fn block(&self, name: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        read!(self, |session| blocks::sealed(session, &name))
    }

    fn tile(&self, id: TileId) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        read!(self, |session| tile(session, id))
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, JournalError>> {
        read!(self, |session| checkpoints(session))
    }

    fn newest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        read!(self, |session| newest_checkpoint(session))
    }

    fn index(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<IndexRow>, JournalError>> {
        read!(self, |session| index(session, after, limit))
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>> {
        read!(self, |session| list::list(session, filter))
    }

    fn stats<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Stats, JournalError>> {
        read!(self, |session| stats::stats(session, filter))
    }

    fn tokens(&self, since_ms: u64, until_ms: u64) -> BoxFuture<'_, Result<Vec<TokenSum>, JournalError>> {
        read!(self, |session| tokens::sums(session, since_ms, until_ms))
    }

    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>> {
        read!(self, |session| object(session, sha256))
    }

    fn erase<'a>(&'a self, id: &'a str, erasure: &'a Erasure) -> BoxFuture<'a, Result<bool, JournalError>> {
        Box::pin(within(async {
            let session = connect(&self.address.clone().for_writing(), Purpose::Write).await?;
            erase::erase(&session, &text(id), erasure).await
        }))
    }
}

async fn size(session: &Session) -> Result<u64, JournalError> {
    let row = session.query_opt(SIZE, &[]).await.map_err(unreadable)?;
    row.ok_or_else(|| malformed("the table `log` is empty"))?.try_get(0).map(unsigned).map_err(unreadable)
}

fn row(row: &SqlRow) -> Result<Row, tokio_postgres::Error> {
    Ok(Row { seq: unsigned(row.try_get(0)?), head: row.try_get(1)?, body: row.try_get(2)? })
}

async fn rows(session: &Session, after: u64, limit: u64) -> Result<Vec<Row>, JournalError> {
    let rows = session.query(ROWS, &[&sql(after), &sql(limit), &ROWS_BYTES]).await.map_err(unreadable)?;
    rows.iter().map(row).collect::<Result<_, _>>().map_err(unreadable)
}

async fn record(session: &Session, id: &str) -> Result<Option<RecordRows>, JournalError> {
    let Some(run) = session.query_opt(RUN, &[&text(id)]).await.map_err(unreadable)? else { return Ok(None) };
    let first: i64 = run.try_get(0).map_err(unreadable)?;
    let rows = session.query(RECORD, &[&first]).await.map_err(unreadable)?;
    let rows = rows.iter().map(row).collect::<Result<_, _>>().map_err(unreadable)?;
    let erased_by = run.try_get::<_, Option<i64>>(1).map_err(unreadable)?.map(unsigned);
    Ok(Some(RecordRows { rows, key: key(&run, 2)?, erased_by }))
}

fn key(row: &SqlRow, column: usize) -> Result<Option<[u8; 32]>, JournalError> {
    let key: Option<&[u8]> = row.try_get(column).map_err(unreadable)?;
    key.map(|key| key.try_into().map_err(|_| malformed("a key has 32 bytes"))).transpose()
}

async fn principal(session: &Session, id: &str) -> Result<Option<String>, JournalError> {
    let row = session.query_opt(PRINCIPAL, &[&text(id)]).await.map_err(unreadable)?;
    row.map(|row| row.try_get(0)).transpose().map_err(unreadable)
}

async fn sealed_bytes(session: &Session, id: &str) -> Result<u64, JournalError> {
    let row = session.query_opt(SEALED_BYTES, &[&text(id)]).await.map_err(unreadable)?;
    row.map_or(Ok(0), |row| row.try_get(0).map(unsigned)).map_err(unreadable)
}

async fn tile(session: &Session, id: TileId) -> Result<Option<Vec<u8>>, JournalError> {
    let row = session.query_opt(TILE, &[&id.key()]).await.map_err(unreadable)?;
    row.map(|row| row.try_get(0)).transpose().map_err(unreadable)
}

async fn checkpoints(session: &Session) -> Result<Vec<StoredCheckpoint>, JournalError> {
    let rows = session.query(CHECKPOINTS, &[]).await.map_err(unreadable)?;
    let checkpoints = rows.iter().map(|row| Ok((unsigned(row.try_get(0)?), row.try_get(1)?)));
    checkpoints.collect::<Result<_, _>>().map_err(unreadable)
}

async fn newest_checkpoint(session: &Session) -> Result<Option<Vec<u8>>, JournalError> {
    let row = session.query_opt(NEWEST_CHECKPOINT, &[]).await.map_err(unreadable)?;
    row.map(|row| row.try_get(0)).transpose().map_err(unreadable)
}

async fn index(session: &Session, after: u64, limit: u64) -> Result<Vec<IndexRow>, JournalError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for row in session.query(INDEX, &[&sql(after), &sql(limit)]).await.map_err(unreadable)? {
        found.push(IndexRow { run: run_index(&row).map_err(unreadable)?, key: key(&row, 9)?, heads: Vec::new() });
        bytes += row.try_get::<_, Option<i64>>(10).map_err(unreadable)?.unwrap_or(0);
        if bytes > ROWS_BYTES {
            break;
        }
    }
    add_calls_and_heads(session, &mut found).await.map_err(unreadable)?;
    Ok(found)
}

async fn add_calls_and_heads(session: &Session, found: &mut [IndexRow]) -> Result<(), tokio_postgres::Error> {
    let firsts: Vec<i64> = found.iter().map(|row| sql(row.run.first)).collect();
    let places: HashMap<i64, usize> = firsts.iter().copied().zip(0..).collect();
    for row in session.query(CALLS, &[&firsts]).await? {
        if let Some(&place) = places.get(&row.try_get(0)?) {
            let cost = unsigned(row.try_get(6)?);
            let (call, ms) = (unsigned(row.try_get(1)?), row.try_get::<_, Option<i64>>(5)?.map(unsigned));
            let entry = CallIndex { server: row.try_get(2)?, tool: row.try_get(3)?, code: row.try_get(4)?, ms, cost };
            found[place].run.calls.insert(call, entry);
        }
    }
    for row in session.query(HEADS, &[&firsts]).await? {
        if let Some(&place) = places.get(&row.try_get(0)?) {
            let head = HeadRow { seq: unsigned(row.try_get(1)?), head: row.try_get(2)?, has_body: row.try_get(3)? };
            found[place].heads.push(head);
        }
    }
    Ok(())
}

fn run_index(row: &SqlRow) -> Result<RunIndex, tokio_postgres::Error> {
    Ok(RunIndex {
        first: unsigned(row.try_get(0)?),
        id: row.try_get(1)?,
        is_direct: row.try_get(2)?,
        principal: row.try_get(3)?,
        profile: row.try_get(11)?,
        started_ms: unsigned(row.try_get(4)?),
        ended_ms: row.try_get::<_, Option<i64>>(5)?.map(unsigned),
        outcome: row.try_get(6)?,
        fuel: unsigned(row.try_get(7)?),
        erased_by: row.try_get::<_, Option<i64>>(8)?.map(unsigned),
        calls: std::collections::BTreeMap::new(),
    })
}

async fn object(session: &Session, sha256: &str) -> Result<Option<Object>, JournalError> {
    let row = session.query_opt(OBJECT, &[&text(sha256)]).await.map_err(unreadable)?;
    let Some(row) = row else { return Ok(None) };
    let (kind, zstd): (&str, &[u8]) = (row.try_get(0).map_err(unreadable)?, row.try_get(1).map_err(unreadable)?);
    crate::store::object(kind, sha256, zstd).map(Some)
}
