//! A first-in, first-out queue.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::locked::locked;

/// A line in which calls wait, in the order in which they entered it.
///
/// Clones are the same line. Everything here costs the logarithm of the line's length.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    entered: u64,
    /// Who is in the line, and how to wake it once it is the first.
    places: BTreeMap<u64, Option<Waker>>,
}

/// A place in a [`Line`]. Dropping it leaves the line, wherever in it the place is.
///
/// The default is a place in no line: it is always the first.
#[derive(Default)]
pub struct Place(Option<(Line, u64)>);

impl Line {
    /// Enters the line, at its end.
    #[must_use]
    pub fn enter(&self) -> Place {
        let mut waiting = self.lock();
        let number = waiting.entered;
        waiting.entered += 1;
        waiting.places.insert(number, None);
        drop(waiting);
        Place(Some((self.clone(), number)))
    }

    /// No panic can leave the map half changed: it calls no code but that of wakers, and those outside the lock.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        locked(&self.0)
    }
}

impl Place {
    /// Whether this is a place in a line at all.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.0.is_some()
    }

    /// Whether everyone who entered before has left.
    #[must_use]
    pub fn is_first(&self) -> bool {
        let Some((line, number)) = &self.0 else { return true };
        line.lock().is_first(*number)
    }

    /// Waits until everyone who entered before has left. Of several tasks that wait with one place, the last one is woken.
    pub async fn first(&self) {
        poll_fn(|context| self.poll_first(context)).await;
    }

    fn poll_first(&self, context: &Context<'_>) -> Poll<()> {
        let Some((line, number)) = &self.0 else { return Poll::Ready(()) };
        let mut waiting = line.lock();
        if waiting.is_first(*number) {
            return Poll::Ready(());
        }
        if let Some(waker) = waiting.places.get_mut(number)
            && !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
        {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Waiting {
    fn is_first(&self, number: u64) -> bool {
        self.places.first_key_value().is_none_or(|(&first, _)| first == number)
    }

    /// Takes a place out. Gives who is to be woken: the one behind it, if it was the first.
    fn leave(&mut self, number: u64) -> Option<Waker> {
        let was_first = self.is_first(number);
        self.places.remove(&number);
        if was_first { self.places.first_entry()?.get_mut().take() } else { None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((line, number)) = self.0.take() else { return };
        let next = line.lock().leave(number);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("waiting", &self.lock().places.len()).finish()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.0.as_ref().map(|(_, number)| number)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn polls(future: impl Future<Output = ()>, woken: &Arc<Woken>) -> bool {
        pin!(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken)))).is_ready()
    }

    #[test]
    fn places_come_first_in_the_order_in_which_they_were_taken() {
        let line = Line::default();
        let mut places: Vec<Place> = (0..5).map(|_| line.enter()).collect();
        while !places.is_empty() {
            let first: Vec<bool> = places.iter().map(Place::is_first).collect();
            assert_eq!(first.iter().filter(|first| **first).count(), 1);
            assert!(first[0]);
            drop(places.remove(0));
        }
        assert!(line.enter().is_first());
    }

    #[test]
    fn leaving_from_the_middle_lets_nobody_pass() {
        let line = Line::default();
        let (first, second, third) = (line.enter(), line.enter(), line.enter());
        drop(second);
        assert!(!third.is_first());
        drop(first);
        assert!(third.is_first());
    }

    #[test]
    fn the_next_one_is_woken_once_and_only_by_the_first() {
        let (line, woken) = (Line::default(), Arc::new(Woken::default()));
        let (first, second, third) = (line.enter(), line.enter(), line.enter());
        assert!(polls(first.first(), &woken) && !polls(third.first(), &woken));
        drop(second);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        drop(first);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(polls(third.first(), &woken));
    }

    #[test]
    fn a_place_in_no_line_waits_for_nobody() {
        let woken = Arc::new(Woken::default());
        assert!(!Place::default().is_in_line() && Line::default().enter().is_in_line());
        assert!(Place::default().is_first() && polls(Place::default().first(), &woken));
    }
}
