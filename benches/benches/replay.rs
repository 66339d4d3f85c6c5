//! `cargo bench --bench replay`: how long a replay takes beside its original, whose tools answer at once: without its waiting.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::workloads::named;
use exuvia_benches::{BenchTools, Table, engine, one_thread, returned, seconds};
use exuvia_journal::{Entry, Event, Record, RunEnd, RunStart, RunUsage, Seq, Stamped};
use exuvia_replay::{RecordingIo, Replay, Verdict, namespace_object};
use exuvia_runtime::{Engine, Limits, Report, Script, SystemIo};
use exuvia_tool::{
    BoxFuture, Cost, Deadline, Json, Namespace, Origin, Principal, RunId, ToolCall, ToolHost, ToolOutcome,
};

/// Runs and replays of each script, in turns, of which the median counts.
const ROUNDS: usize = 41;

/// Tools that answer at once, and note what a gateway would record.
struct Recorded {
    tools: BenchTools,
    events: Arc<Mutex<Vec<Event>>>,
}

impl ToolHost for Recorded {
    fn namespace(&self) -> &Namespace {
        self.tools.namespace()
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let (id, events) = (call.id, Arc::clone(&self.events));
        note(&events, Event::CallIntended { call: call.clone(), written: None, rule: String::new(), cost: Cost::ZERO });
        let answer = self.tools.call(call, deadline);
        Box::pin(async move {
            let outcome = answer.await;
            let (code, noted) = ("ok".to_owned(), Some(outcome.clone()));
            note(&events, Event::CallEnded { id, code, outcome: noted, value_bytes: 0, ms: 0 });
            outcome
        })
    }
}

fn note(events: &Mutex<Vec<Event>>, event: Event) {
    events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
}

/// Runs a script, and makes what it takes to replay it.
async fn recorded(engine: &Engine, source: &str, tools: &BenchTools) -> Result<Replay> {
    let namespace = namespace_object(tools.namespace());
    let start = RunStart {
        source: source.to_owned(),
        limits: engine.effective(Limits::default()),
        namespace_sha256: namespace.sha256.clone(),
        guest_sha256: engine.guest_sha256().to_owned(),
        ..RunStart::default()
    };
    let events = Arc::new(Mutex::new(vec![Event::RunStarted(Box::new(start))]));
    let (noted, host) = (Arc::clone(&events), Recorded { tools: tools.clone(), events: Arc::clone(&events) });
    let io = RecordingIo::new(SystemIo::new(), move |readings| {
        note(&noted, Event::RunReadings(readings));
        true
    });
    let run = engine.run(Script::new(source), Limits::default(), Arc::new(host)).with_io(Box::new(io));
    let report = run.execute().await;
    note(&events, Event::RunEnded(Box::new(end(&report)?)));
    let events = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
    let stamped = |(seq, event)| {
        let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01")));
        Stamped::new(Seq(seq), 0, Entry { principal, origin, event })
    };
    let record = Record::of((1..).zip(events).map(stamped).collect()).context("a record")?;
    Ok(Replay::of(&record, &namespace)?)
}

fn end(report: &Report) -> Result<RunEnd> {
    let usage = RunUsage {
        fuel: report.usage.fuel,
        memory_bytes_peak: report.usage.memory_bytes_peak,
        wall_ms: report.usage.wall_ms,
        tool_calls: report.usage.tool_calls,
        ..RunUsage::default()
    };
    let result = Some(Json::parse(returned(report)?.to_owned())?);
    let (outcome, log) = (report.outcome.name().to_owned(), report.logs.text.clone());
    Ok(RunEnd { outcome, result, log, usage, ..RunEnd::default() })
}

/// As the gateway runs it, which keeps what it takes from the world.
async fn original(engine: &Engine, source: &str, tools: &BenchTools) -> Report {
    let io = RecordingIo::new(SystemIo::new(), |_| true);
    engine.run(Script::new(source), Limits::default(), tools.host()).with_io(Box::new(io)).execute().await
}

fn main() -> Result<()> {
    let (engine, runtime) = (engine()?, one_thread()?);
    let calls = "result = sum(lab.echo(value=n) for n in range(200))";
    let parallel = "import asyncio\nresult = sum(await asyncio.gather(*[lab.echo(value=n) for n in range(200)]))";
    let readings =
        "import random, time\nresult = sum(random.randbytes(64)[0] + int(time.time()) * 0 for n in range(20_000)) * 0";
    let scripts = [
        ("1 + 1", named("one_plus_one").source),
        ("200 plain calls", calls),
        ("200 parallel calls", parallel),
        ("40,000 readings", readings),
        ("regex", named("regex").source),
        ("nbody", named("nbody").source),
    ];
    let tools = BenchTools::new(1);
    let mut table = Table::new(["script", "original, answered at once", "replay", "ratio"]);
    for (name, source) in scripts {
        let replay = runtime.block_on(recorded(&engine, source, &tools))?;
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let began = Instant::now();
            returned(&runtime.block_on(original(&engine, source, &tools)))?;
            times[0].push(began.elapsed());
            let began = Instant::now();
            let replayed = runtime.block_on(replay.run(&engine))?;
            times[1].push(began.elapsed());
            ensure!(replayed.verdict == Verdict::Same, "{name}: {}", replayed.verdict);
        }
        let [original, replayed] = times.map(median);
        let ratio = replayed.as_secs_f64() / original.as_secs_f64();
        table.row([name.into(), seconds(original), seconds(replayed), format!("{ratio:.2}")]);
    }
    println!("{table}");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
