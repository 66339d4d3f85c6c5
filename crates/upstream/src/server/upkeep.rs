//! What is done for a server without being asked: it is started, tried again if it did not start, and its list of tools is
//! kept up to date.
//!
//! The list is that of the operator's lane, and all callers are shown that one. A server may list other tools for another credential;
//! who may call fewer meets the server's refusal when it calls the others, and who may call more does not see them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_config::{Era, Share};
use exuvia_mcp_client::ToolList;
use exuvia_tool::{Absence, locked};

use super::UpstreamServer;
use super::backoff::jitter;
use super::lane::Admitted;
use super::lanes::CLIENT_IDLE;
use super::schedule::Schedule;
use crate::status::StartError;
use crate::status::{Failing, ServerState, ServerStatus};

/// How often the lanes of keys and clients are looked through for idle ones, in parts of the time that they may be idle.
const SWEEPS: u32 = 4;
/// At most so often.
const SHORTEST_SWEEP: Duration = Duration::from_millis(50);

impl UpstreamServer {
    /// Starts the server and lists its tools. Returns the schedule of the refreshes.
    pub(crate) async fn start(&self) -> Schedule {
        let read = self.read_list().await;
        let schedule = Schedule::new(self.dialer.config.refresh, read.is_ok(), Instant::now(), jitter());
        match read {
            Ok(listed) => self.publish(listed),
            Err(start_error) => self.start_failed(start_error),
        }
        schedule
    }

    /// Goes on until the server is shut down.
    pub(crate) async fn upkeep(self: Arc<Self>, mut schedule: Schedule) {
        let shut_down = self.shut_down.clone();
        let upkeep = async {
            let idle = Duration::from_millis(self.dialer.limits.key_idle_ms);
            let mut sweep = tokio::time::interval((idle.min(CLIENT_IDLE) / SWEEPS).max(SHORTEST_SWEEP));
            sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                let has_others =
                    self.dialer.config.share == Share::Key || self.dialer.config.direct || self.lanes.has_others();
                let end = self.lanes.next_end();
                tokio::select! {
                    () = tokio::time::sleep_until(schedule.due().into()) => self.refresh(&mut schedule).await,
                    () = self.dialer.stale.notified(), if !schedule.is_noticed() => schedule.changed(Instant::now()),
                    () = self.lanes.left() => self.lanes.close_idle(idle),
                    () = tokio::time::sleep_until(end.unwrap_or_else(Instant::now).into()), if end.is_some() => {
                        self.lanes.close_idle(idle);
                    }
                    _ = sweep.tick(), if has_others => self.lanes.close_idle(idle),
                }
            }
        };
        shut_down.run_until_cancelled(upkeep).await;
    }

    async fn refresh(&self, schedule: &mut Schedule) {
        let begun = Instant::now();
        let server = &self.dialer.config.name;
        match self.read_list().await {
            Ok(listed) => {
                schedule.read(Instant::now(), begun.elapsed());
                self.publish(listed);
            }
            Err(start_error) => {
                let first = schedule.failed(Instant::now(), jitter());
                if !self.has_started() {
                    self.start_failed(start_error);
                } else if first {
                    let message = start_error.message;
                    tracing::warn!(server.name = %server, message, "tools/list refresh failed; the previous list stays in use");
                }
            }
        }
    }

    /// Reads the list over the operator's lane. The connection of a server that has never listed its tools is closed if listing
    /// fails; with [`Share::Run`] it is always closed: each run has its own.
    async fn read_list(&self) -> Result<(Era, ToolList), StartError> {
        let first = self.lanes.first();
        let timeout = self.dialer.config.start_timeout;
        let begun = Instant::now();
        let Admitted { connection, probe } = first.connection().await.map_err(|refused| refused.start_error())?;
        let left = timeout.saturating_sub(begun.elapsed());
        let listed = match tokio::time::timeout(left, connection.list(self.dialer.limits)).await {
            Ok(listed) => listed.map_err(|message| {
                let why = if connection.is_unauthorized() { self.dialer.unauthorized() } else { Absence::Failed };
                StartError { message, why }
            }),
            Err(_) => {
                first.on_timeout(&connection);
                Err(self.dialer.start_timeout_error())
            }
        };
        match &listed {
            // Not counted without need: a server that lists its tools and crashes in every call must not look healthy.
            Ok(_) if probe.is_some() => first.on_answer(),
            Ok(_) if matches!(self.failing(), Some(Failing::Unauthorized { .. })) => {
                first.health().set(None);
            }
            Err(_) if connection.is_unauthorized() => first.refuses_credentials(),
            Err(start_error) if !self.has_started() => first.on_disconnected(&connection, begun, &start_error.message),
            _ => {}
        }
        if self.dialer.config.share == Share::Run {
            first.disconnect();
        }
        listed.map(|list| (connection.era(), list))
    }

    fn publish(&self, (era, list): (Era, ToolList)) {
        let name = &self.dialer.config.name;
        let boxed = list.tools.iter().filter(|tool| tool.is_boxed()).map(|tool| tool.name.clone());
        *locked(&self.boxed) = Arc::new(boxed.collect());
        // Reported in the status, whose readers choose the log level.
        for warning in &list.warnings {
            tracing::debug!(server.name = %name, warning);
        }
        let tools = list.tools.len();
        let state = ServerState::Ready { era };
        let written = if self.dialer.config.direct { list.written.into() } else { Arc::default() };
        let (listed, warnings) = (list.tools.into_iter().map(Arc::new).collect(), list.warnings);
        let status = ServerStatus { name: name.clone(), state, tools: listed, written, warnings };
        if self.board.post(&self.cell, status) {
            tracing::info!(server.name = %name, ?era, tools, "server is ready");
        }
    }

    fn start_failed(&self, start_error: StartError) {
        let name = &self.dialer.config.name;
        let message = &start_error.message;
        tracing::debug!(server.name = %name, message, "server did not start");
        self.board.post(&self.cell, ServerStatus::failed(name, start_error));
    }

    /// Its first start is over. A start without an outcome has failed.
    pub(crate) fn end_start(&self) {
        if self.cell.read().is_starting() {
            self.start_failed(StartError::from("its start was cancelled".to_owned()));
        }
    }

    fn has_started(&self) -> bool {
        self.cell.read().is_ready()
    }
}
