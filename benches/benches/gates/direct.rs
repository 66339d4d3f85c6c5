//! Direct mode under 50 clients of both eras and hostile servers.

use std::time::Duration;

use anyhow::{Result, ensure};
use exuvia_benches::bytes;
use exuvia_tests::direct_load::direct_load;

const CLIENTS: usize = 50;
/// How long, if `EXUVIA_DIRECT_SECONDS` does not say.
const SECONDS: u64 = 30 * 60;
/// What the process may grow by after the first tenth of the time: the journal in memory, which is bounded by as much.
const GROWTH_BYTES: i64 = 64 << 20;

/// Each answer that a client gets is its own, and in the end everything is as it was at the start.
pub(crate) async fn clients_do_not_meet() -> Result<String> {
    let seconds = std::env::var("EXUVIA_DIRECT_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let load = direct_load(CLIENTS, Duration::from_secs(seconds)).await;
    let measured = format!(
        "{CLIENTS} clients for {seconds} s: {} answers and {} questions, each to its own; {} more memory, {} left at the end; \
         at most {:?} sessions, questions, requests and scripts at a time, none left",
        load.answers,
        load.questions,
        bytes(load.growth_bytes),
        bytes(load.left_bytes),
        load.most_open
    );
    ensure!(load.growth_bytes <= GROWTH_BYTES, "{measured}");
    Ok(measured)
}
