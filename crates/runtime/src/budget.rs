//! The memory budget of all runs together.
//!
//! Each run says, when it is admitted, the most that it may come to hold. A run is admitted, and is given more memory, only while
//! all runs could still come to their ends one after the other, each with all that it may hold (the banker's algorithm). What
//! cannot be given yet waits until another run is over: no run fails because of its neighbors, and they never wait for each other
//! in a circle. Where all runs at their limits fit, nothing ever waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How much memory all runs together may hold, and who holds it.
pub(crate) struct Budget {
    bytes: u64,
    state: Mutex<State>,
    /// Something may have become possible: a run is over, or waits no more.
    changed: Notify,
    /// Whoever wants to be admitted waits here for those before it.
    door: tokio::sync::Mutex<()>,
    /// Drops something that rests.
    relief: OnceLock<Relief>,
}

/// Drops something that rests. False: nothing does.
pub(crate) type Relief = Box<dyn Fn() -> bool + Send + Sync>;

#[derive(Default)]
struct State {
    next: u64,
    claims: BTreeMap<u64, Claim>,
    /// Runs that wait for more memory. They go before those that have not begun.
    growing: usize,
}

#[derive(Clone, Copy)]
struct Claim {
    held: u64,
    most: u64,
    /// It holds what it holds and wants no more, and nobody knows until when.
    rests: bool,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        let (state, changed, door, relief) = Default::default();
        Arc::new(Self { bytes, state, changed, door, relief })
    }

    /// What drops something that rests, where somebody waits. Set once.
    pub(crate) fn set_relief(&self, relief: Relief) {
        let _ = self.relief.set(relief);
    }

    /// What all runs hold now, in bytes.
    pub(crate) fn held(&self) -> u64 {
        self.locked().held()
    }

    /// Waits until a run may begin that holds `first` bytes and may come to hold `most`, of which no more counts than there is.
    pub(crate) async fn admit(self: &Arc<Self>, first: u64, most: u64) -> Share {
        let most = most.min(self.bytes);
        let claim = Claim { held: first.min(most), most, rests: false };
        let _first_in_line = self.door.lock().await;
        let id = self.once(|state| state.admit(claim, self.bytes)).await;
        let claimed = Arc::new(Claimed { budget: Arc::clone(self), id });
        Share { claimed, held: claim.held, most, waits: Arc::default() }
    }

    /// Tries until it succeeds, again after each change.
    async fn once<T>(&self, mut attempt: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(done) = attempt(&mut self.locked()) {
                return done;
            }
            if self.relieve() {
                continue;
            }
            changed.await;
        }
    }

    /// Whether something that rests was dropped.
    fn relieve(&self) -> bool {
        let rests = self.locked().claims.values().any(|claim| claim.rests);
        rests && self.relief.get().is_some_and(|relieve| relieve())
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self) -> u64 {
        self.claims.values().map(|claim| claim.held).sum()
    }

    fn admit(&mut self, claim: Claim, bytes: u64) -> Option<u64> {
        if self.growing > 0 {
            return None;
        }
        let id = self.next;
        self.claims.insert(id, claim);
        if !self.is_safe(bytes) {
            self.claims.remove(&id);
            return None;
        }
        self.next += 1;
        Some(id)
    }

    fn grow(&mut self, id: u64, held: u64, bytes: u64) -> Option<()> {
        let claim = self.claims.get_mut(&id)?;
        let before = std::mem::replace(&mut claim.held, held);
        if self.is_safe(bytes) {
            return Some(());
        }
        self.claims.entry(id).and_modify(|claim| claim.held = before);
        None
    }

    fn rest(&mut self, id: u64, held: u64) {
        self.claims.entry(id).and_modify(|claim| *claim = Claim { held, most: held, rests: true });
    }

    fn wake(&mut self, id: u64, woken: Claim, bytes: u64) -> Option<()> {
        let before = self.claims.insert(id, woken);
        if self.growing == 0 && self.is_safe(bytes) {
            return Some(());
        }
        // It was there: it rests.
        if let Some(before) = before {
            self.claims.insert(id, before);
        }
        None
    }

    /// Whether all runs can come to their ends in some order, each with the most that it may hold, out of `bytes`.
    fn is_safe(&self, bytes: u64) -> bool {
        if self.claims.values().map(|claim| claim.most).sum::<u64>() <= bytes {
            return true;
        }
        let Some(mut free) = bytes.checked_sub(self.held()) else { return false };
        // What rests ends nowhere, and frees nothing for others.
        let mut claims: Vec<Claim> = self.claims.values().filter(|claim| !claim.rests).copied().collect();
        // Whoever needs least ends first, and frees what it holds for the next.
        claims.sort_unstable_by_key(|claim| claim.most - claim.held);
        claims.iter().all(|claim| {
            let ends = claim.most - claim.held <= free;
            free += claim.held;
            ends
        })
    }
}

