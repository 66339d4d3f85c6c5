//! The runtime whose threads execute guests.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A tokio runtime for runs alone. Guests compute; on the threads that serve clients they would hold up everyone's requests.
pub(crate) struct RunRuntime {
    /// Taken only by `drop`.
    runtime: Option<Runtime>,
}

impl RunRuntime {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("exuvia-run").enable_time().build()?;
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
