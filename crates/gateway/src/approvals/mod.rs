//! Approvals: asking a person about calls and scripts, waiting for the answer, and parking runs meanwhile.
//!
//! A call that the policy holds is [asked about](RunHolds::answer) and waits. Its run [is parked](RunHolds::parked) when it has waited for
//! nothing else long enough: nothing of it is left in the process but the record. `coming_back.rs` brings it back.

mod answered;
mod card;
mod holder;
mod parking;
mod places;
mod questions;
mod run_holds;
mod waiters;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use exuvia_config::ApprovalLimits;
use exuvia_journal::{Approval, ApprovalBounds, ApprovalFilter, ApprovalState, ApprovalStore};
use exuvia_tool::{ApprovalId, RunId};

use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::page_questions::{OpenQuestion, OpenQuestions};

pub(crate) use answered::{Answered, outcome};
pub(crate) use card::ApprovalCard;
pub(crate) use holder::Lease;
pub(crate) use parking::{Parked, RunEnding};
pub(crate) use questions::{arguments_sha256, tool_sha256};
pub(crate) use run_holds::RunHolds;

use holder::Leases;
use waiters::Waiters;

/// How long a run belongs to a process that does not say so again, unless something else is configured.
const LEASE: Duration = Duration::from_secs(10);

/// How many calls of one run are asked about at a time, unless something else is configured: a person sees them together.
const HELD_TOGETHER: usize = 256;

/// How approvals are kept and bounded.
#[derive(Clone)]
pub struct ApprovalConfig {
    /// Where they are kept.
    pub store: Arc<dyn ApprovalStore>,
    /// How many may wait.
    pub bounds: ApprovalBounds,
    /// How long an approval can be answered and used. Default: 24 hours.
    pub expires: Duration,
    /// How long a run belongs to a process that does not say so again: as long a run stays where it is after its process was killed. Default:
    /// 10 s.
    pub lease: Duration,
    /// How many calls of one run are asked about at a time. Further ones that need an approval wait until one of these is answered. No more than
    /// may be [pending](Self::bounds). Default: 256.
    pub held_together: usize,
    /// Whether processes with folders of their own share the store: a run whose guest is not kept here may be brought back there. Default: no.
    pub is_shared: bool,
}

/// Where people answer.
pub trait ApprovalLinks: Send + Sync {
    /// The address of the page of an approval, with what answers the approvals of its run: for a person alone. None: there is no page.
    fn link(&self, run: &RunId, approval: &ApprovalId) -> Option<String>;

    /// The address of the page of an approval, for whoever is logged in there. It is no credential. None: there is no page.
    fn page(&self, approval: &ApprovalId) -> Option<String>;

    /// The address of the page of a question of a server, with what answers what is asked of its run: for a person alone. None: there is no
    /// page.
    fn question_link(&self, run: &RunId, question: &str) -> Option<String>;
}

/// A way by which people are asked beside the link. Whoever is asked answers by [`Gateway::answer_approval`](crate::Gateway::answer_approval).
pub trait ApprovalNotices: Send + Sync {
    /// A run waits for these approvals, and for nothing else. Each approval comes once; several that are asked together come together. Must
    /// not block.
    fn asked(&self, asked: &AskedApprovals);

    /// A server asks a person something in the middle of a call. Must not block.
    fn question_asked(&self, _question: &OpenQuestion) {}
}

/// Approvals that are asked together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AskedApprovals {
    /// The run that waits.
    pub run: RunId,
    /// The name of the client that the script came from, as long as it waits for the run.
    pub client: Option<Arc<str>>,
    /// Whether the user of that client may answer.
    pub by_client: bool,
    /// The approvals.
    pub approvals: Vec<Approval>,
}

/// The approvals of a gateway.
pub(crate) struct Approvals {
    pub(crate) config: ApprovalConfig,
    pub(crate) leases: Leases,
    pub(crate) waiters: Waiters,
    pub(crate) metrics: Arc<Metrics>,
    /// What servers ask people meanwhile.
    pub(crate) questions: Arc<OpenQuestions>,
    ids: Ids,
    links: OnceLock<Arc<dyn ApprovalLinks>>,
    notices: RwLock<Vec<Arc<dyn ApprovalNotices>>>,
    /// The version of all approvals up to which answers were delivered.
    seen: Mutex<u64>,
}

impl ApprovalConfig {
    /// Approvals in this store, with the default limits.
    #[must_use]
    pub fn of(store: Arc<dyn ApprovalStore>) -> Self {
        Self::within(store, &ApprovalLimits::default(), LEASE)
    }

