//! One configured server: its connection, and how it comes back after a crash.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use exuvia_policy::Permit;
use exuvia_tool::{CallError, ToolCall, ToolDescriptor, ToolName, ToolOutcome};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::{BrokenOff, Connection};
use crate::exchange::{Answer, Filled};
use crate::list::is_boxed;
use crate::stdio::Reaper;
use crate::value::{asked_for_input, cut, outcome, too_large};
use crate::{CallLimits, Era, ServerConfig, ServerState, ServerStatus, UpstreamLimits};

/// The pause before the first restart. It doubles with every start that fails.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two starts. A call that would have to wait longer than [`PATIENCE`] fails at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a call waits for the next start.
const PATIENCE: Duration = Duration::from_secs(1);
/// The error code by which servers of the older protocol ask for a visit to a web page.
const URL_ELICITATION_REQUIRED: i64 = -32042;

/// A server, running or not.
#[derive(Debug)]
pub(crate) struct Server {
    config: ServerConfig,
    limits: UpstreamLimits,
    reaper: Arc<Reaper>,
    /// Where connections live. Calls may come from runtimes that have no I/O, or that end sooner.
    runtime: Handle,
    /// Found out once: a restarted server speaks as it did before.
    era: OnceLock<Era>,
    /// The tools whose values come boxed.
    boxed: OnceLock<HashSet<String>>,
    in_flight: Semaphore,
    life: Mutex<Life>,
    shut_down: CancellationToken,
}

#[derive(Debug, Default)]
struct Life {
    connection: Option<Arc<Connection>>,
    failed_starts: u32,
    next_start: Option<Instant>,
}

impl Server {
    pub(crate) fn new(config: ServerConfig, limits: UpstreamLimits, reaper: Arc<Reaper>) -> Self {
        let in_flight = Semaphore::new(limits.calls_in_flight.clamp(1, Semaphore::MAX_PERMITS));
        let (era, boxed) = (OnceLock::new(), OnceLock::new());
        Self {
            config,
            limits,
            reaper,
            runtime: Handle::current(),
            era,
            boxed,
            in_flight,
            life: Mutex::default(),
            shut_down: CancellationToken::new(),
        }
    }

    /// Starts the server and lists its tools.
    pub(crate) async fn start(&self) -> ServerStatus {
        let name = self.config.name.clone();
        let timeout = self.config.start_timeout;
        let result = tokio::time::timeout(timeout, self.first_start()).await;
        let (state, tools, warnings) = match result {
            Ok(Ok((era, tools, warnings))) => (ServerState::Ready { era }, tools, warnings),
            Ok(Err(message)) => (ServerState::Failed { message: cut(message) }, Vec::new(), Vec::new()),
            Err(_) => {
                let message = format!("it was not ready after {} ms (start_timeout)", timeout.as_millis());
                (ServerState::Failed { message }, Vec::new(), Vec::new())
            }
        };
        // Told in the status, where somebody decides how loud it is.
        for warning in &warnings {
            tracing::debug!(server.name = %name, warning);
        }
        match &state {
            ServerState::Ready { era } => {
                tracing::info!(server.name = %name, ?era, tools = tools.len(), "server is ready")
            }
            ServerState::Failed { message } => tracing::debug!(server.name = %name, message, "server did not come up"),
        }
        ServerStatus { name, state, tools, warnings }
    }

    async fn first_start(&self) -> Result<(Era, Vec<ToolDescriptor>, Vec<String>), String> {
        let connection =
            Connection::open(&self.config, self.limits, &self.reaper, None).await.map_err(|error| error.message)?;
        let list = match connection.list(self.limits).await {
            Ok(list) => list,
            Err(message) => {
                connection.close().await;
                return Err(message);
            }
        };
        let _ = self.era.set(connection.era());
        let boxed = list.tools.iter().filter(|tool| is_boxed(tool)).map(|tool| tool.name.clone());
        let _ = self.boxed.set(boxed.collect());
        let era = connection.era();
        self.life.lock().await.connection = Some(Arc::new(connection));
        Ok((era, list.tools, list.warnings))
    }

