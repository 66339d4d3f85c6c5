//! The budget for JSON trees that exist at one time in the process.
//!
//! A tree takes many times the memory of its text. Whoever builds a large one waits here for room, first come, first served,
//! and builds it aside, off the threads that serve others.

use exuvia_mcp_client::offload;
use exuvia_tool::MAX_TREE_BYTES;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A tree up to this size is built at once, without a permit: it takes a few milliseconds at most.
const SMALL_BYTES: usize = 512 * 1024;
/// What a permit stands for.
const UNIT_BYTES: usize = 1024;

/// One tree of the largest size, or more that are smaller.
static ROOM: Semaphore = Semaphore::const_new(MAX_TREE_BYTES / UNIT_BYTES);

/// Waits for memory for a tree; dropping the permit releases it. Small trees need no permit, and trees that are never built get
/// none.
pub async fn room(tree_bytes: usize) -> Option<SemaphorePermit<'static>> {
    if tree_bytes <= SMALL_BYTES || tree_bytes > MAX_TREE_BYTES {
        return None;
    }
    // The semaphore is never closed.
    ROOM.acquire_many(u32::try_from(tree_bytes.div_ceil(UNIT_BYTES)).ok()?).await.ok()
}

/// Does work that builds a tree of this size and drops it again.
pub(crate) async fn over<T: Send + 'static>(tree_bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if tree_bytes <= SMALL_BYTES {
        return work();
    }
    let room = room(tree_bytes).await;
    // The permit moves into the work, which completes even if the caller has gone.
    let work = move || {
        let done = work();
        drop(room);
        done
    };
    offload(usize::MAX, work).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn trees_beyond_the_room_wait_for_it() {
        let first = room(MAX_TREE_BYTES).await;
        assert!(first.is_some());
        assert!(timeout(Duration::from_millis(50), room(MAX_TREE_BYTES / 2)).await.is_err());
        assert!(room(SMALL_BYTES).await.is_none(), "small ones need none");
        drop(first);
        let (one, other) = (room(MAX_TREE_BYTES / 2).await, room(MAX_TREE_BYTES / 2).await);
        assert!(one.is_some() && other.is_some());
    }

    #[tokio::test]
    async fn large_work_is_done_on_another_thread() {
        let here = std::thread::current().id();
        assert_eq!(over(SMALL_BYTES, || std::thread::current().id()).await, here);
        assert_ne!(over(SMALL_BYTES + 1, || std::thread::current().id()).await, here);
    }
}
