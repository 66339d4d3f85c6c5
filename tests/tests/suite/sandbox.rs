//! The sandbox as a library, `exuvia-sandbox`: what an application gives it, and what it gets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_sandbox::schemars::{self, JsonSchema};
use exuvia_sandbox::{
    BuildError, Call, CancellationToken, Json, Limits, LogStream, NoArguments, Outcome, Report, RunEvent, Sandbox,
    SandboxBuilder, Tool, ToolError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    #[serde(default)]
    b: i64,
}

fn builder() -> SandboxBuilder {
    Sandbox::builder().engine(exuvia_tests::engine().clone())
}

fn adder() -> Sandbox {
    let add = |add: Add| async move { Ok::<_, ToolError>(add.a + add.b) };
    builder().tool("calc.add", add).build().expect("a sandbox")
}

fn returned(report: &Report) -> &str {
    let Outcome::Returned(result) = &report.outcome else { panic!("{:?}", report.outcome) };
    result.as_str()
}

fn raised(report: &Report) -> String {
    let Outcome::Raised(error) = &report.outcome else { panic!("{:?}", report.outcome) };
    format!("{}: {}", error.kind, error.message)
}

/// One, until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A sandbox whose tool never answers, and how many of its calls there are.
fn stuck() -> (Sandbox, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let wait = move |_: NoArguments| {
        let call = Counted::new(&counted);
        async move {
            let _call = call;
            std::future::pending::<()>().await;
            Ok::<_, ToolError>(())
        }
    };
    (builder().tool("lab.wait", wait).build().expect("a sandbox"), calls)
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn types_of_the_application_make_the_stub_and_the_check() {
    let sandbox = adder();
    let stub = "# calc.pyi\n# 1 tool. Call calc.NAME(...).\ndef add(a: int, b: int = 0) -> int:\n    \"\"\"Adds two numbers\"\"\"\n";
    assert_eq!(sandbox.stubs(), stub);
    assert_eq!(returned(&sandbox.run("result = [calc.add(1), calc.add(1, 2), calc.add(b=3, a=4)]").await), "[1,3,7]");
    let wrong = raised(&sandbox.run("calc.add(a='one')").await);
    assert!(wrong.starts_with("TypeError: calc.add: a must be integer, not \"one\""), "{wrong}");
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[derive(Deserialize, JsonSchema)]
struct Area {
    shape: Shape,
    #[serde(flatten)]
    options: Options,
}

#[derive(Deserialize, JsonSchema)]
struct Options {
    factor: Option<f64>,
}

#[tokio::test]
async fn numbers_are_read_inside_tagged_enums_and_flattened_structs() {
    let area = |area: Area| async move {
        let side = match area.shape {
            Shape::Circle { radius } => radius,
            Shape::Square { side } => side,
        };
        Ok::<_, ToolError>(side * area.options.factor.unwrap_or(1.0))
    };
    let sandbox = builder().tool("geo.area", area).build().expect("a sandbox");
    let script = "result = [geo.area(shape={'kind': 'circle', 'radius': 1.5}), geo.area(shape={'kind': 'square', 'side': 2}, factor=1e22)]";
    assert_eq!(returned(&sandbox.run(script).await), "[1.5,2e+22]");
}

#[tokio::test]
async fn failures_of_tools_are_exceptions_of_their_kinds() {
    let fail = |how: serde_json::Map<String, serde_json::Value>| async move {
        match how.get("how").and_then(|how| how.as_str()).unwrap_or_default() {
            "denied" => Err(ToolError::denied("not you").with_data(&json!({"row": 7}))),
            "missing" => Err(ToolError::unavailable("not now")),
            "data" => Err(ToolError::new("no such row").with_data(&json!({"row": 7}))),
            "io" => Err(std::io::Error::other("broken").into()),
            "panic" => panic!("on purpose"),
            _ => Ok(()),
        }
    };
    let sandbox = builder().tool("lab.fail", fail).build().expect("a sandbox");
    let script = "
result = []
for how in ('denied', 'missing', 'data', 'io', 'panic', 'not'):
    try:
        result.append(lab.fail(how=how))
    except Exception as error:
        result.append([type(error).__name__, getattr(error, 'message', str(error)), getattr(error, 'data', None)])
";
    let report = sandbox.run(script).await;
    let result: serde_json::Value = serde_json::from_str(returned(&report)).expect("JSON");
    let expected = json!([
        ["ToolDenied", "not you", null],
        ["ToolUnavailable", "not now", null],
        ["ToolError", "no such row", {"row": 7}],
        ["ToolError", "broken", null],
        ["ToolError", "lab.fail: the tool panicked", null],
        null
    ]);
    assert_eq!(result, expected);
    let outcomes: Vec<_> = report.calls.iter().map(|call| call.outcome.as_str()).collect();
    assert_eq!(outcomes, ["denied", "upstream-unavailable", "tool-failed", "tool-failed", "tool-failed", "ok"]);
}

#[tokio::test]
async fn a_name_that_the_script_made_up_reaches_no_tool() {
    let sandbox = adder();
    let made_up = "import wit_world.imports.tools as tools\nresult = str(tools.call('calc', 'ad', '{}', 0))";
    let report = sandbox.run(made_up).await;
    assert!(!matches!(report.outcome, Outcome::Returned(_)), "{:?}", report.outcome);
    let wrong = raised(&sandbox.run("calc.ad(a=1)").await);
    assert!(wrong.starts_with("AttributeError") && wrong.contains("add"), "{wrong}");
}

#[tokio::test]
async fn tools_over_json_get_what_their_schema_allows() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let twice = Tool::json("raw.twice", schema, |call: Call, arguments| async move {
        assert_eq!(call.name.to_string(), "raw.twice");
        Json::parse(format!("[{0},{0}]", arguments.as_str())).map_err(|error| ToolError::new(error.to_string()))
    });
    let sandbox = builder().with(twice.description("The same twice.")).build().expect("a sandbox");
    assert!(sandbox.stubs().contains("def twice(n: int)"), "{}", sandbox.stubs());
    assert_eq!(returned(&sandbox.run("result = raw.twice(n=2)").await), r#"[{"n":2},{"n":2}]"#);
    assert!(raised(&sandbox.run("raw.twice(n=0)").await).starts_with("TypeError"));
}

#[derive(Serialize, JsonSchema)]
struct Whose {
    user: String,
}

#[tokio::test]
async fn runs_carry_data_for_their_tools_and_share_none() {
    let whoami = Tool::with_call("me.whoami", |call: Call, _: NoArguments| async move {
        let user = call.data::<String>().ok_or_else(|| ToolError::denied("nobody is logged in"))?;
        Ok::<_, ToolError>(Whose { user: user.clone() })
    });
    let sandbox = builder().with(whoami).build().expect("a sandbox");
    let script = "result = me.whoami()['user']";
    let (ada, alan, nobody) = tokio::join!(
        sandbox.run(script).data("ada".to_owned()).into_future(),
        sandbox.run(script).data("alan".to_owned()).into_future(),
        sandbox.run(script).data(7_u8).into_future()
    );
    assert_eq!((returned(&ada), returned(&alan)), ("\"ada\"", "\"alan\""));
    assert!(matches!(nobody.outcome, Outcome::Denied(_)), "{:?}", nobody.outcome);
}

#[tokio::test]
async fn logs_and_events_arrive_before_the_run_is_over() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let (log, events, tool) = (Arc::clone(&seen), Arc::clone(&seen), Arc::clone(&seen));
    let look = move |_: NoArguments| {
        let seen = tool.lock().expect("the log").join("");
        async move { Ok::<_, ToolError>(seen) }
    };
    let sandbox = builder().tool("lab.look", look).build().expect("a sandbox");
    let run = sandbox.run("import sys\nprint('one', file=sys.stderr)\nresult = lab.look()");
    let run = run.on_log(move |stream, text| {
        log.lock().expect("the log").push(format!("{}{text}", if stream == LogStream::Stderr { "!" } else { "" }));
    });
    let run = run.on_event(move |event| {
        if let RunEvent::CallEnded(call) = event {
            events.lock().expect("the log").push(format!("{} {}", call.tool, call.outcome));
        }
    });
    let report = run.await;
    assert!(returned(&report).starts_with("\"!one"), "{report:?}");
    assert_eq!(seen.lock().expect("the log").last().expect("an event"), "look ok");
    assert_eq!(report.logs.text, "one\n");
}

#[tokio::test]
async fn a_cancelled_run_reports_and_a_dropped_one_leaves_no_call() {
    let (sandbox, calls) = stuck();
    let cancellation = CancellationToken::new();
    let run = tokio::spawn(sandbox.run("print('begun')\nlab.wait()").cancel_on(cancellation.clone()).into_future());
    until(|| calls.load(Ordering::SeqCst) == 1).await;
    cancellation.cancel();
    let report = run.await.expect("a report");
    assert!(matches!(report.outcome, Outcome::Cancelled), "{:?}", report.outcome);
    assert_eq!((report.logs.text.as_str(), report.calls[0].outcome.as_str()), ("begun\n", "cancelled"));
    until(|| calls.load(Ordering::SeqCst) == 0).await;

    let gather = "import asyncio\nawait asyncio.gather(lab.wait(), lab.wait(), lab.wait())";
    let run = tokio::spawn(sandbox.run(gather).into_future());
    until(|| calls.load(Ordering::SeqCst) == 3).await;
    run.abort();
    until(|| calls.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_call_has_its_time_and_a_run_its_own_limits() {
    let (sandbox, calls) = stuck();
    let script = "try:\n    lab.wait()\nexcept TimeoutError as error:\n    result = str(error)";
    let report = sandbox.run(script).limits(Limits { call_timeout_ms: 20, ..Limits::default() }).await;
    assert!(returned(&report).contains("no answer within 20 ms"), "{report:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let report = sandbox.run("while True: pass").limits(Limits { fuel: 20_000_000, ..Limits::default() }).await;
    let Outcome::Stopped(stop) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(stop.limit.name(), "fuel");
}

#[test]
fn threads_without_async_run_scripts_at_the_same_time() {
    let both = Arc::new(std::sync::Barrier::new(2));
    let meeting = Arc::clone(&both);
    let meet = Tool::blocking("lab.meet", move |add: Add| {
        meeting.wait();
        Ok::<_, ToolError>(add.a)
    });
    let sandbox = builder().with(meet).build().expect("a sandbox").into_blocking().expect("threads");
    let run = |n: i64| {
        let sandbox = sandbox.clone();
        std::thread::spawn(move || returned(&sandbox.run(format!("result = lab.meet(a={n})"))).to_owned())
    };
    let (one, two) = (run(1), run(2));
    assert_eq!([one, two].map(|thread| thread.join().expect("a report")), ["1", "2"]);
}

#[tokio::test]
async fn a_thread_of_an_async_program_may_block_as_well() {
    let sandbox = adder().into_blocking().expect("threads");
    assert_eq!(returned(&sandbox.run("result = calc.add(a=1, b=1)")), "2");
}

#[test]
fn tools_that_are_declared_wrongly_are_refused() {
    let add = || |add: Add| async move { Ok::<_, ToolError>(add.a) };
    let no_server = builder().tool("add", add()).build().err().expect("refused");
    assert!(matches!(no_server, BuildError::Name(_)), "{no_server}");
    let repeated = builder().tool("m.add", add()).tool("m.add", add()).build().err().expect("refused");
    assert!(matches!(repeated, BuildError::Repeated(_)), "{repeated}");
    let number = builder().tool("m.add", |n: u8| async move { Ok::<_, ToolError>(n) }).build().err().expect("refused");
    assert!(matches!(number, BuildError::Arguments(_)), "{number}");
}
