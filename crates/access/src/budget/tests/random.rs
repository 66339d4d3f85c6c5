//! Whatever happens in whatever order: no limit is exceeded in any window, and nothing leaks.

use std::collections::BTreeMap;

use exuvia_tool::Limits;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Call { process: usize, key: usize, cost: u64, is_made: bool },
    Start { process: usize, key: usize, fuel: u64 },
    End { run: usize, used: u64, is_dropped: bool },
    Trim { process: usize },
    Close { process: usize },
    Wait { minutes: u64, is_back: bool },
    Fail { is_failing: bool },
    Restrict { calls: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2_usize, 0..3_usize, 0..40_u64, any::<bool>())
            .prop_map(|(process, key, cost, is_made)| Step::Call { process, key, cost, is_made }),
        4 => (0..2_usize, 0..3_usize, 1_000_000..40_000_000_u64)
            .prop_map(|(process, key, fuel)| Step::Start { process, key, fuel }),
        4 => (any::<usize>(), 0..40_000_000_u64, any::<bool>())
            .prop_map(|(run, used, is_dropped)| Step::End { run, used, is_dropped }),
        2 => (0..2_usize).prop_map(|process| Step::Trim { process }),
        1 => (0..2_usize).prop_map(|process| Step::Close { process }),
        2 => (1..90_u64, prop::bool::weighted(0.3)).prop_map(|(minutes, is_back)| Step::Wait { minutes, is_back }),
        1 => any::<bool>().prop_map(|is_failing| Step::Fail { is_failing }),
        1 => (0..30_u64).prop_map(|calls| Step::Restrict { calls }),
    ];
    prop::collection::vec(step, 1..120)
}

fn configured(calls: u64) -> BTreeMap<String, BudgetConfig> {
    let hourly = |limits: &[(Quantity, u64)]| BudgetConfig { period: Period::Hour, ..budget(limits) };
    let all =
        hourly(&[(Quantity::Calls, calls), (Quantity::Cost, 400), (Quantity::Runs, 6), (Quantity::Fuel, 90_000_000)]);
    let each = BudgetConfig { each: Each::Key, ..hourly(&[(Quantity::Calls, 9), (Quantity::Fuel, 50_000_000)]) };
    BTreeMap::from([("all".to_owned(), all), ("each".to_owned(), each)])
}

const MOST_CALLS: u64 = 25;

