//! Runs never see one another, at the same time or one after the other.

use std::collections::HashSet;
use std::sync::Arc;

use exuvia_runtime::{Limits, Report, Script};
use exuvia_test_support::descriptor;
use exuvia_tests::{TestTools, engine, returned, run, stopped_by};
use exuvia_tool::{BoxFuture, Deadline, Json, Namespace, ToolCall, ToolHost, ToolOutcome};
use serde_json::{Value, json};

/// A server of its own name with one tool that knows its owner.
struct OwnTools {
    number: usize,
    namespace: Namespace,
}

impl OwnTools {
    fn new(number: usize) -> Self {
        let schema = json!({"type": "object", "properties": {"marker": {"type": "string"}}});
        let tool = descriptor(&json!({"name": "whose", "inputSchema": schema}));
        let namespace = exuvia_catalog::build(vec![(format!("own{number}"), vec![tool])]);
        Self { number, namespace }
    }
}

impl ToolHost for OwnTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let arguments = call.arguments.into_tree().expect("JSON");
        let value = json!({"owner": self.number, "server": call.name.server, "marker": arguments["marker"]});
        Box::pin(async move {
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
            Ok(Json::from_value(&value))
        })
    }
}

/// Leaves marks wherever a script can leave any, and tells every foreign mark that it meets.
fn marking(number: usize) -> String {
    format!(
        "
import asyncio, builtins, json, math, random, sys, uuid
me = {number}
seen = [getattr(m, 'mark', None) for m in (builtins, json, math, sys, random)]
seen += [sys.modules.get('marked'), None if divmod(7, 2) == (3, 1) else divmod(7, 2)]
for m in (builtins, json, math, sys, random):
    m.mark = me
sys.modules['marked'] = me
builtins.divmod = lambda *_: me
memory = [('marker-%d-' % me) * 1000 for _ in range(200)]
foreign = [name for name in dir(mcp) if name.startswith('own') and name != 'own%d' % me]
answers = await asyncio.gather(*[getattr(mcp, 'own%d' % me).whose(marker=f'{{me}}-{{i}}') for i in range(20)])
print('log of', me)
result = dict(seen=seen, foreign=foreign, owners=sorted({{a['owner'] for a in answers}}),
    markers=[a['marker'] for a in answers] == [f'{{me}}-{{i}}' for i in range(20)],
    patched=divmod(7, 2), intact=all(m.startswith('marker-%d-' % me) for m in memory), random=random.random(), uuid=str(uuid.uuid4()))
"
    )
}

