//! Runs: reserved before they start, with what they did not use given back.

use exuvia_tool::Limits;

use super::*;

const G: u64 = 1_000_000_000;

fn limits_of_run() -> Limits {
    Limits { fuel: 20 * G, wall_ms: 120_000, ..Limits::default() }
}

#[tokio::test]
async fn a_run_reserves_its_limits_and_gives_back_what_it_did_not_use() {
    let world = World::new();
    let budgets =
        world.process([("day", budget(&[(Quantity::Runs, 3), (Quantity::Fuel, 50 * G), (Quantity::WallMs, 300_000)]))]);
    let spender = spender(&budgets, "ci");
    let mut run = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
    assert_eq!((run.lower(limits_of_run()), run.lowered_by(Quantity::Fuel)), (limits_of_run(), None));
    run.start();
    run.settle(5 * G, 1_000);
    budgets.close().await;
    let counted = |quantity| world.store.counted(quantity);
    assert_eq!((counted("runs"), counted("fuel"), counted("wall_ms")), (vec![1], vec![5 * G], vec![1_000]));
}

#[tokio::test]
async fn a_run_has_the_rest_of_a_budget_and_knows_whose_it_is() {
    let world = World::new();
    let budgets =
        world.process([("day", budget(&[(Quantity::Fuel, 25 * G)])), ("wide", budget(&[(Quantity::Fuel, 26 * G)]))]);
    let spender = spender(&budgets, "ci");
    let mut first = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
    let second = spender.reserve_run(&limits_of_run()).await.expect("there is a rest");
    assert_eq!((second.lower(limits_of_run()).fuel, second.lowered_by(Quantity::Fuel)), (5 * G, Some("day")));
    assert_eq!(second.lowered_by(Quantity::WallMs), None);
    // All that is left is reserved, and may come back soon.
    let refused = exhausted(spender.reserve_run(&limits_of_run()).await.expect_err("nothing is left"));
    assert_eq!((refused.quantity, refused.retry_after_ms, refused.is_reserved), (Quantity::Fuel, Some(1_000), true));
    drop(second);
    let third = spender.reserve_run(&limits_of_run()).await.expect("what was given back");
    assert_eq!(third.lower(limits_of_run()).fuel, 5 * G);
    first.start();
    first.settle(20 * G, 1);
    drop(third);
    // Less than any script needs is left.
    let mut last = spender.reserve_run(&limits_of_run()).await.expect("five");
    last.start();
    last.settle(5 * G - 999_999, 1);
    let refused = exhausted(spender.reserve_run(&limits_of_run()).await.expect_err("too little"));
    assert_eq!((refused.budget.as_str(), refused.retry_after_ms, refused.is_reserved), ("day", Some(12 * HOUR), false));
    budgets.close().await;
    assert_eq!(world.store.counted("fuel"), [25 * G - 999_999; 2]);
}

#[tokio::test]
async fn of_several_quantities_the_one_that_is_short_is_named_whichever_is_asked_for_first() {
    let world = World::new();
    for (quantity, limits) in [
        (Quantity::Fuel, [(Quantity::Runs, 100), (Quantity::Fuel, 20 * G), (Quantity::WallMs, 900_000)]),
        (Quantity::Runs, [(Quantity::Runs, 1), (Quantity::Fuel, 900 * G), (Quantity::WallMs, 900_000)]),
        (Quantity::WallMs, [(Quantity::Runs, 100), (Quantity::Fuel, 900 * G), (Quantity::WallMs, 120_050)]),
    ] {
        let budgets = world.process([(quantity.name(), budget(&limits))]);
        let spender = spender(&budgets, "ci");
        let mut run = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
        run.start();
        run.settle(20 * G, 120_000);
        // Also where a process knows nothing yet.
        budgets.close().await;
        let other = world.process([(quantity.name(), budget(&limits))]);
        for budgets in [&budgets, &other] {
            let refused = super::spender(budgets, "ci").reserve_run(&limits_of_run()).await.expect_err("too little");
            assert_eq!(exhausted(refused).quantity, quantity);
        }
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_before_it_starts_counts_nothing_and_afterwards_all_that_it_reserved() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Runs, 9), (Quantity::Fuel, 500 * G)]))]);
    let spender = spender(&budgets, "ci");
    drop(spender.reserve_run(&limits_of_run()).await.expect("there is enough"));
    budgets.close().await;
    assert_eq!((world.store.counted("runs"), world.store.counted("fuel")), (vec![], vec![]));
    let mut run = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
    run.start();
    drop(run);
    budgets.close().await;
    assert_eq!((world.store.counted("runs"), world.store.counted("fuel")), (vec![1], vec![20 * G]));
}

