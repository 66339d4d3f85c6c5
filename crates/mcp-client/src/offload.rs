//! Work on long texts, off the threads of the async runtime.

use tokio::task::{JoinError, spawn_blocking};

/// The longest text that is worked on where it is met, in bytes: less than some ten milliseconds of work.
const SHORT_BYTES: usize = 1 << 20;

/// Does some work on a text of this length: here if that is short, else on a thread that nobody waits for.
pub async fn offload<T: Send + 'static>(text_bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if text_bytes <= SHORT_BYTES {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => never(error).await,
    }
}

/// The runtime ends, and this task with it, or the work panicked.
async fn never<T>(error: JoinError) -> T {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
    std::future::pending().await
}
