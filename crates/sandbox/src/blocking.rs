//! The sandbox for callers without async.

use std::future::IntoFuture as _;
use std::io;
use std::sync::Arc;
use std::thread;

use exuvia_runtime::Report;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Sandbox, SandboxRun};

/// A sandbox whose runs block the calling thread. Any number of threads may run scripts in one `BlockingSandbox` at the same time.
///
/// A script is executed on the thread that waits for it; calls that it makes in parallel are on threads of this sandbox. When it is dropped,
/// calls that still block are left behind, and it waits for none of them.
#[derive(Clone)]
pub struct BlockingSandbox {
    sandbox: Sandbox,
    threads: Arc<Threads>,
}

/// A runtime that may be dropped anywhere.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl BlockingSandbox {
    pub(crate) fn new(sandbox: Sandbox) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("exuvia").build()?;
        Ok(Self { sandbox, threads: Arc::new(Threads(Some(runtime))) })
    }

    /// Runs a script to its end.
    #[must_use]
    pub fn run(&self, script: impl Into<String>) -> Report {
        self.wait(self.sandbox.run(script))
    }

    /// Waits for a run that was [prepared](Sandbox::run), of this sandbox or another.
    #[must_use]
    pub fn wait(&self, run: SandboxRun) -> Report {
        let Some(runtime) = &self.threads.0 else { return Report::fault("the sandbox is closed") };
        if Handle::try_current().is_err() {
            return runtime.block_on(run.into_future());
        }
        // tokio lets no thread of a runtime wait for another one.
        thread::scope(|scope| {
            let waiter = scope.spawn(|| runtime.block_on(run.into_future()));
            waiter.join().unwrap_or_else(|_| Report::fault("the run panicked"))
        })
    }

    /// The sandbox itself.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}
