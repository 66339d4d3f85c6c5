//! The deadline of a call.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::call::CallError;
use crate::locked::locked;
use crate::{ActiveTime, BoxFuture};

/// Longer than anything that waits here lives. What is allowed beyond that is allowed for that long.
const AGES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The turns of a run's calls: as many are made at a time.
pub trait Turns: Send + Sync + fmt::Debug {
    /// Completes when there is a turn, which is taken then.
    fn take(&self) -> BoxFuture<'_, ()>;

    /// A turn that was taken is free again.
    fn give_back(&self);
}

/// The deadline of a call. Set once, when the call is admitted, and the same in every layer: of several timers with the same
/// duration the outermost may fire first, and the inner layers would not learn what happened. Clones are
/// [extended](Self::put_off) and [held](Self::hold) together; waiters check again.
#[derive(Debug, Clone)]
pub struct Deadline {
    start: Instant,
    allowed: Duration,
    moved: Arc<Mutex<Moved>>,
    /// The time of its run, which stands still while its calls are held.
    of_run: Option<Arc<ActiveTime>>,
    /// Where the turn of the call is from. None: it needs none.
    turns: Option<Arc<dyn Turns>>,
}

/// What has become of a deadline since it was set.
#[derive(Debug, Default)]
struct Moved {
    /// To when it was put off, if it was.
    later: Option<Instant>,
    /// How long the call was held.
    held: Duration,
    /// Since when it is.
    held_since: Option<Instant>,
    /// How many questions of its server wait for an answer.
    asks: usize,
    has_turn: bool,
}

impl Deadline {
    /// This long after `start`, for about 30 years at most.
    #[must_use]
    pub fn after(start: Instant, allowed: Duration) -> Self {
        Self { start, allowed: allowed.min(AGES), moved: Arc::default(), of_run: None, turns: None }
    }

    /// The same, of a call of the run whose time this is.
    #[must_use]
    pub fn of_run(self, time: Arc<ActiveTime>) -> Self {
        Self { of_run: Some(time), ..self }
    }

    /// The same, of a call that has one of these turns.
    #[must_use]
    pub fn with_turn(self, turns: Arc<dyn Turns>) -> Self {
        locked(&self.moved).has_turn = true;
        Self { turns: Some(turns), ..self }
    }

    /// The call waits for something that may take days, or is over: another one may be made meanwhile. Without effect where it has no turn.
    pub fn give_turn_back(&self) {
        let had_turn = std::mem::take(&mut locked(&self.moved).has_turn);
        if let Some(turns) = self.turns.as_ref().filter(|_| had_turn) {
            turns.give_back();
        }
    }

    /// Waits until the call has a turn again.
    pub async fn take_turn(&self) {
        let has_turn = locked(&self.moved).has_turn;
        if let Some(turns) = self.turns.as_ref().filter(|_| !has_turn) {
            turns.take().await;
            locked(&self.moved).has_turn = true;
        }
    }

    /// The moment, as it is now. While the call is held it does not come.
    #[must_use]
    pub fn at(&self) -> Instant {
        let moved = locked(&self.moved);
        let held = if moved.held_since.is_some() { AGES } else { moved.held };
        let first = self.start + self.allowed + held;
        moved.later.map_or(first, |later| later.max(first))
    }

    /// When to look at it again: the moment, or for a call that is held that of one that is released now.
    #[must_use]
    pub fn check_at(&self, now: Instant) -> Instant {
        let is_held = locked(&self.moved).held_since.is_some();
        if is_held { now + self.allowed } else { self.at() }
    }

    /// The one of both that comes first. It is put off together with this one, whichever it is.
    #[must_use]
    pub fn or_earlier(self, other: Self) -> Self {
        if other.at() >= self.at() {
            return self;
        }
        // How long the call was held is no part of what the other one allows.
        let held = locked(&self.moved).held;
        let start = other.start.checked_sub(held).unwrap_or(other.start);
        Self { start, moved: self.moved, of_run: self.of_run, turns: self.turns, ..other }
    }

    /// Puts it off, so that from `now` there is as much time as there was at the start, but no more than `most` in all. It never
    /// comes sooner than before.
    pub fn put_off(&self, now: Instant, most: Duration) {
        let later = (now + self.allowed).min(self.start + most.min(AGES));
        let later = later.max(self.at());
        locked(&self.moved).later = Some(later);
    }

    /// The call waits for an approval from `now` on: its time does not run, and that of its run only as long as it has something else to
    /// wait for.
    pub fn hold(&self, now: Instant) {
        let mut moved = locked(&self.moved);
        if moved.held_since.is_none() {
            moved.held_since = Some(now);
            self.of_run.iter().for_each(|time| time.call_held(now));
        }
    }

