//! What is held of one run, and asking about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use exuvia_journal::{Approval, ApprovalError, ApprovalErrorKind, ApprovalState, NewApproval};
use exuvia_replay::RecordedRun;
use exuvia_runtime::ActiveTime;
use exuvia_tool::{ApprovalId, CallId, HeldApproval, HeldCall, RunId, ToolCall, ToolName, locked};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::answered::{Answered, is_same, is_usable, outcome};
use super::card::ApprovalCard;
use super::places::{HoldPlace, HoldPlaces};
use super::{Approvals, AskedApprovals, Lease, tool_sha256};
use crate::client_questions::{AskedApproval, ClientQuestion};
use crate::ids::now_ms;
use crate::record::RunRecord;

/// What waits for approvals of one run, and what is needed to ask for them.
pub(crate) struct RunHolds {
    pub(super) approvals: Arc<Approvals>,
    pub(crate) run: RunId,
    card: ApprovalCard,
    pub(crate) active: Arc<ActiveTime>,
    /// How long the run waits before it is parked.
    pub(super) hold: Duration,
    /// Its record, if it can be brought back by that.
    pub(super) can_park: Option<Arc<RunRecord>>,
    pub(super) lease: OnceLock<Lease>,
    /// Cancelled when another process has the run.
    pub(crate) lost: CancellationToken,
    /// What was asked, by call. None: the start of the script.
    pub(super) asked: Mutex<BTreeMap<Option<CallId>, (Approval, HeldCall)>>,
    /// Something else is asked.
    pub(super) more: Notify,
    told: Mutex<BTreeSet<ApprovalId>>,
    /// Its calls that wait for an answer, of which there is none, or for a place to be asked about.
    pub(super) places: HoldPlaces,
    pub(super) is_parked: AtomicBool,
    /// It was brought back and parked again before it was where its record ends: its answers wait for it as before.
    pub(super) has_taken_nothing: AtomicBool,
}

impl RunHolds {
    pub(crate) fn new(
        approvals: &Arc<Approvals>,
        run: RunId,
        card: ApprovalCard,
        active: Arc<ActiveTime>,
        hold: Duration,
        can_park: Option<Arc<RunRecord>>,
        claimed: Option<Lease>,
    ) -> Arc<Self> {
        let lost = claimed.as_ref().map(Lease::lost).unwrap_or_default();
        let lease = claimed.map_or_else(OnceLock::new, OnceLock::from);
        let (asked, more, told, is_parked, has_taken_nothing) = Default::default();
        let places = HoldPlaces::new(approvals.config.places());
        let approvals = Arc::clone(approvals);
        Arc::new(Self {
            approvals,
            run,
            card,
            active,
            hold,
            can_park,
            lease,
            lost,
            asked,
            more,
            told,
            places,
            is_parked,
            has_taken_nothing,
        })
    }

    /// The run was claimed: this is what was asked of it before, and what is recorded of it.
    pub(crate) fn resumed(&self, asked: Vec<Approval>, recorded: &RecordedRun) {
        // Whoever was told of them is not told again.
        locked(&self.told).extend(asked.iter().map(|approval| approval.id.clone()));
        let mut known = locked(&self.asked);
        // The latest of each call comes first.
        for approval in asked.into_iter().rev() {
            let held = HeldCall {
                id: approval.call,
                name: approval.tool.clone().unwrap_or_else(|| ToolName::new("", "")),
                arguments: None,
                allow: String::new(),
                approval: None,
            };
            known.insert(approval.call, (approval, held));
        }
        // A call whose answer is recorded is not held again.
        let is_open = |(call, (approval, _)): &(&Option<CallId>, &(Approval, HeldCall))| {
            is_usable(approval.state) && call.is_some_and(|call| recorded.is_open(call))
        };
        self.places.keep(known.iter().filter(is_open).count());
    }

    fn begin(&self, until_ms: u64) {
        let begin = || Lease::begin(&self.approvals, &self.run, until_ms, self.lost.clone());
        self.lease.get_or_init(begin).renewed(until_ms);
    }

    /// Whether something of the run was ever held.
    pub(crate) fn is_begun(&self) -> bool {
        self.lease.get().is_some()
    }

