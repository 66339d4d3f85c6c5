//! Recorded runs, run again on their records.
#![expect(clippy::print_stdout, reason = "the gates show how much was replayed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_gateway::{Client, PrePass, RunHandle, StartedBy};
use exuvia_journal::{Archive as _, Entry, Event, Record};
use exuvia_replay::{Departure, NotReplayable, Replay, ReplayError, Replayed, Verdict};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{SampleGateway, Settings, TestJournal, engine};
use exuvia_tool::{CallId, Json, RunId};

/// How many runs are replayed; `EXUVIA_REPLAYS` says otherwise.
const RUNS: usize = 100;

/// Scripts that come to ends that follow from their records. `N` is another number in each run.
const WHOLE: [&str; 19] = [
    "words = {f'word {i}' for i in range(500 + N)}\nresult = [sum(map(len, words)), hash('a') == hash('a'), repr({'x', 'y'})]",
    "import asyncio, random\nasync def one(i):\n    await echo.sleep(ms=random.randrange(12))\n    order.append(i)\norder = []\n\
     await asyncio.gather(*[one(i) for i in range(3 + N % 20)])\nprint(order)\nresult = order",
    "import asyncio\ncalls = [echo.sleep(ms=(i * 7 + N) % 9) for i in range(12)]\nfor call in asyncio.as_completed(calls):\n    \
     print(await call)\nresult = 'done'",
    "import random, secrets, uuid\nresult = [random.random(), random.sample(range(1000), 5), secrets.token_hex(8 + N % 9), str(uuid.uuid4())]",
    "import asyncio, datetime, time\nbegun = time.monotonic()\ntime.sleep(0.001 * (N % 5))\nawait asyncio.sleep(0.002)\n\
     print(datetime.datetime.now(), time.perf_counter())\nresult = [time.time(), time.monotonic() - begun]",
    "try:\n    echo.fail(message=f'no {N}')\nexcept ToolError as error:\n    print(error.message)\nresult = echo.echo(value=[N, 1.50, None])",
    "echo.echo(value=N)\necho.fail(message='the end')",
    "rows = [echo.echo(value=i)['value'] for i in range(3)]\nresult = rows[N]",
    "print(mcp.search('value'))\nhelp(echo.sleep)\nresult = dir(echo)",
    "import asyncio\ntry:\n    await asyncio.wait_for(echo.sleep(ms=20_000), 0.003)\nexcept TimeoutError:\n    result = 'late'\n\
     print(await echo.sleep(ms=1))",
    "import asyncio\nasync def one(i):\n    await echo.sleep(ms=i % 4)\n    if i == 5: await echo.fail(message=str(N))\n\
     try:\n    async with asyncio.TaskGroup() as group:\n        for i in range(9): group.create_task(one(i))\n\
     except* ToolError as errors:\n    result = str(errors.exceptions)",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n    \
     result = [v['slept_ms'] for v in pool.map(lambda i: echo.sleep(ms=i), [5, 1, N % 7, 0])]",
    "for wrong in [lambda: echo.sleep(ms='soon'), lambda: getattr(echo, 'sl' + 'ept')(), lambda: echo.sleep()]:\n    \
     try:\n        wrong()\n    except Exception as error:\n        print(type(error).__name__, error)\nresult = N",
    "import sys\nprint('leaving')\nsys.exit(N % 3)",
    "exec('def f(:')",
    "print('x' * 3_000 * (1 + N % 2))\nresult = len(echo.blob(bytes=10_000))",
    "try:\n    echo.blob(bytes=9_000_000)\nexcept ToolError as error:\n    result = str(error)",
    "try:\n    echo.sleep(ms=20_000)\nexcept TimeoutError as error:\n    result = error.message",
    "import asyncio\ntasks = [echo.sleep(ms=i % 6) for i in range(6)]\ndone, open_ = await asyncio.wait(tasks, return_when='FIRST_COMPLETED')\n\
     result = [len(done), len(open_), sum(v['slept_ms'] for v in await asyncio.gather(*open_))]",
];

/// Scripts that a limit stops, and the limit.
const STOPPED: [(&str, &str); 6] = [
    ("n = 0\nwhile True:\n    n += N", "fuel"),
    ("kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))", "memory_bytes"),
    ("for i in range(100):\n    echo.echo(value=i + N)", "tool_calls"),
    ("result = 'x' * 300_000", "result_bytes"),
    ("import asyncio\nawait asyncio.gather(*[echo.echo(value=i) for i in range(60)])", "tool_calls"),
    ("print(1)\necho.echo(value=N)\nwhile True:\n    print(echo.echo(value=2))", "tool_calls"),
];

