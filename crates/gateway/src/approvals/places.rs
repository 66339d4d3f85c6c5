//! How many calls of one run are asked about at a time, and how many wait.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The calls of one run that wait for an answer, or for a place among those.
pub(super) struct HoldPlaces {
    free: Semaphore,
    /// Places that are reserved for calls that were asked about before the run came back, and not taken yet.
    kept: AtomicUsize,
    waiting: AtomicUsize,
}

/// A place among the calls that are asked about, until this is dropped.
pub(crate) struct HoldPlace<'a>(&'a Semaphore);

impl<'a> HoldPlace<'a> {
    fn of(permit: SemaphorePermit<'_>, free: &'a Semaphore) -> Self {
        permit.forget();
        Self(free)
    }
}

impl Drop for HoldPlace<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// A call that waits, until this is dropped.
pub(super) struct WaitingCall<'a>(&'a AtomicUsize);

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl HoldPlaces {
    /// For so many calls at a time.
    pub(super) fn new(calls: usize) -> Self {
        Self { free: Semaphore::new(calls), kept: AtomicUsize::new(0), waiting: AtomicUsize::new(0) }
    }

    /// Keeps places for so many calls that were asked about before, as far as there are any: others that come first do not get them.
    pub(super) fn keep(&self, calls: usize) {
        self.kept.fetch_add(self.free.forget_permits(calls), Ordering::SeqCst);
    }

    /// Frees what is still kept: the calls that it was for do not come any more.
    pub(super) fn give_up_kept(&self) {
        self.free.add_permits(self.kept.swap(0, Ordering::SeqCst));
    }

    /// Waits until a call may be asked about. `is_asked`: it is already, and does not wait.
    pub(super) async fn enter(&self, is_asked: bool) -> Option<HoldPlace<'_>> {
        if is_asked {
            let kept = self.kept.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |kept| kept.checked_sub(1));
            return kept.is_ok().then(|| HoldPlace(&self.free));
        }
        if let Ok(permit) = self.free.try_acquire() {
            return Some(HoldPlace::of(permit, &self.free));
        }
        // As those that are asked about: the run may be parked, and asks about this one when it comes back.
        let _waiting = self.wait();
        // The semaphore is never closed.
        let permit = self.free.acquire().await.ok()?;
        Some(HoldPlace::of(permit, &self.free))
    }

    /// A call waits.
    pub(super) fn wait(&self) -> WaitingCall<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        WaitingCall(&self.waiting)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What a call that comes now has at once. None: it waits.
    fn at_once(places: &HoldPlaces, is_asked: bool) -> Option<Option<HoldPlace<'_>>> {
        match pin!(places.enter(is_asked)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn calls_that_were_asked_about_have_their_places_whoever_comes_first() {
        let places = HoldPlaces::new(3);
        places.keep(2);
        let new = at_once(&places, false).expect("one is free");
        assert!(at_once(&places, false).is_none(), "the others are kept");
        let asked = [at_once(&places, true), at_once(&places, true)].map(|place| place.flatten().expect("it is kept"));
        assert!(at_once(&places, true).expect("it does not wait").is_none());
        drop(asked);
        let more = [at_once(&places, false), at_once(&places, false)];
        assert!(more.iter().all(Option::is_some) && at_once(&places, false).is_none());
        drop(new);
        assert!(at_once(&places, false).is_some());
    }

    #[test]
    fn a_place_that_nobody_takes_is_free_when_it_is_given_up() {
        let places = HoldPlaces::new(1);
        places.keep(1);
        assert!(at_once(&places, false).is_none());
        places.give_up_kept();
        let new = at_once(&places, false).expect("it is free");
        places.give_up_kept();
        assert!(new.is_some() && at_once(&places, false).is_none(), "it is freed once");
    }

    #[test]
    fn no_more_places_are_kept_than_there_are() {
        let places = HoldPlaces::new(2);
        places.keep(5);
        let asked: Vec<_> = (0..5).map(|_| at_once(&places, true).expect("it does not wait")).collect();
        assert_eq!(asked.iter().flatten().count(), 2);
        drop(asked);
        let new = [at_once(&places, false), at_once(&places, false)];
        assert!(new.iter().all(Option::is_some) && at_once(&places, false).is_none());
    }
}
