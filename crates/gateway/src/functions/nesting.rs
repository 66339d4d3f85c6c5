//! What a run shares with the runs of the functions that it calls.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use exuvia_journal::ClientClaims;
use exuvia_policy::RunCallCounts;
use exuvia_replay::CallState;
use exuvia_runtime::{Engine, Limits, RunTree};
use exuvia_tool::{CallError, ToolName};
use tokio_util::sync::CancellationToken;

use crate::call::RetryBudget;
use crate::ids::Ids;
use crate::record::Recorder;
use crate::run_part::ResumedPart;
use crate::runs::Runs;

/// What runs of functions are made with, the same for all of a gateway.
pub(crate) struct FunctionRuns {
    pub(crate) engine: Engine,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ids: Ids,
    pub(crate) live: Arc<Runs>,
}

/// What the runs of one script share.
pub(crate) struct NestedRuns {
    pub(crate) runs: Arc<FunctionRuns>,
    pub(crate) tree: RunTree,
    /// The limits of the script: all of them together have these.
    pub(crate) limits: Limits,
    /// Their calls.
    pub(crate) calls: CallCount,
    /// How often calls of all of them may be made again.
    pub(crate) retries: Arc<RetryBudget>,
    pub(crate) profile: Option<Arc<str>>,
    pub(crate) claims: Arc<ClientClaims>,
    pub(crate) cancellation: CancellationToken,
}

/// The calls of a script and of its functions.
#[derive(Default)]
pub(crate) struct CallCount {
    all: AtomicU64,
    /// Those of the functions.
    below: AtomicU64,
}

impl CallCount {
    /// Of a script that is brought back: those that its record answers are not made again.
    pub(crate) fn of(resumed: &ResumedPart) -> Self {
        let recorded = resumed.resume.recorded().calls.values();
        let own = recorded.filter(|call| matches!(call.state, CallState::Answered(_))).count();
        let below = resumed.functions.tool_calls;
        Self { all: AtomicU64::new(own as u64 + below), below: AtomicU64::new(below) }
    }

    /// The calls that the functions have made.
    pub(crate) fn below(&self) -> u64 {
        self.below.load(Ordering::Relaxed)
    }

    /// Counts one, of a function or of the script. How many there are with it.
    fn count(&self, is_below: bool) -> u64 {
        self.below.fetch_add(u64::from(is_below), Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The place of one run among them.
#[derive(Clone)]
pub(crate) struct Nesting {
    pub(crate) shared: Arc<NestedRuns>,
    /// How far it is below the script.
    pub(crate) level: u32,
    /// The function that it runs. None: it is the script.
    pub(crate) function: Option<NestedFunction>,
}

/// A function that runs.
#[derive(Clone)]
pub(crate) struct NestedFunction {
    /// Its name as a tool.
    pub(crate) name: ToolName,
    /// What it may call at most.
    pub(crate) own_tools: Arc<BTreeSet<ToolName>>,
    /// The calls that the script has made so far, with those of its functions.
    pub(crate) spent: Arc<Mutex<RunCallCounts>>,
}

impl Nesting {
    /// Counts a call. An error: all of them have made as many as they may.
    pub(crate) fn count_call(&self) -> Result<(), CallError> {
        let used = self.shared.calls.count(self.function.is_some());
        let allowed = self.shared.limits.tool_calls;
        if used <= allowed {
            return Ok(());
        }
        Err(CallError::LimitReached { limit: "tool_calls".to_owned(), allowed, used })
    }

    /// An error for a tool that the function that runs may never call, whatever its caller may.
    pub(crate) fn check(&self, tool: &ToolName) -> Result<(), CallError> {
        match &self.function {
            Some(function) if !function.own_tools.contains(tool) => {
                let name = &function.name;
                let message = format!(
                    "{name} may not call {tool}: its file does not name it; whoever keeps the function adds `# tools: {tool}` at its top"
                );
                Err(CallError::Denied(message))
            }
            _ => Ok(()),
        }
    }

    /// The calls to count with. None: its own.
    pub(crate) fn spent(&self) -> Option<Arc<Mutex<RunCallCounts>>> {
        self.function.as_ref().map(|function| Arc::clone(&function.spent))
    }
}
