//! How much of what servers listed is kept, for all clients together: one of many could otherwise fill the memory of the process with
//! what a few servers list.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use exuvia_tool::locked;

use super::list::List;

/// The most that is kept in one process, in bytes. What was read longest ago makes room, and is read again when it is needed.
const KEPT_BYTES: usize = 256 << 20;

static OF_PROCESS: LazyLock<Arc<KeptLists>> = LazyLock::new(|| KeptLists::with_room(KEPT_BYTES));

/// The lists that are kept, in the order in which they were read.
#[derive(Debug)]
pub(super) struct KeptLists {
    room: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lists: BTreeMap<u64, (Weak<Shelf>, usize)>,
    bytes: usize,
    /// The number of the last one that was kept.
    last: u64,
}

impl KeptLists {
    /// Those of this process.
    pub(super) fn of_process() -> Arc<Self> {
        Arc::clone(&OF_PROCESS)
    }

    /// None yet, and so many bytes of them at most.
    pub(super) fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self { room, kept: Mutex::default() })
    }

    /// Puts a list on its shelf, and takes others from theirs where there is no room for all. The newest is kept whatever it takes.
    pub(super) fn keep(&self, shelf: &Arc<Shelf>, list: Arc<List>) {
        let bytes = list.size_bytes();
        let mut emptied = Vec::new();
        let mut kept = locked(&self.kept);
        kept.last += 1;
        let number = kept.last;
        let before = shelf.put(list, number);
        kept.forget(before);
        kept.lists.insert(number, (Arc::downgrade(shelf), bytes));
        kept.bytes += bytes;
        while kept.bytes > self.room && kept.lists.len() > 1 {
            let Some((_, (oldest, bytes))) = kept.lists.pop_first() else { break };
            kept.bytes -= bytes;
            emptied.extend(oldest.upgrade().map(|shelf| (shelf.clear(), shelf)));
        }
        // A shelf that ends with this asks for the lock.
        drop(kept);
        drop(emptied);
    }

    /// A shelf is gone, on which the list with this number was.
    pub(super) fn forget(&self, number: u64) {
        locked(&self.kept).forget(number);
    }
}

impl Kept {
    fn forget(&mut self, number: u64) {
        if let Some((_, bytes)) = self.lists.remove(&number) {
            self.bytes -= bytes;
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use exuvia_gateway::ItemList;
    use exuvia_mcp_client::Listing;
    use exuvia_tool::Json;

    use super::*;

    /// A list of so many bytes and some.
    fn list(bytes: usize) -> Arc<List> {
        let item = format!(r#"{{"uri":"x://a","name":"a","description":"{}"}}"#, "x".repeat(bytes));
        let listed = ItemList { items: vec![Json::parse(item).expect("JSON")], gap: None, unnamed: 0 };
        Arc::new(List::read(Listing::Resources, listed, Instant::now(), None))
    }

    #[test]
    fn the_oldest_lists_make_room_and_an_ended_shelf_takes_none() {
        let kept = KeptLists::with_room(10_000);
        let shelves: Vec<_> = (0..5).map(|_| Shelf::of(&kept)).collect();
        for shelf in &shelves[..2] {
            kept.keep(shelf, list(3_000));
        }
        assert!(shelves[0].list().is_some() && shelves[1].list().is_some());
        // One that is read again is the newest.
        kept.keep(&shelves[0], list(3_000));
        kept.keep(&shelves[2], list(3_000));
        kept.keep(&shelves[3], list(3_000));
        let is_kept: Vec<bool> = shelves.iter().map(|shelf| shelf.list().is_some()).collect();
        assert_eq!(is_kept, [true, false, true, true, false]);
        assert!(locked(&kept.kept).bytes <= 10_000, "{kept:?}");
        // A larger one than there is room for is kept alone.
        kept.keep(&shelves[4], list(20_000));
        assert!(shelves[4].list().is_some() && shelves[..4].iter().all(|shelf| shelf.list().is_none()));
        drop(shelves);
        let left = locked(&kept.kept);
        assert_eq!((left.bytes, left.lists.len()), (0, 0));
    }

    #[test]
    fn a_shelf_that_ends_while_it_is_emptied_stops_nobody() {
        let kept = KeptLists::with_room(5_000);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || (0..200).for_each(|_| kept.keep(&Shelf::of(&kept), list(2_000))))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(locked(&kept.kept).bytes, 0);
    }
}
