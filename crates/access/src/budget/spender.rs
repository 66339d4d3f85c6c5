//! Spending: what one run, or one call of a client, reserves and uses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use exuvia_config::{LEAST_FUEL, LEAST_WALL_MS};
use exuvia_tool::{Cost, Exhausted, Limits, Quantities, Quantity, locked};

use super::account::{Account, Ask, Refused, Reserved};
use super::budgets::Budgets;
use super::request::RequestBudget;
use crate::Identity;

/// What one who acts spends with in one run, or with one call of a client. Budgets that change meanwhile hold from the next call on.
#[derive(Debug)]
pub struct Spender {
    budgets: Arc<Budgets>,
    identity: Arc<Identity>,
    request: Option<Arc<RequestBudget>>,
    /// The generation of the budgets that `accounts` are of, doubled; odd where there are accounts.
    seen: AtomicU64,
    accounts: Mutex<Arc<[Arc<Account>]>>,
}

impl Budgets {
    /// What one who acts spends with, in one run or with one call. `request`: the budget that the client set for it.
    #[must_use]
    pub fn spender(self: &Arc<Self>, identity: &Arc<Identity>, request: Option<Arc<RequestBudget>>) -> Spender {
        Spender::new(Arc::clone(self), Arc::clone(identity), request)
    }
}

impl Spender {
    fn new(budgets: Arc<Budgets>, identity: Arc<Identity>, request: Option<Arc<RequestBudget>>) -> Self {
        Self { budgets, identity, request, seen: AtomicU64::new(u64::MAX), accounts: Mutex::new(Arc::new([])) }
    }

    /// Reserves a run with these limits: one run, its fuel and its time. Where a budget has less than the limits and enough to start,
    /// the run has what is left.
    ///
    /// # Errors
    ///
    /// There is not enough left, or nobody knows.
    pub async fn reserve_run(&self, limits: &Limits) -> Result<RunReservation, Refused> {
        let own = |quantity, limit| self.request.as_ref().map_or(limit, |request| request.lower(quantity, limit));
        let mut ask = Ask::default();
        for (quantity, limit, least) in
            [(Quantity::Fuel, limits.fuel, LEAST_FUEL), (Quantity::WallMs, limits.wall_ms, LEAST_WALL_MS)]
        {
            ask.want[quantity] = own(quantity, limit);
            ask.least[quantity] = least.min(ask.want[quantity]);
        }
        (ask.want[Quantity::Runs], ask.least[Quantity::Runs]) = (1, 1);
        let (mut reserved, mut lowered_by) = (Vec::new(), Quantities::default());
        for account in &*self.accounts() {
            let one = self.reserved(account, &ask).await?;
            for quantity in [Quantity::Fuel, Quantity::WallMs] {
                if one.got[quantity] < ask.want[quantity] {
                    lowered_by[quantity] = Some(Arc::clone(&account.definition.name));
                }
            }
            ask.want = one.got;
            reserved.push(one);
        }
        reserved.iter_mut().for_each(|one| one.shrink(&ask.want));
        Ok(RunReservation { reserved, got: ask.want, lowered_by, more_wall_ms: 0, is_started: false })
    }

    /// Reserves so much fuel, all or nothing, for work that is no run of its own. Its time counts with a run's:
    /// [`RunReservation::also_took`].
    ///
    /// # Errors
    ///
    /// There is not enough left, or nobody knows.
    pub async fn reserve_fuel(&self, fuel: u64) -> Result<RunReservation, Refused> {
        let quantity = Quantity::Fuel;
        if self.request.as_ref().is_some_and(|request| request.lower(quantity, fuel) < fuel) {
            let (budget, retry_after_ms) = Default::default();
            return Err(Refused::Exhausted(Exhausted { budget, quantity, retry_after_ms, is_reserved: false }));
        }
        let mut want = Quantities::default();
        want[quantity] = fuel;
        let mut reserved = Vec::new();
        for account in &*self.accounts() {
            reserved.push(self.reserved(account, &Ask { want, least: want }).await?);
        }
        let lowered_by = Quantities::default();
        Ok(RunReservation { reserved, got: want, lowered_by, more_wall_ms: 0, is_started: false })
    }

    /// Reserves a call that costs so much. None: it counts nowhere.
    ///
    /// # Errors
    ///
    /// There is not enough left, or nobody knows.
    pub async fn reserve_call(&self, cost: Cost) -> Result<Option<CallReservation>, Refused> {
        if self.is_unbounded() {
            return Ok(None);
        }
        let accounts = self.accounts();
        if accounts.is_empty() && self.request.is_none() {
            return Ok(None);
        }
        let mut want = Quantities::default();
        (want[Quantity::Calls], want[Quantity::Cost]) = (1, cost.micros());
        let request = match &self.request {
            Some(request) => {
                request.take(&want).map_err(Refused::Exhausted)?;
                Some(OfRequest { request: Arc::clone(request), amounts: want })
            }
            None => None,
        };
        let mut reservation = CallReservation { reserved: Vec::with_capacity(accounts.len()), request };
        for account in &*accounts {
            let one = self.reserved(account, &Ask { want, least: want }).await?;
            reservation.reserved.push(one);
        }
        Ok(Some(reservation))
    }