/// The place of a run among those that hold memory. Dropping it gives everything back.
pub(crate) struct Claimed {
    budget: Arc<Budget>,
    id: u64,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.budget.locked().claims.remove(&self.id);
        self.budget.changed.notify_waiters();
    }
}

/// What one run holds, until the last of its [claim](Self::claimed) is dropped.
pub(crate) struct Share {
    claimed: Arc<Claimed>,
    held: u64,
    most: u64,
    waits: Arc<Waits>,
}

impl Share {
    /// Waits until the run may hold this many bytes, if it does not yet. False: that is more than it said it would.
    ///
    /// This is the place for whatever a run comes to hold: what the host keeps for it can be counted here as well, once it is
    /// part of the most that the run states.
    pub(crate) async fn hold(&mut self, bytes: u64) -> bool {
        if bytes <= self.held {
            return true;
        }
        if bytes > self.most {
            return false;
        }
        let Claimed { budget, id } = &*self.claimed;
        // At once, in nearly all cases.
        if budget.locked().grow(*id, bytes, budget.bytes).is_none() {
            let _growing = Growing::begin(budget, &self.waits);
            budget.once(|state| state.grow(*id, bytes, budget.bytes)).await;
        }
        self.held = bytes;
        true
    }

    /// Holds so many bytes from now on, and wants no more.
    pub(crate) fn rest(&mut self, held: u64) {
        let Claimed { budget, id } = &*self.claimed;
        budget.locked().rest(*id, held);
        budget.changed.notify_waiters();
        (self.held, self.most) = (held, held);
    }

    /// Holds so many bytes and may come to hold `most`, after it has rested. False: there is no room, and it rests on.
    pub(crate) fn wake(&mut self, held: u64, most: u64) -> bool {
        let Claimed { budget, id } = &*self.claimed;
        let most = most.min(budget.bytes);
        let claim = Claim { held: held.min(most), most, rests: false };
        let mut is_awake = budget.locked().wake(*id, claim, budget.bytes).is_some();
        while !is_awake && budget.relieve() {
            is_awake = budget.locked().wake(*id, claim, budget.bytes).is_some();
        }
        if is_awake {
            (self.held, self.most, self.waits) = (claim.held, most, Arc::default());
        }
        is_awake
    }

    /// How long it has waited so far.
    pub(crate) fn waits(&self) -> Arc<Waits> {
        Arc::clone(&self.waits)
    }

    /// What the run holds is held for as long as there is one of these.
    pub(crate) fn claimed(&self) -> Arc<Claimed> {
        Arc::clone(&self.claimed)
    }
}

/// The time that a run has spent waiting for memory.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<(Duration, Option<Instant>)>);

