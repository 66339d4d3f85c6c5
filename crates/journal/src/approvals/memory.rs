//! Approvals that live as long as the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_tool::{ApprovalId, BoxFuture, Principal, RunId};
use tokio::sync::watch;

use super::record::entry;
use super::{
    Approval, ApprovalAnswer, ApprovalBounds, ApprovalChanges, ApprovalContent, ApprovalError, ApprovalErrorKind,
    ApprovalFilter, ApprovalState, ApprovalStore, HeldRun, HoldEnd, Lease, MAX_LISTED, NewApproval, OVER, WaitingRun,
    WaitingState, check_answer, check_sizes,
};
use crate::Journal;

/// Approvals, and the runs that wait for them, in memory. Answers are recorded in the journal that it is given.
pub struct MemoryApprovals {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    journal: Arc<dyn Journal>,
}

#[derive(Default)]
struct State {
    version: u64,
    approvals: BTreeMap<ApprovalId, Kept>,
    runs: BTreeMap<RunId, KeptRun>,
}

struct Kept {
    approval: Approval,
    arguments: String,
}

struct KeptRun {
    held: HeldRun,
    state: WaitingState,
    lease: Option<Lease>,
    since_ms: u64,
    claims: u64,
    seen: u64,
    ended_ms: u64,
}

impl MemoryApprovals {
    /// A store without approvals, which records answers in this journal.
    pub fn new(journal: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: watch::Sender::new(0), journal })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and notifies those who watch.
    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.state());
        self.changed.send_modify(|changes| *changes += 1);
        done
    }
}

impl KeptRun {
    fn is_waiting(&self) -> bool {
        matches!(self.state, WaitingState::Held | WaitingState::Parked)
    }

    fn is_free(&self, now_ms: u64) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.until_ms <= now_ms)
    }

    fn is_held_by(&self, holder: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.holder == holder)
    }
}

impl State {
    fn hold(
        &mut self,
        run: &HeldRun,
        asked: &[NewApproval],
        bounds: &ApprovalBounds,
    ) -> Result<Vec<Approval>, ApprovalError> {
        let refused = |kind| Err(ApprovalError::new(kind));
        if let Some(kept) = self.runs.get(&run.run)
            && !(kept.is_waiting() && kept.is_held_by(&run.lease.holder))
        {
            return refused(ApprovalErrorKind::Conflict);
        }
        let is_open = |new: &NewApproval| {
            self.of_run(&run.run).any(|kept| kept.approval.call == new.call && kept.approval.state.is_open())
        };
        if asked.iter().any(|new| self.approvals.contains_key(&new.id) || is_open(new)) {
            return refused(ApprovalErrorKind::Conflict);
        }
        if !self.has_room(run, asked.len() as u64, bounds) {
            return refused(ApprovalErrorKind::Full);
        }
        let since_ms = asked.iter().map(|new| new.created_ms).max().unwrap_or_default();
        let kept = self.runs.entry(run.run.clone()).or_insert_with(|| KeptRun {
            held: run.clone(),
            state: WaitingState::Held,
            lease: None,
            since_ms,
            claims: 0,
            seen: 0,
            ended_ms: 0,
        });
        (kept.lease, kept.since_ms, kept.state) = (Some(run.lease.clone()), since_ms, WaitingState::Held);
        let asked = asked.iter().map(|new| {
            self.version += 1;
            let approval = Approval { version: self.version, ..Approval::asked(run, new) };
            let kept = Kept { approval: approval.clone(), arguments: new.arguments.clone() };
            self.approvals.insert(approval.id.clone(), kept);
            approval
        });
        Ok(asked.collect())
    }

    fn has_room(&self, run: &HeldRun, asked: u64, bounds: &ApprovalBounds) -> bool {
        let pending = self.approvals.values().filter(|kept| kept.approval.state == ApprovalState::Pending);
        let of = |principal: &Principal| *principal == run.principal;
        let (mut own, mut all) = (asked, asked);
        for kept in pending {
            all += 1;
            own += u64::from(of(&kept.approval.principal));
        }
        let others = self.runs.values().filter(|kept| kept.is_waiting() && kept.held.run != run.run);
        let (mut own_runs, mut all_runs) = (1, 1);
        for kept in others {
            all_runs += 1;
            own_runs += u64::from(of(&kept.held.principal));
        }
        own <= bounds.pending_per_principal
            && all <= bounds.pending
            && own_runs <= bounds.runs_per_principal
            && all_runs <= bounds.runs
    }

    fn of_run<'a>(&'a self, run: &'a RunId) -> impl Iterator<Item = &'a Kept> {
        self.approvals.values().filter(move |kept| kept.approval.run == *run)
    }

