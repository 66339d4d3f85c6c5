//! The tables of a journal, and how they came to be.

use rusqlite::Connection;

use crate::{JournalError, JournalErrorKind};

/// "Exuv": what kind of database the file is.
const APPLICATION_ID: i64 = 0x4578_7576;

/// One per version of the schema, from an empty database on. A released one is never changed.
const MIGRATIONS: &[&str] = &[
    // Version 1.
    "
    -- The log. `run` is the place of the first record of the run or direct call.
    CREATE TABLE records (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, head BLOB NOT NULL, body BLOB) STRICT;
    CREATE INDEX records_run ON records (run);

    -- Written in order of `run`, so that no page with a key is ever split, and no copy of a key is left when it is deleted.
    CREATE TABLE keys (run INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;

    -- Full tiles of the Merkle tree: level << 48 | number, and 256 hashes.
    CREATE TABLE tiles (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
    CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;

    -- What runs name by its digest. `last_run` is the last run that does.
    CREATE TABLE objects (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, kind TEXT, last_run INTEGER) STRICT;
    CREATE TABLE object_bytes (id INTEGER PRIMARY KEY, zstd BLOB NOT NULL) STRICT;

    -- The index: derived from the heads, and the first line of each error until the run is erased.
    CREATE TABLE runs (
        first INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, is_direct INTEGER NOT NULL, principal TEXT NOT NULL,
        started_ms INTEGER NOT NULL, ended_ms INTEGER, outcome TEXT, fuel INTEGER NOT NULL DEFAULT 0,
        is_erased INTEGER NOT NULL DEFAULT 0, error TEXT
    ) STRICT;
    CREATE INDEX runs_principal ON runs (principal);
    CREATE INDEX runs_outcome ON runs (outcome);
    CREATE INDEX runs_started ON runs (started_ms);
    CREATE INDEX runs_error ON runs (first) WHERE error IS NOT NULL;
    CREATE TABLE tools (id INTEGER PRIMARY KEY, server TEXT NOT NULL, tool TEXT NOT NULL, UNIQUE (server, tool)) STRICT;
    CREATE TABLE calls (
        run INTEGER NOT NULL, call INTEGER NOT NULL, tool INTEGER NOT NULL, code TEXT, ms INTEGER, error TEXT,
        PRIMARY KEY (run, call)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX calls_tool ON calls (tool, run);
    CREATE INDEX calls_error ON calls (run) WHERE error IS NOT NULL;

    -- How far retention has come: `retained_to` is the last run that it removed.
    CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    ",
    // Version 2: the log has a record of what was erased, which `erased_by` is the place of. What was erased before has none: 0.
    // `progress` has what retention has seen of the clock as well: `clock_ms`, `jump_ms`.
    "
    ALTER TABLE runs ADD COLUMN erased_by INTEGER;
    UPDATE runs SET erased_by = 0 WHERE is_erased;
    ALTER TABLE runs DROP COLUMN is_erased;
    ",
    // Version 3: what calls cost, in millionths.
    "
    ALTER TABLE calls ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
    ",
    // Version 4: approvals, and the runs that wait for them.
    "
    -- One row: the version of all approvals, which counts the writes of any of them.
    CREATE TABLE approval_state (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT;
    INSERT INTO approval_state VALUES (1, 0);

    -- `run` is the place of the first record of the run. `seen`: the version up to which the run has seen its answers; `answered`: that of the
    -- newest answer. `body` is sealed with the key of the run.
    CREATE TABLE waiting_runs (
        run INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, principal TEXT NOT NULL, role TEXT, profile TEXT, state TEXT NOT NULL,
        void_reason TEXT, since_ms INTEGER NOT NULL, claims INTEGER NOT NULL DEFAULT 0, holder TEXT, until_ms INTEGER,
        seen INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0, ended_ms INTEGER, body BLOB
    ) STRICT;
    CREATE INDEX waiting_runs_open ON waiting_runs (principal) WHERE ended_ms IS NULL;
    CREATE INDEX waiting_runs_held ON waiting_runs (since_ms) WHERE state = 'held';
    CREATE INDEX waiting_runs_answered ON waiting_runs (since_ms) WHERE state = 'parked' AND answered > seen;
    CREATE INDEX waiting_runs_ended ON waiting_runs (ended_ms) WHERE ended_ms IS NOT NULL;

    -- `version` is that of all approvals when this one was written last. `expires_ms` is 0 where the run was erased. `json` has what never
    -- changes; `reason` and `body` are sealed.
    CREATE TABLE approvals (
        id TEXT PRIMARY KEY, run INTEGER NOT NULL, version INTEGER NOT NULL UNIQUE, state TEXT NOT NULL, principal TEXT NOT NULL,
        call INTEGER, expires_ms INTEGER NOT NULL, used_ms INTEGER, void_reason TEXT, json TEXT NOT NULL, answer TEXT, reason BLOB,
        body BLOB
    ) STRICT;
    CREATE INDEX approvals_run ON approvals (run);
    CREATE INDEX approvals_pending ON approvals (principal) WHERE state = 'pending';
    CREATE INDEX approvals_open ON approvals (expires_ms) WHERE state IN ('pending', 'approved');
    CREATE UNIQUE INDEX approvals_call ON approvals (run, ifnull(call, -1)) WHERE state IN ('pending', 'approved');
    ",
    // Version 5: profiles of runs, what is asked of lists, and sums of tokens by day: `day` is its beginning in milliseconds.
    "
    ALTER TABLE runs ADD COLUMN profile TEXT;
    UPDATE runs SET profile = (
        SELECT CASE WHEN json_valid(CAST(head AS TEXT)) THEN json_extract(CAST(head AS TEXT), '$.event.\"run-started\".profile') END
        FROM records WHERE seq = runs.first
    ) WHERE NOT is_direct;
    CREATE INDEX runs_failed ON runs (first) WHERE outcome NOT IN ('returned', 'ok', 'awaiting-approval');
    CREATE TABLE tokens (
        day INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (day, kind)
    ) STRICT, WITHOUT ROWID;
    ",
    // Version 6: what runs read of files, once for all of them. Names and keys of blocks follow from the secret and from digests in the private
    // parts of records; `uses` counts the runs.
    "
    CREATE TABLE block_secret (one INTEGER PRIMARY KEY CHECK (one = 1), secret BLOB NOT NULL) STRICT;
    INSERT INTO block_secret VALUES (1, randomblob(32));
    CREATE TABLE file_blocks (
        id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, uses INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE run_blocks (run INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (run, block)) STRICT, WITHOUT ROWID;
    ",
    // Version 7: `progress` has the bytes of bodies, objects and blocks, which retention can remove: `content_bytes`. `stepped_over` has the runs
    // up to `retained_to` that it did not remove, because they went on or waited.
    "
    INSERT INTO progress (name, value) SELECT 'content_bytes', (SELECT ifnull(sum(length(body)), 0) FROM records)
        + (SELECT ifnull(sum(length(zstd)), 0) FROM object_bytes) + (SELECT ifnull(sum(length(sealed)), 0) FROM file_blocks);
    CREATE TABLE stepped_over (run INTEGER PRIMARY KEY) STRICT;
    ",
];

/// Brings a database to the newest version of the schema.
///
/// # Errors
///
/// A newer program made it, it is no journal, or it cannot be written.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), JournalError> {
    let version = version(connection)?;
    for (number, migration) in (1..).zip(MIGRATIONS).skip(version) {
        let step = connection.transaction().and_then(|transaction| {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        });
        step.map_err(|error| JournalError::new(JournalErrorKind::Unavailable).caused_by(error))?;
    }
    Ok(())
}

/// Checks that a database has the newest version of the schema.
///
/// # Errors
///
/// It has another one, is no journal, or cannot be read.
pub(crate) fn check(connection: &Connection) -> Result<(), JournalError> {
    let version = version(connection)?;
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    let cause = format!("it has schema {version}, this program reads schema {}: start `exuvia` once", MIGRATIONS.len());
    Err(JournalError::new(JournalErrorKind::Unreadable).caused_by(cause))
}

fn version(connection: &Connection) -> Result<usize, JournalError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let unreadable = |error| JournalError::new(JournalErrorKind::Unreadable).caused_by(error);
    let (application, version) =
        (pragma("application_id").map_err(unreadable)?, pragma("user_version").map_err(unreadable)?);
    if application != APPLICATION_ID && (application, version) != (0, 0) {
        return Err(JournalError::new(JournalErrorKind::Unreadable).caused_by("the database is no journal of Exuvia"));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(JournalError::new(JournalErrorKind::Newer).caused_by(format!(
            "the database has schema {version}, this program reads up to schema {}: use the newer program",
            MIGRATIONS.len()
        ))),
    }
}