    /// The server of the call asks a person something from `now` on: as [`hold`](Self::hold), but that its run is not parked meanwhile.
    pub fn ask(&self, now: Instant) {
        let mut moved = locked(&self.moved);
        moved.asks += 1;
        if moved.asks == 1 {
            moved.held_since = Some(now);
            self.of_run.iter().for_each(|time| time.call_held(now));
        }
    }

    /// One of its questions is answered, or needs no answer any more.
    pub fn answered(&self, now: Instant) {
        let mut moved = locked(&self.moved);
        moved.asks -= 1;
        if let Some(since) = moved.held_since.filter(|_| moved.asks == 0) {
            moved.held_since = None;
            moved.held += now.saturating_duration_since(since);
            // Its run is not parked: it is a held call that waits for no approval.
            self.of_run.iter().for_each(|time| _ = time.call_released(now));
        }
    }

    /// The call goes on, with the time that it had left. False: its run is parked, and nothing of it may be done any more.
    #[must_use]
    pub fn release(&self, now: Instant) -> bool {
        let mut moved = locked(&self.moved);
        let Some(since) = moved.held_since else { return true };
        if self.of_run.as_ref().is_some_and(|time| !time.call_released(now)) {
            return false;
        }
        moved.held_since = None;
        moved.held += now.saturating_duration_since(since);
        true
    }

    /// The error of a call that has no answer by then.
    #[must_use]
    pub fn missed(&self) -> CallError {
        let waited = self.at().saturating_duration_since(self.start).saturating_sub(locked(&self.moved).held);
        CallError::TimedOut(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The same moment for the same reason, whatever puts it off later.
impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        (self.at(), self.allowed) == (other.at(), other.allowed)
    }
}

impl Eq for Deadline {}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_call_whose_server_asks_has_the_time_that_it_had_left_when_the_last_answer_is_there() {
        let now = Instant::now();
        let call = Deadline::after(now, 10 * S);
        call.ask(now + S);
        call.ask(now + 2 * S);
        call.answered(now + 3 * S);
        assert!(call.at() > now + 1_000 * S, "it is asked something else");
        call.answered(now + 6 * S);
        assert_eq!(call.at(), now + 15 * S);
    }

    #[test]
    fn the_earlier_one_counts_and_says_what_it_allowed() {
        let now = Instant::now();
        let (short, long) = (Deadline::after(now, S), Deadline::after(now, Duration::MAX));
        assert_eq!(
            (short.clone().or_earlier(long.clone()), long.clone().or_earlier(short.clone())),
            (short.clone(), short.clone())
        );
        assert_eq!(short.missed(), CallError::TimedOut(1_000));
        // 30 years of 365 days.
        assert_eq!(long.at(), now + Duration::from_secs(946_080_000));
        // Of two that come at the same moment it is the own one.
        let same = Deadline::after(now - S, 2 * S);
        assert_eq!((short.clone().or_earlier(same.clone()), same.clone().or_earlier(short.clone())), (short, same));
    }

    #[test]
    fn it_is_put_off_for_all_who_hold_it_and_within_a_bound() {
        let now = Instant::now();
        let (host, server) = (Deadline::after(now, 30 * S), Deadline::after(now, 10 * S));
        let call = host.clone().or_earlier(server);
        call.put_off(now + 5 * S, 100 * S);
        assert_eq!((call.at(), host.at(), call.missed()), (now + 15 * S, now + 30 * S, CallError::TimedOut(15_000)));
        call.put_off(now + 60 * S, 100 * S);
        assert_eq!((call.at(), host.at()), (now + 70 * S, now + 70 * S));
        call.put_off(now + 95 * S, 100 * S);
        assert_eq!((call.at(), host.at(), call.missed()), (now + 100 * S, now + 100 * S, CallError::TimedOut(100_000)));
        // A bound below what is allowed anyway takes nothing away.
        call.put_off(now, S);
        assert_eq!(call.at(), now + 100 * S);
        let alone = Deadline::after(now, 10 * S);
        alone.put_off(now + S, 2 * S);
        assert_eq!(alone.at(), now + 10 * S);
    }

    #[test]
    fn it_does_not_come_while_the_call_is_held_and_leaves_as_much_time_afterwards() {
        let (now, time) = (Instant::now(), Arc::new(ActiveTime::default()));
        let call = Deadline::after(now, 10 * S).of_run(Arc::clone(&time));
        time.call_began(|| now);
        time.guest_waits(true, || now);
        call.hold(now + 2 * S);
        call.hold(now + 3 * S);
        assert!(call.at() > now + 1_000 * S);
        assert_eq!(call.check_at(now + 50 * S), now + 60 * S);
        assert!(call.release(now + 102 * S) && call.release(now + 103 * S));
        assert_eq!((call.at(), call.missed()), (now + 110 * S, CallError::TimedOut(10_000)));
        assert_eq!(time.paused(now + 200 * S), 100 * S);
        call.hold(now + 104 * S);
        assert!(time.park(|| 1) && !call.release(now + 105 * S));
    }
}
