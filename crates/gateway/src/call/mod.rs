//! The way of every tool call: validate, authorize, record, dispatch.
//!
//! `attempts.rs` makes a call, and makes it again; `admission.rs` takes it as far as to its permit; `recording.rs` has what the journal is given of it;
//! `dispatch.rs` sends it, and `asking.rs` where its server may ask somebody meanwhile. `held.rs` has calls that wait for a person, and `earlier.rs`
//! those that an earlier run has answers to.

mod admission;
mod asking;
mod attempts;
mod dispatch;
mod earlier;
mod held;
mod notes;
mod recording;
mod rejected;
mod retries;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_access::budget::Spender;
use exuvia_journal::Approval;
use exuvia_policy::{Grants, Permit, RunCallCounts};
use exuvia_replay::RecordedRun;
use exuvia_runtime::Limits;
use exuvia_tool::{
    BoxFuture, CallContext, Cost, Deadline, DispatchOrder, DispatchTicket, HeldCall, Namespace, ToolCall, ToolHost,
    ToolOutcome,
};
use exuvia_upstream::CallLimits;
use tokio::sync::mpsc;
use tracing::{Instrument as _, Span};

pub(crate) use notes::CallNotes;
pub(crate) use rejected::{AWAITING, CallRejected};

pub(crate) use retries::RetryBudget;

use crate::approvals::{Approvals, RunHolds};
use crate::authority::Authority;
use crate::client_questions::ClientAsker;
use crate::end_guards::CallEndGuard;
use crate::functions::Nesting;
use crate::metrics::Metrics;
use crate::record::RunRecord;
use crate::repair::{Earlier, Repair};
use crate::settings::RunView;

/// The rule of a call that the operator's command allows.
pub(crate) const OPERATOR: &str = "operator";

/// The longest answer of a search in a script, in bytes.
const MAX_SEARCH_BYTES: usize = 8_000;

/// Answers the calls of one run, with the grants of that run. Clones are the same run.
#[derive(Clone)]
pub(crate) struct RunTools(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) run: RunParts,
    /// The fields that the log has of the run, wherever its calls are made.
    log: Span,
    pub(crate) spent: Arc<Mutex<RunCallCounts>>,
    ended: AtomicBool,
    /// In which order calls leave, by server.
    orders: Mutex<HashMap<String, DispatchOrder>>,
    notes: CallNotes,
    retries: Arc<RetryBudget>,
    /// What its calls have cost, in millionths.
    cost: AtomicU64,
}

/// What one run, or one call of a client, is made with.
pub(crate) struct RunParts {
    pub(crate) context: CallContext,
    pub(crate) identity: Arc<Identity>,
    pub(crate) run_view: Arc<RunView>,
    pub(crate) grants: Grants,
    pub(crate) authority: Arc<Authority>,
    /// The budgets of whoever acts.
    pub(crate) spender: Arc<Spender>,
    pub(crate) record: Arc<RunRecord>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: CallLimits,
    /// Receives calls that wait for an approval where nobody is asked. The receiver ends the run.
    pub(crate) held: mpsc::UnboundedSender<HeldCall>,
    /// Asks the client of the run what servers want to know. None: it cannot be asked.
    pub(crate) asker: Option<ClientAsker>,
    /// Where a person is asked that where the client cannot be. None: there is no page.
    pub(crate) page: Option<Arc<Approvals>>,
    /// Asks about calls that need an approval. None: nobody is asked.
    pub(crate) holds: Option<Arc<RunHolds>>,
    /// What is recorded of a run that is brought back.
    pub(crate) resumed: Option<Arc<RecordedRun>>,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Arc<Repair>>,
    /// What it shares with the functions that it calls. None: it sees none.
    pub(crate) nesting: Option<Nesting>,
}

impl RunParts {
    /// What goes with a call that is made now: with the credentials of the role that its principal has now.
    pub(crate) fn call_context(&self) -> CallContext {
        self.context.clone().with_credential(self.authority.credential(&self.identity))
    }
}

/// The part of a run's limits that holds for one call.
pub(crate) fn call_limits(limits: &Limits) -> CallLimits {
    CallLimits { timeout: Duration::from_millis(limits.call_timeout_ms), result_bytes: limits.call_result_bytes as u64 }
}

impl RunTools {
    pub(crate) fn new(run: RunParts) -> Self {
        let mut spent = RunCallCounts::default();
        let before = run.resumed.iter().flat_map(|run| run.calls.values()).filter(|call| call.is_intended);
        before.for_each(|call| spent.count(&call.name.server));
        let shared = run.nesting.as_ref().and_then(Nesting::spent);
        let retries = run.nesting.as_ref().map(|nesting| Arc::clone(&nesting.shared.retries)).unwrap_or_default();
        Self(Arc::new(Inner {
            run,
            log: Span::current(),
            spent: shared.unwrap_or_else(|| Arc::new(Mutex::new(spent))),
            ended: AtomicBool::new(false),
            orders: Mutex::default(),
            notes: CallNotes::default(),
            retries,
            cost: AtomicU64::new(0),
        }))
    }

    /// What the run calls with.
    pub(crate) fn run(&self) -> &RunParts {
        &self.0.run
    }

    /// What there is to say of the calls made so far.
    pub(crate) fn notes(&self) -> &CallNotes {
        &self.0.notes
    }

    /// What the calls made so far have cost.
    pub(crate) fn cost(&self) -> Cost {
        Cost::from_micros(self.0.cost.load(Ordering::Relaxed))
    }

    /// Takes a call as far as to its permit: validated, authorized, recorded.
    pub(crate) async fn admit(&self, call: ToolCall, kind: CallKind) -> Result<Admitted, CallRejected> {
        self.0.admit(&call, kind, Authorization::OfRun, None).await
    }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.0.run.run_view.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let this = self.clone();
        let log = self.0.log.clone();
        // Here and not in the future: this is called in the order of the script, whatever is polled first.
        let ticket = self.0.ticket(&call.name.server);
        match self.0.earlier(&call) {
            Earlier::Nothing => Box::pin(async move { this.0.make(call, deadline, ticket).await }.instrument(log)),
            Earlier::Answer(value) => Box::pin(async move { this.0.reuse(call, value).await }.instrument(log)),
            Earlier::Unknown(error) => Box::pin(std::future::ready(this.0.withhold(call, error))),
        }
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let stubs = Arc::clone(&self.0.run.run_view.stubs);
        Box::pin(async move {
            // The first search of a view reads all that its servers wrote.
            let found = tokio::task::spawn_blocking(move || stubs.list(Some(&query), MAX_SEARCH_BYTES)).await;
            found.unwrap_or_default()
        })
    }

    fn script_ended(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// A tool: there is one of this name, with a schema.
    Tool,
    /// What the protocol has beside tools, by its method: the server judges its parameters.
    Read,
}

/// On whose word a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Authorization<'a> {
    /// By the grants of its run.
    OfRun,
    /// By this approval, in place of them.
    Of(&'a Approval),
}

/// A call that may be made, and whose intent is recorded.
pub(crate) type Admitted = (Permit, CallEndGuard);

impl Inner {
    /// A place behind the calls of this server that were made before. A server that does not exist gets no order.
    fn ticket(&self, server: &str) -> DispatchTicket {
        if self.run.run_view.namespace.server(server).is_none() {
            return DispatchTicket::default();
        }
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        match orders.get(server) {
            Some(order) => order.ticket(),
            None => orders.entry(server.to_owned()).or_default().ticket(),
        }
    }
}
