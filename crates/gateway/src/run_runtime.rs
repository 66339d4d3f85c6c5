//! The runtime whose threads execute guests.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The stack of a thread: short scripts are analyzed on it without another one. Of what no script needs, no page is touched.
const STACK_BYTES: usize = 8 << 20;

/// What of it may be used before a thread can say that it has started, and is not counted.
const STARTED_BYTES: usize = 64 << 10;

/// A tokio runtime for runs alone. Guests compute; on the threads that serve clients they would hold up everyone's requests.
pub(crate) struct RunRuntime {
    /// Taken only by `drop`.
    runtime: Option<Runtime>,
}

impl RunRuntime {
    pub(crate) fn new() -> io::Result<Self> {
        let mut threads = Builder::new_multi_thread();
        threads.thread_name("exuvia-run").thread_stack_size(STACK_BYTES);
        threads.on_thread_start(|| exuvia_analysis::on_thread_start(STACK_BYTES - STARTED_BYTES));
        let runtime = threads.enable_time().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.as_ref().expect("taken only by drop").spawn(future)
    }
}

impl Drop for RunRuntime {
    fn drop(&mut self) {
        // A plain drop waits for the threads, which panics where waiting is not allowed: in another runtime's task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
