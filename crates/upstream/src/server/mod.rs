//! One configured server: its lanes, and what is known of its tools.

mod backoff;
mod breaker;
mod dialer;
mod ended_runs;
mod lane;
mod lanes;
mod life;
mod outcome;
mod questions;
mod refused;
mod schedule;
mod upkeep;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use exuvia_policy::Permit;
use exuvia_tool::{CallError, RunId, ToolCall, ToolOutcome};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::exchange::locked;
use crate::status::Board;
use crate::stdio::Reaper;
use crate::traced;
use crate::{CallLimits, Caller, ServerConfig, UpstreamLimits};
use dialer::Dialer;
pub(crate) use ended_runs::EndedRuns;
use lanes::Lanes;

/// A server, running or not.
#[derive(Debug)]
pub(crate) struct Server {
    dialer: Arc<Dialer>,
    lanes: Lanes,
    /// The tools whose values come boxed.
    boxed: Mutex<Arc<HashSet<String>>>,
    board: Arc<Board>,
    /// Where on the board it stands.
    place: usize,
    shut_down: CancellationToken,
}

impl Server {
    /// Must run on the runtime on which connections shall live.
    pub(crate) fn new(
        config: ServerConfig,
        limits: UpstreamLimits,
        reaper: Arc<Reaper>,
        ended: Arc<EndedRuns>,
        board: Arc<Board>,
        place: usize,
    ) -> Self {
        let dialer = Arc::new(Dialer::new(config, limits, reaper));
        let lanes = Lanes::new(dialer.clone(), ended);
        Self { dialer, lanes, boxed: Mutex::default(), board, place, shut_down: CancellationToken::new() }
    }

    /// Makes the call that is permitted.
    pub(crate) async fn call(&self, permit: Permit, caller: &Caller, limits: CallLimits) -> ToolOutcome {
        let span = traced::begin(&self.dialer.config, &permit.call().name);
        let outcome = span.scope().over(self.dispatch(permit, caller, limits)).await;
        span.end(traced::error_type(&outcome));
        outcome
    }

    async fn dispatch(&self, permit: Permit, caller: &Caller, limits: CallLimits) -> ToolOutcome {
        let ToolCall { name, arguments, .. } = permit.into_call();
        let arguments = match arguments.to_value() {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(CallError::InvalidArguments(format!("the arguments of {name} must be an object"))),
            Err(error) => return Err(CallError::InvalidArguments(format!("the arguments of {name}: {error}"))),
        };
        let lane = self.lanes.lease(caller).map_err(|refused| refused.of_call(&name))?;
        let timeout = limits.timeout.min(self.dialer.config.call_timeout);
        let filled = lane.call(&name, arguments, timeout).await?;
        let boxed = locked(&self.boxed).contains(&name.tool);
        outcome::outcome(filled, &name, boxed, limits.result_bytes, self.dialer.limits.message_bytes)
    }

    /// A run is over. It must have been marked as ended.
    pub(crate) fn run_ended(&self, run: &RunId) {
        self.lanes.run_ended(run);
    }

    /// Ends the server. No call starts it again.
    pub(crate) async fn shut_down(&self) {
        self.shut_down.cancel();
        self.lanes.shut_down().await;
    }
}