    async fn reserved(&self, account: &Arc<Account>, ask: &Ask) -> Result<Reserved, Refused> {
        let source = &self.budgets.source;
        let reserved = match account.attempt_now(ask, source.now_ms()) {
            Some(reserved) => reserved?,
            None => source.reserve(account, ask).await?,
        };
        if !account.definition.refuses() {
            account.report(source.now_ms());
        }
        Ok(reserved)
    }

    /// Whether nothing bounds a call: without a lock.
    fn is_unbounded(&self) -> bool {
        self.request.is_none() && self.seen.load(Ordering::Relaxed) == self.budgets.generation() << 1
    }

    fn accounts(&self) -> Arc<[Arc<Account>]> {
        let generation = self.budgets.generation();
        let mut accounts = locked(&self.accounts);
        if self.seen.load(Ordering::Relaxed) >> 1 != generation {
            *accounts = self.budgets.accounts_of(&self.identity);
            self.seen.store(generation << 1 | u64::from(!accounts.is_empty()), Ordering::Relaxed);
        }
        Arc::clone(&accounts)
    }
}

/// What is reserved for a run. Dropped before the run [starts](Self::start), it is given back; dropped afterwards, all of it counts as
/// used.
#[derive(Debug)]
pub struct RunReservation {
    reserved: Vec<Reserved>,
    got: Quantities,
    lowered_by: Quantities<Option<Arc<str>>>,
    /// Time that counts beside what the run takes itself.
    more_wall_ms: u64,
    is_started: bool,
}

impl RunReservation {
    /// These limits, with those lowered that are more than was reserved.
    #[must_use]
    pub fn lower(&self, limits: Limits) -> Limits {
        Limits {
            fuel: limits.fuel.min(self.got[Quantity::Fuel]),
            wall_ms: limits.wall_ms.min(self.got[Quantity::WallMs]),
            ..limits
        }
    }

    /// The budget that had less of a quantity left than the run's limit.
    #[must_use]
    pub fn lowered_by(&self, quantity: Quantity) -> Option<&str> {
        self.lowered_by[quantity].as_deref()
    }

    /// The run starts.
    pub fn start(&mut self) {
        self.is_started = true;
    }

    /// Something that the run needed took so much time, which counts with its own.
    pub fn also_took(&mut self, wall_ms: u64) {
        self.more_wall_ms = self.more_wall_ms.saturating_add(wall_ms);
    }

    /// The run has used so much fuel and time. What is beyond what was reserved does not count: the run was stopped there.
    pub fn settle(mut self, fuel: u64, wall_ms: u64) {
        let mut used = Quantities::default();
        (used[Quantity::Runs], used[Quantity::Fuel]) = (1, fuel);
        used[Quantity::WallMs] = wall_ms.saturating_add(self.more_wall_ms);
        std::mem::take(&mut self.reserved).into_iter().for_each(|one| one.settle(&used));
    }
}

impl Drop for RunReservation {
    fn drop(&mut self) {
        if self.is_started {
            let all = Quantities::of(|_| u64::MAX);
            std::mem::take(&mut self.reserved).into_iter().for_each(|one| one.settle(&all));
        }
    }
}

/// What is reserved for a call. Dropped before the call is [made](Self::make), it is given back.
#[derive(Debug)]
pub struct CallReservation {
    reserved: Vec<Reserved>,
    request: Option<OfRequest>,
}

/// What is reserved of the request's own budget.
#[derive(Debug)]
struct OfRequest {
    request: Arc<RequestBudget>,
    amounts: Quantities,
}

impl Drop for OfRequest {
    fn drop(&mut self) {
        self.request.give_back(&self.amounts);
    }
}

impl CallReservation {
    /// The call is made, whatever comes of it, unless it is given back.
    #[must_use]
    pub fn make(self) -> MadeCall {
        MadeCall(Some(self))
    }
}

/// A call that counts as made. Dropped, it was.
#[derive(Debug)]
pub struct MadeCall(Option<CallReservation>);

impl MadeCall {
    /// It was not made after all.
    pub fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for MadeCall {
    fn drop(&mut self) {
        let Some(CallReservation { reserved, request }) = self.0.take() else { return };
        let all = Quantities::of(|_| u64::MAX);
        reserved.into_iter().for_each(|one| one.settle(&all));
        if let Some(mut request) = request {
            request.amounts = Quantities::default();
        }
    }
}
