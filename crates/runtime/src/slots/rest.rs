//! Slots that are not used: what they keep goes back to the kernel.

use std::sync::Arc;
use std::time::Duration;

use super::{DirtyPages, Slots};
use crate::program_file::own_code;
use crate::space::rest_code;

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
        rest_program(self.find);
    }
}

/// Takes the program's own code out of this process, but what is used meanwhile: most of what has been read of it is for its start and for
/// what was asked last. It stays in the memory of the machine, which all processes of the program share.
fn rest_program(find: DirtyPages) {
    let Some(code) = own_code() else { return };
    let mut is_written = false;
    let found = find.find(code.clone(), 1, |_| is_written = true);
    if found.is_ok() && !is_written {
        rest_code(code);
    }
}

/// Somebody who waits, for as long as this exists.
struct Watch(Arc<Slots>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lists().is_watched = false;
    }
}
