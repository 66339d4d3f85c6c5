//! Numbers as databases have them: signed, of 64 bits.

/// A number for a database. What is beyond its range is its largest.
pub(crate) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a database, which is never negative here.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
