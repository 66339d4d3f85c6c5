//! Slots that are not used: what they keep goes back to the kernel.

use std::sync::Arc;
use std::time::Duration;

use super::Slots;

/// How long no guest must have begun. A script that comes later takes the page faults of a first one, some milliseconds.
const IDLE: Duration = Duration::from_secs(1);

impl Slots {
    /// Waits until no guest has begun for a second, and gives back what clean slots keep. Returns at once where somebody waits already,
    /// so that an engine wakes up once a second while it is used, and never while it is not.
    pub(crate) async fn rest_when_idle(self: Arc<Self>) {
        if std::mem::replace(&mut self.lists().is_watched, true) {
            return;
        }
        let _watch = Watch(Arc::clone(&self));
        loop {
            let begun = self.lists().begun;
            tokio::time::sleep(IDLE).await;
            let mut lists = self.lists();
            if lists.begun == begun {
                let idle = std::mem::take(&mut lists.memories);
                drop(lists);
                return self.rest(idle);
            }
        }
    }

    fn rest(&self, idle: Vec<super::MemorySlot>) {
        for slot in idle {
            let kept = slot.kept_bytes;
            let rested = slot.rest();
            let mut lists = self.lists();
            lists.kept_bytes -= kept;
            match rested {
                Ok(slot) => lists.memories.push(slot),
                Err(_) => lists.made -= 1,
            }
        }
        self.image.rest();
    }
}

/// Somebody who waits, for as long as this exists.
struct Watch(Arc<Slots>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lists().is_watched = false;
    }
}
