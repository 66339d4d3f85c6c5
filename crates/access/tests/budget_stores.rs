//! Budgets over the stores of the product: two processes with one file, and two replicas with one database.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_access::budget::{Budgets, CallReservation, Member, Spender, counted};
use exuvia_access::{Access, Identity, secret_hash};
use exuvia_config::{AccessConfig, BudgetAction, BudgetConfig, Each, KeyConfig, Members, Period, RoleConfig};
use exuvia_journal::{AccessStore, PostgresAccessStore, SqliteAccessStore};
use exuvia_test_support::postgres::{self, Server};
use exuvia_tool::{Cost, Limits, Principal, Quantities, Quantity};
use jiff::tz::TimeZone;

const NOON: u64 = 1_795_953_600_000;

fn budget(each: Each, limits: &[(Quantity, u64)]) -> BudgetConfig {
    let mut all = Quantities::default();
    limits.iter().for_each(|&(quantity, limit)| all[quantity] = Some(limit));
    BudgetConfig {
        members: Members::default(),
        each,
        period: Period::Day,
        time_zone: TimeZone::UTC,
        limits: all,
        action: BudgetAction::Refuse,
    }
}

/// The budgets of one process, and a key.
struct Replica {
    budgets: Arc<Budgets>,
    identity: Arc<Identity>,
}

impl Replica {
    async fn new(
        store: &Arc<dyn AccessStore>,
        configured: &BTreeMap<String, BudgetConfig>,
        now_ms: &Arc<AtomicU64>,
    ) -> Self {
        let (role, hash) = ("agent".to_owned(), secret_hash("s3cret"));
        let key = KeyConfig { role: role.clone(), hash, expires_ms: None, labels: BTreeMap::new() };
        let config = AccessConfig {
            roles: [(role, RoleConfig::default())].into(),
            keys: [("ci".to_owned(), key)].into(),
            ..AccessConfig::default()
        };
        let access = Access::new(config, || NOON);
        let identity = access.authenticate(Some("s3cret"), IpAddr::V4(Ipv4Addr::LOCALHOST)).await.unwrap();
        let now_ms = Arc::clone(now_ms);
        let clock = Arc::new(move || now_ms.load(Ordering::Relaxed));
        Self { budgets: Budgets::new(Arc::clone(store), configured, access, clock), identity }
    }

    fn spender(&self) -> Spender {
        self.budgets.spender(&self.identity, None)
    }
}

/// How many of so many calls may be made, each for 3 millionths.
async fn calls(spender: &Spender, count: usize) -> u64 {
    let mut made = 0;
    for _ in 0..count {
        if let Ok(Some(call)) = spender.reserve_call(Cost::from_micros(3)).await {
            drop(CallReservation::make(call));
            made += 1;
        }
    }
    made
}

/// The fuel that some runs used which were started.
async fn runs(spender: &Spender, used: u64) -> u64 {
    let mut fuel = 0;
    for _ in 0..10 {
        let limits = Limits { fuel: 20_000_000, ..Limits::default() };
        if let Ok(mut run) = spender.reserve_run(&limits).await {
            fuel += used.min(run.lower(limits).fuel);
            run.start();
            run.settle(used, 1);
        }
    }
    fuel
}

/// What holds for every store. Each of `stores` is a way of a process to the same one.
async fn one_budget_together(stores: Vec<Arc<dyn AccessStore>>) {
    let configured = BTreeMap::from([
        ("all".to_owned(), budget(Each::All, &[(Quantity::Calls, 700), (Quantity::Cost, 1_503)])),
        ("each".to_owned(), budget(Each::Key, &[(Quantity::Fuel, 300_000_000)])),
    ]);
    let now_ms = Arc::new(AtomicU64::new(NOON));
    let mut replicas = Vec::new();
    for store in &stores {
        replicas.push(Replica::new(store, &configured, &now_ms).await);
    }
    let tasks = (0..12).zip(replicas.iter().cycle()).map(|(number, replica)| {
        let spender = replica.spender();
        tokio::spawn(async move { (runs(&spender, 1_000_000 + number * 100_000).await, calls(&spender, 80).await) })
    });
    let (mut fuel, mut made) = (0, 0);
    for task in tasks.collect::<Vec<_>>() {
        let (of_runs, calls) = task.await.unwrap();
        (fuel, made) = (fuel + of_runs, made + calls);
    }
    assert!(made <= 501, "{made}");
    for replica in &replicas {
        replica.budgets.close().await;
    }
    now_ms.store(NOON + 1_000, Ordering::Relaxed);
    made += calls(&replicas[0].spender(), 600).await;
    assert_eq!(made, 501, "as many as the cost allows, whoever made them");
    for replica in &replicas {
        replica.budgets.close().await;
    }
    let (principal, role) = (Principal::Key("ci".into()), Some("agent".to_owned()));
    let member = Member { principal, role, labels: BTreeMap::new(), overrides: Vec::new() };
    let found = counted(&*stores[0], &configured, &[member], NOON).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|one| (one.budget.as_str(), one.quantity.name(), one.used, one.limit)).collect();
    let expected = [("all", "calls", 501, 700), ("all", "cost", 1_503, 1_503), ("each", "fuel", fuel, 300_000_000)];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_with_one_file_have_one_budget_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.db");
    let stores = (0..2).map(|_| SqliteAccessStore::open(&file).unwrap() as Arc<dyn AccessStore>);
    one_budget_together(stores.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_with_one_database_have_one_budget_together() {
    let Some(server) = Server::shared() else { return };
    let url = server.create(None);
    let mut stores: Vec<Arc<dyn AccessStore>> = Vec::new();
    for _ in 0..2 {
        stores.push(PostgresAccessStore::open(&url).await.unwrap());
    }
    one_budget_together(stores).await;
    postgres::remove(&url);
}
