//! A run while it runs, and its client meanwhile.

use std::time::Duration;

use exuvia_gateway::RunHandle;
use exuvia_gateway::answer::printable;
use exuvia_runtime::Report;
use exuvia_tool::RunEvent;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The time between two notifications.
const PACE: Duration = Duration::from_millis(500);
/// The longest line of a log that is shown, in characters.
const LINE: usize = 200;

/// Follows a run to its end. Only this task, the one of the client's request, talks to the client: it tells how the run goes on,
/// if the client wants to know, and cancels it when the client does, or is gone.
pub(crate) async fn follow(mut run: RunHandle, context: &RequestContext<RoleServer>) -> Report {
    let cancellation = run.cancellation();
    let mut progress = Progress::new(context);
    loop {
        tokio::select! {
            event = run.events.recv() => match event {
                Some(event) => progress.note(&event),
                None => break,
            },
            () = context.ct.cancelled(), if !cancellation.is_cancelled() => cancellation.cancel(),
            () = progress.is_due() => progress.tell().await,
        }
    }
    run.report().await
}

/// What a client is told of a run.
struct Progress {
    peer: Peer<RoleServer>,
    /// None: it does not want to be told.
    token: Option<ProgressToken>,
    pace: Interval,
    calls: u64,
    /// Calls and pieces of the log: a number that grows with everything there is to tell.
    steps: u64,
    told: u64,
    line: String,
}

impl Progress {
    fn new(context: &RequestContext<RoleServer>) -> Self {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is due at once: what is over soon is not told.
        pace.reset();
        let token = context.meta.get_progress_token();
        Self { peer: context.peer.clone(), token, pace, calls: 0, steps: 0, told: 0, line: String::new() }
    }

    fn note(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CallStarted { .. } => self.calls += 1,
            RunEvent::Log { text, .. } => {
                if let Some(line) = text.lines().rfind(|line| !line.trim().is_empty()) {
                    self.line = printable(&line.chars().take(LINE).collect::<String>());
                }
            }
            _ => return,
        }
        self.steps += 1;
    }

    /// Waits until there is something to tell, and time to.
    async fn is_due(&mut self) {
        if self.token.is_none() || self.steps == self.told {
            std::future::pending::<()>().await;
        }
        self.pace.tick().await;
    }

    async fn tell(&mut self) {
        let Some(token) = self.token.clone() else { return };
        self.told = self.steps;
        let calls = if self.calls == 1 { "1 call".to_owned() } else { format!("{} calls", self.calls) };
        let message = if self.line.is_empty() { calls } else { format!("{calls}; {}", self.line) };
        let param = ProgressNotificationParam::new(token, self.steps as f64).with_message(message);
        // A client that is gone is met as a cancellation.
        let _ = self.peer.notify_progress(param).await;
    }
}
