//! Runs that wait for approvals: followed, and brought back when they can go on, by whichever process.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalContent, ApprovalError, ApprovalErrorKind, ApprovalFilter, ApprovalState,
    Archive, Event, HoldEnd, Record, RunEnd, RunError, RunUsage, WaitingRun, WaitingState,
};
use exuvia_replay::{GuestError, NotReplayable, RecordedRun, ReplayError, Resume};
use exuvia_runtime::{Engine, Script};
use exuvia_tool::{ApprovalId, CallContext, Origin, RunId};
use futures_util::FutureExt as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::approvals::{ApprovalLinks, ApprovalNotices, Approvals, Lease};
use crate::gateway::StartedRun;
use crate::ids::now_ms;
use crate::page_questions::{OpenQuestion, OpenQuestions};
use crate::repair::Repair;
use crate::run_part::Resumed;
use crate::run_span;
use crate::{Client, Gateway, StartedBy, View};

/// How often changes of other processes are looked for.
const POLL: Duration = Duration::from_millis(500);
/// The same, while nothing waits for an answer.
const IDLE: Duration = Duration::from_secs(5);
/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// How long nobody follows them after that broke off.
const AGAIN: Duration = Duration::from_millis(500);
/// How long what is over can be asked for, in milliseconds.
const KEEP_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The most runs that are looked at in a turn.
const IN_A_TURN: usize = 1_000;
/// How long a run whose guest is not kept here waits for a process that has kept it, in milliseconds.
const ELSEWHERE_MS: u64 = 10 * 60 * 1_000;
/// How long an engine with another guest is kept that no run uses.
const GUEST_IDLE: Duration = Duration::from_secs(300);
/// How long a run waits for a place in the queue before it is tried again.
const BUSY: Duration = Duration::from_millis(200);
/// How long a run waits for servers that are starting.
const STARTING: Duration = Duration::from_secs(60);
/// The client that runs are brought back for: none is there.
const NOBODY: &str = "brought back";

impl Gateway {
    /// Follows approvals from now on, as long as the gateway exists: wakes calls whose approvals are answered, brings parked runs back, and
    /// those that another process has left. To be called once, where approvals are kept.
    pub fn follow_approvals(self: &Arc<Self>) {
        if let Some(approvals) = &self.approvals {
            self.threads.spawn(keep_following(Arc::downgrade(self), Arc::clone(approvals)));
        }
    }

    /// Brings no run back any more, because the process ends: another one does. Those that go on come to their end.
    pub fn stop_bringing_back(&self) {
        self.resumes.close();
    }

    /// Whether a run is being brought back, or was and goes on.
    #[must_use]
    pub fn is_bringing_back(&self) -> bool {
        self.resumes.available_permits() < self.engine.concurrent_runs().max(1) as usize
    }

    /// Sets where people answer. Once.
    pub fn set_approval_links(&self, links: Arc<dyn ApprovalLinks>) {
        if let Some(approvals) = &self.approvals {
            approvals.set_links(links);
        }
    }

    /// Adds a way by which people are asked.
    pub fn add_approval_notices(&self, notices: Arc<dyn ApprovalNotices>) {
        if let Some(approvals) = &self.approvals {
            approvals.add_notices(notices);
        }
    }

    /// The address of the page where an approval is answered. None: there is no page.
    #[must_use]
    pub fn approval_link(&self, run: &RunId, approval: &ApprovalId) -> Option<String> {
        self.approvals.as_ref()?.link(run, approval)
    }

    /// What servers ask people at the moment, in the middle of scripts' calls. None: nobody is asked here.
    #[must_use]
    pub fn open_questions(&self) -> Option<&Arc<OpenQuestions>> {
        self.approvals.as_ref().map(|approvals| &approvals.questions)
    }

    /// The address of the page where a question of a server is answered. None: there is no page.
    #[must_use]
    pub fn question_link(&self, question: &OpenQuestion) -> Option<String> {
        self.approvals.as_ref()?.question_link(question)
    }

    /// Counts a notification of a waiting approval that reached nobody, for the metrics.
    pub fn approval_notification_lost(&self) {
        self.metrics.notification_lost();
    }

