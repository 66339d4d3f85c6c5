//! A script that is stopped still tells what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exuvia_runtime::{Engine, EngineConfig, Limits, Report, Script};
use exuvia_tests::{TestTools, engine, run, stopped_by};
use exuvia_tool::{BoxFuture, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};

/// What every stopped script below does first.
const BEGINNING: &str = "print('begun')\ncrm.get_contacts(limit=1)\ncrm.get_last_order(id=1)\n";

fn limits() -> Limits {
    Limits { fuel: 5_000_000_000, wall_ms: 30_000, ..Limits::default() }
}

/// Holds that the stopped run still tells its fuel, memory, log and calls.
fn tells_everything(report: &Report, limit: &str) {
    assert_eq!(stopped_by(report), limit);
    assert!(report.usage.fuel > 100_000, "fuel {}", report.usage.fuel);
    assert!(report.usage.memory_bytes_peak > 1 << 20, "memory {}", report.usage.memory_bytes_peak);
    assert_eq!(report.logs.text, "begun\n");
    let calls: Vec<_> = report.calls.iter().map(|call| (call.tool.as_str(), call.outcome.as_str())).collect();
    assert_eq!(calls[..2], [("get_contacts", "ok"), ("get_last_order", "ok")]);
    assert_eq!(report.usage.tool_calls, report.calls.len() as u64);
}

async fn stopped(then: &str, limits: Limits) -> Report {
    run(&format!("{BEGINNING}{then}"), limits).await
}

#[tokio::test]
async fn a_script_without_fuel_still_gives_a_report() {
    let report = stopped("while True: pass", Limits { fuel: 50_000_000, ..limits() }).await;
    tells_everything(&report, "fuel");
    assert_eq!(report.usage.fuel, 50_000_000);
}

