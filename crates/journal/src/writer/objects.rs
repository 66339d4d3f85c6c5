//! Which objects and guests are kept, as far as is remembered, and who waits for one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{JournalError, JournalErrorKind};

/// Objects that are remembered. What is forgotten is written again, which changes nothing.
const MAX: usize = 4_096;

/// The objects and guests that are kept or about to be.
#[derive(Default)]
pub(super) struct KnownObjects(Mutex<HashMap<String, Keeping>>);

/// Whether an object is taken care of: true when no later entry is written without it. A sender that is gone without that has failed.
type Keeping = watch::Receiver<bool>;

/// Somebody who is to keep an object, and says so by `true`.
pub(super) type Keeper = watch::Sender<bool>;

impl KnownObjects {
    /// How far an object is. With a keeper if that is up to the caller.
    pub(super) fn claim(&self, sha256: &str) -> (Keeping, Option<Keeper>) {
        let mut known = self.known();
        if let Some(keeping) = known.get(sha256).filter(|keeping| *keeping.borrow() || keeping.has_changed().is_ok()) {
            return (keeping.clone(), None);
        }
        if known.len() >= MAX {
            known.clear();
        }
        let (keeper, keeping) = watch::channel(false);
        known.insert(sha256.to_owned(), keeping.clone());
        (keeping, Some(keeper))
    }

    /// Some are kept no more.
    pub(super) fn forget(&self) {
        self.known().retain(|_, keeping| !*keeping.borrow());
    }

    /// Waits until all that was begun is done or has failed.
    pub(super) async fn settled(&self) {
        let all: Vec<Keeping> = self.known().values().cloned().collect();
        for keeping in all {
            let _ = kept(keeping).await;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Keeping>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until an object is taken care of.
///
/// # Errors
///
/// There was no room.
pub(super) async fn kept(mut keeping: Keeping) -> Result<(), JournalError> {
    let kept = keeping.wait_for(|is_kept| *is_kept).await;
    kept.map(drop).map_err(|_| JournalError::new(JournalErrorKind::Full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_keeps_an_object_and_the_others_wait() {
        let known = KnownObjects::default();
        let (first, keeper) = known.claim("a");
        let (second, none) = known.claim("a");
        assert!(none.is_none());
        keeper.expect("the first one").send_replace(true);
        assert!(kept(first).await.is_ok() && kept(second).await.is_ok());
        assert!(known.claim("a").1.is_none(), "it is kept, and the keeper is gone");
        known.forget();
        assert!(known.claim("a").1.is_some());
    }

    #[tokio::test]
    async fn after_a_failure_the_next_one_keeps_it() {
        let known = KnownObjects::default();
        let (first, keeper) = known.claim("a");
        drop(keeper);
        assert_eq!(kept(first).await.expect_err("failed").kind(), JournalErrorKind::Full);
        assert!(known.claim("a").1.is_some());
    }
}
