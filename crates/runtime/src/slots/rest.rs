//! Slots that are not used: what they keep goes back to the kernel.

use std::sync::Arc;
use std::time::Duration;

use super::{DirtyPages, Lists, Slots};
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
        let mut watch = Watch(Some(&self));
        loop {
            let begun = self.lists().begun;
            tokio::time::sleep(IDLE).await;
            if self.rest_unless_begun_since(begun) {
                watch.0 = None;
                return;
            }
        }
    }

    /// Rests if no more guests have begun than so many, and ends the watch. Under one lock: who has cleaned its slot before has it rested
    /// here, and who does so later finds nobody who watches.
    fn rest_unless_begun_since(&self, begun: u64) -> bool {
        let mut lists = self.lists();
        if lists.begun != begun {
            return false;
        }
        lists.rest();
        lists.is_watched = false;
        drop(lists);
        self.rest_mappings();
        true
    }

    /// Gives back what clean slots keep, at once.
    pub(super) fn rest(&self) {
        self.lists().rest();
        self.rest_mappings();
    }

    fn rest_mappings(&self) {
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

impl Lists {
    /// Gives back what clean slots keep. Under the lock: a guest that begins meanwhile waits, where it would find no slot otherwise.
    fn rest(&mut self) {
        for slot in std::mem::take(&mut self.memories) {
            self.kept_bytes -= slot.kept_bytes;
            match slot.rest() {
                Ok(slot) => self.memories.push(slot),
                Err(_) => self.made -= 1,
            }
        }
        let stacks = std::mem::take(&mut self.stacks);
        self.stacks = stacks.into_iter().filter_map(|stack| stack.rest().ok()).collect();
    }
}

/// Somebody who waits, until this is dropped or its watch has ended.
struct Watch<'a>(Option<&'a Slots>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(slots) = self.0 {
            slots.lists().is_watched = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use rustix::param::page_size;
    use wasmtime::{MemoryCreator as _, MemoryType, StackCreator as _};

    use super::super::memory::Memories;
    use super::super::stack::Stacks;
    use super::*;
    use crate::embedded::Embedded;

    const MEMORY_BYTES: usize = 1 << 20;
    const STACK_BYTES: usize = 1 << 20;

    fn slots() -> Arc<Slots> {
        static IMAGE: [u8; MEMORY_BYTES] = [7; MEMORY_BYTES];
        let [image, code] = ["an image", "code"].map(|name| Embedded::copied(name, &IMAGE).expect("a copy in memory"));
        Slots::with(image, &code, 1, 1 << 30, None).expect("slots")
    }

    /// A guest that writes to a page of its memory and to one of its stack. Where these are.
    #[expect(unsafe_code, reason = "memory is written as a guest does, see SAFETY")]
    fn guest(slots: &Arc<Slots>) -> [usize; 2] {
        let memory = Memories(Arc::clone(slots))
            .new_memory(MemoryType::new((MEMORY_BYTES >> 16) as u32, None), MEMORY_BYTES, None, None, 0)
            .expect("a memory");
        let stack = Stacks(Arc::clone(slots)).new_stack(STACK_BYTES, false).expect("a stack");
        let written = [memory.as_ptr(), stack.top().wrapping_sub(page_size())];
        for page in written {
            // SAFETY: both are pages of this guest, that can be written.
            unsafe { page.write_volatile(1) };
        }
        written.map(|page| page.addr())
    }

    /// How many of the pages are in memory.
    fn kept(slots: &Slots, pages: [usize; 2]) -> usize {
        let mut kept = 0;
        for page in pages {
            slots.find.find(page..page + page_size(), 1, |_| kept += 1).expect("the system reports them");
        }
        kept
    }

    #[test]
    fn memory_and_stacks_that_are_kept_go_back() {
        let slots = slots();
        let pages = guest(&slots);
        slots.clean();
        assert_eq!(kept(&slots, pages), 2);
        slots.rest();
        assert_eq!((kept(&slots, pages), slots.lists().kept_bytes), (0, 0));
        // They are used again.
        assert_eq!((guest(&slots), slots.lists().made), (pages, 1));
    }

    #[test]
    fn a_guest_that_ends_after_the_others_have_rested_is_watched_again() {
        let slots = slots();
        slots.lists().is_watched = true;
        let begun = slots.lists().begun;
        let pages = guest(&slots);
        slots.clean();
        assert!(!slots.rest_unless_begun_since(begun), "one has begun");
        assert!(slots.lists().is_watched && kept(&slots, pages) == 2);
        assert!(slots.rest_unless_begun_since(begun + 1) && kept(&slots, pages) == 0);
        guest(&slots);
        slots.clean();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _entered = runtime.enter();
        let mut watch = Box::pin(Arc::clone(&slots).rest_when_idle());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(watch.as_mut().poll(&mut context), Poll::Pending);
        assert!(pin!(Arc::clone(&slots).rest_when_idle()).poll(&mut context).is_ready(), "somebody waits already");
        // Who waits no more watches no more.
        drop(watch);
        assert!(!slots.lists().is_watched);
    }
}
