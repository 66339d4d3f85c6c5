//! Runs whose thread is moved from core to core: while they run, between their polls, and before they are cleaned.
#![expect(clippy::print_stdout, reason = "a test that needs two cores says that it was skipped")]

use std::pin::pin;
use std::thread;

use exuvia_tests::this_thread::{cores, move_to_core};

use super::faults::{FEW, until_cleaned_without_scan};
use super::pool::{ALL, Fill, Found, Pool, Scene};
use super::{WAYS, on_this_thread};

const MOVED: Scene = Scene { asleep: false, ending: false, idle: false, huge: false, moves: true };

/// Polls a future each time on the next one of some cores, and ends on the one after.
async fn from_core_to_core<T>(cores: &[usize], future: impl Future<Output = T>) -> T {
    let (mut future, mut next) = (pin!(future), cores.iter().copied().cycle());
    let mut moved = move || next.next().into_iter().for_each(move_to_core);
    let output = std::future::poll_fn(|context| {
        moved();
        future.as_mut().poll(context)
    })
    .await;
    moved();
    output
}

/// On a thread that ends: it may run on one core alone afterwards.
fn on_all_cores(test: impl AsyncFnOnce(Vec<usize>) + Send) {
    let cores = cores();
    if cores.len() < 2 {
        return println!("NOT CHECKED: that runs do not meet whose threads move between cores; there is one");
    }
    thread::scope(|scope| scope.spawn(move || on_this_thread(test(cores))).join()).expect("runs do not meet");
}

#[test]
fn no_run_finds_what_another_left_whichever_cores_they_ran_on() {
    on_all_cores(async |cores| {
        for way in WAYS {
            let pool = Pool::of(1, way);
            for step in [1, 8, 1000] {
                let both = pool.second_after_first(Fill { step, ..ALL }, MOVED);
                assert_eq!(from_core_to_core(&cores, both).await, Found::default(), "{way:?}, every {step} pages");
            }
        }
    });
}

#[test]
fn page_faults_are_counted_whichever_cores_a_run_is_on() {
    on_all_cores(async |cores| {
        let pool = Pool::new();
        for first in 4..8 {
            from_core_to_core(&cores, until_cleaned_without_scan(&pool, FEW)).await;
            from_core_to_core(&cores, pool.fill_counted(FEW, MOVED)).await;
            from_core_to_core(&cores, pool.fill_counted(Fill { first, ..FEW }, MOVED)).await;
            assert_eq!(from_core_to_core(&cores, pool.look()).await, Found::default());
            pool.clean();
            pool.unscanned();
        }
    });
}
