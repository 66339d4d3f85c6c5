//! Many clients with hostile direct servers, shortly. The gate `direct` does the same for half an hour.

use std::time::Duration;

use exuvia_tests::direct_load::direct_load;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_gets_what_is_its_own_and_nothing_is_left() {
    let load = direct_load(50, Duration::from_secs(8)).await;
    assert!(load.answers > 200 && load.questions > 20, "{load:?}");
}
