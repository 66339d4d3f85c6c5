//! Slots whose guests took no page faults: cleaned without a scan.

use std::thread;

use exuvia_runtime::DirtyPages;
use exuvia_tests::pages::{can_swap, page_out};
use exuvia_tests::this_thread::stop_counts;

use super::pool::{Fill, Found, Pool, Scene};
use super::{Chance, WAYS, on_many_threads, on_this_thread};

/// The ways that find dirty pages: without one no slot keeps any, and none is cleaned without a scan.
const FINDING: [Option<DirtyPages>; 2] = [None, Some(DirtyPages::Entries)];

/// Few pages, and nothing that a slot does not keep.
pub(super) const FEW: Fill = Fill { first: 3, step: 64, growth: 0, frames: 10 };

/// Writes the same until a slot was cleaned without a scan: the first times the pages are new, to the slot or to the host.
pub(super) async fn until_cleaned_without_scan(pool: &Pool, fill: Fill) {
    let before = pool.unscanned();
    for _ in 0..100 {
        pool.fill_counted(fill, Scene::default()).await;
        if pool.unscanned() > before {
            return;
        }
    }
    panic!("each of 100 runs took a page fault");
}

#[tokio::test]
async fn what_a_run_wrote_without_a_page_fault_is_overwritten() {
    for way in FINDING {
        let pool = Pool::of(1, way);
        for _ in 0..3 {
            until_cleaned_without_scan(&pool, FEW).await;
            assert_eq!(pool.look().await, Found::default(), "{way:?}");
            pool.clean();
        }
    }
}

#[tokio::test]
async fn what_a_run_wrote_to_other_pages_is_found_by_a_scan() {
    for way in FINDING {
        let pool = Pool::of(1, way);
        for first in 4..8 {
            until_cleaned_without_scan(&pool, FEW).await;
            let before = pool.unscanned();
            pool.fill_counted(Fill { first, ..FEW }, Scene::default()).await;
            assert_eq!(pool.unscanned(), before, "{way:?}: other pages are written with faults");
            assert_eq!(pool.look().await, Found::default(), "{way:?}");
            pool.clean();
        }
    }
}

/// Where nobody counts, or not to the end, nothing is known.
#[tokio::test]
async fn a_run_that_is_not_counted_is_scanned() {
    let pool = Pool::new();
    until_cleaned_without_scan(&pool, FEW).await;
    let before = pool.unscanned();
    for _ in 0..10 {
        pool.fill(FEW, Scene::default()).await;
        pool.clean();
    }
    assert_eq!(pool.unscanned(), before);
    assert_eq!(pool.look().await, Found::default());
}

/// As in gVisor, which counts no page faults, and cannot tell which pages are dirty either.
#[test]
fn where_page_faults_are_not_counted_no_run_finds_what_another_left() {
    for way in WAYS {
        let pool = Pool::of(1, way);
        let runs = async {
            for first in 3..8 {
                pool.fill_counted(Fill { first, ..FEW }, Scene::default()).await;
                assert_eq!(pool.look().await, Found::default(), "{way:?}, from page {first}");
                pool.clean();
            }
        };
        let without_counts = || {
            stop_counts();
            on_this_thread(runs);
        };
        thread::scope(|scope| scope.spawn(without_counts).join()).expect("nothing is found");
        assert_eq!(pool.unscanned(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn pages_that_are_kept_and_swapped_out_are_put_back() {
    if !can_swap("that kept pages are put back that were swapped out") {
        return;
    }
    let pool = Pool::new();
    for _ in 0..3 {
        until_cleaned_without_scan(&pool, FEW).await;
        page_out();
        pool.fill_counted(FEW, Scene { asleep: true, ..Scene::default() }).await;
        assert_eq!(pool.look().await, Found::default());
        pool.clean();
    }
}

#[test]
fn faults_are_counted_on_whichever_thread_a_run_is() {
    let pool = Pool::new();
    for first in 4..8 {
        on_many_threads(4, pool.fill_counted(FEW, Scene::default()));
        on_many_threads(4, pool.fill_counted(Fill { first, ..FEW }, Scene::default()));
        assert_eq!(on_many_threads(4, pool.look()), Found::default());
        pool.clean();
        pool.unscanned();
    }
}

/// Runs that write at random, several at a time, and each is followed by one that looks. `just gates isolation` makes thousands of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counted_runs_at_random_never_meet() {
    const AT_A_TIME: u64 = 2;
    let runs = std::env::var("EXUVIA_RUNS").map_or(60, |runs| runs.parse().expect("a number"));
    for way in WAYS {
        let pool = Pool::of(AT_A_TIME as u32, way);
        let some = (0..AT_A_TIME).map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut chance = Chance(number);
                for _ in 0..runs / AT_A_TIME / WAYS.len() as u64 {
                    for _ in 0..chance.below(6) {
                        let first = chance.below(3);
                        pool.fill_counted(Fill { first, ..FEW }, Scene::default()).await;
                    }
                    assert_eq!(pool.look().await, Found::default(), "{way:?}");
                    pool.clean();
                }
            })
        });
        for run in some.collect::<Vec<_>>() {
            run.await.expect("runs do not meet");
        }
        pool.unscanned();
    }
}
