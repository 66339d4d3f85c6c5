//! What one run leaves in its slot, and what the next one finds there: with a module that writes to every page it can reach.

mod cores;
mod faults;
mod pool;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use exuvia_runtime::DirtyPages;
use exuvia_tests::pages::{PAGE, can_swap, lock_page, mappings, own_pages};
use pool::{ALL, FRAMES, Fill, Found, GROWTH, MEMORY, Pool, Scene};

/// What stays in memory of a slot, in pages.
const KEPT_PAGES: usize = 2048;

/// How dirty pages are found: as this system does it best, and as others have to.
const WAYS: [Option<DirtyPages>; 3] = [None, Some(DirtyPages::Entries), Some(DirtyPages::Unknown)];

/// Steps between the pages that a run writes: all; more than are kept; exactly as many as are kept; fewer, in three lists of
/// regions; very few.
const STEPS: [usize; 5] = [1, 4, MEMORY / PAGE / KEPT_PAGES, 8, 1000];

#[tokio::test]
async fn the_first_run_finds_the_image_and_nothing_else() {
    assert_eq!(Pool::new().look().await, Found::default());
}

#[tokio::test]
async fn what_a_run_wrote_is_given_back_to_the_system_or_overwritten() {
    for way in WAYS {
        let pool = Pool::of(1, way);
        for step in STEPS {
            let range = pool.fill(Fill { step, ..ALL }, Scene::default()).await;
            pool.clean();
            let grown = range.start + MEMORY..range.end;
            assert_eq!(own_pages(grown).len(), 0, "{way:?}: pages of a memory that is not there any more");
            let kept = own_pages(range).len();
            let most = if way == Some(DirtyPages::Unknown) { 0 } else { KEPT_PAGES };
            assert!(kept <= most, "{way:?}: {kept} pages stay in memory");
            if most > 0 && step >= STEPS[2] {
                assert!(kept >= MEMORY / PAGE / step, "{way:?}: {kept} pages stay in memory");
            }
        }
    }
}

#[tokio::test]
async fn no_run_finds_what_another_left() {
    for way in WAYS {
        for huge in [false, true] {
            let pool = Pool::of(1, way);
            for step in STEPS {
                let scene = Scene { huge, ..Scene::default() };
                let found = pool.second_after_first(Fill { step, ..ALL }, scene).await;
                assert_eq!(found, Found::default(), "{way:?}, every {step} pages, huge: {huge}");
            }
        }
    }
}

#[tokio::test]
async fn no_run_finds_what_another_left_in_swapped_pages() {
    if !can_swap("that runs do not meet when pages are swapped out") {
        return;
    }
    let when = [
        Scene { asleep: true, ..Scene::default() },
        Scene { ending: true, ..Scene::default() },
        Scene { idle: true, ..Scene::default() },
        Scene { asleep: true, ending: true, idle: true, ..Scene::default() },
    ];
    for way in WAYS {
        for huge in [false, true] {
            let pool = Pool::of(1, way);
            for scene in when.map(|scene| Scene { huge, ..scene }) {
                for step in [1, 8] {
                    let found = pool.second_after_first(Fill { step, ..ALL }, scene).await;
                    assert_eq!(found, Found::default(), "{way:?}, every {step} pages, {scene:?}");
                }
            }
        }
    }
}

/// A slot is cleaned by the run that needs it, where nobody has cleaned it before.
#[tokio::test]
async fn no_run_finds_what_another_left_when_nobody_has_cleaned() {
    let pool = Pool::new();
    for step in STEPS {
        assert_eq!(pool.look_and_fill(Fill { step, ..ALL }).await, Found::default());
    }
    assert_eq!(pool.look().await, Found::default());
}

/// The kernel does not take back what is locked into memory, and says so.
#[tokio::test]
async fn a_slot_that_cannot_be_cleaned_is_not_used_again() {
    for way in WAYS {
        for locked in [MEMORY - PAGE, MEMORY] {
            let pool = Pool::of(1, way);
            let range = pool.fill(ALL, Scene::default()).await;
            lock_page(range.start + locked);
            pool.clean();
            let is_there = mappings().iter().any(|mapping| mapping.writable && mapping.range.contains(&range.start));
            assert!(!is_there, "{way:?}: the slot is still mapped");
            assert_eq!(pool.second_after_first(ALL, Scene::default()).await, Found::default(), "{way:?}");
        }
    }
}

#[test]
fn no_run_finds_what_another_left_wherever_it_ran() {
    let pool = Pool::new();
    for step in STEPS {
        let found = on_many_threads(7, pool.second_after_first(Fill { step, ..ALL }, Scene::default()));
        assert_eq!(found, Found::default());
    }
}

/// Runs a future to its end, on the thread of the caller alone.
fn on_this_thread<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Polls a future each time on a thread of its own: on so many at least.
fn on_many_threads<F: Future<Output: Send> + Send>(least: usize, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut threads = 0;
    loop {
        let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let polled = thread::scope(|scope| scope.spawn(poll).join().expect("no panic"));
        threads += 1;
        if let Poll::Ready(output) = polled {
            assert!(threads >= least, "it was polled on {threads} threads");
            return output;
        }
    }
}

/// Runs that look and write at random, several at a time. `just gates isolation` makes thousands of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_at_random_never_meet() {
    const AT_A_TIME: u64 = 4;
    let runs = std::env::var("EXUVIA_RUNS").map_or(80, |runs| runs.parse().expect("a number"));
    let seed = std::env::var("EXUVIA_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    for way in WAYS {
        let pool = Pool::of(AT_A_TIME as u32, way);
        let some = (0..AT_A_TIME).map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut chance = Chance(seed + number);
                for _ in 0..runs / AT_A_TIME / WAYS.len() as u64 {
                    let fill = chance.fill();
                    assert_eq!(pool.look_and_fill(fill).await, Found::default(), "{way:?}");
                    if chance.below(3) > 0 {
                        pool.clean();
                    }
                }
            })
        });
        for run in some.collect::<Vec<_>>() {
            run.await.expect("runs do not meet");
        }
    }
}

/// Numbers that are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound).expect("a small number")
    }

    /// Mostly few pages, in places that few runs share; sometimes all.
    fn fill(&mut self) -> Fill {
        let step = [1, 3, 5, 7, 8, 19, 100, 1000][self.below(8)];
        let growth = [0, 0, 1 << 16, GROWTH / 2, GROWTH][self.below(5)];
        let frames = [0, 10, 1000, FRAMES][self.below(4)];
        Fill { first: self.below(step as u64), step, growth, frames }
    }
}
