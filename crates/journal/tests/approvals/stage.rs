//! A store of a test, with the journal that it belongs to.

use std::sync::Arc;

use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalBounds, ApprovalChannel, ApprovalError, ApprovalErrorKind, ApprovalState,
    ApprovalStore, HeldRun, Journal, Lease, MemoryApprovals, MemoryJournal, NewApproval, PostgresApprovals, ScriptCall,
    SqliteApprovals, StoreJournal,
};
use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};

use crate::made::place::Place;
use crate::made::{NOW_MS, of, started};

/// When everything expires that is asked here, in milliseconds since the epoch.
pub(crate) const EXPIRES_MS: u64 = NOW_MS + 1_000;
/// What is so private that it stands nowhere in the clear.
pub(crate) const SECRET: &str = "a-secret-of-the-card";

/// Enough for any test that is not about bounds.
pub(crate) const ROOM: ApprovalBounds =
    ApprovalBounds { pending_per_principal: 100_000, pending: 100_000, runs_per_principal: 10_000, runs: 10_000 };

pub(crate) struct Stage {
    /// None: in memory.
    pub(crate) place: Option<Place>,
    memory: Option<Arc<MemoryApprovals>>,
    pub(crate) memory_journal: Arc<MemoryJournal>,
    pub(crate) journal: Option<Arc<StoreJournal>>,
}

impl Stage {
    pub(crate) fn memory() -> Self {
        let memory_journal = Arc::new(MemoryJournal::new(1 << 30, || NOW_MS));
        let memory = Some(MemoryApprovals::new(Arc::clone(&memory_journal) as _));
        Self { place: None, memory, memory_journal, journal: None }
    }

    /// With the journal of a process that goes on.
    pub(crate) async fn at(place: Place) -> Self {
        let journal = Some(place.open().await);
        Self { place: Some(place), memory: None, memory_journal: Arc::new(MemoryJournal::new(0, || NOW_MS)), journal }
    }

    pub(crate) async fn try_open(&self) -> Result<Arc<dyn ApprovalStore>, ApprovalError> {
        Ok(match (&self.memory, self.place.as_ref().map(|place| (place, place.url()))) {
            (Some(memory), _) => Arc::clone(memory) as _,
            (None, Some((_, Some(url)))) => PostgresApprovals::open(url).await? as _,
            (None, Some((place, None))) => SqliteApprovals::open(place.dir())? as _,
            (None, None) => unreachable!("it is somewhere"),
        })
    }

    /// A process of its own, as far as the database knows. In memory there is one alone.
    pub(crate) async fn open(&self) -> Arc<dyn ApprovalStore> {
        self.try_open().await.expect("a store")
    }

    /// Records the start of a run, as the gateway does before it asks.
    pub(crate) async fn start(&self, run: &str, principal: &Principal) {
        if let Some(journal) = &self.journal {
            journal.append_durable(of(principal, run, started("crm.send()"))).await.expect("kept");
        }
    }

    /// A run of a key that waits for approvals of its calls with these numbers.
    pub(crate) async fn asked(&self, store: &Arc<dyn ApprovalStore>, run: &str, calls: &[u64]) -> Vec<Approval> {
        self.start(run, &key("ci")).await;
        let new: Vec<_> = calls.iter().map(|call| new(run, *call)).collect();
        store.hold(&held(run), &new, &ROOM).await.expect("asked")
    }
}

pub(crate) fn key(name: &str) -> Principal {
    Principal::Key(name.into())
}

pub(crate) fn held(run: &str) -> HeldRun {
    held_by(run, "process-1")
}

pub(crate) fn held_by(run: &str, holder: &str) -> HeldRun {
    HeldRun {
        run: RunId::new(run),
        principal: key("ci"),
        role: Some("support".into()),
        profile: Some("p".into()),
        script: format!("# {SECRET}\ncrm.send()"),
        script_sha256: "5c".repeat(32),
        calls: vec![ScriptCall { tool: ToolName::new("crm", "send"), lines: vec![2], needs_approval: true }],
        unpredicted: vec!["line 3 calls a tool by a computed name".into()],
        lease: lease(holder, NOW_MS + 100),
    }
}

pub(crate) fn lease(holder: &str, until_ms: u64) -> Lease {
    Lease { holder: holder.into(), until_ms }
}

pub(crate) fn id(run: &str, call: u64) -> ApprovalId {
    ApprovalId::new(format!("{run}-{call:04}"))
}

pub(crate) fn new(run: &str, call: u64) -> NewApproval {
    NewApproval {
        id: id(run, call),
        call: Some(CallId(call)),
        tool: Some(ToolName::new("crm", "send")),
        arguments: format!("{{ \"to\":\"{SECRET}\u{202e}\\u0000\", \"n\": 1.50, \"call\":{call}}}"),
        arguments_sha256: "a5".repeat(32),
        tool_sha256: Some("70".repeat(32)),
        line: Some(2),
        rule: "roles.support.approve: crm.send".into(),
        may_have_happened: false,
        created_ms: NOW_MS,
        expires_ms: EXPIRES_MS,
    }
}

/// An answer of the operator to what was shown of this approval.
pub(crate) fn answer(approval: &Approval) -> ApprovalAnswer {
    ApprovalAnswer {
        by: Principal::Operator,
        channel: ApprovalChannel::Cli,
        at_ms: NOW_MS + 1,
        reason: Some(format!("{SECRET}: looks right")),
        shown_sha256: approval.shown_sha256.clone(),
    }
}

/// The kind of the error.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ApprovalError>) -> ApprovalErrorKind {
    result.expect_err("refused").kind()
}

/// The state of an approval.
pub(crate) async fn state(store: &Arc<dyn ApprovalStore>, id: &ApprovalId) -> ApprovalState {
    store.get(id).await.expect("read").expect("there").state
}
