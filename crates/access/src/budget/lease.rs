//! Reserving in one account: from what is leased, and from the store where that is not enough.

use std::sync::Arc;

use exuvia_journal::{AccessStore, CounterTake, Taken};
use exuvia_tool::Quantity;

use super::account::{Account, Ask, Attempt, Lease, Refused, Reserved};
use super::calendar::Window;
use crate::Clock;

/// How often the store is asked for one reservation, at most: what others take in between makes it necessary again.
const ATTEMPTS: usize = 100;

/// Where leases come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) store: Arc<dyn AccessStore>,
    pub(crate) clock: Clock,
}

impl Source {
    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    /// Reserves what is asked for in an account that has too little leased. A future that is dropped reserves nothing; what the store is taking for it meanwhile
    /// goes to the account.
    pub(crate) async fn reserve(&self, account: &Arc<Account>, ask: &Ask) -> Result<Reserved, Refused> {
        // One at a time: what one takes is often enough for those that wait.
        let gate = Arc::clone(&account.gate).lock_owned().await;
        let (source, account, ask) = (self.clone(), Arc::clone(account), *ask);
        let leasing = tokio::spawn(async move {
            let _gate = gate;
            source.leased(&account, &ask).await
        });
        leasing.await.unwrap_or(Err(Refused::Uncounted))
    }

    async fn leased(&self, account: &Arc<Account>, ask: &Ask) -> Result<Reserved, Refused> {
        let mut attempt = account.attempt(ask, self.now_ms());
        for _ in 0..ATTEMPTS {
            match attempt {
                Attempt::Reserved(reserved) => return Ok(reserved),
                Attempt::Refused(refused) => return Err(refused),
                Attempt::Ask => attempt = self.leased_once(account, ask).await,
            }
        }
        Err(Refused::Uncounted)
    }

    /// Takes what is needed, and a block more where much is left; reserves what is asked for.
    async fn leased_once(&self, account: &Arc<Account>, ask: &Ask) -> Attempt {
        let now_ms = self.now_ms();
        let (window, mut wanted) = wanted(account, ask, now_ms);
        // Each round makes one amount smaller: first to what is needed, then to what there is.
        for _ in 0..=2 * Quantity::ALL.len() {
            let takes: Vec<CounterTake> = wanted.iter().map(|want| want.take(account, window)).collect();
            match self.store.take(&takes).await {
                Ok(Taken::All(reached)) => {
                    let leases: Vec<Lease> =
                        wanted.iter().zip(reached).map(|(want, reached)| want.lease(reached)).collect();
                    return account.attempt_with(&leases, window, ask, self.now_ms());
                }
                Ok(Taken::Crossed { index, left }) => {
                    let Some(want) = wanted.get_mut(index) else { break };
                    if !want.lower(left) {
                        account.is_short(want.quantity, left, self.now_ms());
                        return account.attempt(ask, self.now_ms());
                    }
                }
                Err(error) => {
                    let (budget, error) = (&*account.definition.name, format!("{error:#}"));
                    tracing::error!(budget, error, "budget not counted: the store does not answer");
                    return account.failed(ask, self.now_ms());
                }
            }
        }
        Attempt::Ask
    }
}

/// What is taken of one quantity.
struct Want {
    quantity: Quantity,
    amount: u64,
    /// What is missing of what is wanted.
    missing: u64,
    /// What is missing of the least that does.
    least: u64,
    limit: u64,
}

fn wanted(account: &Arc<Account>, ask: &Ask, now_ms: u64) -> (Window, Vec<Want>) {
    let (window, leased) = account.leased(now_ms);
    let want = |quantity| {
        let limit = account.limits.of(quantity, now_ms)?;
        let missing = ask.want[quantity].checked_sub(leased[quantity]).filter(|missing| *missing > 0)?;
        let least = ask.least[quantity].saturating_sub(leased[quantity]);
        let amount = missing.saturating_add(account.block(quantity, limit, now_ms));
        let limit = if account.definition.refuses() { limit } else { u64::MAX };
        Some(Want { quantity, amount, missing, least, limit })
    };
    (window, Quantity::ALL.into_iter().filter_map(want).collect())
}

impl Want {
    fn take(&self, account: &Account, window: Window) -> CounterTake {
        CounterTake {
            counter: account.counters[self.quantity].clone(),
            window_start_ms: window.start_ms,
            window_end_ms: window.end_ms,
            amount: self.amount,
            limit: self.limit,
        }
    }

    fn lease(&self, reached: u64) -> Lease {
        Lease { quantity: self.quantity, amount: self.amount, reached, is_last: self.amount < self.missing }
    }

    /// Takes no more than is needed, or than is left. False: that is too little.
    fn lower(&mut self, left: u64) -> bool {
        if left < self.least {
            return false;
        }
        let before = self.amount;
        self.amount = self.missing.min(left);
        self.amount < before
    }
}
