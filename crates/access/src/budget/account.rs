//! One set of counters: of a budget, for everyone together or for one who acts.
//!
//! An account takes blocks of what its budget allows from the store, and what runs and calls need from those: a call costs no round
//! trip. All that it has taken counts as used for every other process, so no limit is exceeded, whoever ends when. Blocks
//! shrink as less is left, to nothing beyond what is needed, and what was not needed for a while is given back.

use std::sync::{Arc, Mutex, MutexGuard};

use exuvia_journal::CounterAmount;
use exuvia_tool::{Exhausted, Quantities, Quantity, locked};
use tokio::sync::Notify;

use super::calendar::Window;
use super::definition::{BudgetLimits, Definition};

/// How long the store is not asked again that had too little left, in milliseconds.
const ASKED_AGAIN_MS: u64 = 500;
/// How long the store is not asked again that did not answer, in milliseconds.
const FAILED_AGAIN_MS: u64 = 1_000;
/// How soon to try again where something in flight may give back what is missing, in milliseconds.
const RESERVED_MS: u64 = 1_000;
/// The most windows that an account owes something to: its own, and those that a clock which was set back left.
const OWED: usize = 64;

/// The counters of a budget, for everyone whom it is for or for one of them.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) definition: Arc<Definition>,
    pub(crate) limits: BudgetLimits,
    /// Whose they are: a principal. None: everyone's.
    pub(crate) scope: Option<Arc<str>>,
    /// Their names in the store.
    pub(crate) counters: Quantities<String>,
    state: Mutex<State>,
    /// Held by whoever asks the store.
    pub(crate) gate: Arc<tokio::sync::Mutex<()>>,
    /// Told when there may be something to give back.
    unused: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    /// The window of everything here.
    window: Window,
    /// Until when the limits are these.
    limits_until_ms: u64,
    /// Taken from the store, and not reserved.
    leased: Quantities,
    /// Reserved, and neither used nor given back.
    reserved: Quantities,
    /// Reserved since the last time that leases were trimmed.
    lately: Quantities,
    /// What the counters had reached when the store last said so.
    reached: Quantities,
    /// What was left of a limit when there was too little, and when that was.
    short: Quantities<Option<(u64, u64)>>,
    /// When the store last failed to answer.
    failed_ms: Option<u64>,
    /// Limits that were reported in this window.
    told: Quantities<bool>,
    /// To be given back to the store.
    owed: Vec<CounterAmount>,
}

/// What something needs: as much as `want` of each quantity, and not less than `least`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    pub(crate) want: Quantities,
    pub(crate) least: Quantities,
}

/// What came of an attempt without the store.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is reserved.
    Reserved(Reserved),
    /// The store has to be asked.
    Ask,
    /// There is too little.
    Refused(Refused),
}

/// What a state says of something that is asked for.
enum Verdict {
    Reserved { window: Window, taken: Quantities, got: Quantities },
    Ask,
    Short(Quantity),
    Uncounted,
}

/// Why something is not reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A budget has too little left.
    Exhausted(Exhausted),
    /// The store does not answer, so nobody knows what is left.
    Uncounted,
}

/// What was taken from the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) quantity: Quantity,
    pub(super) amount: u64,
    /// What the counter has reached with it.
    pub(super) reached: u64,
    /// There was nothing more.
    pub(super) is_last: bool,
}

/// The name of a counter in the store. `whose`: a principal; none: everyone's.
pub(super) fn counter(budget: &str, period: &str, quantity: Quantity, whose: Option<&str>) -> String {
    format!("budget/{budget}/{period}/{}/{}", quantity.name(), whose.unwrap_or("*"))
}

impl Account {
    pub(crate) fn new(
        definition: Arc<Definition>,
        limits: BudgetLimits,
        scope: Option<Arc<str>>,
        unused: Arc<Notify>,
    ) -> Arc<Self> {
        let (name, period) = (&definition.name, definition.config.period.name());
        let counters = Quantities::of(|quantity| counter(name, period, quantity, scope.as_deref()));
        let state = State {
            window: Window { start_ms: 0, end_ms: 0 },
            limits_until_ms: 0,
            leased: Quantities::default(),
            reserved: Quantities::default(),
            lately: Quantities::default(),
            reached: Quantities::default(),
            short: Quantities::default(),
            failed_ms: None,
            told: Quantities::default(),
            owed: Vec::new(),
        };
        Arc::new(Self { definition, limits, scope, counters, state: Mutex::new(state), gate: Arc::default(), unused })
    }

