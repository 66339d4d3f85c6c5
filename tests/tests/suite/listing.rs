//! Lists that change while the gateway runs, seen by scripts.

use std::time::{Duration, Instant};

use exuvia_config::ServerConfig;
use exuvia_runtime::{Limits, Outcome};
use exuvia_tests::{SampleGateway, fake, returned};
use serde_json::json;

/// Changes the list while the script runs; what it sees of it before and after.
const CHANGES: &str = "
before = dir(fake)
fake.change()
for _ in range(100):
    fake.echo(value=1)
result = before == dir(fake)
";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_keeps_the_list_that_it_started_with_and_the_next_one_has_the_new() {
    let gateway = SampleGateway::of(vec![fake("fake", &["--changes"])], Limits::default()).await;
    assert!(matches!(gateway.run("fake.change_1()").await.outcome, Outcome::Raised(_)));
    assert_eq!(returned(&gateway.run(CHANGES).await), json!(true));
    let begun = Instant::now();
    while !gateway.ask("readToolFile", &json!({"fileName": "fake.pyi"})).await.contains("def change_1(") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the list was never read again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(returned(&gateway.run("result = 'change_1' in dir(fake)").await), json!(true));
    gateway.stop().await;
}
