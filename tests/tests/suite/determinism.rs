//! The same script, answers, clock and chance take the same path and the same fuel.

use std::collections::HashSet;
use std::sync::Arc;

use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{ScriptedIo, TestTools, engine};

async fn scripted(source: &str, batch: usize) -> Report {
    let run = engine().run(Script::new(source), Limits::default(), Arc::new(TestTools::new()));
    run.with_io(Box::new(ScriptedIo::with_batches_of(batch))).execute().await
}

/// Runs a script five times and holds that all reports are one.
async fn repeats(source: &str, batch: usize) {
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let report = scripted(source, batch).await;
        assert_eq!(report.outcome.name(), "returned", "{:?}", report.outcome);
        seen.insert((
            report.usage.fuel,
            report.usage.memory_bytes_peak,
            format!("{:?}", report.outcome),
            report.logs.text,
        ));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn a_computation_takes_the_same_fuel_every_time() {
    repeats("result = sum(i * i for i in range(50_000))", 1).await;
}

#[tokio::test]
async fn sets_and_hashes_take_the_same_fuel_every_time() {
    let source = "
words = {f'word {i}' for i in range(2_000)}
order = list(words)
index = {w: i for i, w in enumerate(order)}
result = [order[:3], sum(index.values()), hash('a') == hash('a'), sorted(words)[0], repr({'x', 'y', 'z'})]
";
    repeats(source, 1).await;
}

#[tokio::test]
async fn clock_and_chance_repeat() {
    let source = "
import datetime, random, secrets, time, uuid
started = time.monotonic()
time.sleep(2)
print(datetime.datetime.now(), time.perf_counter())
result = [random.random(), secrets.token_hex(4), str(uuid.uuid4()), time.time(), time.monotonic() - started >= 2,
    random.sample(range(1000), 5)]
";
    repeats(source, 1).await;
}

#[tokio::test]
async fn plain_calls_take_the_same_fuel_every_time() {
    repeats("result = [crm.get_last_order(id=i)['total'] for i in range(50)]", 1).await;
}

#[tokio::test]
async fn parallel_calls_take_the_same_fuel_every_time() {
    let source = "
import asyncio
result = sum(o['total'] for o in await asyncio.gather(*[crm.get_last_order(id=i) for i in range(50)]))
";
    repeats(source, 50).await;
}

#[tokio::test]
async fn parallel_calls_that_arrive_in_groups_take_the_same_fuel_every_time() {
    let source = "
import asyncio
done = []
async def one(i):
    done.append((await lab.sleep(ms=i % 3)) * 0 + i)
async with asyncio.TaskGroup() as group:
    for i in range(20):
        group.create_task(one(i))
result = done
";
    repeats(source, 20).await;
}

#[tokio::test]
async fn a_fresh_world_is_another_path() {
    let source = "import random\nresult = random.random()";
    let scripted = scripted(source, 1).await;
    let live = engine().run(Script::new(source), Limits::default(), Arc::new(TestTools::new())).execute().await;
    assert_ne!(format!("{:?}", scripted.outcome), format!("{:?}", live.outcome));
}