    /// Whether calls of the run may be made: no other process makes them.
    ///
    /// # Errors
    ///
    /// That cannot be known for the moment.
    pub(crate) async fn may_go_on(&self) -> Result<bool, ApprovalError> {
        match self.lease.get() {
            Some(lease) => lease.holds().await,
            None => Ok(true),
        }
    }

    /// Whether another process has it.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// The digest of what the server says now of a tool, for those who see what the client of the run does.
    pub(crate) fn tool_sha256(&self, name: &ToolName) -> Option<String> {
        let (profile, role) = (self.card.profile.as_deref(), self.card.role.as_deref());
        let view = match role {
            None => self.card.view_store.view(profile),
            Some(role) => self.card.view_store.role_view(profile, role),
        }?;
        let namespace = &view.scripts().namespace;
        Some(tool_sha256(namespace.server(&name.server)?.tool(&name.tool)?))
    }

    /// What is asked about a call, or about the start of the script.
    pub(crate) fn question(
        &self,
        call: Option<ToolCall>,
        (arguments, arguments_sha256): (String, String),
        tool_sha256: Option<String>,
        (rule, may_have_happened): (String, bool),
        now_ms: u64,
    ) -> NewApproval {
        let expires = u64::try_from(self.approvals.config.expires.as_millis()).unwrap_or(u64::MAX);
        NewApproval {
            id: self.approvals.next_id(),
            call: call.as_ref().map(|call| call.id),
            line: call.as_ref().and_then(|call| call.line),
            tool: call.map(|call| call.name),
            arguments,
            arguments_sha256,
            tool_sha256,
            rule,
            may_have_happened,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(expires),
        }
    }

    /// The digest of the script.
    pub(crate) fn script_sha256(&self) -> &str {
        &self.card.script_sha256
    }

    /// Whether somebody was asked about a call.
    pub(crate) fn was_asked(&self, call: CallId) -> bool {
        locked(&self.asked).contains_key(&Some(call))
    }

    /// Whether a call was asked about that was not made since.
    pub(crate) fn has_open(&self, call: CallId) -> bool {
        locked(&self.asked).get(&Some(call)).is_some_and(|(approval, _)| is_usable(approval.state))
    }