/// Scripts that time or their client ends.
const CUT: [&str; 4] = [
    "print('begun')\necho.echo(value=N)\necho.sleep(ms=60_000)",
    "print('begun')\necho.echo(value=N)\nwhile True:\n    pass",
    "import time\nprint('begun')\nwhile True:\n    time.sleep(0.002)\n    print(time.time())",
    "import asyncio\nprint('begun')\nawait asyncio.gather(*[echo.sleep(ms=5 + 40_000 * (i % 2)) for i in range(9)])",
];

fn limits() -> Limits {
    Limits {
        fuel: 300_000_000,
        memory_bytes: 64 << 20,
        tool_calls: 50,
        result_bytes: 200_000,
        log_bytes: 4_000,
        call_result_bytes: 1 << 20,
        call_timeout_ms: 400,
        ..Limits::default()
    }
}

struct Recorded {
    gateway: SampleGateway,
    journal: Arc<TestJournal>,
}

impl Recorded {
    async fn new(limits: Limits) -> Self {
        let journal = Arc::new(TestJournal::for_replays(256 << 20));
        let settings = Settings { journal: Arc::clone(&journal), pre_pass: PrePass::Off, ..Settings::default() };
        let gateway = SampleGateway::with(vec![SampleGateway::echo_server(&[])], limits, settings).await;
        Self { gateway, journal }
    }

    fn begin(&self, source: &str) -> RunHandle {
        let view = self.gateway.gateway().default_view();
        let (script, client) = (Script::new(source), Client::new("test"));
        self.gateway.gateway().start(&view, script, StartedBy::Operator, &client).expect("room")
    }

    async fn run(&self, source: &str) -> (RunId, Report) {
        let run = self.begin(source);
        (run.id().clone(), run.report().await)
    }

    /// A run that is cancelled after this.
    async fn cancelled<F: Future<Output = ()>>(&self, source: &str, after: impl FnOnce(RunId) -> F) -> (RunId, Report) {
        let run = self.begin(source);
        let (id, cancellation) = (run.id().clone(), run.cancellation());
        after(id.clone()).await;
        cancellation.cancel();
        (id, run.report().await)
    }

