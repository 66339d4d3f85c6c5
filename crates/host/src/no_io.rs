//! What a guest has between two scripts.

use std::time::Duration;

use exuvia_tool::{BoxFuture, CallError, Deadline, Namespace, RunIo, ToolCall, ToolHost, ToolOutcome};

/// No script runs: nothing asks.
pub(crate) struct NoIo;

impl RunIo for NoIo {
    fn wall_clock(&mut self) -> Duration {
        Duration::ZERO
    }

    fn monotonic_clock(&mut self) -> Duration {
        Duration::ZERO
    }

    fn fill_random(&mut self, _: &mut [u8]) {}

    fn sleep_until(&mut self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// No script runs: nothing is called.
pub(crate) struct NoTools(Namespace);

impl Default for NoTools {
    fn default() -> Self {
        Self(Namespace::new(Vec::new()))
    }
}

impl ToolHost for NoTools {
    fn namespace(&self) -> &Namespace {
        &self.0
    }

    fn call(&self, _: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        Box::pin(std::future::ready(Err(CallError::Denied("no script runs".to_owned()))))
    }
}
