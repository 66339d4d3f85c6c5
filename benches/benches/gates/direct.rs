//! Direct mode under 50 clients of both eras and hostile servers.

use std::time::Duration;

use anyhow::{Result, ensure};
use exuvia_benches::bytes;
use exuvia_tests::direct_load::direct_load;

const CLIENTS: usize = 50;
/// How long, if `EXUVIA_DIRECT_SECONDS` does not say.
const SECONDS: u64 = 30 * 60;
/// What the process may grow by in the second half of the time, when the journal is full: 100 bytes that leak at each answer are more.
/// Measured: 9 MiB, which the allocator keeps; with a journal of 1 MiB it is 7 MiB in all, reached after four minutes, and no more.
const GROWTH_BYTES: i64 = 16 << 20;
/// What it may grow by besides as long as the journal in memory is not full, and how long that takes.
const JOURNAL_BYTES: i64 = 64 << 20;
const JOURNAL_FULL_SECONDS: u64 = 20 * 60;

/// Each answer that a client gets is its own, and in the end everything is as it was at the start.
pub(crate) async fn clients_do_not_meet() -> Result<String> {
    let seconds = std::env::var("EXUVIA_DIRECT_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let load = direct_load(CLIENTS, Duration::from_secs(seconds)).await;
    let measured = format!(
        "{CLIENTS} clients for {seconds} s: {} answers and {} questions, each to its own; {} more memory in the second half, {} left at the end; \
         at most {:?} sessions, questions, requests and scripts at a time, none left",
        load.answers,
        load.questions,
        bytes(load.growth_bytes),
        bytes(load.left_bytes),
        load.most_open
    );
    let journal = if seconds < JOURNAL_FULL_SECONDS { JOURNAL_BYTES } else { 0 };
    ensure!(load.growth_bytes <= GROWTH_BYTES + journal, "{measured}");
    Ok(measured)
}
