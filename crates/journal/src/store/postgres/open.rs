//! Opening a journal, and the comparison with the newest checkpoints.

use std::sync::Arc;

use tokio_postgres::Row;

use super::address::Address;
use super::log::{LOG, Log};
use super::reads::NEWEST_CHECKPOINT;
use super::session::{Purpose, Session, step};
use super::tree::{check_contains, load};
use super::{Folder, PostgresStore, schema, unavailable};
use crate::tree::{Edge, SigningKey, TreeHead, VerifyKey};
use crate::wire::malformed;
use crate::writer::{CheckpointFile, Pace};
use crate::{JournalError, JournalErrorKind, OpenOptions, StoreJournal};

const VKEY: &str = "SELECT vkey FROM log FOR UPDATE";
const SET_VKEY: &str = "UPDATE log SET vkey = $1";

/// A journal in PostgreSQL, 13 or later, for one or more processes.
///
/// The URL is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and appears in no error. The tables are in a schema of their own: `exuvia`, or
/// the one that `?options=-c%20search_path=NAME` names. What leaves the machine is encrypted, and the server's certificate must be valid for its
/// host, by the certificates of the system or of `SSL_CERT_FILE`: unless the URL says `sslmode=disable`.
///
/// Each process has a folder of its own, with the signing key `journal.key`. The first process makes the key; it is copied to the folders of the
/// others, and one with another key is refused. The database has the public key alone. So who can write the database, and none of the folders, can
/// destroy records but not sign another log; who can read a folder as well can, and only a checkpoint that is kept elsewhere shows it. In the folder
/// there is also the newest checkpoint that this process signed: a database that has fewer records, or others, is refused. A process with a new
/// folder has the newest checkpoint of the database to compare with, and nothing else.
///
/// Where the server confirms a commit before it is on a second server, records that were confirmed are lost when the first one is. The processes
/// then refuse to write: use synchronous replication.
#[derive(Debug)]
pub struct PostgresJournal;

impl PostgresJournal {
    /// Opens a journal for writing, or makes one. Reads and writes files. `options.dir` is the folder of this process.
    ///
    /// # Errors
    ///
    /// [`Malformed`](JournalErrorKind::Malformed): the URL is. [`Locked`](JournalErrorKind::Locked): another process has the folder.
    /// [`Newer`](JournalErrorKind::Newer): a newer program made the journal. [`Unreadable`](JournalErrorKind::Unreadable): the schema
    /// has other tables than those of a journal, or the server does not fit. [`Inconsistent`](JournalErrorKind::Inconsistent): the database has other records, or fewer,
    /// than a checkpoint says, or the signing key is another or is missing. [`Unavailable`](JournalErrorKind::Unavailable): it cannot be written.
    pub async fn open(url: &str, options: &OpenOptions) -> Result<Arc<StoreJournal>, JournalError> {
        let address = Address::parse(url)?.for_writing();
        let folder = Folder::new(&options.dir);
        folder.create()?;
        let lock = folder.lock()?;
        let (key, edge) = step(opened(&address, &folder)).await?;
        if !folder.write_public_key(&key)? {
            return Err(inconsistent("the public key `journal.vkey` of the folder is not that of its signing key"));
        }
        let checkpoints = CheckpointFile::new(key, folder.checkpoint());
        checkpoints.sign(edge.head()?)?;
        checkpoints.write()?;
        folder.sync()?;
        let store = PostgresStore::new(address, edge, folder.guests(), lock);
        StoreJournal::start(Box::new(store), checkpoints, options, Pace::default())
    }
}

/// The signing key, and the edge of the log after it was compared with the checkpoints.
async fn opened(address: &Address, folder: &Folder) -> Result<(SigningKey, Edge), JournalError> {
    let session = Session::connect(address, Purpose::Write).await.map_err(unavailable)?;
    schema::migrate(&session, &address.schema).await?;
    // Before the log: others may append, and sign, meanwhile.
    let newest = session.query_opt(NEWEST_CHECKPOINT, &[]).await.map_err(unavailable)?;
    let stored = newest.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose().map_err(unavailable)?;
    let log = Log::of(&one(session.query_opt(LOG, &[]).await)?)?;
    let key = signing_key(&session, folder, log.size).await?;
    let edge = load(&session, log.size).await?;
    if !log.has_root_of(&edge) {
        return Err(inconsistent("its records are others than its table `log` says"));
    }
    for said in said(&key, [stored, folder.read(&folder.checkpoint())?])? {
        compare(&session, &edge, said).await?;
    }
    Ok((key, edge))
}

/// What those of these checkpoints say that there are.
fn said(key: &SigningKey, notes: [Option<Vec<u8>>; 2]) -> Result<Vec<TreeHead>, JournalError> {
    let key = VerifyKey::parse(key.public())?;
    let opened = notes.into_iter().flatten().map(|note| key.open(&note));
    opened.map(|said| said.map_err(|error| inconsistent(&format!("{error:#}")))).collect()
}

/// The key of the folder, which must be that of the journal. An empty journal takes any, and a folder without a key gets one then.
async fn signing_key(session: &Session, folder: &Folder, size: u64) -> Result<SigningKey, JournalError> {
    session.client.batch_execute("BEGIN").await.map_err(unavailable)?;
    let said: Option<String> = one(session.query_opt(VKEY, &[]).await)?.try_get(0).map_err(unavailable)?;
    let key = match (folder.signing_key()?, &said) {
        (Some(key), Some(said)) if key.public() == said => key,
        (_, Some(said)) => {
            let name = VerifyKey::parse(said).map_or_else(|_| "?".to_owned(), |key| key.name().to_owned());
            return Err(inconsistent(&format!(
                "its checkpoints are signed by the key of {name}, and the folder has another, or none: copy `journal.key` from the \
                 folder of a process that writes the journal"
            )));
        }
        (_, None) if size > 0 => return Err(inconsistent("it has records, and its public key is missing")),
        (Some(key), None) => key,
        (None, None) => folder.create_signing_key()?,
    };
    session.execute(SET_VKEY, &[&key.public()]).await.map_err(unavailable)?;
    session.client.batch_execute("COMMIT").await.map_err(unavailable)?;
    Ok(key)
}

async fn compare(session: &Session, edge: &Edge, said: TreeHead) -> Result<(), JournalError> {
    if said.size > edge.size() {
        let (said, found) = (said.size, edge.size());
        return Err(inconsistent(&format!(
            "a checkpoint says {said} records, it has {found}: the last ones are missing"
        )));
    }
    check_contains(session, edge, said).await
}

fn one(row: Result<Option<Row>, tokio_postgres::Error>) -> Result<Row, JournalError> {
    row.map_err(unavailable)?.ok_or_else(|| malformed("the table `log` is empty"))
}

fn inconsistent(found: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Inconsistent).caused_by(format!(
        "the database: {found}. Restore it from a backup; or keep it as evidence, and begin a new journal with another schema and another folder"
    ))
}