    /// Makes the call that is permitted.
    pub(crate) async fn call(&self, permit: Permit, limits: CallLimits) -> ToolOutcome {
        let ToolCall { name, arguments, .. } = permit.into_call();
        let arguments = match arguments.to_value() {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(CallError::InvalidArguments(format!("the arguments of {name} must be an object"))),
            Err(error) => return Err(CallError::InvalidArguments(format!("the arguments of {name}: {error}"))),
        };
        let milliseconds = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        let call = async {
            let _turn = self.in_flight.acquire().await;
            let connection = self.connection(&name).await?;
            let result = connection.call(name.tool.clone(), arguments).await;
            if result.is_err() {
                self.retire(&connection).await;
            }
            self.outcome(&name, result, limits.result_bytes)
        };
        match tokio::time::timeout(limits.timeout, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::TimedOut(milliseconds)),
        }
    }

    fn outcome(&self, name: &ToolName, result: Result<Filled, BrokenOff>, result_bytes: u64) -> ToolOutcome {
        let Ok(Filled { answer: Some(answer), asked }) = result else {
            return Err(CallError::UpstreamUnavailable(format!(
                "server {} broke off during {name}; whether the call took effect is unknown",
                name.server
            )));
        };
        let boxed = self.boxed.get().is_some_and(|boxed| boxed.contains(&name.tool));
        let outcome = match answer {
            Answer::Result(result) => outcome(result.as_str(), name, boxed, result_bytes),
            Answer::Error { code: URL_ELICITATION_REQUIRED, .. } => Err(asked_for_input(name, "a visit to a web page")),
            Answer::Error { message, data, .. } => {
                let data = data.filter(|data| data.size_bytes() as u64 <= result_bytes);
                Err(CallError::ToolFailed { message: cut(message), data })
            }
            Answer::Oversized { bytes } => Err(too_large(result_bytes.min(self.limits.line_bytes as u64), bytes)),
            Answer::Unreadable(what) => Err(CallError::UpstreamUnavailable(format!("{name} answered with {what}"))),
        };
        match (outcome, asked) {
            // It asked, we declined, it failed: the one explains the other.
            (Err(CallError::ToolFailed { message, data }), Some(method)) => {
                let CallError::ToolFailed { message: asked, .. } = asked_for_input(name, wanted(&method)) else {
                    return Err(CallError::ToolFailed { message, data });
                };
                Err(CallError::ToolFailed { message: format!("{asked}. It said: {message}"), data })
            }
            (outcome, _) => outcome,
        }
    }

    /// The live connection, or a new one. Calls that find none wait for the same start.
    async fn connection(&self, name: &ToolName) -> Result<Arc<Connection>, CallError> {
        let unavailable = |what: &str| {
            CallError::UpstreamUnavailable(format!("server {} {what}; {name} was not called", name.server))
        };
        let mut life = self.life.lock().await;
        if let Some(connection) = life.connection.take_if(|connection| !connection.is_open()) {
            tracing::warn!(server.name = %name.server, "server ended, it is started again");
            life.next_start = Some(Instant::now() + RESTART_PAUSE);
            drop(connection);
        }
        if let Some(connection) = &life.connection {
            return Ok(connection.clone());
        }
        if self.shut_down.is_cancelled() {
            return Err(unavailable("is shut down"));
        }
        let Some(era) = self.era.get().copied() else { return Err(unavailable("did not come up")) };
        if let Some(next) = life.next_start {
            if next > Instant::now() + PATIENCE {
                return Err(unavailable("ended and could not be started again; try later"));
            }
            self.shut_down.run_until_cancelled(tokio::time::sleep_until(next)).await;
        }
        let pause = RESTART_PAUSE.saturating_mul(1 << life.failed_starts.min(10)).min(LONGEST_PAUSE);
        life.next_start = Some(Instant::now() + pause);
        life.failed_starts += 1;
        match self.reopen(era).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                life.failed_starts = 0;
                life.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(_) if self.shut_down.is_cancelled() => Err(unavailable("is shut down")),
            Err(message) => {
                tracing::warn!(server.name = %name.server, message, "server could not be started again");
                Err(unavailable("ended and could not be started again"))
            }
        }
    }

    /// Starts the server once more, on the runtime that it was first started on. The error is for the operator.
    async fn reopen(&self, era: Era) -> Result<Connection, String> {
        let (config, limits, reaper, shut_down) =
            (self.config.clone(), self.limits, self.reaper.clone(), self.shut_down.clone());
        let opening = self.runtime.spawn(async move {
            let opening = Connection::open(&config, limits, &reaper, Some(era));
            let opening = tokio::time::timeout(config.start_timeout, opening);
            match shut_down.run_until_cancelled(opening).await {
                Some(Ok(opened)) => opened.map_err(|error| error.message),
                Some(Err(_)) => Err("start_timeout".to_owned()),
                None => Err("it is shut down".to_owned()),
            }
        });
        opening.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// A connection on which a call broke off is not used again, even where the process still runs.
    async fn retire(&self, broken: &Arc<Connection>) {
        let mut life = self.life.lock().await;
        if life.connection.take_if(|connection| Arc::ptr_eq(connection, broken)).is_some() {
            life.next_start = Some(Instant::now() + RESTART_PAUSE);
        }
    }

    /// Ends the server. No call starts it again.
    pub(crate) async fn shut_down(&self) {
        // First, so that a restart on its way lets go of the lock.
        self.shut_down.cancel();
        let connection = self.life.lock().await.connection.take();
        if let Some(connection) = connection {
            connection.close().await;
        }
    }
}

fn wanted(method: &str) -> &'static str {
    match method {
        "sampling/createMessage" => "a completion of a language model",
        _ => "input",
    }
}
