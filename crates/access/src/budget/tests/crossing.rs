//! The limit is the limit, for one process and for several.

use std::collections::HashMap;

use exuvia_journal::BudgetOverride;
use exuvia_tool::Exhausted;

use super::*;

#[tokio::test]
async fn the_call_that_crosses_the_budget_is_not_made_and_says_which_and_when_to_try_again() {
    let world = World::new();
    let budgets = world.process([("support-day", budget(&[(Quantity::Calls, 3)]))]);
    let spender = spender(&budgets, "ci");
    assert_eq!(calls(&spender, 3).await, 3);
    let refused = exhausted(call(&spender, 0).await.expect_err("the fourth"));
    let expected = Exhausted {
        budget: "support-day".to_owned(),
        quantity: Quantity::Calls,
        retry_after_ms: Some(12 * HOUR),
        is_reserved: false,
    };
    assert_eq!(refused, expected);
    assert_eq!(world.store.counted("calls"), [3]);
    world.at(NOON + 12 * HOUR);
    assert_eq!(calls(&spender, 5).await, 3);
}

#[tokio::test]
async fn costs_are_summed_exactly_and_the_call_that_would_cross_is_refused() {
    let world = World::new();
    let budgets = world.process([("money", budget(&[(Quantity::Cost, 1_000_000)]))]);
    let spender = spender(&budgets, "ci");
    for _ in 0..10 {
        assert_eq!(call(&spender, 99_999).await, Ok(()));
    }
    assert_eq!(exhausted(call(&spender, 11).await.expect_err("a millionth too much")).quantity, Quantity::Cost);
    // What costs nothing, or just what is left, is made.
    assert_eq!((call(&spender, 0).await, call(&spender, 10).await), (Ok(()), Ok(())));
    assert_eq!(world.store.counted("cost"), [1_000_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_one_store_have_one_budget_together() {
    let world = World::new();
    let limit = 1_000;
    let processes = [(); 2].map(|()| world.process([("day", budget(&[(Quantity::Calls, limit)]))]));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let spender = spender(&processes[task % 2], "ci");
            tokio::spawn(async move { calls(&spender, 200).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += task.await.expect("it ends");
    }
    // What one process has leased is missing to the other until it gives it back.
    for process in &processes {
        process.close().await;
    }
    world.at(NOON + 1_000);
    made += calls(&spender(&processes[0], "ci"), 1_000).await;
    assert_eq!((made as u64, world.store.counted("calls")), (limit, vec![limit]));
}

#[tokio::test]
async fn what_a_process_has_leased_and_does_not_need_comes_back_to_the_others() {
    let world = World::new();
    let [idle, busy] = [(); 2].map(|()| world.process([("day", budget(&[(Quantity::Calls, 640)]))]));
    assert_eq!(calls(&spender(&idle, "ci"), 1).await, 1);
    assert_eq!(world.store.counted("calls"), [11], "a lease of a sixty-fourth");
    let other = spender(&busy, "ci");
    assert_eq!(calls(&other, 700).await, 629);
    // It keeps what it needed in the last second, and gives back the rest.
    assert!(idle.trim(false).await);
    world.at(NOON + 1_000);
    assert_eq!(calls(&other, 700).await, 9);
    assert!(!idle.trim(false).await);
    world.at(NOON + 2_000);
    assert_eq!(calls(&other, 700).await, 1);
    assert_eq!(world.store.counted("calls"), [640]);
}

#[tokio::test]
async fn a_call_seldom_asks_the_store() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 10_000), (Quantity::Cost, 10_000_000)]))]);
    let spender = spender(&budgets, "ci");
    for _ in 0..10_000 {
        assert_eq!(call(&spender, 1_000).await, Ok(()));
    }
    assert!(call(&spender, 1_000).await.is_err());
    assert!(world.store.taken() < 200, "{}", world.store.taken());
    // Who is refused does not ask each time.
    let before = world.store.taken();
    assert_eq!(calls(&spender, 1_000).await, 0);
    assert_eq!(world.store.taken(), before);
}

#[tokio::test]
async fn who_has_no_budget_never_asks_the_store() {
    let world = World::new();
    let mut of_ci = budget(&[(Quantity::Calls, 0)]);
    of_ci.members.keys.insert("ci".to_owned());
    let budgets = world.process([("day", of_ci)]);
    let free = spender(&budgets, "free");
    assert_eq!(calls(&free, 100).await, 100);
    assert!(free.reserve_run(&Default::default()).await.is_ok());
    assert_eq!((world.store.taken(), budgets.trim(false).await), (0, false));
    assert_eq!(calls(&spender(&budgets, "ci"), 2).await, 0);
}

#[tokio::test]
async fn each_key_has_a_counter_of_its_own_and_a_shared_budget_has_one_for_all() {
    let world = World::new();
    let each = BudgetConfig { each: Each::Key, ..budget(&[(Quantity::Calls, 5)]) };
    let budgets = world.process([("each", each), ("together", budget(&[(Quantity::Calls, 8)]))]);
    let (ada, bob) = (spender(&budgets, "ada"), spender(&budgets, "bob"));
    assert_eq!(calls(&ada, 9).await, 5);
    assert_eq!(exhausted(call(&ada, 0).await.expect_err("hers")).budget, "each");
    assert_eq!(calls(&bob, 9).await, 3);
    assert_eq!(exhausted(call(&bob, 0).await.expect_err("all of theirs")).budget, "together");
    // What one budget refused took nothing from the other.
    budgets.close().await;
    assert_eq!(world.store.counted("calls"), [5, 3, 8]);
}

