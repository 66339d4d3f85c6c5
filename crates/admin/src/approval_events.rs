//! What happens to approvals and to questions of servers, as events: of this process at once, approvals of others within half a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::OpenQuestions;
use exuvia_journal::{Approval, ApprovalError, ApprovalState, ApprovalStore};
use exuvia_tool::RunId;
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::events::ServerEvent;

/// How often the store is asked for what other processes changed.
const PERIOD: Duration = Duration::from_millis(500);

struct Follower {
    store: Arc<dyn ApprovalStore>,
    changed: watch::Receiver<u64>,
    version: u64,
    questions: Option<Questions>,
    only: Option<RunId>,
    waiting: VecDeque<ServerEvent>,
}

/// The questions of this process, and those that are known to wait.
struct Questions {
    open: Arc<OpenQuestions>,
    changed: watch::Receiver<u64>,
    known: BTreeMap<String, RunId>,
}

/// The changes from now on: of all runs, or of one.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) async fn follow(
    store: Arc<dyn ApprovalStore>,
    questions: Option<Arc<OpenQuestions>>,
    only: Option<RunId>,
) -> Result<impl Stream<Item = ServerEvent> + Send, ApprovalError> {
    let changed = store.watch();
    let mut version = 0;
    loop {
        let changes = store.changes(version).await?;
        version = changes.version;
        if changes.is_whole {
            break;
        }
    }
    let questions = questions.map(Questions::follow);
    let follower = Follower { store, changed, version, questions, only, waiting: VecDeque::new() };
    Ok(stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((event, follower))
    }))
}

impl Follower {
    /// None: the store cannot be read any more. The client connects again.
    async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            // In any case the store is asked.
            tokio::select! {
                _ = timeout(PERIOD, self.changed.changed()) => {}
                () = Questions::changed(&mut self.questions) => {}
            }
            if let Some(questions) = &mut self.questions {
                self.waiting.extend(questions.events(self.only.as_ref()));
            }
            let changes = self.store.changes(self.version).await.ok()?;
            // A store that was restored from a copy is read anew from its end.
            self.version = changes.version;
            let only = self.only.as_ref();
            let shown = changes.approvals.iter().filter(|one| only.is_none_or(|run| *run == one.run));
            self.waiting.extend(shown.map(event));
        }
    }
}

impl Questions {
    fn follow(open: Arc<OpenQuestions>) -> Self {
        let changed = open.watch();
        let known = Self::open(&open);
        Self { open, changed, known }
    }

    fn open(open: &OpenQuestions) -> BTreeMap<String, RunId> {
        open.list().into_iter().map(|question| (question.id, question.run)).collect()
    }

    async fn changed(this: &mut Option<Self>) {
        let has_changed = match this {
            Some(questions) => questions.changed.changed().await.is_ok(),
            None => false,
        };
        if !has_changed {
            std::future::pending().await
        }
    }

    /// What has changed since the last time.
    fn events(&mut self, only: Option<&RunId>) -> Vec<ServerEvent> {
        let now = Self::open(&self.open);
        let before = std::mem::replace(&mut self.known, now);
        let differs = |of: &BTreeMap<String, RunId>, other: &BTreeMap<String, RunId>, name: &'static str| {
            let changed =
                of.iter().filter(|(id, run)| !other.contains_key(*id) && only.is_none_or(|only| only == *run));
            let event = |(id, run): (&String, &RunId)| ServerEvent::new(name, &json!({"question": id, "run": run}));
            changed.map(event).collect::<Vec<_>>()
        };
        let mut events = differs(&self.known, &before, "question-asked");
        events.extend(differs(&before, &self.known, "question-over"));
        events
    }
}

fn event(approval: &Approval) -> ServerEvent {
    let name = match approval.state {
        ApprovalState::Pending => "held",
        ApprovalState::Approved | ApprovalState::Denied => "answered",
        ApprovalState::Expired => "expired",
        ApprovalState::Used => "used",
        ApprovalState::Void => "void",
    };
    ServerEvent::new(name, &json!({"approval": approval.id.to_string(), "run": approval.run}))
}
