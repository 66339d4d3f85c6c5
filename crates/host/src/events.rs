//! The sink of a run's events.

use std::sync::Arc;

use exuvia_tool::RunEvent;

/// Receives the events of a run, as they happen. Called from the task that runs the guest: it must return quickly and never
/// block.
pub type EventSink = Arc<dyn Fn(RunEvent) + Send + Sync>;