    /// Reserves what is asked for out of what is leased, as far as that is enough.
    pub(crate) fn attempt(self: &Arc<Self>, ask: &Ask, now_ms: u64) -> Attempt {
        let mut state = self.current(now_ms);
        let verdict = self.verdict(&mut state, ask, now_ms);
        drop(state);
        self.attempted(verdict, ask, now_ms)
    }

    /// Adds what was taken from the store in a window, and reserves what is asked for before anybody else can.
    pub(super) fn attempt_with(self: &Arc<Self>, leases: &[Lease], window: Window, ask: &Ask, now_ms: u64) -> Attempt {
        let mut state = self.current(now_ms);
        for Lease { quantity, amount, reached, is_last } in leases.iter().copied() {
            if state.window == window {
                state.leased[quantity] = state.leased[quantity].saturating_add(amount);
                state.reached[quantity] = reached;
                state.short[quantity] = is_last.then_some((0, now_ms));
            } else {
                state.owe(&self.counters[quantity], window, amount, now_ms);
            }
        }
        state.failed_ms = None;
        self.unused.notify_one();
        let verdict = self.verdict(&mut state, ask, now_ms);
        drop(state);
        self.attempted(verdict, ask, now_ms)
    }

    /// The same, if it can be said without the store.
    pub(super) fn attempt_now(self: &Arc<Self>, ask: &Ask, now_ms: u64) -> Option<Result<Reserved, Refused>> {
        match self.attempt(ask, now_ms) {
            Attempt::Reserved(reserved) => Some(Ok(reserved)),
            Attempt::Refused(refused) => Some(Err(refused)),
            Attempt::Ask => None,
        }
    }

    fn attempted(self: &Arc<Self>, verdict: Verdict, ask: &Ask, now_ms: u64) -> Attempt {
        match verdict {
            Verdict::Reserved { window, taken, got } => {
                Attempt::Reserved(Reserved { account: Arc::clone(self), window, taken, got })
            }
            Verdict::Ask => Attempt::Ask,
            Verdict::Short(quantity) => Attempt::Refused(Refused::Exhausted(self.exhausted(quantity, now_ms))),
            Verdict::Uncounted if self.definition.refuses() => Attempt::Refused(Refused::Uncounted),
            // Whoever only reports holds nobody up.
            Verdict::Uncounted => Attempt::Reserved(self.nothing(ask)),
        }
    }

    fn verdict(&self, state: &mut State, ask: &Ask, now_ms: u64) -> Verdict {
        let limited = || Quantity::ALL.into_iter().filter(|&quantity| self.is_limited(quantity, now_ms));
        // What is certain comes before what the store would have to say of another quantity.
        let is_short = |&quantity: &Quantity| {
            let left = state.left_lately(quantity, now_ms);
            left.is_some_and(|left| state.leased[quantity].saturating_add(left) < ask.least[quantity])
        };
        if let Some(quantity) = limited().find(is_short) {
            return Verdict::Short(quantity);
        }
        let (mut got, mut taken) = (ask.want, Quantities::default());
        for quantity in limited() {
            let (want, least, leased) = (ask.want[quantity], ask.least[quantity], state.leased[quantity]);
            match state.left_lately(quantity, now_ms) {
                _ if leased >= want => {}
                // Less than what is wanted, and all that there is.
                Some(_) if leased >= least => got[quantity] = leased,
                _ if state.failed_ms.is_some_and(|at_ms| now_ms.abs_diff(at_ms) < FAILED_AGAIN_MS) => {
                    return Verdict::Uncounted;
                }
                _ => return Verdict::Ask,
            }
            taken[quantity] = got[quantity];
        }
        for (quantity, amount) in taken.iter() {
            state.leased[quantity] -= amount;
            state.reserved[quantity] += amount;
            state.lately[quantity] = state.lately[quantity].saturating_add(*amount);
        }
        Verdict::Reserved { window: state.window, taken, got }
    }

    /// What may be used, and counts nowhere.
    fn nothing(self: &Arc<Self>, ask: &Ask) -> Reserved {
        let window = locked(&self.state).window;
        Reserved { account: Arc::clone(self), window, taken: Quantities::default(), got: ask.want }
    }

    /// The store did not answer.
    pub(super) fn failed(self: &Arc<Self>, ask: &Ask, now_ms: u64) -> Attempt {
        self.current(now_ms).failed_ms = Some(now_ms);
        self.attempt(ask, now_ms)
    }