    /// Answers an approval: records it, and has the run go on.
    ///
    /// # Errors
    ///
    /// As [`ApprovalStore::answer`](exuvia_journal::ApprovalStore::answer), and where nobody is asked.
    pub async fn answer_approval(
        &self,
        id: &ApprovalId,
        allow: bool,
        answer: &ApprovalAnswer,
    ) -> Result<Approval, ApprovalError> {
        let approvals = self.approvals.as_ref().ok_or_else(|| ApprovalError::new(ApprovalErrorKind::Unknown))?;
        let answered = approvals.store().answer(id, allow, answer).await?;
        let (by, channel, run) = (&answer.by, answer.channel.name(), &answered.run);
        tracing::info!(run.id = %run, approval.id = %id, principal = %by, channel, allow, "approval answered");
        approvals.deliver().await;
        Ok(answered)
    }

    /// What an approval is about. None: there is no such, or its run was erased.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn approval_content(&self, id: &ApprovalId) -> Result<Option<ApprovalContent>, ApprovalError> {
        match &self.approvals {
            Some(approvals) => approvals.store().content(id).await,
            None => Ok(None),
        }
    }

    /// Completes when an approval is pending no more, whoever answered.
    pub async fn approval_settled(&self, id: &ApprovalId) {
        if let Some(approvals) = &self.approvals {
            approvals.settled(id).await;
        }
    }

    /// Brings back what can go on.
    async fn bring_back_ready(self: &Arc<Self>, approvals: &Arc<Approvals>) {
        let ready = match approvals.store().ready(now_ms(), IN_A_TURN).await {
            Ok(ready) => ready,
            Err(error) => return tracing::warn!(error = format!("{error:#}"), "waiting runs not read"),
        };
        for waiting in ready {
            let Ok(turn) = Arc::clone(&self.resumes).try_acquire_owned() else { return };
            if approvals.leases.has(&waiting.run) || !self.goes_on(approvals, &waiting).await {
                continue;
            }
            let now = now_ms();
            let lease = approvals.leases.next(now);
            let reserved = Lease::reserve(approvals, &waiting.run, lease.until_ms, CancellationToken::new());
            let Some(reserved) = reserved else { continue };
            match approvals.store().claim(&waiting.run, &lease, now).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => return tracing::warn!(error = format!("{error:#}"), "waiting run not claimed"),
            }
            let (this, approvals) = (Arc::clone(self), Arc::clone(approvals));
            self.threads.spawn(async move {
                this.bring_back(&approvals, waiting, reserved).await;
                drop(turn);
            });
        }
    }

    /// Whether all is answered that a run waits for, or something that ends its wait for the rest. One whose process has left it is brought back
    /// in any case: what it did last may be unknown.
    async fn goes_on(&self, approvals: &Approvals, waiting: &WaitingRun) -> bool {
        if waiting.pending == 0 || waiting.state == WaitingState::Held {
            return true;
        }
        let filter = ApprovalFilter { run: Some(waiting.run.clone()), ..ApprovalFilter::default() };
        let all = approvals.store().list(&filter).await.unwrap_or_default();
        all.iter().any(|approval| matches!(approval.state, ApprovalState::Denied | ApprovalState::Expired))
    }

    async fn bring_back(self: &Arc<Self>, approvals: &Arc<Approvals>, waiting: WaitingRun, lease: Lease) {
        let run = waiting.run.clone();
        match self.resumable(approvals, &waiting).await {
            Ok(Some(parts)) => self.go_on(approvals, &waiting, parts, lease).await,
            // It is over, and its process did not come to say so.
            Ok(None) => give_back(&lease, &run, &HoldEnd::Done).await,
            Err(NotNow::Void(why)) => self.void(&lease, &waiting, why).await,
            Err(NotNow::Later(why)) => {
                tracing::warn!(run.id = %run, why, "run not brought back; tried again later");
                // Its lease ends.
            }
        }
    }

    /// What a run is brought back with. None: it is over.
    async fn resumable(&self, approvals: &Approvals, waiting: &WaitingRun) -> Result<Option<Parts>, NotNow> {
        let archive = self.archive.as_deref().ok_or_else(|| NotNow::Void("its record is not kept".to_owned()))?;
        let later = |error: String| NotNow::Later(error);
        let record = archive.record(waiting.run.as_str()).await.map_err(|error| later(format!("{error:#}")))?;
        let record = record.ok_or_else(|| NotNow::Void("nothing is recorded of it".to_owned()))?;
        if record.end().is_some() {
            return Ok(None);
        }
        let resume = resume(archive, &waiting.run).await?;
        if resume.recorded().start.session.is_some() {
            let why = "its session is as it was before it: send the script again";
            return Err(NotNow::Void(why.to_owned()));
        }
        let role = waiting.role.as_deref();
        let identity = self.access().identity_of(&waiting.principal, role);
        let identity = identity.map_err(|why| match why {
            exuvia_access::NoLonger::Unavailable => NotNow::Later(why.to_string()),
            why => NotNow::Void(format!("{}: {why}", waiting.principal)),
        })?;
        let filter = ApprovalFilter { run: Some(waiting.run.clone()), ..ApprovalFilter::default() };
        let asked = approvals.store().list(&filter).await.map_err(|error| later(format!("{error:#}")))?;
        let repair = repaired(archive, resume.recorded()).await?;
        let engine = self.engine_of(&resume, archive, approvals.config.is_shared && is_answered_lately(&asked)).await?;
        Ok(Some(Parts { resume, engine, identity, asked, before: used(&record), repair }))
    }

    /// The engine with the guest that a run was begun with: of another version of the program it is made from what the journal has kept.
    /// `may_be_elsewhere`: another process may have kept it.
    async fn engine_of(
        &self,
        resume: &Resume,
        archive: &dyn Archive,
        may_be_elsewhere: bool,
    ) -> Result<Engine, NotNow> {
        let engine = self.guest_engines.of(&resume.recorded().start.guest_sha256, archive).await;
        let engine = engine.map_err(|error| match error {
            GuestError::NotReplayable(why @ NotReplayable::GuestNotKept(_)) if may_be_elsewhere => {
                NotNow::Later(why.to_string())
            }
            GuestError::NotReplayable(why) => NotNow::Void(why.to_string()),
            error => NotNow::Later(error.to_string()),
        })?;
        resume.fits(&engine).map_err(|why| NotNow::Void(why.to_string()))?;
        Ok(engine)
    }

    /// What is seen of a profile when its servers have started, or have failed to: what was asked about is not compared with less.
    async fn view_with_servers(self: &Arc<Self>, profile: Option<&str>, role: Option<&str>) -> Option<Arc<View>> {
        let (mut changes, until) = (self.changes(), Instant::now() + STARTING);
        loop {
            let view = self.view_ready(profile, role).await?;
            let left = until.saturating_duration_since(Instant::now());
            let is_starting = view.scripts().namespace.absent().iter().any(exuvia_tool::Absent::is_starting);
            if !is_starting || left.is_zero() {
                return Some(view);
            }
            // Until the next change, or until it is too late.
            let _ = tokio::time::timeout(left, changes.changed()).await;
        }
    }

    async fn go_on(self: &Arc<Self>, approvals: &Arc<Approvals>, waiting: &WaitingRun, parts: Parts, lease: Lease) {
        let Parts { resume, engine, identity, asked, before, repair } = parts;
        let role = identity.role().cloned();
        let Some(view) = self.view_with_servers(waiting.profile.as_deref(), role.as_deref()).await else {
            return self.void(&lease, waiting, "its profile is not configured any more".to_owned()).await;
        };
        let client = Client::of(identity, NOBODY);
        let begun = Instant::now();
        let place = loop {
            match self.queue.enter(&client) {
                Ok(place) => break place,
                // Before its lease ends.
                Err(_) if begun.elapsed() < approvals.leases.renewal() => tokio::time::sleep(BUSY).await,
                Err(busy) => {
                    let run = &waiting.run;
                    return tracing::info!(run.id = %run, why = %busy, "run not brought back; tried again later");
                }
            }
        };
        let script = Script::new(resume.recorded().start.source.clone());
        let started =
            StartedRun { run: waiting.run.clone(), script, by: StartedBy::Client, repair: None, session: None, place };
        // Nobody follows it but by its name.
        let (mut prepared, span, _) = self.prepared(&view, &client, started);
        prepared.engine = engine;
        let resumed = Resumed { resume, before, asked, repair, lease };
        Box::pin(run_span::over(span, prepared.bring_back(resumed))).await;
    }

    /// Ends a run that cannot be brought back.
    async fn void(&self, lease: &Lease, waiting: &WaitingRun, why: String) {
        tracing::warn!(run.id = %waiting.run, why, "run is void");
        let context = CallContext::new(waiting.principal.clone(), Origin::Run(waiting.run.clone()));
        let error = RunError { kind: "void".to_owned(), message: why.clone(), ..RunError::default() };
        let end = RunEnd { outcome: "void".to_owned(), error: Some(error), ..RunEnd::default() };
        // One whose content was erased takes no entry.
        let _ = self.recorder.of(&context).require(Event::RunEnded(Box::new(end))).await;
        give_back(lease, &waiting.run, &HoldEnd::Void(why)).await;
    }
}