async fn played(steps: Vec<Step>) {
    let world = World::new();
    let processes = [(); 2].map(|()| world.process([]));
    let put = |calls| processes.iter().for_each(|process| process.reconfigure(&configured(calls)));
    put(MOST_CALLS);
    let spenders: Vec<Vec<Spender>> =
        processes.iter().map(|process| ["a", "b", "c"].map(|name| spender(process, name)).into()).collect();
    let mut runs: Vec<(RunReservation, u64)> = Vec::new();
    // What was used, in each window, of all budgets together: it stands in the counters of both.
    let (mut calls, mut cost, mut fuel) = (0, 0, 0);
    let (mut now, mut has_moved) = (NOON, false);
    for step in steps {
        match step {
            Step::Call { process, key, cost: price, is_made } => {
                if let Ok(Some(call)) = spenders[process][key].reserve_call(Cost::from_micros(price)).await
                    && is_made
                {
                    drop(call.make());
                    (calls, cost) = (calls + 1, cost + price);
                }
            }
            Step::Start { process, key, fuel } => {
                let limits = Limits { fuel, ..Limits::default() };
                if let Ok(mut run) = spenders[process][key].reserve_run(&limits).await {
                    let most = run.lower(limits).fuel;
                    assert!((1_000_000..=fuel).contains(&most));
                    run.start();
                    runs.push((run, most));
                }
            }
            Step::End { run, used, is_dropped } if !runs.is_empty() => {
                let (run, most) = runs.swap_remove(run % runs.len());
                if is_dropped {
                    drop(run);
                    fuel += most;
                } else {
                    run.settle(used, 1);
                    fuel += used.min(most);
                }
            }
            Step::End { .. } => {}
            Step::Trim { process } => drop(processes[process].trim(false).await),
            Step::Close { process } => processes[process].close().await,
            Step::Wait { minutes, is_back } => {
                let ms = minutes * 60_000;
                now = if is_back { now - ms } else { now + ms };
                has_moved = true;
                world.at(now);
            }
            Step::Fail { is_failing } => world.store.is_failing.store(is_failing, Ordering::Relaxed),
            Step::Restrict { calls } => put(calls),
        }
        for (quantity, most) in [("runs", 6), ("cost", 400), ("fuel", 90_000_000), ("calls", 30)] {
            assert!(world.store.counted(quantity).iter().all(|counted| *counted <= most), "{quantity}");
        }
    }
    for (run, most) in runs {
        drop(run);
        fuel += most;
    }
    world.store.is_failing.store(false, Ordering::Relaxed);
    // Windows that are over are not given back to: look at them once more.
    for process in &processes {
        process.close().await;
    }
    let counted = |quantity: &str| world.store.counted(quantity).into_iter().sum::<u64>();
    assert!(
        counted("cost") >= cost && counted("calls") >= 2 * calls && counted("fuel") >= 2 * fuel,
        "nothing is forgotten"
    );
    // What was leased in a window that was left is not given back, also where the clock comes back to it.
    if !has_moved {
        assert_eq!((counted("cost"), counted("calls"), counted("fuel")), (cost, 2 * calls, 2 * fuel), "nothing leaks");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_limit_is_exceeded_and_nothing_leaks(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(played(steps));
    }
}

/// The same at once: calls and runs of many tasks in two processes, some of which are dropped half way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_tasks_never_cross_a_limit_and_leave_nothing_behind() {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    let world = World::new();
    let limits = [(Quantity::Calls, 2_000), (Quantity::Cost, 30_000), (Quantity::Fuel, 900_000_000)];
    let processes = [(); 2].map(|()| world.process([("day", budget(&limits))]));
    let used = Arc::new([const { AtomicU64::new(0) }; 3]);
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let (spender, used) = (spender(&processes[task as usize % 2], "ci"), Arc::clone(&used));
            tokio::spawn(async move {
                for step in 0..150_u64 {
                    let (cost, fuel) = ((task + step) % 30, 1_000_000 + (task * step) % 7_000_000);
                    let call = spender.reserve_call(Cost::from_micros(cost));
                    let call = match step % 10 {
                        // Dropped at once, or a little later.
                        0 => tokio::time::timeout(Duration::ZERO, call).await.ok(),
                        1 => tokio::time::timeout(Duration::from_micros(20), call).await.ok(),
                        _ => Some(call.await),
                    };
                    if let Some(Ok(Some(call))) = call {
                        if step % 3 == 0 {
                            drop(call);
                        } else {
                            drop(call.make());
                            used[0].fetch_add(1, Ordering::Relaxed);
                            used[1].fetch_add(cost, Ordering::Relaxed);
                        }
                    }
                    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
                    if let Ok(mut run) = spender.reserve_run(&limits).await {
                        let most = run.lower(limits).fuel;
                        run.start();
                        tokio::task::yield_now().await;
                        run.settle(fuel, 1);
                        used[2].fetch_add(fuel.min(most), Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    // What was dropped half way comes to its end.
    tokio::time::sleep(Duration::from_millis(50)).await;
    for process in &processes {
        process.close().await;
    }
    for (quantity, place, limit) in [("calls", 0, 2_000), ("cost", 1, 30_000), ("fuel", 2, 900_000_000)] {
        let used = used[place].load(Ordering::Relaxed);
        assert!(used <= limit, "{quantity}: {used}");
        assert_eq!(world.store.counted(quantity).first().copied().unwrap_or_default(), used, "{quantity}");
    }
}
