//! Calls of one server are sent in the order in which the script made them, also those that run side by side.

use std::path::Path;

use exuvia_config::ServerConfig;
use exuvia_runtime::Limits;
use exuvia_tests::{SampleGateway, fake, returned};
use serde_json::Value;

/// A server that writes down which calls arrive, in that order.
fn recording(name: &str, file: &Path) -> ServerConfig {
    fake(name, &["--record", &file.display().to_string()])
}

/// The values of the calls of `echo` in a record.
fn arrived(file: &Path) -> Vec<u64> {
    let record = std::fs::read_to_string(file).expect("calls arrived");
    let value = |line: &str| {
        let message: Value = serde_json::from_str(line).expect("JSON");
        message.pointer("/params/arguments/value").and_then(Value::as_u64)
    };
    record.lines().filter_map(value).collect()
}

async fn sent(source: &str, limits: Limits) -> Vec<u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls");
    let gateway = SampleGateway::of(vec![recording("lab", &file)], limits).await;
    let _ = returned(&gateway.run(source).await);
    gateway.stop().await;
    arrived(&file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gathered_calls_are_sent_in_the_order_of_the_script() {
    for concurrent_calls in [1, 3, 64, 5_000] {
        let source = "import asyncio\nresult = len(await asyncio.gather(*[lab.echo(value=n) for n in range(1500)]))";
        let limits = Limits { concurrent_calls, ..Limits::default() };
        assert_eq!(sent(source, limits).await, (0..1500).collect::<Vec<_>>(), "{concurrent_calls} at a time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_blocks_is_sent_after_those_that_were_started() {
    let source = "
import asyncio
tasks = []
for n in range(0, 600, 3):
    tasks.append(asyncio.create_task(lab.echo(value=n)))
    tasks.append(asyncio.create_task(lab.echo(value=n + 1)))
    lab.echo(value=n + 2)
await asyncio.gather(*tasks)
result = 1
";
    assert_eq!(sent(source, Limits::default()).await, (0..600).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_cancelled_or_refused_hold_up_nobody() {
    let source = "
import asyncio
async def main():
    tasks = []
    for n in range(300):
        tasks.append(asyncio.ensure_future(lab.echo(value=n)))
        tasks.append(asyncio.ensure_future(lab.echo(value='x' * 5000)))
        asyncio.ensure_future(lab.echo(value=n)).cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    return sum(type(value) is ToolLimitReached for value in done)
result = await main()
";
    let limits = Limits { concurrent_calls: 4, call_arguments_bytes: 1000, ..Limits::default() };
    let arrived = sent(source, limits).await;
    let mut ordered = arrived.clone();
    ordered.sort_unstable();
    assert_eq!(arrived, ordered);
    ordered.dedup();
    assert_eq!(ordered, (0..300).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_no_other_server_and_no_call_that_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = ["slow", "lab"].map(|name| recording(name, &folder.path().join(name)));
    let gateway = SampleGateway::of(servers.to_vec(), Limits::default()).await;
    let source = "
import asyncio
hanging = [asyncio.create_task(slow.hang()) for _ in range(5)]
first = await slow.echo(value=1)
rest = await asyncio.gather(*[lab.echo(value=n) for n in range(50)], slow.echo(value=2))
for task in hanging:
    task.cancel()
result = [first['value'], len(rest)]
";
    let report = gateway.run(source).await;
    assert_eq!(returned(&report), serde_json::json!([1, 51]));
    assert_eq!(arrived(&folder.path().join("slow")), [1, 2]);
    gateway.stop().await;
}
