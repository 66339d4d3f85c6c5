//! Whether a guest took page faults.
//!
//! The first write to a page that is not this process's own always faults, and Linux counts each fault for the thread that took it
//! (`getrusage(2)`, `RUSAGE_THREAD`). So a guest that took none wrote only to pages that were its slot's own before.
//!
//! Not every kernel counts: gVisor leaves the fields at 0, and a seccomp filter may let the call succeed without being made. So each
//! thread first tries it with a page of its own. A count of more than this thread (of the process, say) is no error: it is never smaller.

use std::cell::{LazyCell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::param::page_size;

use crate::space::Space;

thread_local! {
    /// Whether the faults of this thread are counted.
    static ARE_COUNTED: LazyCell<bool> = const { LazyCell::new(|| counts_a_first_write().unwrap_or(false)) };
    /// The guest that this thread is working for.
    static PRESENT: RefCell<Option<Arc<GuestFaults>>> = const { RefCell::new(None) };
}

/// A fault was taken, or none can be counted.
const TAKEN: u8 = 1;
/// Everything that could take one is over.
const OVER: u8 = 2;

/// What is known of the page faults of one guest, from before it has its memory until after it has given that back.
#[derive(Debug, Default)]
pub(super) struct GuestFaults(AtomicU8);

/// Counts the page faults of everything that a future does: of a guest that is begun and ended in it. Whoever runs a part of that guest outside
/// of the future makes the count worthless.
pub async fn counting_faults<T>(guest: impl Future<Output = T>) -> T {
    let (faults, mut guest) = (Arc::<GuestFaults>::default(), pin!(guest));
    let output = poll_fn(|context| faults.during(|| guest.as_mut().poll(context))).await;
    faults.0.fetch_or(OVER, Ordering::SeqCst);
    output
}

impl GuestFaults {
    /// Those of the guest that this thread works for. None: they are not counted.
    pub(super) fn present() -> Option<Arc<Self>> {
        // A thread that ends may drop a memory when this is gone.
        PRESENT.try_with(|present| present.borrow().clone()).ok().flatten()
    }

    /// Whether everything is over, and took no fault.
    pub(super) fn were_none(&self) -> bool {
        self.0.load(Ordering::SeqCst) == OVER
    }

    fn during<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        let before = ARE_COUNTED.with(|counted| **counted).then(page_faults).flatten();
        let _present = Present::enter(Arc::clone(self));
        let done = work();
        if before.is_none() || before != page_faults() {
            self.0.fetch_or(TAKEN, Ordering::SeqCst);
        }
        done
    }
}

/// The guest that a thread works for, until this is dropped: then the one of before.
struct Present(Option<Arc<GuestFaults>>);

impl Present {
    fn enter(faults: Arc<GuestFaults>) -> Self {
        Self(PRESENT.replace(Some(faults)))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        PRESENT.set(self.0.take());
    }
}

/// How many page faults this thread has taken so far. None: the kernel does not say.
#[expect(unsafe_code, reason = "a system call that rustix does not have, see SAFETY")]
fn page_faults() -> Option<i64> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes a `struct rusage` there, for which there is room.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    // SAFETY: numbers alone, and zeros are some.
    let usage = unsafe { usage.assume_init() };
    (result == 0).then(|| usage.ru_minflt.wrapping_add(usage.ru_majflt))
}

/// Whether a fault is counted when this thread writes to a page for the first time that it has read before, as guests do.
fn counts_a_first_write() -> io::Result<bool> {
    let page = page_size();
    // Between pages that cannot be accessed: the kernel gives it nothing together with its neighbors.
    let mut space = Space::reserve(3 * page)?;
    space.open(page..2 * page)?;
    black_box(space.read(page));
    let before = page_faults();
    space.write(page, b"x");
    Ok(before.zip(page_faults()).is_some_and(|(before, after)| before < after))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::thread;

    use super::*;

    fn written(space: &mut Space, page: usize) {
        space.write(page * page_size(), b"x");
    }

    fn opened(pages: usize) -> Space {
        let mut space = Space::reserve(pages * page_size()).expect("address space");
        space.open(0..pages * page_size()).expect("it is ours");
        space
    }

    /// Whether no fault was counted of a future that writes a page each time it is polled, on one thread or another.
    fn none_after(threads: &[Worker; 2], pages: &[usize], own: &[usize]) -> bool {
        let mut space = opened(8);
        own.iter().for_each(|page| written(&mut space, *page));
        let space = Arc::new(Mutex::new(space));
        let faults = Arc::<GuestFaults>::default();
        for (number, page) in pages.iter().copied().enumerate() {
            let (space, faults) = (Arc::clone(&space), Arc::clone(&faults));
            threads[number % 2].does(move || faults.during(|| written(&mut space.lock().expect("no panic"), page)));
        }
        faults.0.fetch_or(OVER, Ordering::SeqCst);
        faults.were_none()
    }

    /// A thread that has its own pages already.
    struct Worker(mpsc::Sender<Box<dyn FnOnce() + Send>>);

    impl Worker {
        fn new() -> Self {
            let (sender, work) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
            thread::spawn(move || work.into_iter().for_each(|work| work()));
            Self(sender)
        }

        fn does(&self, work: impl FnOnce() + Send + 'static) {
            let (done, is_done) = mpsc::channel();
            let work = move || {
                work();
                done.send(()).expect("somebody waits");
            };
            self.0.send(Box::new(work)).expect("the thread is there");
            is_done.recv().expect("it is done");
        }
    }

    #[test]
    fn a_first_write_to_a_page_is_counted_on_whichever_thread_and_a_further_one_is_not() {
        let threads = [Worker::new(), Worker::new()];
        let all: Vec<usize> = (0..8).collect();
        // The first times the threads' own pages may be new.
        assert!((0..5).any(|_| none_after(&threads, &all, &all)));
        for page in 0..8 {
            assert!(!none_after(&threads, &[page], &[]), "page {page}");
        }
        assert!(!none_after(&threads, &[1, 2, 3], &[1, 2]));
        assert!((0..5).any(|_| none_after(&threads, &all, &all)));
    }

    #[test]
    fn this_system_counts_a_first_write_on_each_thread() {
        for _ in 0..4 {
            let counts = thread::spawn(|| (ARE_COUNTED.with(|counted| **counted), counts_a_first_write()));
            assert!(matches!(counts.join().expect("no panic"), (true, Ok(true))));
        }
    }

    #[test]
    fn what_is_not_over_or_not_counted_is_not_known() {
        assert!(GuestFaults::present().is_none());
        let faults = Arc::<GuestFaults>::default();
        faults.during(|| assert!(Arc::ptr_eq(&faults, &GuestFaults::present().expect("it is there"))));
        assert!(GuestFaults::present().is_none() && !faults.were_none());
    }
}
