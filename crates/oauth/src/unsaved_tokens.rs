//! Renewed tokens that cannot be written yet: used from memory, and written as soon as that is possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exuvia_tool::locked;

use crate::error::OAuthError;
use crate::file::TokenFile;
use crate::lock::{Lock, Purpose, spending_ended};
use crate::record::Record;

/// The pause between two tries to write.
const PAUSE: Duration = Duration::from_secs(1);

/// A record that only this process has. It holds the lock of its file: what is there has been spent.
#[derive(Debug)]
pub(crate) struct Unsaved {
    pub(crate) server: String,
    /// What `exuvia login` is to be given for it.
    pub(crate) login: String,
    pub(crate) record: Record,
    /// The refresh token in the file.
    pub(crate) spent: String,
    pub(crate) lock: Lock,
}

/// What is known of one such file.
struct UnsavedSlot {
    /// Of the task that tries to write it.
    number: u64,
    lost: LostToken,
    /// Not here while that task tries.
    unsaved: Option<Unsaved>,
}

/// A renewed token that could not be written before the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostToken {
    /// The server that it was for.
    pub server: String,
    /// What `exuvia login` is to be given for another one.
    pub login: String,
}

/// By their files.
static UNSAVED: Mutex<BTreeMap<PathBuf, UnsavedSlot>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The right to renew a token, and the token to renew if the file does not hold it.
pub(crate) enum RenewalRight {
    Lock(Lock),
    Unsaved(Box<Unsaved>),
}

/// Waits for the turn to spend the refresh token of a file, at most this long.
pub(crate) async fn turn(file: &TokenFile, within: Duration) -> Result<Option<RenewalRight>, OAuthError> {
    let found = file.lock_or(Purpose::Spend, within, || take(file.path())).await?;
    Ok(found.map(|found| found.map_or_else(|unsaved| RenewalRight::Unsaved(Box::new(unsaved)), RenewalRight::Lock)))
}

/// The record of a file that only this process has.
pub(crate) fn record(path: &Path) -> Option<Record> {
    locked(&UNSAVED).get(path)?.unsaved.as_ref().map(|unsaved| unsaved.record.clone())
}

/// Waits until no refresh token is being replaced and every new token is stored, at most this long; no renewal begins
/// any more. For the end of the process: a refresh token that was spent and not replaced is a login that is lost.
///
/// # Errors
///
/// The new tokens that could not be written. A login is needed for each.
pub async fn renewals_settled(within: Duration) -> Result<(), Vec<LostToken>> {
    if spending_ended(within).await {
        return Ok(());
    }
    Err(locked(&UNSAVED).values().map(|entry| entry.lost.clone()).collect())
}

/// Keeps a record in memory and tries to write it until that succeeds. Must be called on a runtime.
pub(crate) fn put(file: &TokenFile, unsaved: Unsaved) {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let lost = LostToken { server: unsaved.server.clone(), login: unsaved.login.clone() };
    let entry = UnsavedSlot { number, lost, unsaved: Some(unsaved) };
    locked(&UNSAVED).insert(file.path().to_owned(), entry);
    tokio::spawn(write(file.clone(), number));
}

/// Takes the unsaved token for a renewal, which starts from it.
fn take(path: &Path) -> Option<Unsaved> {
    let mut all = locked(&UNSAVED);
    let unsaved = all.get_mut(path)?.unsaved.take()?;
    all.remove(path);
    Some(unsaved)
}

async fn write(file: TokenFile, number: u64) {
    let entry = |then: &mut dyn FnMut(&mut UnsavedSlot)| {
        let mut all = locked(&UNSAVED);
        let entry = all.get_mut(file.path()).filter(|entry| entry.number == number);
        entry.map(then).is_some()
    };
    loop {
        tokio::time::sleep(PAUSE).await;
        let mut taken = None;
        entry(&mut |entry| taken = entry.unsaved.take());
        // A renewal may have taken it over.
        let Some(unsaved) = taken else { return };
        if file.keep(None, &unsaved.record, &unsaved.spent).await.is_ok() {
            tracing::info!(server.name = %unsaved.server, "renewed token written");
            // Before the lock is released.
            locked(&UNSAVED).remove(file.path());
            return;
        }
        let mut back = Some(unsaved);
        entry(&mut |entry| entry.unsaved = back.take());
    }
}
