//! The tables of a journal, and how they came to be.

use super::session::Session;
use super::{unavailable, unreadable, unsigned};
use crate::{JournalError, JournalErrorKind};

/// One per version of the schema, from an empty schema on. A released one is never changed.
const MIGRATIONS: &[&str] = &[
    // Version 1.
    "
    -- One row. Who appends locks it: it has the number of records, the root of their tree, and the bytes of what is kept.
    CREATE TABLE log (
        version int4 NOT NULL, vkey text, size int8 NOT NULL, root bytea NOT NULL, bytes int8 NOT NULL, retained_to int8 NOT NULL,
        removed_objects int8 NOT NULL, one bool PRIMARY KEY DEFAULT true CHECK (one)
    );
    INSERT INTO log VALUES (1, NULL, 0, sha256(''), 0, 0, 0);

    -- `run` is the place of the first record of the run or direct call.
    CREATE TABLE records (seq int8 PRIMARY KEY, run int8 NOT NULL, head bytea NOT NULL, body bytea);
    -- Bodies are encrypted: nothing compresses them further.
    ALTER TABLE records ALTER body SET STORAGE EXTERNAL;
    CREATE INDEX records_run ON records (run, seq);

    CREATE TABLE keys (run int8 PRIMARY KEY, key bytea NOT NULL);

    -- Full tiles of the Merkle tree: level << 48 | number, and 256 hashes.
    CREATE TABLE tiles (id int8 PRIMARY KEY, hashes bytea NOT NULL);
    ALTER TABLE tiles ALTER hashes SET STORAGE EXTERNAL;
    CREATE TABLE checkpoints (size int8 PRIMARY KEY, note bytea NOT NULL);

    -- What runs name by its digest. `last_run` is the last run that does.
    CREATE TABLE objects (sha256 text COLLATE \"C\" PRIMARY KEY, kind text, last_run int8);
    CREATE TABLE object_bytes (sha256 text COLLATE \"C\" PRIMARY KEY, zstd bytea NOT NULL);
    ALTER TABLE object_bytes ALTER zstd SET STORAGE EXTERNAL;

    -- The index: derived from the heads, and the first line of each error until the run is erased.
    CREATE TABLE runs (
        first int8 PRIMARY KEY, id text COLLATE \"C\" NOT NULL UNIQUE, is_direct bool NOT NULL, principal text COLLATE \"C\" NOT NULL,
        started_ms int8 NOT NULL, ended_ms int8, outcome text COLLATE \"C\", fuel int8 NOT NULL, is_erased bool NOT NULL DEFAULT false,
        error text
    );
    CREATE INDEX runs_principal ON runs (principal, first);
    CREATE INDEX runs_outcome ON runs (outcome, first);
    CREATE INDEX runs_started ON runs (started_ms);
    CREATE INDEX runs_error ON runs (first) WHERE error IS NOT NULL;
    CREATE TABLE tools (
        id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, server text COLLATE \"C\" NOT NULL, tool text COLLATE \"C\" NOT NULL,
        UNIQUE (server, tool)
    );
    CREATE TABLE calls (
        run int8 NOT NULL, call int8 NOT NULL, tool int8 NOT NULL, code text COLLATE \"C\", ms int8, error text,
        PRIMARY KEY (run, call)
    );
    CREATE INDEX calls_tool ON calls (tool, run);
    CREATE INDEX calls_error ON calls (run) WHERE error IS NOT NULL;
    ",
    // Version 2: the log has a record of what was erased, which `erased_by` is the place of. What was erased before has none: 0.
    // `log` has what retention has seen of the clock as well.
    "
    ALTER TABLE runs ADD COLUMN erased_by int8;
    UPDATE runs SET erased_by = 0 WHERE is_erased;
    ALTER TABLE runs DROP COLUMN is_erased;
    ALTER TABLE log ADD COLUMN clock_ms int8 NOT NULL DEFAULT 0, ADD COLUMN jump_ms int8 NOT NULL DEFAULT 0;
    ",
    // Version 3: what calls cost, in millionths.
    "
    ALTER TABLE calls ADD COLUMN cost int8 NOT NULL DEFAULT 0;
    ",
    // Version 4: approvals, and the runs that wait for them.
    "
    -- One row: the version of all approvals, which counts the writes of any of them. Who writes one locks it, so that versions are seen in order.
    CREATE TABLE approval_state (version int8 NOT NULL, one bool PRIMARY KEY DEFAULT true CHECK (one));
    INSERT INTO approval_state VALUES (0);

    -- `run` is the place of the first record of the run. `seen`: the version up to which the run has seen its answers; `answered`: that of the
    -- newest answer. `body` is sealed with the key of the run.
    CREATE TABLE waiting_runs (
        run int8 PRIMARY KEY, id text COLLATE \"C\" NOT NULL UNIQUE, principal text COLLATE \"C\" NOT NULL, role text, profile text,
        state text COLLATE \"C\" NOT NULL, void_reason text, since_ms int8 NOT NULL, claims int8 NOT NULL DEFAULT 0,
        holder text COLLATE \"C\", until_ms int8, seen int8 NOT NULL DEFAULT 0, answered int8 NOT NULL DEFAULT 0, ended_ms int8, body bytea
    );
    ALTER TABLE waiting_runs ALTER body SET STORAGE EXTERNAL;
    CREATE INDEX waiting_runs_open ON waiting_runs (principal) WHERE ended_ms IS NULL;
    CREATE INDEX waiting_runs_held ON waiting_runs (since_ms) WHERE state = 'held';
    CREATE INDEX waiting_runs_answered ON waiting_runs (since_ms) WHERE state = 'parked' AND answered > seen;
    CREATE INDEX waiting_runs_ended ON waiting_runs (ended_ms) WHERE ended_ms IS NOT NULL;

    -- `version` is that of all approvals when this one was written last. `expires_ms` is 0 where the run was erased. `json` has what never
    -- changes; `reason` and `body` are sealed.
    CREATE TABLE approvals (
        id text COLLATE \"C\" PRIMARY KEY, run int8 NOT NULL, version int8 NOT NULL UNIQUE, state text COLLATE \"C\" NOT NULL,
        principal text COLLATE \"C\" NOT NULL, call int8, expires_ms int8 NOT NULL, used_ms int8, void_reason text, json text NOT NULL,
        answer text, reason bytea, body bytea
    );
    ALTER TABLE approvals ALTER body SET STORAGE EXTERNAL;
    CREATE INDEX approvals_run ON approvals (run);
    CREATE INDEX approvals_pending ON approvals (principal) WHERE state = 'pending';
    CREATE INDEX approvals_open ON approvals (expires_ms) WHERE state IN ('pending', 'approved');
    CREATE UNIQUE INDEX approvals_call ON approvals (run, coalesce(call, -1)) WHERE state IN ('pending', 'approved');
    ",
    // Version 5: profiles of runs, what is asked of lists, and sums of tokens by day: `day` is its beginning in milliseconds.
    "
    ALTER TABLE runs ADD COLUMN profile text;
    UPDATE runs SET profile = convert_from(r.head, 'UTF8')::json -> 'event' -> 'run-started' ->> 'profile'
        FROM records r WHERE r.seq = runs.first AND NOT runs.is_direct;
    CREATE INDEX runs_failed ON runs (first) WHERE outcome NOT IN ('returned', 'ok', 'awaiting-approval');
    CREATE TABLE tokens (
        day int8 NOT NULL, kind text COLLATE \"C\" NOT NULL, count int8 NOT NULL, tokens int8 NOT NULL, PRIMARY KEY (day, kind)
    );
    ",
    // Version 6: what runs read of files, once for all of them. Names and keys of blocks follow from the secret and from digests in the private
    // parts of records; `uses` counts the runs.
    "
    CREATE TABLE block_secret (secret bytea NOT NULL, one bool PRIMARY KEY DEFAULT true CHECK (one));
    INSERT INTO block_secret VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
    CREATE TABLE file_blocks (name bytea PRIMARY KEY, uses int8 NOT NULL DEFAULT 0, sealed bytea NOT NULL);
    ALTER TABLE file_blocks ALTER sealed SET STORAGE EXTERNAL;
    CREATE INDEX file_blocks_unused ON file_blocks (name) WHERE uses <= 0;
    CREATE TABLE run_blocks (run int8 NOT NULL, name bytea NOT NULL, PRIMARY KEY (run, name));
    ",
    // Version 7: `log` has the bytes of bodies, objects and blocks as well, which retention can remove. `stepped_over` has the runs up to
    // `retained_to` that it did not remove, because they went on or waited.
    "
    ALTER TABLE log ADD COLUMN content_bytes int8 NOT NULL DEFAULT 0;
    UPDATE log SET content_bytes = (SELECT coalesce(sum(octet_length(body)), 0) FROM records)
        + (SELECT coalesce(sum(octet_length(zstd)), 0) FROM object_bytes)
        + (SELECT coalesce(sum(octet_length(sealed)), 0) FROM file_blocks);
    CREATE TABLE stepped_over (run int8 PRIMARY KEY);
    ",
];

/// The version of the schema that this program writes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Brings the schema to the newest version. Of several processes one does it, and the others wait.
///
/// # Errors
///
/// A newer program made it, it is no journal, or it cannot be written.
pub(super) async fn migrate(session: &Session, schema: &str) -> Result<(), JournalError> {
    let client = &session.client;
    let lock = format!("BEGIN; SELECT pg_advisory_xact_lock(hashtext('exuvia journal {schema}'))");
    client.batch_execute(&lock).await.map_err(unavailable)?;
    let version = version(session, schema).await?;
    if version == 0 {
        // One that is there is used, also where no other may be made.
        let create = format!(
            "DO $$ BEGIN IF to_regnamespace('\"{schema}\"') IS NULL THEN CREATE SCHEMA \"{schema}\"; END IF; END $$"
        );
        client.batch_execute(&create).await.map_err(unavailable)?;
    }
    for (number, migration) in (1..).zip(MIGRATIONS).skip(version) {
        client.batch_execute(migration).await.map_err(unavailable)?;
        client.batch_execute(&format!("UPDATE log SET version = {number}")).await.map_err(unavailable)?;
    }
    client.batch_execute("COMMIT").await.map_err(unavailable)
}

/// Checks that the schema has the newest version.
///
/// # Errors
///
/// It has another one, is no journal, or cannot be read.
pub(crate) async fn check(session: &Session, schema: &str) -> Result<(), JournalError> {
    let version = version(session, schema).await?;
    if version == VERSION {
        return Ok(());
    }
    let cause = match version {
        0 => format!("there is no journal in schema `{schema}` of the database"),
        _ => format!("it has schema {version}, this program reads schema {VERSION}: start `exuvia serve` once"),
    };
    Err(JournalError::new(JournalErrorKind::Unreadable).caused_by(cause))
}

/// A version as it stands in the table `log`.
///
/// # Errors
///
/// A newer program made it.
pub(crate) fn supported(version: i32) -> Result<usize, JournalError> {
    usize::try_from(version).ok().filter(|version| *version <= VERSION).ok_or_else(|| {
        JournalError::new(JournalErrorKind::Newer).caused_by(format!(
            "the database has schema {version}, this program knows up to schema {VERSION}: use the newer program"
        ))
    })
}

/// The version of the schema. 0: there is none.
async fn version(session: &Session, schema: &str) -> Result<usize, JournalError> {
    let found = "SELECT current_setting('server_encoding'), current_setting('server_version_num')::int8, \
                 (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1)) AND NOT starts_with(relname, 'access_')), \
                 (SELECT count(*) FROM pg_attribute WHERE attname = 'removed_objects' \
                  AND attrelid = to_regclass(quote_ident($1) || '.log'))";
    let row = session.client.query_one(found, &[&schema]).await.map_err(unreadable)?;
    let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unreadable);
    let encoding: String = row.try_get(0).map_err(unreadable)?;
    let refused = |cause: String| Err(JournalError::new(JournalErrorKind::Unreadable).caused_by(cause));
    match (encoding.as_str(), number(1)?, number(2)?, number(3)?) {
        ("UTF8", 130_000.., 0, _) => Ok(0),
        ("UTF8", 130_000.., _, 1) => {
            let row = session.client.query_one("SELECT version FROM log", &[]).await.map_err(unreadable)?;
            supported(row.try_get(0).map_err(unreadable)?)
        }
        ("UTF8", 130_000.., ..) => refused(format!(
            "schema `{schema}` of the database has tables that are no journal of Exuvia: name another one by `search_path`"
        )),
        ("UTF8", version, ..) => refused(format!("PostgreSQL {} is too old: 13 or later is needed", version / 10_000)),
        _ => refused(format!("the database has encoding {encoding}, UTF8 is needed")),
    }
}
