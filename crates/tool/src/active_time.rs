//! The time that counts for a run.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::locked::locked;

/// The time that counts for a run: its clock and its time stand still while it waits for nothing but calls that are held.
///
/// Calls are counted until they have their answers; a call is held while it waits for an approval. What has no held call pays for
/// a few counters. All methods may be called on any thread. This crate has no clock: who calls says what time it is.
#[derive(Debug, Default)]
pub struct ActiveTime {
    calls: AtomicUsize,
    held: AtomicUsize,
    guest_waits: AtomicBool,
    /// The run takes what it is given from a record: that is no time of its own.
    is_replayed: AtomicBool,
    pauses: Mutex<Pauses>,
}

#[derive(Debug, Default)]
struct Pauses {
    over: Duration,
    since: Option<Instant>,
    is_parked: bool,
    wakers: Vec<Waker>,
}

impl ActiveTime {
    /// That of a run which begins as a replay of its record: it stands still until [`goes_live`](Self::goes_live).
    #[must_use]
    pub fn replayed(now: Instant) -> Self {
        let pauses = Mutex::new(Pauses { since: Some(now), ..Pauses::default() });
        Self { is_replayed: AtomicBool::new(true), pauses, ..Self::default() }
    }

    /// The record of a replayed run is over.
    pub fn goes_live(&self, now: Instant) {
        let mut pauses = locked(&self.pauses);
        self.is_replayed.store(false, Ordering::SeqCst);
        self.update(&mut pauses, now);
    }

    /// A call is made.
    pub fn call_began(&self, now: impl FnOnce() -> Instant) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.changed(now);
    }

    /// A call has its answer, or is given up.
    pub fn call_ended(&self, now: impl FnOnce() -> Instant) {
        self.calls.fetch_sub(1, Ordering::SeqCst);
        self.changed(now);
    }

    /// Whether the guest waits for answers.
    pub fn guest_waits(&self, waits: bool, now: impl FnOnce() -> Instant) {
        self.guest_waits.store(waits, Ordering::SeqCst);
        self.changed(now);
    }

    /// A call waits for an approval from now on.
    pub fn call_held(&self, now: Instant) {
        let mut pauses = locked(&self.pauses);
        self.held.fetch_add(1, Ordering::SeqCst);
        self.update(&mut pauses, now);
    }

    /// A held call goes on, or is given up. False: its run is parked, and nothing of it may be done any more.
    pub fn call_released(&self, now: Instant) -> bool {
        let mut pauses = locked(&self.pauses);
        if pauses.is_parked {
            return false;
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
        self.update(&mut pauses, now);
        true
    }

    /// Parks the run, if it waits for nothing but calls that are held, so many as `calls` says: whether it is. From then on no call is
    /// [released](Self::call_released). A call that is no more among `calls`, and finds the run not [parked](Self::is_parked) after that, keeps it from
    /// being parked.
    pub fn park(&self, calls: impl FnOnce() -> usize) -> bool {
        let mut pauses = locked(&self.pauses);
        pauses.is_parked |= self.is_held() && self.held.load(Ordering::SeqCst) == calls();
        pauses.is_parked
    }

    /// Whether the run is parked.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        locked(&self.pauses).is_parked
    }

    /// How many calls are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// How long it has stood still so far, the present pause included.
    #[must_use]
    pub fn paused(&self, now: Instant) -> Duration {
        let pauses = locked(&self.pauses);
        pauses.over + pauses.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Waits until the guest waits for nothing but held calls.
    pub async fn until_held(&self) {
        poll_fn(|context| self.poll(context, |time, _| time.is_held())).await;
    }

    /// Waits until it does not any more, or never did.
    pub async fn until_not_held(&self) {
        poll_fn(|context| self.poll(context, |time, _| !time.is_held())).await;
    }

    /// Waits until the time of the run counts.
    pub async fn until_running(&self) {
        poll_fn(|context| self.poll(context, |_, pauses| pauses.since.is_none())).await;
    }

    fn poll(&self, context: &Context<'_>, is_ready: impl FnOnce(&Self, &Pauses) -> bool) -> Poll<()> {
        let mut pauses = locked(&self.pauses);
        if is_ready(self, &pauses) {
            return Poll::Ready(());
        }
        if !pauses.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            pauses.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn is_held(&self) -> bool {
        let held = self.held.load(Ordering::SeqCst);
        let is_live = !self.is_replayed.load(Ordering::SeqCst);
        is_live && held > 0 && self.guest_waits.load(Ordering::SeqCst) && self.calls.load(Ordering::SeqCst) == held
    }

    /// Either this sees the held call, or who holds it sees what changed: all of it is sequentially consistent.
    fn changed(&self, now: impl FnOnce() -> Instant) {
        if self.held.load(Ordering::SeqCst) > 0 {
            self.update(&mut locked(&self.pauses), now());
        }
    }

    fn update(&self, pauses: &mut Pauses, now: Instant) {
        match (pauses.since, self.is_held() || self.is_replayed.load(Ordering::SeqCst)) {
            (None, true) => pauses.since = Some(now),
            (Some(since), false) => {
                pauses.over += now.saturating_duration_since(since);
                pauses.since = None;
            }
            _ => {}
        }
        pauses.wakers.drain(..).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn time_stands_still_only_while_the_guest_waits_for_held_calls_alone() {
        let (time, t) = (ActiveTime::default(), Instant::now());
        let at = |seconds: u32| t + S * seconds;
        time.call_began(|| unreachable!("nobody is asked the time while nothing is held"));
        time.call_began(|| unreachable!());
        time.call_held(at(1));
        time.guest_waits(true, || at(2));
        assert_eq!(time.paused(at(3)), Duration::ZERO, "another call is out");
        time.call_ended(|| at(4));
        assert_eq!(time.paused(at(6)), S * 2);
        time.guest_waits(false, || at(7));
        assert_eq!(time.paused(at(9)), S * 3);
        time.guest_waits(true, || at(10));
        assert!(time.call_released(at(12)));
        assert_eq!(time.paused(at(20)), S * 5);
    }

    #[test]
    fn a_run_is_parked_only_while_all_is_held_and_then_nothing_is_released() {
        let (time, t) = (ActiveTime::default(), Instant::now());
        assert!(!time.park(|| 0));
        time.call_began(|| t);
        time.call_held(t);
        assert!(!time.park(|| 1), "the guest does something else");
        time.guest_waits(true, || t);
        assert!(!time.park(|| 2) && !time.is_parked(), "not all of them wait yet");
        assert!(time.park(|| 1) && time.is_parked() && !time.call_released(t));
    }

    #[test]
    fn a_replay_takes_no_time() {
        let t = Instant::now();
        let time = ActiveTime::replayed(t);
        assert_eq!(time.paused(t + S), S);
        time.goes_live(t + S * 2);
        assert_eq!(time.paused(t + S * 9), S * 2);
    }
}
