//! The place of one list.

use std::sync::{Arc, Mutex, PoisonError};

use super::kept_lists::KeptLists;
use super::list::List;

/// The place of one list of a server, for one endpoint.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Held while the list is read: one request at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// With the number by which it is kept.
    list: Mutex<Option<(Arc<List>, u64)>>,
    kept: Arc<KeptLists>,
}

impl Shelf {
    /// An empty one, whose list is one of these.
    pub(super) fn of(kept: &Arc<KeptLists>) -> Arc<Self> {
        Arc::new(Self { turn: tokio::sync::Mutex::default(), list: Mutex::default(), kept: Arc::clone(kept) })
    }

    /// The list, if it was read and is kept.
    pub(super) fn list(&self) -> Option<Arc<List>> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.as_ref().map(|(list, _)| Arc::clone(list))
    }

    /// Puts a list there. The number of the one before; 0: there was none.
    pub(super) fn put(&self, list: Arc<List>, number: u64) -> u64 {
        let before = self.list.lock().unwrap_or_else(PoisonError::into_inner).replace((list, number));
        before.map_or(0, |(_, number)| number)
    }

    /// Takes the list away.
    pub(super) fn clear(&self) -> Option<Arc<List>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).take().map(|(list, _)| list)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let list = self.list.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, number)) = list {
            self.kept.forget(number);
        }
    }
}
