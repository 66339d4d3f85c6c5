//! The tables, and how they came to be.

use super::unavailable;
use crate::access::{AccessStoreError, AccessStoreErrorKind};
use crate::store::postgres::Session;
use crate::store::unsigned;

/// One per version of the schema, from no table on. A released one is never changed.
const MIGRATIONS: &[&str] = &[
    // Version 1.
    "
    -- One row. `keys_version` counts the writes of any key: who writes one locks it.
    CREATE TABLE access_state (
        version int4 NOT NULL, keys_version int8 NOT NULL, one bool PRIMARY KEY DEFAULT true CHECK (one)
    );
    INSERT INTO access_state VALUES (1, 0);

    -- `version` is that of all keys when this one was written last; `ended_ms`, when it was revoked or expires.
    CREATE TABLE access_keys (
        name text COLLATE \"C\" PRIMARY KEY, version int8 NOT NULL UNIQUE, ended_ms int8, json text NOT NULL
    );
    CREATE INDEX access_keys_ended ON access_keys (ended_ms) WHERE ended_ms IS NOT NULL;

    -- Room in each page lets a counter change without a change of its indexes.
    CREATE TABLE access_counters (
        counter text COLLATE \"C\" NOT NULL, window_start_ms int8 NOT NULL, window_end_ms int8 NOT NULL, value int8 NOT NULL,
        PRIMARY KEY (counter, window_start_ms)
    ) WITH (fillfactor = 50);
    CREATE INDEX access_counters_end ON access_counters (window_end_ms);
    ",
    // Version 2.
    "
    -- Counts the writes of any function: who writes one locks the row.
    ALTER TABLE access_state ADD COLUMN functions_version int8 NOT NULL DEFAULT 0;

    -- One row for each text of a function. `principal` proposed it, or is empty.
    CREATE TABLE access_functions (
        name text COLLATE \"C\" NOT NULL, sha256 text NOT NULL, state text NOT NULL, version int8, principal text NOT NULL,
        acts text NOT NULL, source text NOT NULL, PRIMARY KEY (name, sha256)
    );
    CREATE UNIQUE INDEX access_functions_promoted ON access_functions (name) WHERE state = 'promoted';
    CREATE INDEX access_functions_proposed ON access_functions (principal) WHERE state = 'proposed';
    ",
];

/// The version of the schema that this program writes.
const VERSION: usize = MIGRATIONS.len();

/// Brings the tables to the newest version. Of several processes one does it, and the others wait: also for one that makes a journal.
///
/// # Errors
///
/// A newer program made them, the schema has tables of another program, or it cannot be written.
pub(super) async fn migrate(session: &Session, schema: &str) -> Result<(), AccessStoreError> {
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
        client.batch_execute(&format!("UPDATE access_state SET version = {number}")).await.map_err(unavailable)?;
    }
    client.batch_execute("COMMIT").await.map_err(unavailable)
}

/// Checks that the tables have the newest version.
///
/// # Errors
///
/// They have another one, or cannot be read.
pub(super) async fn check(session: &Session, schema: &str) -> Result<(), AccessStoreError> {
    match version(session, schema).await? {
        VERSION => Ok(()),
        0 => Err(refused(
            AccessStoreErrorKind::Unavailable,
            format!("there are no keys in schema `{schema}` of the database"),
        )),
        version => Err(refused(
            AccessStoreErrorKind::Unavailable,
            format!("the database has schema {version}, this program needs schema {VERSION}: start it again"),
        )),
    }
}

/// A version as it stands in the table `access_state`.
///
/// # Errors
///
/// A newer program made it.
pub(super) fn supported(version: i32) -> Result<usize, AccessStoreError> {
    usize::try_from(version).ok().filter(|version| *version <= VERSION).ok_or_else(|| {
        let cause = format!(
            "the database has schema {version}, this program knows up to schema {VERSION}: use the newer program"
        );
        refused(AccessStoreErrorKind::Newer, cause)
    })
}

/// The version of the tables. 0: there are none.
async fn version(session: &Session, schema: &str) -> Result<usize, AccessStoreError> {
    let found = "SELECT current_setting('server_encoding'), current_setting('server_version_num')::int8, \
                 (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1))), \
                 (SELECT count(*) FROM pg_attribute WHERE attname = 'keys_version' \
                  AND attrelid = to_regclass(quote_ident($1) || '.access_state')), \
                 (SELECT count(*) FROM pg_attribute WHERE attname = 'removed_objects' \
                  AND attrelid = to_regclass(quote_ident($1) || '.log'))";
    let row = session.client.query_one(found, &[&schema]).await.map_err(unavailable)?;
    let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unavailable);
    let encoding: String = row.try_get(0).map_err(unavailable)?;
    let (server, tables, ours, journal) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let malformed = |cause| Err(refused(AccessStoreErrorKind::Malformed, cause));
    match (encoding.as_str(), server) {
        ("UTF8", 130_000..) => {}
        ("UTF8", _) => return malformed(format!("PostgreSQL {} is too old: 13 or later is needed", server / 10_000)),
        _ => return malformed(format!("the database has encoding {encoding}, UTF8 is needed")),
    }
    if ours == 1 {
        let row = session.client.query_one("SELECT version FROM access_state", &[]).await.map_err(unavailable)?;
        return supported(row.try_get(0).map_err(unavailable)?);
    }
    if tables == 0 || journal == 1 {
        return Ok(0);
    }
    malformed(format!(
        "schema `{schema}` of the database has tables that are none of Exuvia's: name another one by `search_path`"
    ))
}

fn refused(kind: AccessStoreErrorKind, cause: String) -> AccessStoreError {
    AccessStoreError::new(kind).caused_by(cause)
}
