//! All budgets of a process.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use exuvia_config::{BudgetConfig, Each};
use exuvia_journal::{AccessStore, BudgetOverride, CounterAmount, Ended, MAX_COUNTERS};
use exuvia_tool::{Principal, Quantity, locked};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::account::Account;
use super::definition::{BudgetLimits, Definition};
use super::follow::follow;
use super::lease::Source;
use super::no_store::NoStore;
use crate::{Access, Clock, Identity};

/// How often what was not needed lately is given back to the store.
const TRIM: Duration = Duration::from_secs(1);
/// How often counters are removed whose windows are over.
const PRUNE: Duration = Duration::from_secs(600);
/// How long the count of a window is kept after its end: for runs that give back what they did not use, and clocks that are set back.
const WINDOWS_KEPT_MS: u64 = 60 * 60 * 1_000;
/// The most steps of removing at once.
const PRUNED_STEPS: usize = 100;

/// The budgets of a process: what they allow, what is leased of it, and who is refused. One for a gateway; its counters are those of
/// every process with the same store. Without a budget it costs an atomic load a call, and nothing ever runs.
pub struct Budgets {
    pub(super) source: Source,
    access: Arc<Access>,
    rules: RwLock<Rules>,
    /// Counts the changes of the rules.
    generation: AtomicU64,
    accounts: Mutex<HashMap<AccountKey, Arc<Account>>>,
    /// An account may have something to give back.
    unused: Arc<Notify>,
}

#[derive(Default)]
struct Rules {
    definitions: Vec<Arc<Definition>>,
    /// By the name of a key.
    overrides: HashMap<String, Vec<BudgetOverride>>,
}

/// What makes an account another one.
#[derive(PartialEq, Eq, Hash)]
struct AccountKey {
    /// The address of the definition, which its account keeps.
    definition: usize,
    limits: BudgetLimits,
    scope: Option<Arc<str>>,
}

/// How much of a budget is used, as far as this process knows: of everyone's counter, or of that which is nearest to its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetUse {
    /// The budget's name.
    pub budget: Arc<str>,
    /// Of what.
    pub quantity: Quantity,
    /// How much is used. None: nothing of it was used in this process.
    pub used: Option<u64>,
    /// How much may be.
    pub limit: u64,
    /// How many runs and calls this process has refused, or, where the budget only reports, how many windows it was exceeded in.
    pub exceeded: u64,
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("accounts", &locked(&self.accounts).len()).finish_non_exhaustive()
    }
}

