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
            if self.lists().begun == begun {
                return self.rest();
            }
        }
    }

    /// Gives back what clean slots keep. Under the lock: a guest that begins meanwhile waits, where it would find no slot otherwise.
    pub(super) fn rest(&self) {
        let mut lists = self.lists();
        for slot in std::mem::take(&mut lists.memories) {
            lists.kept_bytes -= slot.kept_bytes;
            match slot.rest() {
                Ok(slot) => lists.memories.push(slot),
                Err(_) => lists.made -= 1,
            }
        }
        drop(lists);
        self.image.rest();
        self.code.rest();
    }
}

/// Somebody who waits, for as long as this exists.
struct Watch(Arc<Slots>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lists().is_watched = false;
    }
}
