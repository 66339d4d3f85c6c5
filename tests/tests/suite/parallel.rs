//! Calls side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{SampleGateway, TestTools, engine, returned};
use exuvia_tool::{BoxFuture, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};

/// Counts the calls that are with their tools.
struct Counting {
    tools: TestTools,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl ToolHost for Counting {
    fn namespace(&self) -> &Namespace {
        self.tools.namespace()
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let (now, most) = (Arc::clone(&self.now), Arc::clone(&self.most));
        let answer = self.tools.call(call, deadline);
        Box::pin(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            let outcome = answer.await;
            now.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }
}

/// Runs a script; the most calls that were under way at a time.
async fn counted(source: &str, limits: Limits) -> (Report, usize) {
    let most = Arc::new(AtomicUsize::new(0));
    let tools = Counting { tools: TestTools::new(), now: Arc::default(), most: Arc::clone(&most) };
    let report = engine().run(Script::new(source), limits, Arc::new(tools)).execute().await;
    (report, most.load(Ordering::SeqCst))
}

fn gather(calls: usize) -> String {
    format!("import asyncio\nresult = len(await asyncio.gather(*[crm.get_last_order(id=i) for i in range({calls})]))")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_than_allowed_are_under_way() {
    for allowed in [1, 4, 32] {
        let limits = Limits { concurrent_calls: allowed, ..Limits::default() };
        // Calls that take long enough to be under way together on a busy machine.
        let source = "import asyncio\nresult = len(await asyncio.gather(*[lab.sleep(ms=10) for _ in range(200)]))";
        let (report, most) = counted(source, limits).await;
        assert_eq!((returned(&report), most), (200.into(), allowed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_given_to_threads_and_executors_are_calls_side_by_side_too() {
    let source = "
import asyncio
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    a = list(pool.map(crm.get_last_order, range(40)))
b = await asyncio.gather(*[asyncio.to_thread(crm.get_last_order, id=i) for i in range(40)])
result = len(a) + len(b)
";
    let (report, most) = counted(source, Limits { concurrent_calls: 6, ..Limits::default() }).await;
    assert_eq!((returned(&report), most), (80.into(), 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_calls_are_made_one_by_one() {
    let (report, most) =
        counted("result = len([crm.get_last_order(id=i) for i in range(20)])", Limits::default()).await;
    assert_eq!((returned(&report), most), (20.into(), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuel_grows_linearly_with_the_number_of_parallel_calls() {
    let (one, _) = counted(&gather(1_000), Limits::default()).await;
    let (two, _) = counted(&gather(2_000), Limits::default()).await;
    assert_eq!((returned(&one), returned(&two)), (1_000.into(), 2_000.into()));
    let ratio = two.usage.fuel as f64 / one.usage.fuel as f64;
    assert!(ratio < 2.2, "{ratio}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_calls_to_a_real_server_are_at_least_five_times_faster_than_plain_ones() {
    let gateway = SampleGateway::echo(Limits::default(), &["--delay-ms", "2"]).await;
    let plain = gateway.run("result = sum(echo.echo(value=i)['value'] for i in range(500))").await;
    let parallel = "
import asyncio
result = sum(a['value'] for a in await asyncio.gather(*[echo.echo(value=i) for i in range(500)]))
";
    let parallel = gateway.run(parallel).await;
    assert_eq!((returned(&plain), returned(&parallel)), (124_750.into(), 124_750.into()));
    assert!(plain.calls.iter().chain(&parallel.calls).all(|call| call.outcome == "ok"));
    assert_eq!((plain.usage.tool_calls, parallel.usage.tool_calls), (500, 500));
    let (plain, parallel) = (plain.usage.wall_ms, parallel.usage.wall_ms);
    assert!(plain >= 5 * parallel, "{plain} ms plain, {parallel} ms parallel");
    gateway.stop().await;
}
