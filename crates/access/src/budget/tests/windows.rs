//! Windows of the calendar, and clocks that are set back.

use super::*;

#[tokio::test]
async fn a_clock_that_goes_back_gives_nothing_again() {
    let world = World::new();
    let hourly = BudgetConfig { period: Period::Hour, ..budget(&[(Quantity::Calls, 3)]) };
    let budgets = world.process([("hour", hourly)]);
    let spender = spender(&budgets, "ci");
    assert_eq!(calls(&spender, 9).await, 3);
    world.at(NOON + HOUR);
    assert_eq!(calls(&spender, 2).await, 2);
    world.at(NOON + HOUR / 2);
    assert_eq!(calls(&spender, 9).await, 0, "it is the hour of before");
    world.at(NOON + HOUR);
    assert_eq!(calls(&spender, 9).await, 1);
    // Another process that comes up with a clock of its own.
    let other = world.process([("hour", BudgetConfig { period: Period::Hour, ..budget(&[(Quantity::Calls, 3)]) })]);
    assert_eq!(calls(&super::spender(&other, "ci"), 9).await, 0);
}

#[tokio::test]
async fn leases_end_with_their_window_and_are_there_again_when_a_clock_goes_back() {
    let world = World::new();
    let hourly = BudgetConfig { period: Period::Hour, ..budget(&[(Quantity::Calls, 640)]) };
    let budgets = world.process([("hour", hourly)]);
    let spender = spender(&budgets, "ci");
    world.at(NOON + HOUR);
    assert_eq!(calls(&spender, 1).await, 1);
    assert_eq!(world.store.counted("calls"), [11]);
    world.at(NOON);
    assert_eq!(calls(&spender, 1).await, 1);
    budgets.close().await;
    assert_eq!(world.store.counted("calls"), [1, 1]);
    world.at(NOON + 2 * HOUR);
    assert_eq!(calls(&spender, 640).await, 640);
    assert_eq!(calls(&spender, 1).await, 0);
}

#[tokio::test]
async fn a_month_and_a_day_in_their_zone_begin_anew_at_midnight_there() {
    let world = World::new();
    let berlin = |period, limit| BudgetConfig {
        period,
        time_zone: TimeZone::get("Europe/Berlin").expect("a zone"),
        ..budget(&[(Quantity::Calls, limit)])
    };
    let budgets = world.process([("day", berlin(Period::Day, 2)), ("month", berlin(Period::Month, 3))]);
    let spender = spender(&budgets, "ci");
    assert_eq!(calls(&spender, 9).await, 2);
    // 29 November, 23:00 UTC: midnight in winter.
    world.at(NOON + 11 * HOUR - 1);
    let refused = exhausted(call(&spender, 0).await.expect_err("of the day"));
    assert_eq!((refused.budget.as_str(), refused.retry_after_ms), ("day", Some(1)));
    world.at(NOON + 11 * HOUR);
    assert_eq!(calls(&spender, 9).await, 1);
    let refused = exhausted(call(&spender, 0).await.expect_err("of the month"));
    assert_eq!((refused.budget.as_str(), refused.retry_after_ms), ("month", Some(DAY)));
    world.at(NOON + 11 * HOUR + DAY);
    assert_eq!(calls(&spender, 9).await, 2);
}