    fn set(&mut self, id: &ApprovalId, change: impl FnOnce(&mut Approval)) -> Result<Approval, ApprovalError> {
        let kept = self.approvals.get_mut(id).ok_or_else(unknown)?;
        self.version += 1;
        kept.approval.version = self.version;
        change(&mut kept.approval);
        Ok(kept.approval.clone())
    }

    fn waiting(&self, run: &RunId) -> Option<WaitingRun> {
        let kept = self.runs.get(run)?;
        let answered = |approval: &Approval| {
            approval.version > kept.seen
                && matches!(approval.state, ApprovalState::Approved | ApprovalState::Denied | ApprovalState::Expired)
        };
        let count = |fits: &dyn Fn(&Approval) -> bool| self.of_run(run).filter(|kept| fits(&kept.approval)).count();
        Some(WaitingRun {
            run: run.clone(),
            principal: kept.held.principal.clone(),
            role: kept.held.role.clone(),
            profile: kept.held.profile.clone(),
            state: kept.state.clone(),
            since_ms: kept.since_ms,
            claims: kept.claims,
            lease: kept.lease.clone(),
            pending: count(&|approval| approval.state == ApprovalState::Pending) as u64,
            answered: count(&answered) as u64,
        })
    }

    fn ready(&self, now_ms: u64, limit: usize) -> Vec<WaitingRun> {
        let free = self.runs.values().filter(|kept| kept.is_waiting() && kept.is_free(now_ms));
        let mut ready: Vec<_> = free.filter_map(|kept| self.waiting(&kept.held.run)).collect();
        ready.retain(|run| run.state == WaitingState::Held || run.answered > 0);
        ready.sort_by_key(|run| run.since_ms);
        ready.truncate(limit.min(MAX_LISTED));
        ready
    }

    fn claim(&mut self, run: &RunId, lease: &Lease, now_ms: u64) -> bool {
        let Some(kept) = self.runs.get_mut(run).filter(|kept| kept.is_waiting()) else { return false };
        let is_own = kept.is_held_by(&lease.holder);
        if !is_own && !kept.is_free(now_ms) {
            return false;
        }
        kept.claims += u64::from(!is_own);
        (kept.lease, kept.state) = (Some(lease.clone()), WaitingState::Held);
        true
    }

    fn release(&mut self, run: &RunId, holder: &str, end: &HoldEnd, now_ms: u64) -> bool {
        let is_own = |kept: &&mut KeptRun| kept.is_waiting() && kept.is_held_by(holder);
        let Some(kept) = self.runs.get_mut(run).filter(is_own) else { return false };
        (kept.lease, kept.ended_ms) = (None, now_ms);
        kept.state = match end {
            HoldEnd::Parked { seen } => {
                kept.seen = *seen;
                WaitingState::Parked
            }
            HoldEnd::Done => WaitingState::Done,
            HoldEnd::Void(reason) => WaitingState::Void(reason.clone()),
        };
        match end {
            HoldEnd::Parked { .. } => {}
            HoldEnd::Done => self.void(run, OVER),
            HoldEnd::Void(reason) => self.void(run, reason),
        }
        true
    }

    fn void(&mut self, run: &RunId, reason: &str) {
        let open: Vec<_> = self.of_run(run).filter(|kept| kept.approval.state.is_open()).collect();
        for id in open.into_iter().map(|kept| kept.approval.id.clone()).collect::<Vec<_>>() {
            let voided = |approval: &mut Approval| {
                (approval.state, approval.void_reason) = (ApprovalState::Void, Some(reason.to_owned()));
            };
            // It is there.
            let _ = self.set(&id, voided);
        }
    }

    /// Whether an approval has expired.
    fn sweep(&mut self, now_ms: u64, keep_ms: u64) -> bool {
        let over = |kept: &&Kept| kept.approval.state.is_open() && kept.approval.expires_ms <= now_ms;
        let over: Vec<_> = self.approvals.values().filter(over).map(|kept| kept.approval.id.clone()).collect();
        let has_changed = !over.is_empty();
        for id in over {
            // It is there.
            let _ = self.set(&id, |approval| approval.state = ApprovalState::Expired);
        }
        let before_ms = now_ms.saturating_sub(keep_ms);
        self.runs.retain(|_, kept| kept.is_waiting() || kept.ended_ms >= before_ms);
        let runs = &self.runs;
        self.approvals.retain(|_, kept| runs.contains_key(&kept.approval.run));
        has_changed
    }
}