/// Whether other processes have not had much time to bring back a run since it was answered.
fn is_answered_lately(asked: &[Approval]) -> bool {
    let at_ms = |approval: &Approval| match approval.state {
        ApprovalState::Expired => Some(approval.expires_ms),
        _ => approval.answer.as_ref().map(|answer| answer.at_ms),
    };
    asked.iter().filter_map(at_ms).max().is_none_or(|at_ms| now_ms() < at_ms.saturating_add(ELSEWHERE_MS))
}

/// What a run is brought back with.
struct Parts {
    resume: Resume,
    engine: Engine,
    identity: Arc<exuvia_access::Identity>,
    asked: Vec<Approval>,
    before: RunUsage,
    repair: Option<Repair>,
}

/// Why a run is not brought back.
enum NotNow {
    /// It never will be.
    Void(String),
    /// Not for the moment.
    Later(String),
}

async fn resume(archive: &dyn Archive, run: &RunId) -> Result<Resume, NotNow> {
    Resume::load(archive, run).await.map_err(|error| match error {
        ReplayError::NotReplayable(NotReplayable::Unknown) => NotNow::Void("nothing is recorded of it".to_owned()),
        ReplayError::NotReplayable(why) => NotNow::Void(why.to_string()),
        error => NotNow::Later(error.to_string()),
    })
}

