//! Tools that answer from this process, so that only Exuvia's own part of a call is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exuvia_test_support::{ScriptedIo, descriptor};
use exuvia_tool::{BoxFuture, CallError, Deadline, Json, Namespace, ToolCall, ToolDescriptor, ToolHost, ToolOutcome};
use serde_json::json;
use tokio::sync::watch;

/// How long `lab.later` takes: longer than any script takes to start its calls.
const LATER: Duration = Duration::from_millis(50);

/// One server `lab` with as many tools as asked for. `lab.echo` answers at once, `lab.wait` when it is released, and
/// `lab.later` after a while.
#[derive(Clone)]
pub struct BenchTools {
    namespace: Arc<Namespace>,
    gate: Arc<watch::Sender<bool>>,
    later: Arc<AtomicUsize>,
}

impl BenchTools {
    /// `tools` tools; no server at all with none.
    #[must_use]
    pub fn new(tools: usize) -> Self {
        let names = ["echo", "wait", "later"].map(str::to_owned).into_iter().chain((3..).map(|n| format!("tool_{n}")));
        let tools: Vec<_> = names.take(tools).map(tool).collect();
        let servers = if tools.is_empty() { Vec::new() } else { vec![("lab".to_owned(), tools)] };
        Self {
            namespace: Arc::new(exuvia_catalog::build(servers)),
            gate: Arc::new(watch::channel(false).0),
            later: Arc::default(),
        }
    }

    /// A world that is the same in every run with these tools.
    #[must_use]
    pub fn fixed_io(&self) -> ScriptedIo {
        ScriptedIo::with_all_of(Arc::clone(&self.later))
    }

    /// The same, as what a run takes.
    #[must_use]
    pub fn host(&self) -> Arc<dyn ToolHost> {
        Arc::new(self.clone())
    }

    /// Waits until this many calls of `lab.wait` are out.
    ///
    /// # Errors
    ///
    /// They are not after a minute.
    pub async fn waiting(&self, calls: usize) -> anyhow::Result<()> {
        for _ in 0..6_000 {
            if self.gate.receiver_count() >= calls {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("{} of {calls} scripts came to their call", self.gate.receiver_count())
    }

    /// Answers all calls of `lab.wait`.
    pub fn release(&self) {
        self.gate.send_replace(true);
    }
}

impl ToolHost for BenchTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let mut gate = (call.name.tool == "wait").then(|| self.gate.subscribe());
        let later = call.name.tool == "later";
        self.later.fetch_add(usize::from(later), Ordering::Relaxed);
        let answer = self.answer(call);
        Box::pin(async move {
            if let Some(gate) = &mut gate {
                // The sender lives as long as the tools.
                let _ = gate.wait_for(|&open| open).await;
            }
            if later {
                tokio::time::sleep(LATER).await;
            }
            answer
        })
    }
}

impl BenchTools {
    /// Checks a call as a gateway would, and gives back its argument.
    fn answer(&self, call: ToolCall) -> ToolOutcome {
        let tool = self.namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
        let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
        let mut arguments =
            call.arguments.into_tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(&arguments).map_err(CallError::InvalidArguments)?;
        Ok(Json::from_value(&arguments["value"].take()))
    }
}

fn tool(name: String) -> ToolDescriptor {
    descriptor(&json!({
        "name": name,
        "description": format!("Gives back its value ({name})."),
        "inputSchema": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "note": {"type": "string"}},
            "required": ["value"],
        },
    }))
}
