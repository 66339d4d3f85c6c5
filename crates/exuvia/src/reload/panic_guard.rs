//! Panics caught in tasks that must continue.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A task panicked. Its message is logged by the panic hook of the process.
#[derive(Debug)]
pub(super) struct Panicked;

/// What a future comes to, or that it panicked. What it borrowed may be halfway changed.
pub(super) async fn catch_panic<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    let poll = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => {
            let _: Box<dyn Any + Send> = panic;
            Poll::Ready(Err(Panicked))
        }
    });
    poll.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_future_and_not_the_task() {
        assert_eq!(catch_panic(async { 7 }).await.ok(), Some(7));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert!(catch_panic(panics).await.is_err());
    }
}