    /// Approvals in this store, within these limits. `lease`: where they say nothing of it.
    #[must_use]
    pub fn within(store: Arc<dyn ApprovalStore>, limits: &ApprovalLimits, lease: Duration) -> Self {
        let bounds = ApprovalBounds {
            pending_per_principal: limits.pending_per_principal,
            pending: limits.pending,
            runs_per_principal: limits.waiting_runs_per_principal,
            runs: limits.waiting_runs,
        };
        let lease = limits.lease.unwrap_or(lease);
        Self { store, bounds, expires: limits.expires, lease, held_together: HELD_TOGETHER, is_shared: false }
    }

    /// How many calls of one run are asked about at a time: at least one.
    fn places(&self) -> usize {
        let pending = self.bounds.pending.min(self.bounds.pending_per_principal);
        self.held_together.min(usize::try_from(pending).unwrap_or(usize::MAX)).max(1)
    }
}

impl fmt::Debug for ApprovalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bounds, expires, .. } = self;
        f.debug_struct("ApprovalConfig").field("bounds", bounds).field("expires", expires).finish_non_exhaustive()
    }
}

impl Approvals {
    pub(crate) fn new(config: ApprovalConfig, ids: Ids, metrics: Arc<Metrics>) -> Arc<Self> {
        let leases = Leases::new(ids.run().to_string(), config.lease);
        let (waiters, questions, links, notices, seen) = Default::default();
        Arc::new(Self { config, leases, waiters, metrics, questions, ids, links, notices, seen })
    }

    pub(crate) fn store(&self) -> &dyn ApprovalStore {
        &*self.config.store
    }

    /// Whether a run has, or may soon have, an answer that it waits for.
    pub(crate) async fn is_waited_for(&self) -> bool {
        let (state, limit) = (Some(ApprovalState::Pending), 1);
        let filter = ApprovalFilter { state, limit, ..ApprovalFilter::default() };
        !self.leases.is_empty() || self.store().list(&filter).await.map_or(true, |pending| !pending.is_empty())
    }

    /// The id of another approval.
    pub(crate) fn next_id(&self) -> ApprovalId {
        ApprovalId::new(self.ids.run().to_string())
    }

    /// Where a person answers an approval, with what lets them.
    pub(crate) fn link(&self, run: &RunId, approval: &ApprovalId) -> Option<String> {
        self.links.get()?.link(run, approval)
    }

    /// What the client of a run is given of that. Whoever has a role must not be able to answer: their models read it.
    pub(crate) fn shown_link(&self, approval: &Approval) -> Option<String> {
        match approval.role {
            None => self.link(&approval.run, &approval.id),
            Some(_) => self.links.get()?.page(&approval.id),
        }
    }

    /// Whether there is a place where people answer.
    pub(crate) fn has_page(&self) -> bool {
        self.links.get().is_some()
    }

    /// Where a person answers what a server asks, with what lets them.
    pub(crate) fn question_link(&self, question: &OpenQuestion) -> Option<String> {
        self.links.get()?.question_link(&question.run, &question.id)
    }

    pub(crate) fn tell_of_question(&self, question: &OpenQuestion) {
        self.notices().iter().for_each(|notices| notices.question_asked(question));
    }

    fn notices(&self) -> Vec<Arc<dyn ApprovalNotices>> {
        self.notices.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_links(&self, links: Arc<dyn ApprovalLinks>) {
        // Set once, when whatever serves the page has its address.
        let _ = self.links.set(links);
    }

    pub(crate) fn add_notices(&self, notices: Arc<dyn ApprovalNotices>) {
        self.notices.write().unwrap_or_else(PoisonError::into_inner).push(notices);
    }

    pub(crate) fn tell(&self, asked: &AskedApprovals) {
        self.notices().iter().for_each(|notices| notices.asked(asked));
    }

    /// Waits until an approval is pending no more.
    pub(crate) async fn settled(&self, id: &ApprovalId) {
        let mut waiter = self.waiters.enter(id);
        loop {
            match self.store().get(id).await {
                Ok(Some(approval)) if approval.state == ApprovalState::Pending => {}
                Ok(_) => return,
                // It may be, when something changes.
                Err(error) => tracing::warn!(approval.id = %id, error = format!("{error:#}"), "approval not read"),
            }
            waiter.changed().await;
        }
    }

    /// Wakes the calls whose approvals were written since the last time, by whichever process.
    pub(crate) async fn deliver(&self) {
        loop {
            let after = *exuvia_tool::locked(&self.seen);
            let changes = match self.store().changes(after).await {
                Ok(changes) => changes,
                Err(error) => return tracing::warn!(error = format!("{error:#}"), "approvals not read"),
            };
            self.waiters.wake(changes.approvals.iter().map(|approval| &approval.id), changes.version < after);
            *exuvia_tool::locked(&self.seen) = changes.version;
            if changes.is_whole {
                return;
            }
        }
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
