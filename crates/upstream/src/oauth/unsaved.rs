//! Tokens that came and cannot be written yet: used from memory, and written as soon as that is possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::file::TokenFile;
use super::lock::{Lock, Purpose};
use super::problem::Problem;
use super::record::Record;
use crate::exchange::locked;

/// The pause between two tries to write.
const PAUSE: Duration = Duration::from_secs(1);

/// A record that only this process has. It holds the lock of its file: what is there has been spent.
#[derive(Debug)]
pub(super) struct Unsaved {
    pub(super) server: String,
    pub(super) record: Record,
    /// The refresh token in the file.
    pub(super) spent: String,
    pub(super) lock: Lock,
}

/// By their files, each with the number of the task that tries to write it.
static UNSAVED: Mutex<BTreeMap<PathBuf, (u64, Unsaved)>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The right to renew a token, and what has to be renewed where the file does not say it.
pub(super) enum Turn {
    Lock(Lock),
    Unsaved(Box<Unsaved>),
}

/// Waits for the turn to spend the refresh token of a file, at most this long.
pub(super) async fn turn(file: &TokenFile, within: Duration) -> Result<Option<Turn>, Problem> {
    let found = file.lock_or(Purpose::Spend, within, || take(file.path(), None)).await?;
    Ok(found.map(|found| found.map_or_else(|unsaved| Turn::Unsaved(Box::new(unsaved)), Turn::Lock)))
}

/// The record of a file that only this process has.
pub(super) fn record(path: &Path) -> Option<Record> {
    locked(&UNSAVED).get(path).map(|(_, unsaved)| unsaved.record.clone())
}

/// The servers whose tokens are not written.
pub(super) fn servers() -> Vec<String> {
    locked(&UNSAVED).values().map(|(_, unsaved)| unsaved.server.clone()).collect()
}

/// Keeps a record in memory and tries to write it until that succeeds. Must be called on a runtime.
pub(super) fn put(file: &TokenFile, unsaved: Unsaved) {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    locked(&UNSAVED).insert(file.path().to_owned(), (number, unsaved));
    tokio::spawn(write(file.clone(), number));
}

fn take(path: &Path, number: Option<u64>) -> Option<Unsaved> {
    let mut all = locked(&UNSAVED);
    let fits = |found: &(u64, Unsaved)| number.is_none_or(|number| number == found.0);
    if all.get(path).is_some_and(fits) { all.remove(path).map(|(_, unsaved)| unsaved) } else { None }
}

async fn write(file: TokenFile, number: u64) {
    loop {
        tokio::time::sleep(PAUSE).await;
        // A renewal may have taken it over.
        let Some(unsaved) = take(file.path(), Some(number)) else { return };
        if file.keep(None, &unsaved.record, &unsaved.spent).await.is_ok() {
            tracing::info!(server.name = %unsaved.server, "the renewed token is written");
            return;
        }
        locked(&UNSAVED).insert(file.path().to_owned(), (number, unsaved));
    }
}
