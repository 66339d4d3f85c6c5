//! The right to fetch a token and to write its file: one holder among all processes, and the end of this one waits for it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::OAuthError;
use crate::file::{TokenFile, blocking, open_here};

/// The pause between two attempts to lock. std's blocking form cannot be cancelled.
const PAUSE: Duration = Duration::from_millis(25);

/// A lock on the file beside a token file. Released when dropped, and by the end of the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
    _spending: Option<Spending>,
}

/// The purpose of holding the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To spend a refresh token. The end of the process waits until what came of it is kept.
    Spend,
    /// Something that can be done again.
    Other,
}

#[derive(Debug, Default)]
struct SpendingState {
    spending: usize,
    is_ending: bool,
}

static HELD: LazyLock<watch::Sender<SpendingState>> = LazyLock::new(watch::Sender::default);

/// Waits until no refresh token is being spent, at most this long, and prevents new renewals. Returns whether that was reached
/// in time.
pub(crate) async fn spending_ended(within: Duration) -> bool {
    HELD.send_modify(|held| held.is_ending = true);
    let mut held = HELD.subscribe();
    // The sender is never gone.
    tokio::time::timeout(within, held.wait_for(|held| held.spending == 0)).await.is_ok()
}

/// Counted while it lives.
#[derive(Debug)]
struct Spending;

impl Spending {
    fn begin() -> Result<Self, OAuthError> {
        let begun = HELD.send_if_modified(|held| {
            held.spending += usize::from(!held.is_ending);
            !held.is_ending
        });
        begun.then_some(Self).ok_or_else(|| OAuthError::Passing("the program is shutting down".to_owned()))
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        HELD.send_modify(|held| held.spending -= 1);
    }
}

impl TokenFile {
    /// Waits for the lock, at most this long; None if another holder keeps it. `look` runs before each attempt, and ends the
    /// wait with what it returns.
    pub(crate) async fn lock_or<T>(
        &self,
        purpose: Purpose,
        within: Duration,
        look: impl Fn() -> Option<T>,
    ) -> Result<Option<Result<Lock, T>>, OAuthError> {
        let file = self.clone();
        let lock = blocking(move || file.open_lock().map_err(|error| file.unwritable(&error))).await?;
        let deadline = Instant::now() + within;
        loop {
            if let Some(found) = look() {
                return Ok(Some(Err(found)));
            }
            match lock.try_lock() {
                Ok(()) => {
                    let spending = (purpose == Purpose::Spend).then(Spending::begin).transpose()?;
                    return Ok(Some(Ok(Lock { _file: lock, _spending: spending })));
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(self.unwritable(&error)),
            }
        }
    }

    /// [`lock_or`](Self::lock_or), for somebody who looks for nothing besides.
    pub(crate) async fn lock(&self, purpose: Purpose, within: Duration) -> Result<Option<Lock>, OAuthError> {
        let lock = self.lock_or(purpose, within, || None::<std::convert::Infallible>).await?;
        Ok(lock.and_then(Result::ok))
    }

    fn open_lock(&self) -> io::Result<File> {
        self.make_directory()?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = open_here(&mut options, &self.beside(".lock"))?;
        if lock.metadata()?.is_file() { Ok(lock) } else { Err(io::Error::other("its lock is not a regular file")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holder_of_the_lock_at_a_time_and_nobody_waits_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&home.path().join("crm.json"));
        let lock = file.lock(Purpose::Spend, Duration::ZERO).await.unwrap().unwrap();
        assert!(file.lock(Purpose::Spend, Duration::from_millis(60)).await.unwrap().is_none());
        let found = file.lock_or(Purpose::Spend, Duration::from_secs(60), || Some(7)).await.unwrap().unwrap();
        assert_eq!(found.unwrap_err(), 7);
        let waiting = tokio::spawn({
            let file = file.clone();
            async move { file.lock(Purpose::Other, Duration::from_secs(60)).await.map(|lock| lock.is_some()) }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!waiting.is_finished());
        drop(lock);
        assert_eq!(waiting.await.unwrap(), Ok(true));
    }
}