    /// What a lease of this account is taken for: the window, and what is leased of each quantity already.
    pub(super) fn leased(&self, now_ms: u64) -> (Window, Quantities) {
        let state = self.current(now_ms);
        (state.window, state.leased)
    }

    /// How much more than needed is taken of a quantity, so that not every call asks the store.
    pub(super) fn block(&self, quantity: Quantity, limit: u64, now_ms: u64) -> u64 {
        /// What part of what is left, and of a limit of which nothing is known yet, or that is only reported on.
        const PART: u64 = 16;
        const FIRST_PART: u64 = 64;
        let reached = self.current(now_ms).reached[quantity];
        match limit.checked_sub(reached) {
            Some(left) if reached > 0 => left / PART,
            Some(_) => limit / FIRST_PART,
            None if self.definition.refuses() => 0,
            None => limit / FIRST_PART,
        }
    }

    /// The store has only this left, as things are now.
    pub(super) fn is_short(&self, quantity: Quantity, left: u64, now_ms: u64) {
        let mut state = self.current(now_ms);
        state.short[quantity] = Some((left, now_ms));
        if let Some(limit) = self.limits.of(quantity, now_ms) {
            state.reached[quantity] = limit.saturating_sub(left);
        }
    }

    /// The refusal of something that needs more of a quantity than there is. Logged once in a window, and counted.
    pub(super) fn exhausted(&self, quantity: Quantity, now_ms: u64) -> Exhausted {
        let mut state = self.current(now_ms);
        let is_reserved = state.reserved[quantity] > 0;
        let wait_ms = state.window.end_ms.min(state.limits_until_ms).saturating_sub(now_ms);
        let retry_after_ms = if is_reserved { wait_ms.min(RESERVED_MS) } else { wait_ms };
        let is_told = std::mem::replace(&mut state.told[quantity], true);
        drop(state);
        self.definition.exceeded(quantity);
        if !is_told {
            self.tell(quantity, now_ms);
        }
        Exhausted {
            budget: self.definition.name.to_string(),
            quantity,
            retry_after_ms: Some(retry_after_ms),
            is_reserved,
        }
    }

    /// Reports, once in a window, every limit that is crossed: of a budget that only reports.
    pub(super) fn report(&self, now_ms: u64) {
        let mut state = self.current(now_ms);
        let is_crossed = |state: &State, quantity| {
            let used = state.reached[quantity].saturating_sub(state.leased[quantity]);
            self.limits.of(quantity, now_ms).is_some_and(|limit| used > limit)
        };
        let crossed: Vec<Quantity> = Quantity::ALL
            .into_iter()
            .filter(|&quantity| is_crossed(&state, quantity) && !std::mem::replace(&mut state.told[quantity], true))
            .collect();
        drop(state);
        for quantity in crossed {
            self.definition.exceeded(quantity);
            self.tell(quantity, now_ms);
        }
    }

    fn tell(&self, quantity: Quantity, now_ms: u64) {
        let (budget, period) = (&*self.definition.name, self.definition.config.period.name());
        let principal = self.scope.as_deref();
        let (quantity, limit) = (quantity.name(), self.limits.of(quantity, now_ms));
        if self.definition.refuses() {
            tracing::warn!(budget, principal, quantity, limit, period, "budget exhausted");
        } else {
            tracing::warn!(budget, principal, quantity, limit, period, "budget exceeded, action is report");
        }
    }

    /// What is used of a quantity as far as this process knows, and its limit. None: there is none.
    pub(super) fn used(&self, quantity: Quantity, now_ms: u64) -> Option<(u64, u64)> {
        let limit = self.limits.of(quantity, now_ms)?;
        let state = self.current(now_ms);
        Some((state.reached[quantity].saturating_sub(state.leased[quantity]), limit))
    }

    /// What is to be given back: what was not needed lately, and what is owed for other windows. `is_last`: everything.
    pub(super) fn trim(&self, is_last: bool, now_ms: u64) -> Vec<CounterAmount> {
        let mut state = self.current(now_ms);
        let window = state.window;
        for quantity in Quantity::ALL {
            let lately = std::mem::take(&mut state.lately[quantity]);
            let kept = if is_last { 0 } else { lately.min(state.leased[quantity]) };
            let unused = std::mem::replace(&mut state.leased[quantity], kept) - kept;
            state.reached[quantity] = state.reached[quantity].saturating_sub(unused);
            state.owe(&self.counters[quantity], window, unused, now_ms);
        }
        std::mem::take(&mut state.owed)
    }

