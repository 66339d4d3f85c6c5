//! Times as they are written.

use std::time::Duration;

use super::head::malformed;
use crate::JournalError;

/// A time of seconds and nanoseconds.
pub(super) fn time(seconds: u64, nanos: u32) -> Result<Duration, JournalError> {
    if nanos < 1_000_000_000 {
        Ok(Duration::new(seconds, nanos))
    } else {
        Err(malformed("a second has fewer nanoseconds"))
    }
}
