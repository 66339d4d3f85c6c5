//! A run in progress, and the notifications that its client receives.

use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::{OnDisconnect, RunHandle};
use exuvia_runtime::Report;
use exuvia_text::line;
use exuvia_tool::{BoxFuture, RunEvent};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::client::client;
use crate::detached_runs::{DetachedRunGuard, DetachedRuns};

/// The time between two notifications.
const NOTIFICATION_INTERVAL: Duration = Duration::from_millis(500);
/// The longest line of a log that is shown, in characters.
const LINE: usize = 200;

/// Follows a run to its end. Only this task, the one of the client's request, writes to the client: it sends progress
/// notifications, if the client asked for them, and cancels the run when the client cancels or disconnects. None: the client
/// has disconnected, and the run continues.
pub(crate) async fn follow(
    mut run: RunHandle,
    context: &RequestContext<RoleServer>,
    detached_runs: &Arc<DetachedRuns>,
) -> Option<Report> {
    let cancellation = run.cancellation();
    let outlives = run.on_disconnect() == OnDisconnect::Finish;
    let listed = outlives.then(|| detached_runs.list(client(context), context.id.clone(), cancellation.clone()));
    if outlives && context.ct.is_cancelled() {
        // Before it began.
        cancellation.cancel();
    }
    let mut progress = Progress::new(context);
    // A notification takes as long as the client does not read, and holds up nothing else.
    let mut telling: Option<BoxFuture<'static, ()>> = None;
    loop {
        tokio::select! {
            event = run.events.recv() => match event {
                Some(event) => progress.note(&event),
                None => break,
            },
            () = context.ct.cancelled(), if !cancellation.is_cancelled() => {
                if outlives {
                    tokio::spawn(follow_alone(run, listed));
                    return None;
                }
                cancellation.cancel();
            }
            () = progress.is_due(), if telling.is_none() => telling = progress.notification(),
            () = sent(&mut telling) => telling = None,
        }
    }
    Some(run.report().await)
}

/// Waits until the notification in progress is sent.
async fn sent(telling: &mut Option<BoxFuture<'static, ()>>) {
    match telling {
        Some(telling) => telling.await,
        None => std::future::pending().await,
    }
}

/// Follows a run to its end whose client has disconnected, or is about to cancel it.
async fn follow_alone(mut run: RunHandle, _listed: Option<DetachedRunGuard>) {
    while run.events.recv().await.is_some() {}
    let id = run.id().clone();
    let report = run.report().await;
    tracing::info!(run.id = %id, outcome = report.outcome.name(), "run ended after its client disconnected");
}

/// The progress notifications of a run.
struct Progress {
    peer: Peer<RoleServer>,
    /// None: it asked for none.
    token: Option<ProgressToken>,
    pace: Interval,
    calls: u64,
    /// The progress value: calls and log chunks so far, which only grows.
    steps: u64,
    told: u64,
    line: String,
}

impl Progress {
    fn new(context: &RequestContext<RoleServer>) -> Self {
        let mut pace = interval(NOTIFICATION_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is due at once: short runs get no notification.
        pace.reset();
        let token = context.meta.get_progress_token();
        Self { peer: context.peer.clone(), token, pace, calls: 0, steps: 0, told: 0, line: String::new() }
    }

    fn note(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CallStarted { .. } => self.calls += 1,
            RunEvent::Log { text, .. } => {
                if let Some(last) = text.lines().rfind(|line| !line.trim().is_empty()) {
                    self.line = line(&last.chars().take(LINE).collect::<String>());
                }
            }
            _ => return,
        }
        self.steps += 1;
    }

    /// Waits until a notification is due.
    async fn is_due(&mut self) {
        if self.token.is_none() || self.steps == self.told {
            std::future::pending::<()>().await;
        }
        self.pace.tick().await;
    }

    /// The notification, if the client asked for any.
    fn notification(&mut self) -> Option<BoxFuture<'static, ()>> {
        let token = self.token.clone()?;
        self.told = self.steps;
        let calls = if self.calls == 1 { "1 call".to_owned() } else { format!("{} calls", self.calls) };
        let message = if self.line.is_empty() { calls } else { format!("{calls}; {}", self.line) };
        let param = ProgressNotificationParam::new(token, self.steps as f64).with_message(message);
        let peer = self.peer.clone();
        Some(Box::pin(async move {
            // A disconnect is handled as a cancellation, elsewhere.
            let _ = peer.notify_progress(param).await;
        }))
    }
}