/// The earlier run whose answers a run takes further.
async fn repaired(archive: &dyn Archive, run: &RecordedRun) -> Result<Option<Repair>, NotNow> {
    let Some(of) = &run.start.repairs else { return Ok(None) };
    let record = archive.record(of.as_str()).await.map_err(|error| NotNow::Later(format!("{error:#}")))?;
    let earlier = record.and_then(|record| RecordedRun::of(&record).ok());
    let repair =
        Repair::new(earlier.ok_or_else(|| NotNow::Void(format!("run {of}, which it repairs, is not kept any more")))?);
    repair.pass(&run.calls);
    Ok(Some(repair))
}

/// What a run used before it was parked the last time, and what its calls have cost.
pub(crate) fn used(record: &Record) -> RunUsage {
    let parked = record.entries.iter().rev().find_map(|stamped| match &stamped.entry.event {
        Event::RunParked { usage, .. } => Some(*usage),
        _ => None,
    });
    let costs = record.entries.iter().filter_map(|stamped| match &stamped.entry.event {
        Event::CallIntended { cost, .. } => Some(*cost),
        _ => None,
    });
    RunUsage { cost: costs.sum(), ..parked.unwrap_or_default() }
}

async fn give_back(lease: &Lease, run: &RunId, end: &HoldEnd) {
    if let Err(error) = lease.end(end).await {
        tracing::warn!(run.id = %run, error = format!("{error:#}"), "run not given back");
    }
}

/// Follows approvals, and begins anew where that broke off by a mistake of ours: without it every run that waits would wait for ever.
async fn keep_following(gateway: Weak<Gateway>, approvals: Arc<Approvals>) {
    let followed = || AssertUnwindSafe(follow(gateway.clone(), Arc::clone(&approvals))).catch_unwind();
    while followed().await.is_err() {
        tracing::error!("approvals were not followed for a moment: a fault of this program; following them goes on");
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow(gateway: Weak<Gateway>, approvals: Arc<Approvals>) {
    let mut changed = approvals.store().watch();
    let mut renewals = tokio::time::interval(approvals.leases.renewal().max(Duration::from_millis(10)));
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_waited_for, mut swept) = (true, Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(if is_waited_for { POLL } else { IDLE }) => {}
            known = changed.changed() => if known.is_err() { return },
            _ = renewals.tick(), if !approvals.leases.is_empty() => {
                approvals.leases.renew(approvals.store()).await;
                continue;
            }
        }
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            if let Err(error) = approvals.store().sweep(now_ms(), KEEP_MS).await {
                tracing::warn!(error = format!("{error:#}"), "approvals not swept");
            }
        }
        approvals.deliver().await;
        let Some(gateway) = gateway.upgrade() else { return };
        gateway.guest_engines.give_up_unused(GUEST_IDLE);
        if !gateway.stopped.is_cancelled() {
            gateway.bring_back_ready(&approvals).await;
        }
        is_waited_for = approvals.is_waited_for().await;
    }
}
