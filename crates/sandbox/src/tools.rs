//! The tools of a sandbox, as a run is given them.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use exuvia_catalog::closest;
use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_tool::{
    Arguments, BoxFuture, CallError, Deadline, MAX_TREE_BYTES, Namespace, Tool, ToolCall, ToolHost, ToolName,
    ToolOutcome,
};

use crate::call::{Call, Data};
use crate::handler::{Handler, unpanicking};

/// Steps of an argument check that are not worth another thread: about 5 ms.
const INLINE_STEPS: u64 = 100_000;

/// How long the answer of a search may be, in bytes.
const SEARCH_BYTES: usize = 8_000;

/// The tools of one sandbox, shared by its runs.
pub(crate) struct Tools {
    pub(crate) namespace: Arc<Namespace>,
    handlers: HashMap<ToolName, Handler>,
}

impl Tools {
    pub(crate) fn new(namespace: Arc<Namespace>, handlers: HashMap<ToolName, Handler>) -> Self {
        Self { namespace, handlers }
    }

    /// The tool of this name and what answers it. The guest chose the name.
    fn find(&self, name: &ToolName) -> Result<(&Tool, &Handler), CallError> {
        let Some(server) = self.namespace.server(&name.server) else {
            let servers = self.namespace.servers().iter().map(|server| server.python_name.as_str());
            return Err(unknown("server", &name.server, servers));
        };
        let found = server.tool(&name.tool).and_then(|tool| Some((tool, self.handlers.get(name)?)));
        found.ok_or_else(|| {
            let tools = server.tools().iter().map(|tool| tool.python_name.as_str());
            unknown(&format!("tool of {}", server.python_name), &name.tool, tools)
        })
    }

    async fn answer(&self, call: ToolCall, deadline: Deadline, data: Data) -> ToolOutcome {
        let ToolCall { id, name, arguments, line } = call;
        let (tool, handler) = self.find(&name)?;
        let arguments = checked(tool, arguments).await?;
        unpanicking(&name.clone(), || handler(Call { id, name, line, deadline, data }, arguments)).await
    }
}

/// The arguments, if they fit the tool's schema. The text of hostile ones can be too large for a tree: such arguments are left to whoever
/// reads them.
async fn checked(tool: &Tool, arguments: Arguments) -> Result<Arguments, CallError> {
    if arguments.extent().tree_bytes > MAX_TREE_BYTES {
        return Ok(arguments);
    }
    let (check, steps) = (Arc::clone(&tool.arguments), tool.arguments.most_steps(arguments.as_str().len()));
    let work = move || {
        let mut arguments = arguments;
        let unreadable = |error: exuvia_tool::JsonError| CallError::InvalidArguments(error.to_string());
        arguments.amend(|tree| check.fit(tree)).map_err(unreadable)?;
        check.check(arguments.tree().map_err(unreadable)?).map_err(CallError::InvalidArguments)?;
        Ok(arguments)
    };
    if steps <= INLINE_STEPS {
        return work();
    }
    let checked = tokio::task::spawn_blocking(work).await;
    checked.unwrap_or_else(|_| Err(CallError::UpstreamUnavailable("the arguments could not be checked".into())))
}

fn unknown<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> CallError {
    let closest = closest(name, candidates);
    let hint = if closest.is_empty() { String::new() } else { format!("; did you mean {}?", closest.join(", ")) };
    let name: String = name.chars().take(100).collect();
    CallError::UnknownTool(format!("unknown {what} {name:?}{hint}"))
}

/// The tools of one run.
pub(crate) struct RunTools {
    tools: Arc<Tools>,
    data: Data,
    ended: AtomicBool,
}

impl RunTools {
    pub(crate) fn new(tools: Arc<Tools>, data: Data) -> Self {
        Self { tools, data, ended: AtomicBool::new(false) }
    }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.tools.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        if self.ended.load(Ordering::Acquire) {
            return Box::pin(async { Err(CallError::Denied("not called: the script has ended".into())) });
        }
        let (tools, data) = (Arc::clone(&self.tools), self.data.clone());
        Box::pin(async move { until(&deadline, tools.answer(call, deadline.clone(), data)).await })
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let namespace = Arc::clone(&self.tools.namespace);
        Box::pin(async move {
            let search = move || StubFiles::new(namespace, Layouts::default()).list(Some(&query), SEARCH_BYTES);
            tokio::task::spawn_blocking(search).await.unwrap_or_else(|_| "the search failed".to_owned())
        })
    }

    fn script_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

async fn until(deadline: &Deadline, answer: impl Future<Output = ToolOutcome>) -> ToolOutcome {
    let mut answer = pin!(answer);
    loop {
        let check_at = deadline.check_at(Instant::now());
        if let Ok(outcome) = tokio::time::timeout_at(check_at.into(), &mut answer).await {
            return outcome;
        }
        if deadline.at() <= Instant::now() {
            return Err(deadline.missed());
        }
    }
}