    /// Waits until a call may be asked about. What was asked before has its place: it may be all that the run waits for.
    pub(crate) async fn place(&self, call: CallId) -> Option<HoldPlace<'_>> {
        let place = self.places.enter(self.has_open(call)).await;
        if self.active.is_parked() {
            // It was another one's, whose call was given up because the run is parked.
            return std::future::pending().await;
        }
        place
    }

    /// Asks about a call, or about the start of the script, and waits for the answer: of one that was asked before and not used, for that
    /// one.
    pub(crate) async fn answer(&self, held: HeldCall, new: NewApproval) -> Answered {
        let known = locked(&self.asked).get(&new.call).map(|(approval, _)| approval.clone());
        let approval = match known.filter(|approval| is_usable(approval.state)) {
            Some(same) if is_same(&same, &new) => {
                if let Some((_, call)) = locked(&self.asked).get_mut(&new.call) {
                    *call = held;
                }
                same
            }
            Some(_) => {
                return Answered::Not("what would be sent, or the tool, is not what was asked about".to_owned());
            }
            None => match self.ask(held, &new).await {
                Ok(approval) => approval,
                Err(error) => return self.not_asked(&error),
            },
        };
        let _counted = self.approvals.metrics.call_held();
        let answered = self.answered(approval).await;
        if let Some((known, _)) = locked(&self.asked).get_mut(&answered.call) {
            *known = answered.clone();
        }
        outcome(answered)
    }

    async fn ask(&self, held: HeldCall, new: &NewApproval) -> Result<Approval, ApprovalError> {
        let _asking = self.approvals.leases.asks(&self.run);
        let lease = self.approvals.leases.next(now_ms());
        let until_ms = lease.until_ms;
        let run = self.card.held_run(&self.run, lease);
        let store = self.approvals.store();
        let mut kept = store.hold(&run, std::slice::from_ref(new), &self.approvals.config.bounds).await?;
        self.begin(until_ms);
        let approval = kept.pop().ok_or_else(|| ApprovalError::new(ApprovalErrorKind::Malformed))?;
        let mut held = held;
        held.approval = Some(HeldApproval {
            id: approval.id.clone(),
            line: approval.line,
            link: self.approvals.shown_link(&approval),
        });
        let (tool, id) = (&held.name, &approval.id);
        tracing::info!(run.id = %self.run, approval.id = %id, tool.name = %tool, rule = approval.rule, "approval asked");
        locked(&self.asked).insert(approval.call, (approval.clone(), held));
        self.more.notify_one();
        Ok(approval)
    }

    fn not_asked(&self, error: &ApprovalError) -> Answered {
        let shown = error.to_string();
        tracing::warn!(run.id = %self.run, error = format!("{error:#}"), "approval not asked");
        match error.kind() {
            ApprovalErrorKind::Unavailable | ApprovalErrorKind::Newer | ApprovalErrorKind::Malformed => {
                Answered::Unavailable(shown)
            }
            _ => Answered::Not(shown),
        }
    }

    /// Waits until an approval is pending no more.
    async fn answered(&self, mut approval: Approval) -> Approval {
        let mut waiter = self.approvals.waiters.enter(&approval.id);
        loop {
            match self.approvals.store().get(&approval.id).await {
                Ok(Some(now)) if now.state != ApprovalState::Pending => return now,
                Ok(Some(now)) => approval = now,
                Ok(None) => {
                    approval.state = ApprovalState::Void;
                    return approval;
                }
                Err(error) => {
                    tracing::warn!(approval.id = %approval.id, error = format!("{error:#}"), "approval not read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            }
            let _waiting = self.places.wait();
            waiter.changed().await;
        }
    }

    /// Uses an approval: once, and before it expires.
    pub(crate) async fn take(&self, approval: &Approval) -> Result<(), Answered> {
        match self.approvals.store().take(&approval.id, now_ms()).await {
            Ok(true) => {
                if let Some((known, _)) = locked(&self.asked).get_mut(&approval.call) {
                    known.state = ApprovalState::Used;
                }
                Ok(())
            }
            Ok(false) => Err(Answered::Not("its approval has expired or was used".to_owned())),
            Err(error) => Err(Answered::Unavailable(error.to_string())),
        }
    }

    /// Waits for the answer about the start of the script: None where there is none in time.
    pub(crate) async fn start(
        &self,
        held: HeldCall,
        new: NewApproval,
        stopping: &CancellationToken,
    ) -> Option<Answered> {
        let mut answer = std::pin::pin!(self.answer(held, new));
        let mut hold = std::pin::pin!(tokio::time::sleep(self.hold));
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                answered = &mut answer => return Some(answered),
                () = &mut hold, if self.is_begun() => break,
                () = stopping.cancelled(), if self.is_begun() => break,
                () = tokio::time::sleep(Duration::from_millis(5)), if !is_told => {
                    is_told = self.is_begun();
                    self.tell();
                }
            }
        }
        self.park();
        None
    }

    /// The tools that a person was asked about before the script started.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(crate) async fn start_tools(&self, start: &ApprovalId) -> Result<BTreeSet<ToolName>, String> {
        let content = self.approvals.store().content(start).await.map_err(|error| error.to_string())?;
        let calls = content.into_iter().flat_map(|content| content.calls);
        Ok(calls.filter(|call| call.needs_approval).map(|call| call.tool).collect())
    }

    /// Tells of what is pending and was not told of before.
    pub(super) fn tell(&self) {
        let mut told = locked(&self.told);
        let asked = locked(&self.asked);
        let pending = asked.values().map(|(approval, _)| approval).filter(|one| one.state == ApprovalState::Pending);
        let approvals: Vec<_> = pending.filter(|approval| told.insert(approval.id.clone())).cloned().collect();
        drop((asked, told));
        if let Some(asker) = &self.card.asker {
            for approval in &approvals {
                let link = self.approvals.link(&self.run, &approval.id);
                let asked = AskedApproval { approval: approval.clone(), link };
                asker.ask(ClientQuestion::Approval(Box::new(asked)));
            }
        }
        if !approvals.is_empty() {
            let client = self.card.client.clone();
            let by_client = self.card.client_approves;
            self.approvals.tell(&AskedApprovals { run: self.run.clone(), client, by_client, approvals });
        }
    }
}
