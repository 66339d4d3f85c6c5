//! What a script leaves in memory is not there for the next one, also when the system swaps pages out: real scripts, and a look
//! at all memory of this process. What a run could leave in tables and on stacks is tried in `slots.rs`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use exuvia_runtime::{Engine, EngineConfig, Limits, Script};
use exuvia_test_support::descriptor;
use exuvia_tests::pages::{Swapper, can_swap, page_out, pages_that_hold};
use exuvia_tests::returned;
use exuvia_tool::{BoxFuture, Deadline, Json, Namespace, ToolCall, ToolHost, ToolOutcome};
use serde_json::json;
use tokio::sync::oneshot;

/// The canary with all bits inverted: only the guest ever has it as it is.
const INVERTED: [u8; 32] = *b"the canary is never on the host!";

/// Held by whoever looks for the canary in all memory of this process, where one test at a time may leave it.
static LOOKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Pages that the script fills.
const PAGES: usize = 20_000;

/// Fills memory with the canary, marks every module of the interpreter, and sleeps.
fn fills() -> String {
    format!(
        "import sys\n\
         canary = bytes(255 - byte for byte in {INVERTED:?})\n\
         pages = [canary * 127 for _ in range({PAGES})]\n\
         for module in list(sys.modules.values()):\n    \
             try: module.LEFT_BEHIND = canary\n    \
             except Exception: pass\n\
         host.sleep()\n\
         result = len(pages)"
    )
}

const LOOKS: &str = "import sys\n\
    result = [name for name, module in sys.modules.items() if hasattr(module, 'LEFT_BEHIND')]";

/// `host.sleep`, in which the host looks at its own memory and swaps out.
struct Host {
    namespace: Namespace,
    swaps: bool,
    seen: Arc<AtomicUsize>,
    /// Is notified when the script sleeps, and has it sleep on.
    asleep: Mutex<Option<oneshot::Sender<()>>>,
}

impl Host {
    fn new(swaps: bool) -> Self {
        let tool = descriptor(&json!({"name": "sleep", "inputSchema": {"type": "object"}}));
        let namespace = exuvia_catalog::build(vec![("host".to_owned(), vec![tool])]);
        Self { namespace, swaps, seen: Arc::default(), asleep: Mutex::default() }
    }

    fn that_tells(self, asleep: oneshot::Sender<()>) -> Self {
        Self { asleep: Mutex::new(Some(asleep)), ..self }
    }
}

impl ToolHost for Host {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, _: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let (swaps, seen) = (self.swaps, Arc::clone(&self.seen));
        let asleep = self.asleep.lock().expect("no panic").take();
        Box::pin(async move {
            if let Some(asleep) = asleep {
                asleep.send(()).expect("somebody waits");
                std::future::pending::<()>().await;
            }
            seen.store(pages_that_hold(&INVERTED), Ordering::Relaxed);
            if swaps {
                page_out();
            }
            Ok(Json::from_value(&json!(null)))
        })
    }
}

/// When pages are swapped out.
#[derive(Debug, Clone, Copy, Default)]
struct Scene {
    asleep: bool,
    ending: bool,
    idle: bool,
}

/// Runs one script after another on the one slot of an engine.
async fn one_after_the_other(engine: &Engine, scene: Scene) {
    let _looking = LOOKING.lock().await;
    let host = Host::new(scene.asleep);
    let seen = Arc::clone(&host.seen);
    let swapper = scene.ending.then(Swapper::start);
    let report = engine.run(Script::new(fills()), Limits::default(), Arc::new(host)).execute().await;
    assert_eq!(returned(&report), PAGES);
    assert!(seen.load(Ordering::Relaxed) >= PAGES, "{seen:?} pages held the canary");
    engine.idle().await;
    drop(swapper);
    assert_eq!(pages_that_hold(&INVERTED), 0, "{scene:?}: pages still hold the canary");
    if scene.idle {
        page_out();
    }
    let report = engine.run(Script::new(LOOKS), Limits::default(), Arc::new(Host::new(false))).execute().await;
    assert_eq!(returned(&report), json!([]), "{scene:?}");
}

fn engine() -> Engine {
    Engine::new(&EngineConfig { concurrent_runs: 1, ..EngineConfig::default() }).expect("the engine starts")
}

#[tokio::test]
async fn nothing_of_a_script_is_left_in_memory_when_it_is_over() {
    one_after_the_other(&engine(), Scene::default()).await;
}

#[tokio::test]
async fn nothing_of_a_script_is_left_in_pages_that_were_swapped_out() {
    if !can_swap("that scripts do not meet when pages are swapped out") {
        return;
    }
    let engine = engine();
    let when = [
        Scene { asleep: true, ..Scene::default() },
        Scene { ending: true, ..Scene::default() },
        Scene { idle: true, ..Scene::default() },
        Scene { asleep: true, ending: true, idle: true },
    ];
    for scene in when {
        one_after_the_other(&engine, scene).await;
    }
}

#[tokio::test]
async fn nothing_of_a_script_is_left_when_its_run_is_dropped() {
    let _looking = LOOKING.lock().await;
    let engine = engine();
    let (host, (asleep, woken)) = (Host::new(false), oneshot::channel());
    let run = engine.run(Script::new(fills()), Limits::default(), Arc::new(host.that_tells(asleep))).execute();
    let run = tokio::spawn(run);
    woken.await.expect("the script sleeps");
    assert!(engine.held_memory_bytes() > 0 && pages_that_hold(&INVERTED) >= PAGES);
    run.abort();
    assert!(run.await.expect_err("a task that was aborted").is_cancelled());
    // It was cleaned where it was dropped.
    assert_eq!((engine.held_memory_bytes(), pages_that_hold(&INVERTED)), (0, 0));
    let report = engine.run(Script::new(LOOKS), Limits::default(), Arc::new(Host::new(false))).execute().await;
    assert_eq!(returned(&report), json!([]));
}

#[tokio::test]
async fn a_report_comes_before_the_cleaning_and_no_other_run_before_it_is_done() {
    let engine = engine();
    for _ in 0..3 {
        let report = engine.run(Script::new(LOOKS), Limits::default(), Arc::new(Host::new(false))).execute().await;
        assert_eq!(returned(&report), json!([]));
        // The one thread of this runtime has not been given away since.
        assert!(engine.held_memory_bytes() > 0, "the memory of a run is its own until it is clean");
    }
    engine.idle().await;
    assert_eq!(engine.held_memory_bytes(), 0);
}

/// The runtime that would clean is gone.
#[test]
fn a_runtime_that_shuts_down_leaves_nothing_to_be_cleaned() {
    let engine = engine();
    let report = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(engine.run(Script::new("result = 1"), Limits::default(), Arc::new(Host::new(false))).execute())
    };
    assert_eq!(returned(&report), 1);
    assert_eq!(engine.held_memory_bytes(), 0);
}
