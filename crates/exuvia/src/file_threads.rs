//! File system operations that may block forever, on threads that are abandoned at a deadline.
//!
//! tokio's threads for blocking work will not do: a runtime that ends waits for them.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How long the files of a configuration may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// Threads that are held up at a time. A file system that comes back lets all of them go.
const THREADS: usize = 4;
/// As much as the main thread has.
const STACK_BYTES: usize = 8 << 20;

/// Threads for one kind of work. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct FileThreads {
    room: Arc<Semaphore>,
    deadline: Duration,
}

/// Why some work failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It exceeded its deadline. It may still finish; its result is discarded.
    Late(Duration),
    /// Too many threads are held up already.
    HeldUp,
    /// The system gave no thread.
    NoThread,
    /// It panicked.
    Fault,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(after) => write!(f, "the file system did not respond within {} s", after.as_secs()),
            Self::HeldUp => f.write_str("the file system did not respond to earlier attempts"),
            Self::NoThread => f.write_str("no thread is available to read files"),
            Self::Fault => f.write_str("internal error"),
        }
    }
}

impl std::error::Error for Unfinished {}

impl Default for FileThreads {
    fn default() -> Self {
        Self::within(DEADLINE)
    }
}

impl FileThreads {
    fn within(deadline: Duration) -> Self {
        Self { room: Arc::new(Semaphore::new(THREADS)), deadline }
    }

    /// Does some work. Whoever stops waiting does not stop it.
    ///
    /// # Errors
    ///
    /// It did not come to its end in time.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Unfinished::HeldUp)?;
        let done = spawn(place, work)?;
        match tokio::time::timeout(self.deadline, done).await {
            Ok(done) => done.map_err(|_| Unfinished::Fault),
            Err(_) => Err(Unfinished::Late(self.deadline)),
        }
    }
}

/// The place is free again when the thread is.
fn spawn<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>, Unfinished> {
    let (sender, done) = oneshot::channel();
    let body = move || {
        let _place = place;
        // Nobody may be waiting any more.
        let _ = sender.send(work());
    };
    let thread = thread::Builder::new().name("files".to_owned()).stack_size(STACK_BYTES).spawn(body);
    thread.map(|_| done).map_err(|_| Unfinished::NoThread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// Work that goes on until the sender is dropped.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (sender, receiver) = mpsc::channel::<()>();
        (sender, move || {
            let _ = receiver.recv();
        })
    }

    #[tokio::test]
    async fn work_that_hangs_is_given_up_and_the_next_begins() {
        let detached = FileThreads::within(SHORT);
        let ((hold, work), begun) = (hanging(), Instant::now());
        assert_eq!(detached.run(work).await, Err(Unfinished::Late(SHORT)));
        assert!((SHORT..Duration::from_secs(10)).contains(&begun.elapsed()));
        assert_eq!(detached.run(|| 7).await, Ok(7));
        drop(hold);
    }

    #[tokio::test]
    async fn work_that_panics_is_a_fault_and_the_next_begins() {
        let detached = FileThreads::within(Duration::from_secs(10));
        for _ in 0..2 * THREADS {
            assert_eq!(detached.run(|| panic!("on purpose")).await, Err::<(), _>(Unfinished::Fault));
        }
        assert_eq!(detached.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn threads_that_are_held_up_are_few_and_come_back() {
        let detached = FileThreads::within(SHORT);
        let mut holds = Vec::new();
        for _ in 0..THREADS {
            let (hold, work) = hanging();
            assert_eq!(detached.run(work).await, Err(Unfinished::Late(SHORT)));
            holds.push(hold);
        }
        assert_eq!(detached.run(|| 7).await, Err(Unfinished::HeldUp));
        drop(holds);
        let begun = Instant::now();
        while detached.run(|| 7).await != Ok(7) {
            assert!(begun.elapsed() < Duration::from_secs(10), "a place is free again");
            tokio::time::sleep(SHORT).await;
        }
    }

    #[test]
    fn work_that_hangs_does_not_hold_up_the_end_of_the_runtime() {
        let (hold, work) = hanging();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(FileThreads::within(SHORT).run(work)), Err(Unfinished::Late(SHORT)));
        let begun = Instant::now();
        drop(runtime);
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(hold);
    }
}