impl Budgets {
    /// Budgets whose counters are in a store, by this clock. `access` says who has which role and which overrides. Must be called on a
    /// runtime of tokio, on which leases are given back and changes of keys are followed.
    #[must_use]
    pub fn new(
        store: Arc<dyn AccessStore>,
        configured: &BTreeMap<String, BudgetConfig>,
        access: Arc<Access>,
        clock: Clock,
    ) -> Arc<Self> {
        let unused = Arc::<Notify>::default();
        let budgets = Arc::new(Self {
            source: Source { store, clock },
            access,
            rules: RwLock::default(),
            generation: AtomicU64::new(0),
            accounts: Mutex::default(),
            unused: Arc::clone(&unused),
        });
        budgets.reconfigure(configured);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(trimming(Arc::downgrade(&budgets), unused));
            runtime.spawn(follow(Arc::downgrade(&budgets), Arc::downgrade(&budgets.access)));
        }
        budgets
    }

    /// No budgets, and no place for counters: of budgets that are put in force later, everything is refused. What clients set for a
    /// request holds.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Self::new(Arc::new(NoStore), &BTreeMap::new(), Access::open(), Arc::new(|| 0))
    }

    /// Puts other budgets in force, at once, for runs and calls in flight as well. Counters of a budget that keeps its name and its
    /// period go on.
    pub fn reconfigure(&self, budgets: &BTreeMap<String, BudgetConfig>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut rules.definitions);
        let definition = |(name, config): (&String, &BudgetConfig)| {
            let same = |old: &&Arc<Definition>| *old.name == **name && old.config == *config;
            before.iter().find(same).map_or_else(|| Definition::new(name, config.clone()), Arc::clone)
        };
        rules.definitions = budgets.iter().map(definition).collect();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Puts other overrides of budgets in force, by the names of keys.
    pub(super) fn set_overrides(&self, overrides: HashMap<String, Vec<BudgetOverride>>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if rules.overrides != overrides {
            rules.overrides = overrides;
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// Roles or keys have changed: from the next call on, budgets are those of the role that somebody has then.
    pub(super) fn refresh(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The accounts of one who acts, by the role that they have now.
    pub(super) fn accounts_of(&self, identity: &Identity) -> Arc<[Arc<Account>]> {
        // Of one who may do nothing any more each call is denied, whatever it would take.
        let role = self.access.role_of(identity).unwrap_or_else(|_| identity.role().cloned());
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let own = match identity.principal() {
            Principal::Key(name) => rules.overrides.get(&**name).map_or(&[][..], Vec::as_slice),
            _ => &[],
        };
        let now_ms = self.source.now_ms();
        let (principal, labels) = (identity.principal(), identity.labels());
        let is_theirs =
            |definition: &&Arc<Definition>| definition.config.members.have(principal, role.as_deref(), labels);
        let theirs = rules.definitions.iter().filter(is_theirs);
        theirs.map(|definition| self.account(definition, definition.limits(own, now_ms), principal)).collect()
    }

    fn account(&self, definition: &Arc<Definition>, limits: BudgetLimits, principal: &Principal) -> Arc<Account> {
        let scope: Option<Arc<str>> = match definition.config.each {
            Each::All => None,
            Each::Key => Some(principal.to_string().into()),
        };
        let address = Arc::as_ptr(definition).addr();
        let unused = Arc::clone(&self.unused);
        let mut accounts = locked(&self.accounts);
        let key = AccountKey { definition: address, limits: limits.clone(), scope: scope.clone() };
        let account = || Account::new(Arc::clone(definition), limits, scope, unused);
        Arc::clone(accounts.entry(key).or_insert_with(account))
    }

    /// Gives back to the store what was not needed lately. Whether there is more.
    pub(super) async fn trim(&self, is_last: bool) -> bool {
        let now_ms = self.source.now_ms();
        let all: Vec<Arc<Account>> = locked(&self.accounts).values().cloned().collect();
        let mut owed: Vec<(usize, CounterAmount)> = Vec::new();
        for (place, account) in all.iter().enumerate() {
            owed.extend(account.trim(is_last, now_ms).into_iter().map(|amount| (place, amount)));
        }
        for part in owed.chunks(MAX_COUNTERS) {
            let amounts: Vec<CounterAmount> = part.iter().map(|(_, amount)| amount.clone()).collect();
            if let Err(error) = self.source.store.give_back(&amounts).await {
                // It counts as used until it is given back.
                tracing::warn!(error = format!("{error:#}"), "unused amounts of budgets were not given back");
                for (place, amount) in part {
                    all[*place].owes(vec![amount.clone()]);
                }
            }
        }
        drop(all);
        let mut accounts = locked(&self.accounts);
        accounts.retain(|_, account| Arc::strong_count(account) > 1 || account.has_leases());
        accounts.values().any(|account| account.has_leases())
    }

    /// Removes counters of windows that are over for long. What cannot be removed now is removed later.
    async fn prune(&self) {
        let windows_before_ms = self.source.now_ms().saturating_sub(WINDOWS_KEPT_MS);
        for _ in 0..PRUNED_STEPS {
            if !matches!(self.source.store.prune(Ended { windows_before_ms, keys_before_ms: 0 }).await, Ok(true)) {
                return;
            }
        }
    }

    /// Gives everything back to the store that is leased and not reserved: before the process ends. What ends without it counts as
    /// used until its window is over.
    pub async fn close(&self) {
        self.trim(true).await;
    }

    /// How much of each budget is used, for each quantity that it limits.
    #[must_use]
    pub fn used(&self) -> Vec<BudgetUse> {
        let now_ms = self.source.now_ms();
        let all: Vec<Arc<Account>> = locked(&self.accounts).values().cloned().collect();
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for definition in &rules.definitions {
            for (quantity, limit) in definition.config.limits.iter() {
                let Some(limit) = *limit else { continue };
                let of_this = all.iter().filter(|account| Arc::ptr_eq(&account.definition, definition));
                let used = of_this.filter_map(|account| account.used(quantity, now_ms));
                // By what is used of the limit, which may be an override.
                let nearest = used.max_by(|(one, of_one), (other, of_other)| {
                    (u128::from(*one) * u128::from(*of_other)).cmp(&(u128::from(*other) * u128::from(*of_one)))
                });
                found.push(BudgetUse {
                    budget: Arc::clone(&definition.name),
                    quantity,
                    used: nearest.map(|(used, _)| used),
                    limit: nearest.map_or(limit, |(_, limit)| limit),
                    exceeded: definition.exceeded[quantity].load(Ordering::Relaxed),
                });
            }
        }
        found
    }
}

impl Drop for Budgets {
    fn drop(&mut self) {
        self.unused.notify_one();
    }
}

/// Gives back what is not needed, as long as something is leased. Without leases it sleeps.
async fn trimming(budgets: Weak<Budgets>, unused: Arc<Notify>) {
    let mut pruned = Instant::now();
    loop {
        unused.notified().await;
        loop {
            tokio::time::sleep(TRIM).await;
            let Some(budgets) = budgets.upgrade() else { return };
            let has_leases = budgets.trim(false).await;
            if pruned.elapsed() >= PRUNE {
                pruned = Instant::now();
                budgets.prune().await;
            }
            if !has_leases {
                break;
            }
        }
    }
}
