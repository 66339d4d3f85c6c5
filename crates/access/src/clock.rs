//! The time of day.

use std::sync::Arc;

/// A clock: the time of day, in milliseconds since the epoch, UTC.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
