//! All scripts together have a bound on their memory: they wait for it, and no script fails because of another.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use exuvia_runtime::{Engine, EngineConfig, Limits, Outcome, Report, Script};
use exuvia_tests::{DataHome, Folder, TestTools, built, returned, stopped_by};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;

/// An engine whose runs together have so much memory, stacks included.
fn engine(concurrent_runs: u32, runs_memory_bytes: u64) -> Engine {
    Engine::new(&EngineConfig { concurrent_runs, runs_memory_bytes, ..EngineConfig::default() }).expect("an engine")
}

fn start(engine: &Engine, source: &str, limits: Limits) -> JoinHandle<Report> {
    tokio::spawn(engine.run(Script::new(source), limits, Arc::new(TestTools::new())).execute())
}

/// Fills so many MiB, tells a tool, and ends.
fn filling(mib: u64) -> String {
    format!(
        "blocks = []\nfor _ in range({mib}):\n    blocks.append(b'x' * {MIB})\n    if len(blocks) % 16 == 0: lab.sleep(ms=2)\nresult = len(blocks)"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_want_more_than_there_is_together_all_get_it_in_turn() {
    let bound = 500 * MIB;
    let engine = engine(6, bound);
    let runs: Vec<_> = (0..10).map(|_| start(&engine, &filling(120), Limits::default())).collect();
    let (mut most, mut together) = (0, false);
    while runs.iter().any(|run| !run.is_finished()) {
        most = most.max(engine.held_memory_bytes());
        // More than any one of them has.
        together |= engine.held_memory_bytes() > 300 * MIB;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for run in runs {
        assert_eq!(returned(&run.await.expect("a run ends")), 120);
    }
    assert!(most <= bound && together, "{} MiB were held at most", most / MIB);
    engine.idle().await;
    assert_eq!(engine.held_memory_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_memory_is_not_a_scripts_own_time() {
    let engine = engine(2, 400 * MIB);
    let holding = format!("{}\nlab.sleep(ms=4_000)", filling(180));
    let first = start(&engine, &holding, Limits::default());
    while engine.held_memory_bytes() < 240 * MIB {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let limits = Limits { wall_ms: 3_000, ..Limits::default() };
    let second = start(&engine, &filling(150), limits).await.expect("a run ends");
    assert!(first.is_finished(), "the second script had its memory before the first one was over");
    assert_eq!(returned(&second), 150);
    assert_eq!(returned(&first.await.expect("a run ends")), 180);
}

#[tokio::test]
async fn a_script_that_waits_for_memory_can_be_cancelled_and_leaves_nothing() {
    let engine = engine(3, 160 * MIB);
    let first = start(&engine, "result = lab.sleep(ms=1_500)", Limits::default());
    while engine.held_memory_bytes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cancellation = CancellationToken::new();
    let run = engine.run(Script::new("result = 1"), Limits::default(), Arc::new(TestTools::new()));
    let second = tokio::spawn(run.with_cancellation(cancellation.clone()).execute());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!second.is_finished());
    cancellation.cancel();
    assert!(matches!(second.await.expect("a run ends").outcome, Outcome::Cancelled));
    assert!(!first.is_finished());
    assert_eq!(returned(&first.await.expect("a run ends")), 1_500);
    engine.idle().await;
    assert_eq!(engine.held_memory_bytes(), 0);
    assert_eq!(returned(&start(&engine, "result = 2", Limits::default()).await.expect("a run ends")), 2);
}

#[tokio::test]
async fn a_limit_above_what_there_is_for_all_becomes_that() {
    let engine = engine(4, 133 * MIB);
    let report = start(&engine, &filling(40), Limits::default()).await.expect("a run ends");
    assert_eq!(returned(&report), 40);
    let report = start(&engine, &filling(120), Limits::default()).await.expect("a run ends");
    assert_eq!(stopped_by(&report), "memory_bytes");
    let Outcome::Stopped(stop) = report.outcome else { unreachable!("it was stopped") };
    assert!(stop.message.contains("more than 104857600 bytes"), "{}", stop.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_scripts_that_wait_for_memory_fill_the_queue_others_get_a_retry_after() {
    let folder = Folder::new("[runs]\nconcurrent = 4\nwaiting = 1\nmemory_bytes = \"128 MiB\"");
    let daemon = folder.serve(&[]).await;
    let runs: Vec<_> = (0..12).map(|_| tokio::spawn(daemon.run("import time\ntime.sleep(0.3)\nresult = 1"))).collect();
    let mut texts = Vec::new();
    for run in runs {
        texts.push(run.await.expect("an answer"));
    }
    let (ran, refused): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| text == "1");
    assert!(ran.len() >= 5 && !refused.is_empty(), "{ran:?} {refused:?}");
    for text in refused {
        assert!(text.contains("send it again in "), "{text}");
    }
    // The last answer comes before the memory is clean again.
    while !daemon.metrics().await.contains("exuvia_runs_memory_held_bytes 0\n") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[cfg(target_os = "linux")]
#[test]
fn under_a_limit_on_address_space_fewer_runs_at_a_time_start() {
    let run = |concurrent: u32| {
        let folder = Folder::new(&format!("[runs]\nconcurrent = {concurrent}"));
        folder.write("script.py", "result = 1");
        let mut command = Command::new("sh");
        // In KiB: 12 GiB.
        command.args(["-c", "ulimit -v 12582912 && exec \"$@\"", "sh"]).arg(built("exuvia"));
        command.args(["run", "--config", &folder.text("exuvia.toml"), &folder.text("script.py")]);
        let _data = DataHome::of(&mut command);
        command.output().expect("sh starts")
    };
    let one = run(1);
    assert_eq!(String::from_utf8_lossy(&one.stdout), "1\n", "{}", String::from_utf8_lossy(&one.stderr));
    let many = run(16);
    let told = String::from_utf8_lossy(&many.stderr);
    assert_eq!(many.status.code(), Some(5), "{told}");
    assert!(told.contains("16 runs at a time reserve 65 GiB of address space"), "{told}");
}

/// What is kept for the next script, and what was mapped to run this one, goes back when none comes.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_program_gives_back_what_it_kept() {
    let mut client = exuvia_tests::Client::legacy(&[]);
    let process = client.id();
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    };
    for _ in 0..3 {
        assert_eq!(client.execute("import json\nresult = len(json.dumps(list(range(20_000))))").0, "128890");
    }
    let used = resident();
    let rested = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        resident() + 20 * MIB < used
    });
    assert!(rested, "{} MiB, and then {}", used / MIB, resident() / MIB);
    assert_eq!(client.execute("result = 1 + 1").0, "2");
}
