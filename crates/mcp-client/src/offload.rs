//! Work on long texts, off the threads of the async runtime.

use tokio::task::{JoinError, spawn_blocking};

/// The longest text that is processed inline, in bytes: it takes about ten milliseconds at most.
const SHORT_BYTES: usize = 1 << 20;

/// Runs work on a text of this length: inline if the text is short, else on a blocking thread.
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
