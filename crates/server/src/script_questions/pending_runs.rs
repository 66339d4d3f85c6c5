//! Runs whose clients, of the modern era, were asked by a result and have not come back.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use exuvia_gateway::RunHandle;
use exuvia_tool::{Json, RunId};
use rmcp::model::InputRequiredResult;
use serde_json::{Map, Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::{PATIENCE, ShownQuestion};
use crate::detached_runs::follow_alone;
use crate::questions::QuestionPlace;

/// Runs that wait at the same time. The client of a further one is not asked.
const RUNS: usize = 256;
/// What they were started with and what they ask, together, in bytes.
const RUNS_BYTES: usize = 64 << 20;
/// What the names of waiting runs begin with.
const PREFIX: &str = "exuvia-run-";

/// Questions to a client, by their names.
pub(crate) struct Asked {
    pub(super) questions: BTreeMap<String, ShownQuestion>,
    pub(super) at: Instant,
}

/// A run whose client was asked.
pub(crate) struct PendingRun {
    pub(crate) run: PutAside,
    pub(crate) asked: Asked,
    /// The call's arguments: the client has to repeat them.
    pub(crate) arguments: Arc<Json>,
    pub(crate) _place: QuestionPlace,
}

/// What is put aside until the client comes back.
pub(crate) enum PutAside {
    /// A run that is followed.
    Followed(RunHandle),
    /// A run that goes on by itself, and is asked for by its name.
    Named(RunId),
}

/// All of an endpoint, by unguessable names.
#[derive(Default)]
pub(crate) struct PendingRuns(Mutex<HashMap<String, (PendingRun, AbortOnDropHandle<()>)>>);

impl fmt::Debug for PendingRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingRuns({})", self.runs().len())
    }
}

impl Asked {
    /// These questions, asked now.
    pub(super) fn new(questions: Vec<ShownQuestion>) -> Self {
        let named = questions.into_iter().zip(1..).map(|(question, number)| (format!("question-{number}"), question));
        Self { questions: named.collect(), at: Instant::now() }
    }

    /// The result that asks them. None: rmcp cannot send it.
    pub(crate) fn result(&self) -> Option<InputRequiredResult> {
        let request = |question: &ShownQuestion| json!({ "method": question.method, "params": question.params });
        let requests = self.questions.iter().map(|(name, question)| (name.clone(), request(question)));
        let requests: Map<String, Value> = requests.collect();
        let result = json!({ "resultType": "input_required", "inputRequests": requests });
        serde_json::from_str(&result.to_string()).ok()
    }

    fn bytes(&self) -> usize {
        self.questions.values().map(|question| question.params.to_string().len()).sum()
    }
}

impl PendingRuns {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, (PendingRun, AbortOnDropHandle<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a run aside and gives the name by which its client comes back to it.
    ///
    /// # Errors
    ///
    /// There is no room: the run is given back.
    pub(crate) fn insert(self: &Arc<Self>, pending: PendingRun) -> Result<String, Box<PendingRun>> {
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            return Err(Box::new(pending));
        }
        let name = format!("{PREFIX}{:032x}", u128::from_ne_bytes(random));
        let bytes = |pending: &PendingRun| pending.arguments.size_bytes() + pending.asked.bytes();
        let mut runs = self.runs();
        let held = runs.values().map(|(pending, _)| bytes(pending)).sum::<usize>() + bytes(&pending);
        if held > RUNS_BYTES || runs.len() >= RUNS {
            return Err(Box::new(pending));
        }
        let servers = pending.asked.questions.values().filter(|question| question.is_of_server());
        let patience = servers.map(|question| question.patience).min().unwrap_or(PATIENCE);
        let (all, late) = (Arc::downgrade(self), name.clone());
        let forgetting = tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            let late = all.upgrade().and_then(|all| all.runs().remove(&late));
            if let Some((PendingRun { run, asked, .. }, own)) = late {
                // This is the task that it would abort.
                tokio::spawn(leave(run, asked));
                drop(own);
            }
        });
        runs.insert(name.clone(), (pending, AbortOnDropHandle::new(forgetting)));
        Ok(name)
    }

    /// The run of this name, once. None: the name is no such.
    ///
    /// # Errors
    ///
    /// It waits no longer, or was started otherwise.
    pub(crate) fn take(&self, state: &str, arguments: &Json) -> Option<Result<PendingRun, &'static str>> {
        if !state.starts_with(PREFIX) {
            return None;
        }
        let mut runs = self.runs();
        Some(match runs.get(state) {
            Some((pending, _)) if *pending.arguments != *arguments => {
                Err("this requestState belongs to another script: repeat the call with the same arguments")
            }
            _ => {
                let pending = runs.remove(state).map(|(pending, _)| pending);
                pending.ok_or(
                    "this requestState was already used or has expired: send `run`, the id of the run, without `code`",
                )
            }
        })
    }
}

/// The client has not come back: the run goes on, and what is asked can be answered otherwise.
async fn leave(run: PutAside, asked: Asked) {
    for question in asked.questions.into_values() {
        question.dismiss();
    }
    if let PutAside::Followed(run) = run {
        follow_alone(run, None).await;
    }
}