    /// What could not be given back is owed still.
    pub(super) fn owes(&self, amounts: Vec<CounterAmount>) {
        let mut state = locked(&self.state);
        state.owed.extend(amounts);
        state.owed.truncate(OWED);
    }

    /// Whether it has something that is the store's.
    pub(super) fn has_leases(&self) -> bool {
        let state = locked(&self.state);
        !state.owed.is_empty() || state.leased.iter().any(|(_, leased)| *leased > 0)
    }

    fn is_limited(&self, quantity: Quantity, now_ms: u64) -> bool {
        self.limits.of(quantity, now_ms).is_some()
    }

    /// The state in the window that it is now. A clock that is set back finds the counters of the window that it is in again.
    fn current(&self, now_ms: u64) -> MutexGuard<'_, State> {
        let mut state = locked(&self.state);
        if state.window.has(now_ms) && now_ms < state.limits_until_ms {
            return state;
        }
        let (before, leased) = (state.window, std::mem::take(&mut state.leased));
        for (quantity, amount) in leased.iter() {
            state.owe(&self.counters[quantity], before, *amount, now_ms);
        }
        let window = self.definition.calendar.window(now_ms);
        if window != before {
            state.reserved = Quantities::default();
            state.reached = Quantities::default();
            state.told = Quantities::default();
        }
        state.short = Quantities::default();
        state.window = window;
        state.limits_until_ms = self.limits.hold_until(now_ms).unwrap_or(u64::MAX);
        state
    }

    fn settle(&self, window: Window, taken: &Quantities, unused: &Quantities) {
        self.put_back(window, taken, unused);
        if unused.iter().any(|(_, unused)| *unused > 0) {
            self.unused.notify_one();
        }
    }

    fn put_back(&self, window: Window, taken: &Quantities, unused: &Quantities) {
        let mut state = locked(&self.state);
        if state.window != window {
            // Its window may be over, which the one that gives back finds out.
            for (quantity, amount) in unused.iter() {
                state.owe(&self.counters[quantity], window, *amount, 0);
            }
            return;
        }
        for quantity in Quantity::ALL {
            state.reserved[quantity] = state.reserved[quantity].saturating_sub(taken[quantity]);
            state.leased[quantity] = state.leased[quantity].saturating_add(unused[quantity]);
        }
    }
}

impl State {
    /// What was left of a limit, if the store said a moment ago that it is too little.
    fn left_lately(&self, quantity: Quantity, now_ms: u64) -> Option<u64> {
        let (left, at_ms) = self.short[quantity]?;
        (now_ms.abs_diff(at_ms) < ASKED_AGAIN_MS).then_some(left)
    }

    /// An amount is to be given back, unless its window is over.
    fn owe(&mut self, counter: &str, window: Window, amount: u64, now_ms: u64) {
        if amount == 0 || window.end_ms <= now_ms {
            return;
        }
        let same = |owed: &&mut CounterAmount| owed.counter == counter && owed.window_start_ms == window.start_ms;
        if let Some(owed) = self.owed.iter_mut().find(same) {
            owed.amount = owed.amount.saturating_add(amount);
        } else if self.owed.len() < OWED {
            self.owed.push(CounterAmount { counter: counter.to_owned(), window_start_ms: window.start_ms, amount });
        }
    }
}

/// What is reserved in one account. What is not [used](Self::settle) is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    account: Arc<Account>,
    window: Window,
    /// Of quantities that have a limit.
    taken: Quantities,
    /// What may be used of each quantity: what was wanted where there is no limit.
    pub(crate) got: Quantities,
}

impl Reserved {
    /// Gives back what is beyond these amounts.
    pub(crate) fn shrink(&mut self, to: &Quantities) {
        let kept = Quantities::of(|quantity| self.taken[quantity].min(to[quantity]));
        let unused = Quantities::of(|quantity| self.taken[quantity] - kept[quantity]);
        if unused.iter().any(|(_, unused)| *unused > 0) {
            self.account.settle(self.window, &unused, &unused);
            self.taken = kept;
        }
    }

    /// So much was used. The rest is given back.
    pub(crate) fn settle(mut self, used: &Quantities) {
        let taken = std::mem::take(&mut self.taken);
        let unused = Quantities::of(|quantity| taken[quantity].saturating_sub(used[quantity]));
        self.account.settle(self.window, &taken, &unused);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.taken.iter().any(|(_, taken)| *taken > 0) {
            self.account.settle(self.window, &self.taken, &self.taken);
        }
    }
}
