//! Times as people read them.

use std::time::{Duration, UNIX_EPOCH};

/// The last millisecond of the year 9999, beyond which RFC 3339 has no form.
const LAST_MS: u64 = 253_402_300_799_999;

/// A time in RFC 3339, UTC. `ms`: since the epoch.
#[must_use]
pub fn utc(ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS))).to_string()
}

/// The day of a time, in UTC: `2026-11-29`. `ms`: since the epoch.
pub(crate) fn day(ms: u64) -> String {
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS))).to_string();
    text.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_time() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(1_795_910_401_007), "2026-11-29T00:00:01.007Z");
        assert_eq!(utc(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