/// Whatever a script says to the host in the place of the guest's own code, it gets no further than with the fuel it has.
#[tokio::test]
async fn a_script_cannot_give_itself_fuel() {
    let work = "for i in range(10_000): pass";
    let plain = run(&format!("print('begun')\nwhile True:\n    {work}"), Limits { fuel: 50_000_000, ..limits() }).await;
    assert_eq!(stopped_by(&plain), "fuel");
    for balance in ["-1", "0", "1", "1_000", "100_000", "2**62", "-2**63"] {
        let asks = format!("try: meter.next_slice({balance})\n    except OverflowError: pass");
        let source =
            format!("from wit_world.imports import meter\nprint('begun')\nwhile True:\n    {asks}\n    {work}");
        let report = run(&source, Limits { fuel: 50_000_000, ..limits() }).await;
        let ended = report.outcome.name();
        assert!(ended == "stopped" && stopped_by(&report) == "fuel" || ended == "raised", "{balance}: {report:?}");
        assert!(
            report.usage.fuel <= 50_000_000 && report.usage.wall_ms < 20 * plain.usage.wall_ms.max(50),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn a_script_out_of_time_still_gives_a_report() {
    let report = stopped("while True: pass", Limits { wall_ms: 500, fuel: 1 << 50, ..limits() }).await;
    tells_everything(&report, "wall_ms");
    assert!(report.usage.wall_ms >= 500);
}

#[tokio::test]
async fn a_script_that_sleeps_too_long_still_gives_a_report() {
    let report = stopped("import time; time.sleep(1000)", Limits { wall_ms: 500, ..limits() }).await;
    tells_everything(&report, "wall_ms");
}

#[tokio::test]
async fn a_script_that_waits_for_a_tool_too_long_reports_that_call() {
    let report = stopped("lab.sleep(ms=100_000)", Limits { wall_ms: 500, ..limits() }).await;
    tells_everything(&report, "wall_ms");
    assert_eq!((report.calls[2].tool.as_str(), report.calls[2].outcome.as_str()), ("sleep", "cancelled"));
}

#[tokio::test]
async fn a_script_without_memory_still_gives_a_report() {
    let limits = Limits { memory_bytes: 64 << 20, ..limits() };
    let report = stopped("x = []\nwhile True: x.append(' ' * 1_000_000)", limits.clone()).await;
    tells_everything(&report, "memory_bytes");
    assert!((limits.memory_bytes / 2..=limits.memory_bytes).contains(&report.usage.memory_bytes_peak));
}

#[tokio::test]
async fn a_script_that_calls_too_often_still_gives_a_report() {
    let report = stopped("while True: crm.get_contacts()", Limits { tool_calls: 7, ..limits() }).await;
    tells_everything(&report, "tool_calls");
    assert_eq!(report.usage.tool_calls, 7);
}

#[tokio::test]
async fn a_script_with_too_large_a_result_still_gives_a_report() {
    let report = stopped("result = 'x' * 1000", Limits { result_bytes: 1_000, ..limits() }).await;
    tells_everything(&report, "result_bytes");
}

#[tokio::test]
async fn a_script_out_of_stack_still_gives_a_report() {
    let config = EngineConfig { stack_bytes: 256 << 10, concurrent_runs: 1, ..EngineConfig::default() };
    let engine = Engine::new(&config).expect("an engine");
    let script = format!("{BEGINNING}a = []\nfor _ in range(100_000): a = [a]\nrepr(a)");
    let report = engine.run(Script::new(script), limits(), Arc::new(TestTools::new())).execute().await;
    tells_everything(&report, "stack_bytes");
}

/// Tools that are notified of the end of the script.
struct Ending {
    tools: TestTools,
    heard: Arc<AtomicU64>,
}

impl ToolHost for Ending {
    fn namespace(&self) -> &Namespace {
        self.tools.namespace()
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        self.tools.call(call, deadline)
    }

    fn script_ended(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn tools_are_notified_of_the_end_of_a_run_whatever_its_guest_says() {
    // The guest says it, and the host; a guest that is stopped says nothing any more.
    for (script, outcome, heard) in [("result = 1", "returned", 2), ("while True: pass", "stopped", 1)] {
        let ended = Arc::new(AtomicU64::new(0));
        let tools = Ending { tools: TestTools::new(), heard: Arc::clone(&ended) };
        let limits = Limits { fuel: 2_000_000_000, ..limits() };
        let report = engine().run(Script::new(script), limits, Arc::new(tools)).execute().await;
        assert_eq!(report.outcome.name(), outcome, "{report:?}");
        assert_eq!(ended.load(Ordering::SeqCst), heard, "{script}");
    }
}

#[tokio::test]
async fn what_was_done_for_a_script_before_it_starts_is_of_its_own_time() {
    let spent = |ms| async move {
        let run = engine().run(Script::new("result = 1"), limits(), Arc::new(TestTools::new()));
        run.with_spent(Duration::from_millis(ms)).execute().await
    };
    let report = spent(limits().wall_ms).await;
    assert_eq!(stopped_by(&report), "wall_ms");
    let report = spent(1_000).await;
    assert_eq!(report.outcome.name(), "returned");
    assert!((1_000..20_000).contains(&report.usage.wall_ms), "{}", report.usage.wall_ms);
}

#[tokio::test]
async fn a_script_that_is_too_long_is_refused_before_it_starts() {
    let report = run(&"#".repeat(101), Limits { source_bytes: 100, ..limits() }).await;
    assert_eq!(stopped_by(&report), "source_bytes");
    assert_eq!(report.usage.fuel, 0);
    let allowed = run(&"#".repeat(100), Limits { source_bytes: 100, ..limits() }).await;
    assert_eq!(allowed.outcome.name(), "returned");
}

#[tokio::test]
async fn the_log_of_a_stopped_script_is_cut_with_a_count() {
    let report = run("while True: print('x' * 99)", Limits { fuel: 200_000_000, log_bytes: 1_000, ..limits() }).await;
    assert_eq!(stopped_by(&report), "fuel");
    assert_eq!(report.logs.text.len(), 1_000);
    assert!(report.logs.dropped_bytes > 1_000);
}