impl ApprovalStore for MemoryApprovals {
    fn hold<'a>(
        &'a self,
        run: &'a HeldRun,
        asked: &'a [NewApproval],
        bounds: &'a ApprovalBounds,
    ) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        let held = check_sizes(run, asked).and_then(|()| self.change(|state| state.hold(run, asked, bounds)));
        Box::pin(ready(held))
    }

    fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        let state = self.state();
        let newest = state.approvals.values().rev().map(|kept| &kept.approval);
        let fitting = newest.filter(|approval| {
            filter.state.is_none_or(|state| state == approval.state)
                && filter.principal.as_ref().is_none_or(|principal| *principal == approval.principal)
                && filter.run.as_ref().is_none_or(|run| *run == approval.run)
                && filter.before.as_ref().is_none_or(|before| approval.id < *before)
        });
        Box::pin(ready(Ok(fitting.take(filter.limit()).cloned().collect())))
    }

    fn get<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<Approval>, ApprovalError>> {
        Box::pin(ready(Ok(self.state().approvals.get(id).map(|kept| kept.approval.clone()))))
    }

    fn content<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<ApprovalContent>, ApprovalError>> {
        let state = self.state();
        let content = state.approvals.get(id).and_then(|kept| {
            let held = &state.runs.get(&kept.approval.run)?.held;
            Some(ApprovalContent {
                arguments: kept.arguments.clone(),
                script: held.script.clone(),
                calls: held.calls.clone(),
                unpredicted: held.unpredicted.clone(),
            })
        });
        Box::pin(ready(Ok(content)))
    }

    fn answer<'a>(
        &'a self,
        id: &'a ApprovalId,
        allow: bool,
        answer: &'a ApprovalAnswer,
    ) -> BoxFuture<'a, Result<Approval, ApprovalError>> {
        Box::pin(async move {
            let answered = self.change(|state| {
                check_answer(&state.approvals.get(id).ok_or_else(unknown)?.approval, answer)?;
                state.set(id, |approval| {
                    approval.state = if allow { ApprovalState::Approved } else { ApprovalState::Denied };
                    approval.answer = Some(answer.clone());
                })
            })?;
            let recorded = self.journal.append_durable(entry(&answered, allow, answer)).await;
            recorded.map_err(|error| ApprovalError::new(ApprovalErrorKind::Unavailable).caused_by(error))?;
            Ok(answered)
        })
    }

    fn take<'a>(&'a self, id: &'a ApprovalId, now_ms: u64) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        let taken = self.change(|state| {
            let approval = &state.approvals.get(id).ok_or_else(unknown)?.approval;
            if approval.state != ApprovalState::Approved || approval.expires_ms <= now_ms {
                return Ok(false);
            }
            state.set(id, |approval| {
                (approval.state, approval.used_ms) = (ApprovalState::Used, Some(now_ms));
            })?;
            Ok(true)
        });
        Box::pin(ready(taken))
    }

    fn waiting<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<WaitingRun>, ApprovalError>> {
        Box::pin(ready(Ok(self.state().waiting(run))))
    }

    fn ready(&self, now_ms: u64, limit: usize) -> BoxFuture<'_, Result<Vec<WaitingRun>, ApprovalError>> {
        Box::pin(ready(Ok(self.state().ready(now_ms, limit))))
    }

    fn claim<'a>(
        &'a self,
        run: &'a RunId,
        lease: &'a Lease,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        Box::pin(ready(Ok(self.state().claim(run, lease, now_ms))))
    }

    fn release<'a>(
        &'a self,
        run: &'a RunId,
        holder: &'a str,
        end: &'a HoldEnd,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        Box::pin(ready(Ok(self.change(|state| state.release(run, holder, end, now_ms)))))
    }

    fn changes(&self, after: u64) -> BoxFuture<'_, Result<ApprovalChanges, ApprovalError>> {
        let state = self.state();
        let changed = state.approvals.values().map(|kept| &kept.approval).filter(|approval| approval.version > after);
        let mut approvals: Vec<_> = changed.cloned().collect();
        approvals.sort_by_key(|approval| approval.version);
        approvals.truncate(MAX_LISTED);
        Box::pin(ready(Ok(ApprovalChanges::of(state.version, approvals))))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn sweep(&self, now_ms: u64, keep_ms: u64) -> BoxFuture<'_, Result<bool, ApprovalError>> {
        if self.state().sweep(now_ms, keep_ms) {
            self.changed.send_modify(|changes| *changes += 1);
        }
        Box::pin(ready(Ok(false)))
    }
}

impl std::fmt::Debug for MemoryApprovals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryApprovals").finish_non_exhaustive()
    }
}

fn unknown() -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Unknown)
}