async fn as_own(number: usize, source: String, limits: Limits) -> Report {
    engine().run(Script::new(source), limits, Arc::new(OwnTools::new(number))).execute().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_scripts_at_once_never_see_one_another() {
    for _ in 0..3 {
        let limits = |number: usize| Limits { tool_calls: 20 + number as u64, ..Limits::default() };
        let runs: Vec<_> = (0..8).map(|number| tokio::spawn(as_own(number, marking(number), limits(number)))).collect();
        let mut chances = HashSet::new();
        for (number, run) in runs.into_iter().enumerate() {
            let report = run.await.expect("a run ends");
            let result = returned(&report);
            assert_eq!(result["seen"], json!([null, null, null, null, null, null, null]));
            assert_eq!(result["foreign"], json!([]));
            assert_eq!(result["owners"], json!([number]));
            assert_eq!(result["patched"], number);
            assert_eq!((&result["markers"], &result["intact"]), (&json!(true), &json!(true)));
            assert_eq!(report.logs.text, format!("log of {number}\n"));
            assert!(report.calls.iter().all(|call| call.server == format!("own{number}")));
            chances.insert(result["random"].to_string());
            chances.insert(result["uuid"].to_string());
        }
        assert_eq!(chances.len(), 16, "each run draws its own lots");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_deadline_nor_an_empty_tank_of_one_touches_another() {
    let steady = || {
        let source = "import time\nfor _ in range(10):\n    time.sleep(0.05)\nresult = own1.whose(marker='x')['owner']";
        tokio::spawn(as_own(1, source.into(), Limits::default()))
    };
    let steady = [steady(), steady(), steady()];
    let mut short = Vec::new();
    for number in 0..4 {
        let limits = Limits { wall_ms: 60 + 20 * number, ..Limits::default() };
        short.push((limits.wall_ms, tokio::spawn(as_own(0, "while True: pass".into(), limits))));
    }
    let empty = Limits { fuel: 20_000_000, ..Limits::default() };
    let empty = tokio::spawn(as_own(0, "while True: pass".into(), empty));
    for (wall_ms, run) in short {
        let report = run.await.expect("a run ends");
        assert_eq!(stopped_by(&report), "wall_ms");
        assert!(report.usage.wall_ms >= wall_ms, "{} before {wall_ms}", report.usage.wall_ms);
    }
    let report = empty.await.expect("a run ends");
    assert_eq!((stopped_by(&report), report.usage.fuel), ("fuel", 20_000_000));
    for run in steady {
        assert_eq!(returned(&run.await.expect("a run ends")), 1);
    }
}

#[tokio::test]
async fn nothing_persists_from_one_script_to_the_next() {
    let leave = "
import builtins, json, sys, os, decimal, re, functools
json.loads = None
builtins.print = None
sys.modules['planted'] = json
sys.path.append('/planted')
os.environ['PLANTED'] = '1'
decimal.getcontext().prec = 3
left = 'behind'
class Keep(dict): ...
import collections; collections.OrderedDict = Keep
result = 'left'
";
    let look = "
import builtins, json, sys, os, decimal, collections
result = [json.loads('1'), callable(print), 'planted' in sys.modules, '/planted' in sys.path, 'PLANTED' in os.environ,
    decimal.getcontext().prec, 'left' in globals(), collections.OrderedDict.__name__]
";
    let before = returned(&run(look, Limits::default()).await);
    assert_eq!(before, json!([1, true, false, false, false, 28, false, "OrderedDict"]));
    for _ in 0..3 {
        assert_eq!(returned(&run(leave, Limits::default()).await), "left");
        assert_eq!(returned(&run(look, Limits::default()).await), before);
    }
}

#[tokio::test]
async fn chance_is_new_in_every_run() {
    let source = "
import random, secrets, uuid, os, tempfile
result = [str(random.random()), random.getrandbits(64), secrets.token_hex(8), str(uuid.uuid4()), os.urandom(8).hex(),
    random.Random().random(), random.SystemRandom().random(), random.sample(range(10**9), 1)[0], str(uuid.uuid1())]
";
    let mut seen: Vec<HashSet<String>> = Vec::new();
    for _ in 0..6 {
        let Value::Array(values) = returned(&run(source, Limits::default()).await) else { panic!("no array") };
        seen.resize(values.len(), HashSet::new());
        for (place, value) in values.iter().enumerate() {
            assert!(seen[place].insert(value.to_string()), "{value} came twice at {place}");
        }
    }
}

#[tokio::test]
async fn memory_that_a_script_left_is_not_there_for_the_next() {
    let leave = "secret = b'exuvia-' + b'secret-mark' * 500_000\nresult = len(secret)";
    assert_eq!(returned(&run(leave, Limits::default()).await), 5_500_007);
    // Fresh memory that nothing was written to, as far as Python can get at it.
    let look = "mark = b'secret-' + b'mark'\nresult = [mark in bytes(bytearray(6_000_000)) for _ in range(5)]";
    let report = run(look, Limits::default()).await;
    assert_eq!(returned(&report), json!([false, false, false, false, false]));
    let tools = Arc::new(TestTools::new());
    let report = engine().run(Script::new("result = 'secret' in globals()"), Limits::default(), tools).execute().await;
    assert_eq!(returned(&report), false);
}
