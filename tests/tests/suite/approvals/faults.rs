//! What goes wrong around runs that wait: a process that stands still, and one that makes a mistake.

use std::sync::atomic::{AtomicBool, Ordering};

use exuvia_journal::{
    ApprovalBounds, ApprovalChanges, ApprovalContent, ApprovalError, HeldRun, HoldEnd, Lease, NewApproval, WaitingRun,
};
use exuvia_tool::BoxFuture;
use tokio::sync::watch;

use super::*;

/// A lease ends while its process stands still, and nobody else has taken the run: it is still that process's.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lease_is_over_goes_on_where_nobody_has_taken_it() {
    let limits = Limits { hold_ms: LONG_HOLD_MS, ..Limits::default() };
    let world = World::with(limits, |approvals| approvals.lease = Duration::from_millis(1)).await;
    let run = world.begin("result = [fake.echo(value=n)['value'] + fake.process()['pid'] * 0 for n in range(8)]");
    let id = run.id().clone();
    for _ in 0..8 {
        let asked = world.asked(&id, 1).await;
        world.answer(&asked[0], true).await;
    }
    assert_eq!(text(&run.report().await), "[0,1,2,3,4,5,6,7]");
    assert_eq!(world.made().len(), 16, "{:?}", world.made());
    world.over(&id).await;
    world.gateway.stop().await;
}

/// A store with a mistake.
struct Mistaken {
    store: Arc<MemoryApprovals>,
    panics: AtomicBool,
}

impl ApprovalStore for Mistaken {
    fn hold<'a>(
        &'a self,
        run: &'a HeldRun,
        asked: &'a [NewApproval],
        bounds: &'a ApprovalBounds,
    ) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        self.store.hold(run, asked, bounds)
    }

    fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        self.store.list(filter)
    }

    fn get<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<Approval>, ApprovalError>> {
        self.store.get(id)
    }

    fn content<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<ApprovalContent>, ApprovalError>> {
        self.store.content(id)
    }

    fn answer<'a>(
        &'a self,
        id: &'a ApprovalId,
        allow: bool,
        answer: &'a ApprovalAnswer,
    ) -> BoxFuture<'a, Result<Approval, ApprovalError>> {
        self.store.answer(id, allow, answer)
    }

    fn take<'a>(&'a self, id: &'a ApprovalId, now_ms: u64) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        self.store.take(id, now_ms)
    }

    fn waiting<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<WaitingRun>, ApprovalError>> {
        self.store.waiting(run)
    }

    fn ready(&self, now_ms: u64, limit: usize) -> BoxFuture<'_, Result<Vec<WaitingRun>, ApprovalError>> {
        self.store.ready(now_ms, limit)
    }

    fn claim<'a>(
        &'a self,
        run: &'a RunId,
        lease: &'a Lease,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        self.store.claim(run, lease, now_ms)
    }

    fn release<'a>(
        &'a self,
        run: &'a RunId,
        holder: &'a str,
        end: &'a HoldEnd,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        self.store.release(run, holder, end, now_ms)
    }

    fn changes(&self, after: u64) -> BoxFuture<'_, Result<ApprovalChanges, ApprovalError>> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "on purpose");
        self.store.changes(after)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }

    fn sweep(&self, now_ms: u64, keep_ms: u64) -> BoxFuture<'_, Result<bool, ApprovalError>> {
        self.store.sweep(now_ms, keep_ms)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_approvals_goes_on_after_a_mistake_of_ours() {
    let mut mistaken = None;
    let limits = Limits { hold_ms: LONG_HOLD_MS, ..Limits::default() };
    let journal = Arc::new(TestJournal::for_replays(64 << 20));
    let store = MemoryApprovals::new(Arc::clone(&journal) as Arc<dyn Journal>);
    let world = World::on(journal, limits, |approvals| {
        let made = Arc::new(Mistaken { store: Arc::clone(&store), panics: AtomicBool::new(false) });
        approvals.store = Arc::clone(&made) as Arc<dyn ApprovalStore>;
        mistaken = Some(made);
    })
    .await;
    let (world, mistaken) = (World { store, ..world }, mistaken.expect("made"));
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    mistaken.panics.store(true, Ordering::SeqCst);
    // By another process: this one learns of it by following.
    world.store.answer(&asked[0].id, true, &answer(&asked[0], None)).await.expect("it is pending");
    assert_eq!(text(&run.report().await), "1");
    assert!(!mistaken.panics.load(Ordering::SeqCst));
    world.gateway.stop().await;
}
