//! A run in progress, and the notifications that its client receives.

use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::{OnDisconnect, RunHandle};
use exuvia_runtime::{Outcome, Report};
use exuvia_text::line;
use exuvia_tool::{BoxFuture, RunEvent};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::client::{client, is_modern};
use crate::detached_runs::{DetachedRuns, follow_alone};
use crate::questions::OpenQuestions;
use crate::script_questions::{Asked, Asker};

/// The time between two notifications.
const NOTIFICATION_INTERVAL: Duration = Duration::from_millis(500);
/// The longest line of a log that is shown, in characters.
const LINE: usize = 200;

/// How far a run was followed.
pub(crate) enum Followed {
    /// To its end, or to where it is parked.
    Over(Box<Report>),
    /// To questions that a client of the modern era is asked by a result.
    Asks(Box<RunHandle>, Asked),
    /// Its client has disconnected, and the run continues.
    Alone,
}

/// Follows a run. Only this task, the one of the client's request, writes to the client: it sends progress
/// notifications, if the client asked for them, asks what the run wants to know, and cancels the run when the client cancels or
/// disconnects.
pub(crate) async fn follow(
    mut run: RunHandle,
    context: &RequestContext<RoleServer>,
    detached_runs: &Arc<DetachedRuns>,
    asker: &Asker,
    places: &Arc<OpenQuestions>,
) -> Followed {
    let cancellation = run.cancellation();
    let outlives = run.on_disconnect() == OnDisconnect::Finish;
    let listed = outlives.then(|| detached_runs.list(client(context), context.id.clone(), cancellation.clone()));
    if outlives && context.ct.is_cancelled() {
        // Before it began.
        cancellation.cancel();
    }
    let mut progress = Progress::new(context);
    // A notification takes as long as the client does not read, and holds up nothing else; a question as well.
    let mut telling: Option<BoxFuture<'static, ()>> = None;
    let (is_modern, over) = (is_modern(context), CancellationToken::new());
    let mut asking: Option<BoxFuture<'_, Option<BoxFuture<'static, ()>>>> = None;
    let mut open = FuturesUnordered::<BoxFuture<'static, ()>>::new();
    let mut may_ask = true;
    loop {
        tokio::select! {
            event = run.events.recv() => match event {
                Some(event) => progress.note(&event),
                None => break,
            },
            () = context.ct.cancelled(), if !cancellation.is_cancelled() => {
                if outlives {
                    tokio::spawn(follow_alone(run, listed));
                    return Followed::Alone;
                }
                cancellation.cancel();
            }
            () = progress.is_due(), if telling.is_none() => telling = progress.notification(),
            () = sent(&mut telling) => telling = None,
            question = run.questions.recv(), if may_ask && asking.is_none() => match question {
                None => may_ask = false,
                Some(question) if is_modern => {
                    let asked = asker.asked(question, &mut run.questions).await;
                    if let Some(asked) = asked {
                        return Followed::Asks(Box::new(run), asked);
                    }
                }
                Some(question) => {
                    let (over, place) = (over.clone(), places.enter(client(context)));
                    asking = Some(Box::pin(async move { asker.ask(question, context, place?, over).await }));
                }
            },
            begun = begun(&mut asking) => {
                asking = None;
                open.extend(begun);
            }
            Some(()) = open.next(), if !open.is_empty() => {}
        }
    }
    drop(asking);
    let report = run.report().await;
    let answered = async move { while open.next().await.is_some() {} };
    if matches!(report.outcome, Outcome::AwaitingApproval(_)) {
        // It is parked, and the client may still answer.
        tokio::spawn(answered);
    } else {
        over.cancel();
        answered.await;
    }
    Followed::Over(Box::new(report))
}

/// Waits until the question is before the client.
async fn begun<T>(asking: &mut Option<BoxFuture<'_, T>>) -> T {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}

/// Waits until the notification in progress is sent.
async fn sent(telling: &mut Option<BoxFuture<'static, ()>>) {
    match telling {
        Some(telling) => telling.await,
        None => std::future::pending().await,
    }
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
