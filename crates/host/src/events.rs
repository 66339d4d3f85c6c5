//! The sink of a run's events.

use std::sync::Arc;

use exuvia_tool::RunEvent;

/// Hears what happens in a run, as it happens. Called from the task that runs the guest: it must return quickly and never
/// block.
pub type EventSink = Arc<dyn Fn(RunEvent) + Send + Sync>;
