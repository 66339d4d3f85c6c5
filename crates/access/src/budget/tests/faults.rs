//! Futures that are dropped, stores that do not answer, processes that end.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_call_that_is_not_made_is_given_back_and_one_that_is_dropped_in_flight_is_not() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 2), (Quantity::Cost, 10)]))]);
    let request = RequestBudget::parse(&serde_json::json!({"calls": 2})).expect("valid");
    let spender = budgets.spender(&key("ci"), Some(Arc::new(request)));
    let reserve = async || spender.reserve_call(Cost::from_micros(5)).await.expect("enough").expect("counted");
    drop(reserve().await);
    reserve().await.make().give_back();
    drop(reserve().await.make());
    budgets.close().await;
    assert_eq!((world.store.counted("calls"), world.store.counted("cost")), (vec![1], vec![5]));
    drop(reserve().await.make());
    assert!(call(&spender, 0).await.is_err());
}

#[tokio::test]
async fn a_reservation_that_is_dropped_while_the_store_takes_leaves_nothing_behind() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 5)]))]);
    let spender = spender(&budgets, "ci");
    world.store.answers.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let waiting = tokio::time::timeout(Duration::from_millis(50), call(&spender, 0)).await;
    assert!(waiting.is_err());
    assert_eq!(world.store.counted("calls"), [1], "the store has taken it");
    world.store.answers.add_permits(100);
    // The next one finds what was taken.
    assert_eq!(calls(&spender, 9).await, 5);
    assert_eq!(world.store.counted("calls"), [5]);
}

#[tokio::test]
async fn what_a_process_had_leased_that_ends_without_giving_back_counts_as_used() {
    let world = World::new();
    let dying = world.process([("day", budget(&[(Quantity::Calls, 640)]))]);
    assert_eq!(calls(&spender(&dying, "ci"), 1).await, 1);
    drop(dying);
    let next = world.process([("day", budget(&[(Quantity::Calls, 640)]))]);
    assert_eq!(calls(&spender(&next, "ci"), 999).await, 640 - 11);
}

#[tokio::test]
async fn while_the_store_does_not_answer_nothing_is_made_beyond_what_is_leased() {
    let world = World::new();
    let reports = BudgetConfig { action: BudgetAction::Report, ..budget(&[(Quantity::Calls, 1)]) };
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 640)]))]);
    let reporting = world.process([("other", reports)]);
    let spender = spender(&budgets, "ci");
    assert_eq!(calls(&spender, 1).await, 1);
    world.store.is_failing.store(true, Ordering::Relaxed);
    assert_eq!(calls(&spender, 99).await, 10);
    assert_eq!(call(&spender, 0).await, Err(Refused::Uncounted));
    assert!(world.store.taken() < 5, "it is not asked at each call");
    assert_eq!(calls(&super::spender(&reporting, "ci"), 9).await, 9, "whoever only reports holds nobody up");
    world.store.is_failing.store(false, Ordering::Relaxed);
    world.at(NOON + 1_000);
    assert_eq!(calls(&spender, 9).await, 9);
    // What cannot be given back is given back later.
    world.store.is_failing.store(true, Ordering::Relaxed);
    budgets.close().await;
    assert!(world.store.counted("calls")[0] > 20);
    world.store.is_failing.store(false, Ordering::Relaxed);
    assert!(!budgets.trim(false).await);
    assert_eq!(world.store.counted("calls"), [20]);
}

#[tokio::test]
async fn what_is_not_needed_is_given_back_without_being_asked() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 640)]))]);
    assert_eq!(calls(&spender(&budgets, "ci"), 3).await, 3);
    assert_eq!(world.store.counted("calls"), [11]);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if world.store.counted("calls") == [3] {
            return;
        }
    }
    panic!("{:?}", world.store.counted("calls"));
}