#[tokio::test]
async fn a_run_is_counted_in_the_window_in_which_it_starts() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Fuel, 30 * G)]))]);
    let spender = spender(&budgets, "ci");
    world.at(NOON + 12 * HOUR - 1);
    let mut late = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
    late.start();
    world.at(NOON + 12 * HOUR);
    let mut early = spender.reserve_run(&limits_of_run()).await.expect("of the next day");
    early.start();
    late.settle(7 * G, 1);
    early.settle(3 * G, 1);
    budgets.close().await;
    let counted = world.store.counted("fuel");
    // The rest of a lease that ended with its window is not given back.
    assert!(counted.len() == 2 && (7 * G..8 * G).contains(&counted[0]) && counted[1] == 3 * G, "{counted:?}");
}

#[tokio::test]
async fn a_request_lowers_the_limits_of_its_run_and_reserves_no_more() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Fuel, 40 * G)]))]);
    let request = RequestBudget::parse(&serde_json::json!({"fuel": 2 * G, "wall_ms": 999_999_999})).expect("valid");
    let spender = budgets.spender(&key("ci"), Some(Arc::new(request)));
    let run = spender.reserve_run(&limits_of_run()).await.expect("there is enough");
    let lowered = run.lower(limits_of_run());
    assert_eq!((lowered.fuel, lowered.wall_ms), (2 * G, 120_000));
    assert_eq!(run.lowered_by(Quantity::Fuel), None);
    drop(run);
    budgets.close().await;
    assert!(world.store.counted("fuel").is_empty());
}

#[tokio::test]
async fn fuel_alone_is_reserved_whole_or_not_and_time_beside_a_run_counts_with_it() {
    let world = World::new();
    let budgets =
        world.process([("day", budget(&[(Quantity::Runs, 1), (Quantity::Fuel, 25 * G), (Quantity::WallMs, 120_000)]))]);
    let spender = spender(&budgets, "ci");
    let mut before = spender.reserve_fuel(6 * G).await.expect("there is enough");
    let mut run = spender.reserve_run(&limits_of_run()).await.expect("there is a rest");
    assert_eq!(run.lower(limits_of_run()).fuel, 19 * G);
    let refused = exhausted(spender.reserve_fuel(1).await.expect_err("nothing is left"));
    assert_eq!((refused.quantity, refused.is_reserved), (Quantity::Fuel, true));
    before.start();
    before.settle(2 * G, 0);
    run.start();
    run.also_took(700);
    run.settle(G, 50);
    budgets.close().await;
    let counted = |quantity| world.store.counted(quantity);
    assert_eq!((counted("runs"), counted("fuel"), counted("wall_ms")), (vec![1], vec![3 * G], vec![750]));
    // The store is asked again.
    world.at(NOON + 1_000);
    let request = RequestBudget::parse(&serde_json::json!({"fuel": 5_000_000})).expect("valid");
    let spender = budgets.spender(&key("ci"), Some(Arc::new(request)));
    assert!(spender.reserve_fuel(5_000_000).await.is_ok());
    let refused = exhausted(spender.reserve_fuel(5_000_001).await.expect_err("more than the request allows"));
    assert_eq!((refused.budget.as_str(), refused.retry_after_ms), ("", None));
}