impl Waits {
    /// All of it, the present wait included.
    pub(crate) fn total(&self) -> Duration {
        let (over, since) = *self.locked();
        over + since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn begin(&self) {
        self.locked().1 = Some(Instant::now());
    }

    fn end(&self) {
        let (over, since) = &mut *self.locked();
        *over += since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn locked(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that waits for more memory, until it has it or is cancelled.
struct Growing<'a> {
    budget: &'a Budget,
    waits: &'a Waits,
}

impl<'a> Growing<'a> {
    fn begin(budget: &'a Budget, waits: &'a Waits) -> Self {
        budget.locked().growing += 1;
        waits.begin();
        Self { budget, waits }
    }
}

impl Drop for Growing<'_> {
    fn drop(&mut self) {
        self.waits.end();
        self.budget.locked().growing -= 1;
        self.budget.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    /// Long enough for whatever is possible to have happened.
    const MOMENT: Duration = Duration::from_millis(30);

    async fn waits(future: impl Future) -> bool {
        timeout(MOMENT, future).await.is_err()
    }

    #[tokio::test]
    async fn runs_that_fit_at_their_limits_never_wait() {
        let budget = Budget::new(300);
        let mut shares = Vec::new();
        for _ in 0..3 {
            shares.push(budget.admit(10, 100).await);
        }
        for share in &mut shares {
            assert!(share.hold(100).await);
        }
        assert_eq!(budget.held(), 300);
        drop(shares);
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn a_run_begins_only_while_every_run_can_still_end() {
        let budget = Budget::new(150);
        let first = budget.admit(20, 100).await;
        let mut more = Vec::new();
        for _ in 0..2 {
            more.push(budget.admit(20, 100).await);
        }
        // 60 are held; a fourth would leave 70, and none of them could get its 80.
        assert!(waits(budget.admit(20, 100)).await);
        drop(first);
        assert!(!waits(budget.admit(20, 100)).await);
    }

    #[tokio::test]
    async fn what_a_run_cannot_have_yet_comes_when_another_is_over() {
        let budget = Budget::new(150);
        let (mut first, mut second) = (budget.admit(20, 100).await, budget.admit(20, 100).await);
        assert!(first.hold(90).await);
        let grown = tokio::spawn(async move {
            assert!(second.hold(100).await);
            second
        });
        sleep(MOMENT).await;
        assert!(!grown.is_finished() && budget.held() == 110);
        // The one that can end may have all that it may hold.
        assert!(first.hold(100).await);
        drop(first);
        let second = timeout(Duration::from_secs(10), grown).await.expect("it goes on").unwrap();
        assert_eq!(budget.held(), 100);
        assert!(second.waits().total() >= MOMENT);
        let waited = second.waits().total();
        sleep(MOMENT).await;
        assert_eq!(second.waits().total(), waited, "it waits no more");
    }

    #[tokio::test]
    async fn nobody_begins_while_a_run_waits_for_more() {
        let budget = Budget::new(150);
        let (mut first, mut second) = (budget.admit(20, 100).await, budget.admit(20, 100).await);
        assert!(first.hold(100).await);
        {
            let mut more = std::pin::pin!(second.hold(100));
            assert!(waits(&mut more).await);
            assert!(waits(budget.admit(0, 0)).await, "it would be safe, and may not go first");
        }
        // The run was cancelled while it waited.
        assert!(!waits(budget.admit(0, 0)).await);
    }

    #[tokio::test]
    async fn what_rests_is_dropped_for_those_who_wait_and_wakes_only_where_all_can_end() {
        let budget = Budget::new(150);
        let resting = Arc::new(Mutex::new(Vec::<Share>::new()));
        let relief = Arc::clone(&resting);
        budget.set_relief(Box::new(move || relief.lock().unwrap().pop().is_some()));
        for _ in 0..2 {
            let mut share = budget.admit(20, 100).await;
            share.rest(40);
            resting.lock().unwrap().push(share);
        }
        assert_eq!(budget.held(), 80);
        let first = budget.admit(20, 70).await;
        assert_eq!(resting.lock().unwrap().len(), 2, "there is room for it beside them");
        let second = budget.admit(20, 130).await;
        assert_eq!(resting.lock().unwrap().len(), 0, "nobody could end beside them");
        let mut third = budget.admit(20, 60).await;
        third.rest(40);
        assert!(!third.wake(40, 140) && budget.held() == 80, "nobody could end any more");
        assert!(third.wake(40, 100));
        drop((first, second, third));
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn a_run_may_hold_no_more_than_there_is() {
        let budget = Budget::new(100);
        let mut only = budget.admit(500, 1_000).await;
        assert_eq!(budget.held(), 100);
        assert!(only.hold(100).await);
        assert!(!only.hold(101).await);
    }

    /// Runs that grow in steps, hold, and are cancelled at random: all of them end, and the bound always holds.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_runs_end_within_the_bound_whatever_they_ask_for() {
        const BYTES: u64 = 1_000;
        let budget = Budget::new(BYTES);
        let mut seed = 7_u64;
        let mut chance = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut runs = Vec::new();
        for _ in 0..400 {
            let (first, most, step, cancelled) = (chance(200), 1 + chance(1_200), 1 + chance(90), chance(5) == 0);
            let budget = Arc::clone(&budget);
            runs.push(tokio::spawn(async move {
                let run = async {
                    let mut share = budget.admit(first, most).await;
                    let mut held = first;
                    while held < most.min(BYTES) {
                        held = (held + step).min(most).min(BYTES);
                        assert!(share.hold(held).await);
                        assert!(budget.held() <= BYTES, "{} are held", budget.held());
                        tokio::task::yield_now().await;
                    }
                };
                let patience = if cancelled { Duration::from_millis(step) } else { Duration::from_secs(60) };
                timeout(patience, run).await.is_ok() || cancelled
            }));
        }
        for run in runs {
            assert!(run.await.unwrap(), "a run waited for ever");
        }
        assert_eq!((budget.held(), budget.locked().growing), (0, 0));
    }
}