    /// Waits until the journal has so many answers of a run.
    async fn answered(&self, run: RunId, calls: usize) {
        let is_answer = |entry: &Entry| entry.origin.run() == Some(&run) && entry.event.kind() == "call-ended";
        while self.journal.entries().iter().filter(|entry| is_answer(entry)).count() < calls {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn replay(&self, run: &RunId) -> Replayed {
        let replay = Replay::load(&*self.journal, run).await.expect("it is replayable");
        replay.run(engine()).await.expect("on this engine")
    }

    async fn record(&self, run: &RunId) -> Record {
        self.journal.record(run.as_str()).await.expect("it is read").expect("it is kept")
    }
}

fn script(template: &str, number: usize) -> String {
    template.replace('N', &number.to_string())
}

fn runs() -> usize {
    std::env::var("EXUVIA_REPLAYS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

/// Runs and replays, several at a time, so that answers come in other orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_runs_replay_to_the_same_result_log_calls_fuel_and_memory() {
    let recorded = Arc::new(Recorded::new(limits()).await);
    let templates: Vec<_> = WHOLE.iter().copied().chain(STOPPED.iter().map(|(script, _)| *script)).collect();
    let (total, outcomes) = (runs(), Arc::new(Mutex::new(BTreeMap::<&str, usize>::new())));
    for first in (0..total).step_by(4) {
        let batch = (first..total.min(first + 4)).map(|number| {
            let (recorded, source) = (Arc::clone(&recorded), script(templates[number % templates.len()], number));
            let outcomes = Arc::clone(&outcomes);
            tokio::spawn(async move {
                let (run, report) = recorded.run(&source).await;
                let replayed = recorded.replay(&run).await;
                let ends = [&report, &replayed.report].map(|report| (&report.outcome, &report.usage));
                let told = format!("{source}\n{ends:?}");
                assert_eq!(replayed.verdict, Verdict::Same, "{told}");
                assert!(replayed.differences.is_empty(), "{told}");
                assert_eq!(replayed.report.usage.fuel, report.usage.fuel, "{told}");
                assert_eq!(replayed.report.usage.memory_bytes_peak, report.usage.memory_bytes_peak, "{told}");
                *outcomes.lock().expect("no panic").entry(report.outcome.name()).or_default() += 1;
            })
        });
        for run in batch.collect::<Vec<_>>() {
            run.await.expect("the same");
        }
    }
    println!(
        "{total} runs were replayed to the same result, log, calls, fuel and memory: {:?}",
        outcomes.lock().expect("no panic")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_that_a_script_can_reach_was_reached_by_what_is_replayed() {
    let recorded = Recorded::new(limits()).await;
    for (template, limit) in STOPPED {
        let (run, report) = recorded.run(&script(template, 3)).await;
        assert_eq!(exuvia_tests::stopped_by(&report), limit, "{template}");
        assert_eq!(recorded.replay(&run).await.verdict, Verdict::Same, "{template}");
    }
}

/// One of ten runs beside those that come to an end of their own.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_were_stopped_by_time_or_cancelled_replay_to_their_last_event() {
    let recorded = Recorded::new(Limits { wall_ms: 150, fuel: 20_000_000_000, ..Limits::default() }).await;
    let total = (runs() / 10).max(2 * CUT.len());
    for number in 0..total {
        let source = script(CUT[number / 2 % CUT.len()], number);
        let (id, report) = match number % 2 {
            0 => recorded.run(&source).await,
            _ => recorded.cancelled(&source, |_| tokio::time::sleep(Duration::from_millis(60))).await,
        };
        match number % 2 {
            0 => assert_eq!(exuvia_tests::stopped_by(&report), "wall_ms", "{source}"),
            _ => assert_eq!(report.outcome.name(), "cancelled", "{source}"),
        }
        let replayed = recorded.replay(&id).await;
        assert_eq!(replayed.verdict, Verdict::SameSoFar, "{source}\n{report:?}\n{replayed:?}");
        assert!(replayed.report.logs.text.starts_with("begun"), "{replayed:?}");
    }
    println!("{total} runs that were stopped by time or cancelled were replayed to their last events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_answers_did_not_fit_its_buffer_replays_the_same() {
    let recorded = Recorded::new(Limits { buffered_bytes: 20_000, ..Limits::default() }).await;
    let source = "import asyncio\nresults = await asyncio.gather(*[echo.blob(bytes=9_000) for i in range(6)], return_exceptions=True)\n\
                  result = [type(r).__name__ for r in results]";
    for _ in 0..5 {
        let (run, report) = recorded.run(source).await;
        assert_eq!(recorded.replay(&run).await.verdict, Verdict::Same, "{report:?}");
    }
}

/// The replay of a run in whose first recorded answer one byte is another.
async fn replay_with_abd_for_abc(recorded: &Recorded, run: &RunId) -> Replayed {
    let mut record = recorded.record(run).await;
    let object = recorded.journal.object(&record.start().expect("a start").namespace_sha256).await;
    let object = object.expect("it is read").expect("it is kept");
    let answer = record.entries.iter_mut().find_map(|stamped| match &mut stamped.entry.event {
        Event::CallEnded { outcome: Some(Ok(value)), .. } => Some(value),
        _ => None,
    });
    let answer = answer.expect("an answer");
    *answer = Json::parse(answer.as_str().replace("abc", "abd")).expect("JSON");
    Replay::of(&record, &object).expect("replayable").run(engine()).await.expect("run")
}

fn departure(replayed: &Replayed) -> &Departure {
    match &replayed.verdict {
        Verdict::Departed(departure) => departure,
        _ => panic!("{replayed:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_an_answer_is_found_at_the_call_that_has_it() {
    let recorded = Recorded::new(limits()).await;
    let source = "first = echo.echo(value='abc')['value']\nprint(len(first))\nresult = echo.echo(value=first)['value']";
    let (run, _) = recorded.run(source).await;
    let replayed = replay_with_abd_for_abc(&recorded, &run).await;
    let Verdict::Departed(departure) = &replayed.verdict else { panic!("{replayed:?}") };
    let Departure::Call { call, recorded: Some(_), line, .. } = departure else { panic!("{departure}") };
    assert_eq!((call.0, *line), (2, Some(3)));
    let told = departure.to_string();
    assert!(
        told.starts_with("call 2: recorded echo.echo \"{\\\"value\\\":\\\"abc\\\"}\", the replay called"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_an_answer_is_found_where_it_changes_the_result_alone() {
    let recorded = Recorded::new(limits()).await;
    let (run, _) = recorded.run("first = echo.echo(value='abc')\necho.echo(value=1)\nresult = first").await;
    let replayed = replay_with_abd_for_abc(&recorded, &run).await;
    let Departure::End { what: "result", recorded, replayed } = departure(&replayed) else { panic!("{replayed:?}") };
    assert!(recorded.contains("abc") && replayed.contains("abd"), "{recorded} {replayed}");
}

/// The script ends by itself with another answer: what is left of the record says that it took another path.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_an_answer_is_found_in_a_run_that_was_cancelled() {
    let recorded = Recorded::new(limits()).await;
    let source = "first = echo.echo(value='abc')['value']\nif first != 'abc': raise ValueError\n\
                  for n in range(4): echo.echo(value=n)\nwhile True: echo.sleep(ms=300)";
    let (run, _) = recorded.cancelled(source, |run| recorded.answered(run, 6)).await;
    assert_eq!(recorded.replay(&run).await.verdict, Verdict::SameSoFar);
    let replayed = replay_with_abd_for_abc(&recorded, &run).await;
    let Departure::CallNotMade { call, .. } = departure(&replayed) else { panic!("{replayed:?}") };
    assert_eq!(call.0, 2);
}

/// Nothing waits in a replay: a clock that stood still would have the script wait for the clock instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_sleep_that_an_edit_adds_moves_the_clocks_and_costs_nothing() {
    let recorded = Recorded::new(limits()).await;
    let (run, report) = recorded.run("import asyncio, time\nawait asyncio.sleep(0.002)\nresult = 1").await;
    let replay = Replay::load(&*recorded.journal, &run).await.expect("replayable");
    for sleep in [
        "await asyncio.sleep(60)",
        "time.sleep(60)",
        "await asyncio.sleep(20)\ntime.sleep(20)\nawait asyncio.sleep(20)",
    ] {
        let source = format!(
            "import asyncio, time\nbegun = [time.monotonic(), time.time()]\n{sleep}\n\
             result = [round(time.monotonic() - begun[0]), round(time.time() - begun[1])]"
        );
        let replayed = replay.clone().edited(source).run(engine()).await.expect("run");
        assert_eq!(exuvia_tests::returned(&replayed.report), serde_json::json!([60, 60]), "{sleep}: {replayed:?}");
        assert!(replayed.report.usage.fuel < 2 * report.usage.fuel, "{sleep}: {replayed:?}");
    }
    let same = replay.edited("import asyncio, time\nawait asyncio.sleep(0.002)\nresult = 1").run(engine()).await;
    assert_eq!(same.expect("run").differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_script_runs_on_recorded_answers_up_to_a_call_that_is_new() {
    let recorded = Recorded::new(limits()).await;
    let source = "values = [echo.echo(value=i)['value'] for i in range(4)]\nresult = sum(values)";
    let (run, _) = recorded.run(source).await;
    let replay = Replay::load(&*recorded.journal, &run).await.expect("replayable");
    let edited = |source: &str| replay.clone().edited(source);
    let other = edited("result = sum(echo.echo(value=i)['value'] for i in (3, 1))").run(engine()).await.expect("run");
    assert_eq!(other.verdict, Verdict::Completed);
    assert_eq!(exuvia_tests::returned(&other.report), 4);
    assert_eq!(other.differences[0].what, "result");
    let new = edited("a = echo.echo(value=2)\n\nresult = echo.echo(value=9)").run(engine()).await.expect("run");
    let Verdict::NewCall(call) = &new.verdict else { panic!("{new:?}") };
    assert_eq!(call.to_string(), "call 2 would be new: echo.echo \"{\\\"value\\\":9}\" at line 3");
    let until = replay.clone().until_call(CallId(3)).run(engine()).await.expect("run");
    assert_eq!(until.verdict, Verdict::ReachedCall(CallId(3)));
    let same = edited(source).run(engine()).await.expect("run");
    assert!(same.verdict == Verdict::Completed && same.differences.is_empty(), "{same:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_says_why() {
    let recorded = Recorded::new(limits()).await;
    let reason = async |run: &RunId| match Replay::load(&*recorded.journal, run).await {
        Err(ReplayError::NotReplayable(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&RunId::new("01K")).await, NotReplayable::Unknown);
    let (refused, _) = recorded.run(&"#".repeat(2 << 20)).await;
    assert_eq!(reason(&refused).await, NotReplayable::NotStarted);
    let (run, _) = recorded.run("result = echo.echo(value=1)").await;
    let mut record = recorded.record(&run).await;
    let digest = record.start().expect("a start").namespace_sha256.clone();
    let object = recorded.journal.object(&digest).await.expect("it is read").expect("it is kept");
    for stamped in &mut record.entries {
        if let Event::RunStarted(start) = &mut stamped.entry.event {
            start.guest_sha256 = "other".to_owned();
        }
    }
    let replay = Replay::of(&record, &object).expect("replayable elsewhere");
    assert!(matches!(replay.run(engine()).await, Err(NotReplayable::OtherGuest { .. })));
    assert_eq!(replay.with_any_guest().run(engine()).await.expect("run").verdict, Verdict::Same);
    record.is_erased = true;
    assert_eq!(Replay::of(&record, &object).expect_err("erased"), NotReplayable::Erased);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_run_costs_a_handful_of_entries() {
    let recorded = Recorded::new(limits()).await;
    let (run, _) = recorded.run("result = 1 + 1").await;
    let kinds: Vec<_> = recorded.record(&run).await.entries.iter().map(|stamped| stamped.entry.event.kind()).collect();
    assert_eq!(kinds, ["run-started", "run-readings", "run-ended"]);
}
