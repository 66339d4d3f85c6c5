//! A server with a state, whose calls take effect after some time, as those of a slow server do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exuvia_runtime::{Limits, Outcome, Script};
use exuvia_test_support::descriptor;
use exuvia_tool::{BoxFuture, CallError, Deadline, Json, Namespace, ToolCall, ToolDescriptor, ToolHost, ToolOutcome};
use serde_json::{Value, json};

use crate::engine;

/// How long calls take.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Until another call is in flight as well, or 3 s: those that are not waited for overlap, however slow the machine.
    Together,
    /// From call to call differently, and differently for each seed.
    Varied(u64),
}

/// The server `fs`: files and a sum, in which the order of additions shows.
pub struct Store {
    namespace: Namespace,
    shared: Arc<Shared>,
}

struct Shared {
    pace: Pace,
    state: Mutex<State>,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    files: BTreeMap<String, String>,
    sum: u64,
}

/// What came of a script.
#[derive(Debug, PartialEq)]
pub struct Effects {
    /// How it ended: its result, or the kind of its error.
    pub outcome: String,
    state: State,
}

impl Store {
    /// An empty one.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let shared = Shared { pace, state: Mutex::default(), now: AtomicUsize::new(0), most: AtomicUsize::new(0) };
        Self { namespace: exuvia_catalog::build(vec![("fs".into(), tools())]), shared: Arc::new(shared) }
    }
}

/// Runs a script against an empty store. Gives its effects, and the most calls that were in flight at a time.
pub async fn effects(source: &str, pace: Pace) -> (Effects, usize) {
    let store = Store::new(pace);
    let shared = Arc::clone(&store.shared);
    let report = engine().run(Script::new(source), Limits::default(), Arc::new(store)).execute().await;
    let outcome = match &report.outcome {
        Outcome::Returned(result) => result.as_str().to_owned(),
        Outcome::Raised(error) => format!("{}: {} {}", error.kind, error.message, error.traceback),
        other => format!("{other:?}"),
    };
    let state = shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (Effects { outcome, state }, shared.most.load(Ordering::SeqCst))
}

impl ToolHost for Store {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, mut call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            shared.most.fetch_max(shared.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            shared.wait(call.id.0).await;
            let outcome = shared.answer(&mut call);
            shared.wait(call.id.0 + 1).await;
            shared.now.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }
}

impl Shared {
    async fn wait(&self, call: u64) {
        let Pace::Varied(seed) = self.pace else { return self.wait_for_another().await };
        match (seed.wrapping_add(call).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) % 4 {
            0 => tokio::time::sleep(Duration::from_millis(1)).await,
            1 => tokio::task::yield_now().await,
            _ => {}
        }
    }

    async fn wait_for_another(&self) {
        for _ in 0..3_000 {
            if self.most.load(Ordering::SeqCst) > 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn answer(&self, call: &mut ToolCall) -> ToolOutcome {
        let arguments = call.arguments.tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| arguments[name].as_u64().unwrap_or_default();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let value = match call.name.tool.as_str() {
            "write" => {
                state.files.insert(text("path"), text("content"));
                json!("written")
            }
            "read" => state.files.get(&text("path")).map_or(Value::Null, |content| json!({"content": content})),
            "add" => {
                state.sum = (state.sum * 3 + number("n")) % 1_000_003;
                json!(state.sum)
            }
            "sum" => json!(state.sum),
            "rows" => (0..number("count")).map(|id| json!({"id": id})).collect(),
            _ => return Err(CallError::ToolFailed { message: text("how"), data: None }),
        };
        Ok(Json::from_value(&value))
    }
}

fn tools() -> Vec<ToolDescriptor> {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer"});
    vec![
        tool("write", json!({"path": text(), "content": text()})),
        tool("read", json!({"path": text()})),
        tool("add", json!({"n": number()})),
        tool("sum", json!({})),
        tool("rows", json!({"count": number()})),
        tool("fail", json!({"how": text()})),
    ]
}

fn tool(name: &str, properties: Value) -> ToolDescriptor {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(|all| all.keys()).collect();
    let schema = json!({"type": "object", "required": required, "properties": properties});
    descriptor(&json!({"name": name, "inputSchema": schema}))
}
