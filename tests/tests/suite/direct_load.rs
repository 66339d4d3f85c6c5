//! Many clients with hostile direct servers, shortly. The gate `direct` does the same for half an hour.

use std::time::Duration;

use exuvia_tests::direct_load::direct_load;

/// The most that the journal keeps in memory.
const JOURNAL_BYTES: i64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_gets_what_is_its_own_and_nothing_is_left() {
    let load = direct_load(50, Duration::from_secs(8)).await;
    assert!(load.answers > 200 && load.questions > 20, "{load:?}");
    // What is counted was there to be counted.
    assert!(load.most_open[..3].iter().all(|&most| most > 0), "{load:?}");
    // Looked at when everything has come to its end, so that it does not matter how fast that was: what stays is the journal,
    // which is bounded, and as much again of what allocators, pools and caches keep.
    assert!(load.left_bytes <= 2 * JOURNAL_BYTES, "{load:?}");
}
