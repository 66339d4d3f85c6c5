//! Sessions that are brought back near the end of a budget.

use std::sync::Arc;

use exuvia_access::Access;
use exuvia_access::budget::Budgets;
use exuvia_config::{Paths, Sources};
use exuvia_journal::SqliteAccessStore;
use exuvia_runtime::{Limits, Outcome};
use exuvia_tests::{Folder, Settings};
use exuvia_tool::Quantity;

use super::{Sessions, cold, error};

/// A script whose fuel is much more than that of the others here.
const EXPENSIVE: &str = "n = sum(range(2_000_000))\n1";

/// A budget of a month for everybody, in a month that does not end.
fn month(limits: &str) -> Arc<Budgets> {
    let folder = Folder::new(&format!("[budgets.month]\nperiod = 'month'\n{limits}\n"));
    let sources = Sources { config: Some(folder.path("exuvia.toml")), ..Sources::default() };
    let config = sources.load(&Paths::default()).expect("a configuration");
    let store = SqliteAccessStore::in_memory().expect("a store");
    Budgets::new(store, &config.access.budgets, Access::open(), Arc::new(|| 1_795_953_600_000))
}

async fn cold_with(budgets: &Arc<Budgets>) -> Sessions {
    let settings = Settings { budgets: Arc::clone(budgets), ..Settings::default() };
    Sessions::with_settings(cold(), Limits::default(), settings).await
}

/// What is used of a quantity.
fn used(budgets: &Budgets, quantity: Quantity) -> u64 {
    let mut used = budgets.used().into_iter().filter(|used| used.quantity == quantity);
    used.next().expect("it is limited").used.expect("it was used")
}

/// The fuel of [`EXPENSIVE`].
async fn fuel() -> u64 {
    let sessions = Sessions::new(cold()).await;
    let (_, report) = sessions.run("a", EXPENSIVE).await;
    sessions.gateway.stop().await;
    report.usage.fuel
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_session_goes_on_with_a_budget_that_has_less_left_than_the_limits_of_a_script() {
    let budgets = month("fuel = 20_000_000_000\nruns = 3\nwall_ms = 120_000");
    let sessions = cold_with(&budgets).await;
    let mut fuel = Vec::new();
    for code in ["n = 1", "n += 1", "n"] {
        let (_, report) = sessions.run("a", code).await;
        assert_eq!(report.outcome.name(), "returned", "{report:?}");
        fuel.push(report.usage.fuel);
    }
    // A revival is no run, and its fuel counts.
    assert_eq!(used(&budgets, Quantity::Runs), 3);
    assert_eq!(used(&budgets, Quantity::Fuel), 3 * fuel[0] + 2 * fuel[1] + fuel[2]);
    let (_, report) = sessions.run("a", "n").await;
    let Outcome::Exhausted(exhausted) = &report.outcome else { panic!("{report:?}") };
    assert_eq!(exhausted.quantity, Quantity::Runs);
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_budget_cannot_bring_it_back_says_which_and_stays() {
    let fuel = fuel().await;
    let budgets = month(&format!("fuel = {}", fuel + fuel / 2));
    let sessions = cold_with(&budgets).await;
    sessions.value("a", EXPENSIVE).await;
    let before = used(&budgets, Quantity::Fuel);
    assert_eq!(before, fuel);
    for _ in 0..2 {
        let (_, report) = sessions.run("a", "n").await;
        let (kind, message) = error(&report);
        assert!(
            kind == "SessionUnavailable" && message.contains("budget `month` has not enough fuel left"),
            "{message}"
        );
    }
    assert_eq!(sessions.value("b", "1").await, 1, "a session that begins needs less");
    assert!(sessions.gateway.gateway().sessions().list(None).expect("a list").iter().all(|one| one.lost.is_none()));
    sessions.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revival_that_runs_nothing_costs_nothing() {
    let budgets = month("fuel = 40_000_000_000");
    let sessions = cold_with(&budgets).await;
    sessions.value("a", EXPENSIVE).await;
    let before = used(&budgets, Quantity::Fuel);
    sessions.journal.forget_objects();
    let (_, report) = sessions.run("a", "n").await;
    assert_eq!(error(&report).0, "SessionUnavailable");
    assert_eq!(used(&budgets, Quantity::Fuel), before);
    sessions.gateway.stop().await;
}
