//! The tables, and how they came to be.

use rusqlite::{Connection, TransactionBehavior};

use super::unavailable;
use crate::access::{AccessStoreError, AccessStoreErrorKind};

/// "Exua": what kind of database the file is.
const APPLICATION_ID: i64 = 0x4578_7561;

/// One per version of the schema, from an empty database on. A released one is never changed.
const MIGRATIONS: &[&str] = &[
    // Version 1.
    "
    -- One row: the version of all keys, which counts the writes of any of them.
    CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT;
    INSERT INTO state VALUES (1, 0);

    -- `version` is that of all keys when this one was written last; `ended_ms`, when it was revoked or expires.
    CREATE TABLE keys (
        name TEXT PRIMARY KEY, version INTEGER NOT NULL UNIQUE, ended_ms INTEGER, json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX keys_ended ON keys (ended_ms) WHERE ended_ms IS NOT NULL;

    CREATE TABLE counters (
        counter TEXT NOT NULL, window_start_ms INTEGER NOT NULL, window_end_ms INTEGER NOT NULL, value INTEGER NOT NULL,
        PRIMARY KEY (counter, window_start_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX counters_end ON counters (window_end_ms);
    ",
    // Version 2.
    "
    -- Counts the writes of any function.
    ALTER TABLE state ADD COLUMN functions_version INTEGER NOT NULL DEFAULT 0;

    -- One row for each text of a function. `principal` proposed it, or is empty.
    CREATE TABLE functions (
        name TEXT NOT NULL, sha256 TEXT NOT NULL, state TEXT NOT NULL, version INTEGER, principal TEXT NOT NULL,
        acts TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (name, sha256)
    ) STRICT;
    CREATE UNIQUE INDEX functions_promoted ON functions (name) WHERE state = 'promoted';
    CREATE INDEX functions_proposed ON functions (principal) WHERE state = 'proposed';
    ",
];

/// Brings a database to the newest version of the schema. Of several processes one does it, and the others wait.
///
/// # Errors
///
/// A newer program made it, it is another database, or it cannot be written.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), AccessStoreError> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    let version = version(&transaction)?;
    for (number, migration) in (1..).zip(MIGRATIONS).skip(version) {
        let step = transaction.execute_batch(migration).and_then(|()| {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)
        });
        step.map_err(unavailable)?;
    }
    transaction.commit().map_err(unavailable)
}

/// Checks that the database still has the version of the schema that this program knows.
///
/// # Errors
///
/// A newer program has changed it, or it cannot be read.
pub(super) fn check(connection: &Connection) -> Result<(), AccessStoreError> {
    version(connection).map(drop)
}

fn version(connection: &Connection) -> Result<usize, AccessStoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(unavailable);
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application != APPLICATION_ID && (application, version) != (0, 0) {
        return Err(
            AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by("the database is none of Exuvia's keys")
        );
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(AccessStoreError::new(AccessStoreErrorKind::Newer).caused_by(format!(
            "the database has schema {version}, this program knows up to schema {}: use the newer program",
            MIGRATIONS.len()
        ))),
    }
}