#[tokio::test]
async fn an_override_holds_for_its_key_until_it_ends() {
    let world = World::new();
    let each = BudgetConfig { each: Each::Key, ..budget(&[(Quantity::Calls, 2)]) };
    let budgets = world.process([("day", each)]);
    let (ci, other) = (spender(&budgets, "ci"), spender(&budgets, "other"));
    assert_eq!((calls(&ci, 9).await, calls(&other, 9).await), (2, 2));
    let own =
        |percent| BudgetOverride { budget: "day".to_owned(), percent, amounts: BTreeMap::new(), until_ms: NOON + HOUR };
    budgets.set_overrides(HashMap::from([("ci".to_owned(), vec![own(300)])]));
    assert_eq!((calls(&ci, 9).await, calls(&other, 9).await), (4, 0));
    world.at(NOON + HOUR);
    assert_eq!(calls(&ci, 9).await, 0, "it has more than the limit by then");
    world.at(NOON + DAY);
    assert_eq!(calls(&ci, 9).await, 2);
    world.at(NOON + 2 * DAY);
    budgets.set_overrides(HashMap::from([(
        "ci".to_owned(),
        vec![BudgetOverride { until_ms: NOON + 9 * DAY, ..own(50) }],
    )]));
    assert_eq!(calls(&ci, 9).await, 1);
}

#[tokio::test]
async fn other_budgets_hold_from_the_next_call_of_what_is_in_flight() {
    let world = World::new();
    let budgets = world.process([]);
    let spender = spender(&budgets, "ci");
    let put = |name: &str, limit| {
        budgets.reconfigure(&BTreeMap::from([(name.to_owned(), budget(&[(Quantity::Calls, limit)]))]));
    };
    assert_eq!(calls(&spender, 3).await, 3);
    put("day", 2);
    assert_eq!(calls(&spender, 3).await, 2);
    put("day", 5);
    assert_eq!(calls(&spender, 9).await, 3, "its counter goes on");
    put("day", 1);
    assert_eq!(calls(&spender, 3).await, 0);
    budgets.reconfigure(&BTreeMap::new());
    assert_eq!(calls(&spender, 3).await, 3);
    budgets.trim(false).await;
    assert_eq!(world.store.counted("calls"), [5], "leases of budgets that are gone are given back");
}

#[tokio::test]
async fn a_budget_that_reports_lets_everything_pass_and_says_so_once_in_a_window() {
    let world = World::new();
    let reports = BudgetConfig { action: BudgetAction::Report, ..budget(&[(Quantity::Calls, 3)]) };
    let budgets = world.process([("day", reports)]);
    let spender = spender(&budgets, "ci");
    let exceeded = || budgets.used()[0].exceeded;
    assert_eq!((calls(&spender, 3).await, exceeded()), (3, 0));
    assert_eq!((calls(&spender, 100).await, exceeded()), (100, 1));
    world.at(NOON + DAY);
    assert_eq!((calls(&spender, 3).await, exceeded()), (3, 1));
    assert_eq!((calls(&spender, 1).await, exceeded()), (1, 2));
    budgets.close().await;
    assert_eq!(world.store.counted("calls"), [103, 4]);
}

#[tokio::test]
async fn a_request_has_its_own_budget_below_those_of_its_key() {
    let world = World::new();
    let budgets = world.process([("day", budget(&[(Quantity::Calls, 5)]))]);
    let request = |sent: serde_json::Value| {
        let request = RequestBudget::parse(&sent).expect("valid");
        budgets.spender(&key("ci"), Some(Arc::new(request)))
    };
    let lower = request(serde_json::json!({"calls": 2}));
    assert_eq!(calls(&lower, 9).await, 2);
    let refused = exhausted(call(&lower, 0).await.expect_err("of the request"));
    assert_eq!((refused.budget.as_str(), refused.retry_after_ms), ("", None));
    let higher = request(serde_json::json!({"calls": 1_000_000}));
    assert_eq!(calls(&higher, 9).await, 3);
    assert_eq!(exhausted(call(&higher, 0).await.expect_err("of the key")).budget, "day");
    // Also for who has no budget else.
    budgets.reconfigure(&BTreeMap::new());
    assert_eq!(calls(&request(serde_json::json!({"calls": 2})), 9).await, 2);
}

#[tokio::test]
async fn what_is_used_is_told_for_each_quantity_that_is_limited() {
    let world = World::new();
    let each = BudgetConfig { each: Each::Key, ..budget(&[(Quantity::Calls, 10)]) };
    let budgets = world.process([("each", each), ("other", budget(&[(Quantity::Fuel, 5)]))]);
    assert_eq!((calls(&spender(&budgets, "ada"), 3).await, calls(&spender(&budgets, "bob"), 11).await), (3, 10));
    let told: Vec<_> =
        budgets.used().into_iter().map(|one| (one.budget.to_string(), one.used, one.limit, one.exceeded)).collect();
    assert_eq!(told, [("each".to_owned(), Some(10), 10, 1), ("other".to_owned(), Some(0), 5, 0)]);
}
