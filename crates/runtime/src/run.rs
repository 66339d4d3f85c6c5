//! One execution of one script.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_host::{EventSink, Guest, GuestOutcome, Sandbox, SystemIo};
use exuvia_tool::{ActiveTime, BoxFuture, CallRecord, HeldCall, RunIo, ToolHost};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;

use crate::budget::Waits;
use crate::cleaning::Cleaning;
use crate::engine::{Inner, StoreState};
use crate::instance::{Instance, NO_ROOM};
use crate::memory::MemoryLimit;
use crate::report::AWAITING;
use crate::run_end::{self, End};
use crate::slots::counting_faults;
use crate::tree::RunTree;
use crate::{Engine, Limits, Outcome, Report, Script, Usage};

/// The largest part of one exchange with the guest that is neither a text nor bound by the guest's own memory, in bytes.
const EXCHANGE_SLACK_BYTES: usize = 16 << 20;

/// A run that is ready to execute: once, because executing consumes it.
#[must_use = "nothing happens before `execute`"]
pub struct Run {
    engine: Engine,
    script: Script,
    limits: Limits,
    tools: Arc<dyn ToolHost>,
    io: Box<dyn RunIo>,
    start: Box<dyn FnOnce() + Send>,
    events: EventSink,
    cancellation: CancellationToken,
    held: BoxFuture<'static, Vec<HeldCall>>,
    spent: Duration,
    active: Arc<ActiveTime>,
    /// What it shares with others, and how far it is below the first of them.
    tree: Option<(RunTree, u32)>,
}

impl Run {
    pub(crate) fn new(engine: Engine, script: Script, limits: Limits, tools: Arc<dyn ToolHost>) -> Self {
        let active = Arc::<ActiveTime>::default();
        Self {
            engine,
            script,
            limits,
            tools,
            io: Box::new(SystemIo::counting(Duration::ZERO, Arc::clone(&active))),
            start: Box::new(|| {}),
            events: Arc::new(|_| {}),
            cancellation: CancellationToken::new(),
            held: Box::pin(std::future::pending()),
            spent: Duration::ZERO,
            active,
            tree: None,
        }
    }

    /// Takes time and chance from `io` instead of from the machine.
    pub fn with_io(mut self, io: Box<dyn RunIo>) -> Self {
        self.io = io;
        self
    }

    /// Calls `start` when the run has its turn and its memory, and the script is about to begin.
    pub fn with_start(mut self, start: impl FnOnce() + Send + 'static) -> Self {
        self.start = Box::new(start);
        self
    }

    /// Reports to `events` what happens, as it happens.
    pub fn with_events(mut self, events: EventSink) -> Self {
        self.events = events;
        self
    }

    /// Ends the run as [cancelled](Outcome::Cancelled) when `cancellation` is cancelled.
    pub fn with_cancellation(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// Ends the run as [awaiting an approval](Outcome::AwaitingApproval) when `held` completes. The calls that it names
    /// must not have been answered.
    pub fn with_hold(mut self, held: BoxFuture<'static, Vec<HeldCall>>) -> Self {
        self.held = held;
        self
    }

    /// Counts this much of `wall_ms` as spent: what was done for the script before it starts.
    pub fn with_spent(mut self, spent: Duration) -> Self {
        self.spent = spent;
        self
    }

    /// Counts time by `active`: `wall_ms` stands still with it. The clock of the script does where [`with_io`](Self::with_io) is given one
    /// that does.
    pub fn with_active_time(mut self, active: Arc<ActiveTime>) -> Self {
        self.active = active;
        self
    }

    /// Shares its bounds with the other runs of a tree: with `level` 0 as the first of them, otherwise so far below it. The first one begins
    /// before the others, and ends after them.
    pub fn with_tree(mut self, tree: RunTree, level: u32) -> Self {
        self.tree = Some((tree, level));
        self
    }

    /// Runs the script to its end, whatever end that is. Must be called on a tokio runtime with timers.
    ///
    /// Dropping the future stops the run and its calls at once, without a report.
    pub async fn execute(self) -> Report {
        self.execute_first(false).await.0
    }

    /// The same, in a new instance or in one that earlier scripts of a session have left, which is given back if it can run a further one:
    /// the script came to its end, by an exception or not, and was not stopped. One that never ran leaves `instance` as it is.
    pub async fn execute_in_session(self, instance: Option<Instance>) -> (Report, Option<Instance>) {
        match instance {
            None => self.execute_first(true).await,
            Some(instance) => self.execute_further(instance).await,
        }
    }

    async fn execute_first(self, keeps: bool) -> (Report, Option<Instance>) {
        let not_started = |outcome| (Report::not_started(outcome), None);
        if let Some(stop) = self.script.too_large(&self.limits) {
            return not_started(Outcome::Stopped(stop));
        }
        let Some(turns) = self.turns() else {
            return (Report::fault("runs are nested deeper than the engine has room for"), None);
        };
        let turn = tokio::select! {
            turn = turns.acquire_owned() => turn,
            () = self.cancellation.cancelled() => return not_started(Outcome::Cancelled),
        };
        // The semaphore is never closed.
        let Ok(turn) = turn else { return (Report::fault("the engine is closed"), None) };
        let memory = tokio::select! {
            memory = memory(&self.engine, &self.limits, self.tree.as_ref()) => memory,
            () = self.cancellation.cancelled() => return not_started(Outcome::Cancelled),
        };
        let Some(memory) = memory else {
            return not_started(Outcome::Stopped(run_end::no_memory_left(&self.limits)));
        };
        let slots = &self.engine.inner.slots;
        // Dropped after the store, also where the future of this run is dropped.
        let cleaning = Cleaning::after(slots, turn, memory.claimed());
        let (report, left) = counting_faults(self.execute_now(Place::New(Box::new(memory)), keeps)).await;
        match left {
            Some((store, guest)) => (report, Some(Instance { store, guest, cleaning })),
            None => {
                cleaning.soon();
                (report, None)
            }
        }
    }

    /// Where it waits for its turn. None: it is below too many others.
    fn turns(&self) -> Option<Arc<Semaphore>> {
        match &self.tree {
            None | Some((_, 0)) => Some(Arc::clone(&self.engine.inner.turns)),
            Some((_, level)) => self.engine.inner.nested_turns.get(*level as usize - 1).cloned(),
        }
    }

    async fn execute_further(self, instance: Instance) -> (Report, Option<Instance>) {
        if let Some(stop) = self.script.too_large(&self.limits) {
            return (Report::not_started(Outcome::Stopped(stop)), Some(instance));
        }
        let woken = instance.wake(&self.engine, self.limits.memory_bytes);
        let instance = match self.cancellation.run_until_cancelled(woken).await {
            Some(Some(instance)) => instance,
            Some(None) => return (Report::not_started(Outcome::Unavailable(NO_ROOM.to_owned())), None),
            None => return (Report::not_started(Outcome::Cancelled), None),
        };
        let Instance { store, guest, cleaning } = instance;
        let (report, left) = self.execute_now(Place::Old(Box::new(store), guest), true).await;
        match left {
            Some((store, guest)) => (report, Some(Instance { store, guest, cleaning })),
            None => {
                cleaning.soon();
                (report, None)
            }
        }
    }

    /// What is left, if it is to be kept: the store and its guest.
    async fn execute_now(self, place: Place, keeps: bool) -> (Report, Option<(Store<StoreState>, Guest)>) {
        let started = Instant::now();
        let Self { engine, script, limits, tools, io, start, events, cancellation, held, spent, active, tree } = self;
        let counted = Counted { started, paused: active.paused(started), active: Arc::clone(&active) };
        start();
        let (mut store, guest) = match place {
            Place::New(memory) => {
                let sandbox = Sandbox::new(Arc::clone(&tools), io, &limits, events);
                (new_store(&engine, sandbox, *memory, &limits), None)
            }
            Place::Old(mut store, guest) => {
                store.set_hostcall_fuel(exchange_bytes(&limits));
                store.data_mut().sandbox.begin_again(Arc::clone(&tools), io, &limits, events);
                (*store, Some(guest))
            }
        };
        let sandbox = &mut store.data_mut().sandbox;
        sandbox.set_active_time(Arc::clone(&active));
        if let Some((tree, _)) = &tree {
            sandbox.share_fuel(tree.fuel());
        }
        let sandbox = &store.data().sandbox;
        let (log, calls) = (sandbox.log().clone(), sandbox.call_log().clone());
        let waits = store.data().memory.waits();
        let left = Duration::from_millis(limits.wall_ms).saturating_sub(spent);
        let end = tokio::select! {
            biased;
            () = cancellation.cancelled() => End::Cancelled,
            held = held => End::Held(held),
            () = time_up(left, &waits, &counted) => End::TimeUp,
            end = run_in(&engine, &mut store, guest, script.source(), limits.result_bytes as u64) => End::Guest(end),
        };
        let (end, guest) = end.apart(keeps);
        // Whatever the guest said of it: calls that were started and have not had their turn are not made any more.
        tools.script_ended();
        let memory = &store.data().memory;
        let outcome = run_end::outcome(end, &limits, memory.refused());
        let mut usage = Usage {
            fuel: store.data().sandbox.fuel_used(),
            memory_bytes_peak: memory.peak_bytes(),
            ..Usage::default()
        };
        // Ends the calls that are still out: what they come to afterwards is not part of the report.
        let left = match guest {
            Some(guest) => {
                store.data_mut().sandbox.end_script();
                Some((store, guest))
            }
            None => {
                drop(store);
                None
            }
        };
        let mut calls = calls.records();
        if let Outcome::AwaitingApproval(held) = &outcome {
            mark(&mut calls, held);
        }
        usage.tool_calls = calls.len() as u64;
        usage.wall_ms = u64::try_from((spent + counted.elapsed()).as_millis()).unwrap_or(u64::MAX);
        (Report { outcome, logs: log.text(), calls, usage, notes: Vec::new(), kept_as: None, unrecorded: 0 }, left)
    }
}

/// Where a script runs.
enum Place {
    /// In a new instance.
    New(Box<MemoryLimit>),
    /// In one that earlier scripts have left.
    Old(Box<Store<StoreState>>, Guest),
}

async fn run_in(
    engine: &Engine,
    store: &mut Store<StoreState>,
    guest: Option<Guest>,
    source: &str,
    result_bytes: u64,
) -> wasmtime::Result<(GuestOutcome, Guest)> {
    let guest = match guest {
        Some(guest) => guest,
        None => engine.inner.guest.instantiate(&mut *store).await?,
    };
    let outcome = guest.run(store, source, result_bytes).await?;
    Ok((outcome, guest))
}

impl Report {
    /// The report of a run that came to nothing for a reason of ours. `message` is for the operator.
    #[must_use]
    pub fn fault(message: impl Into<String>) -> Self {
        Self::not_started(Outcome::Fault(message.into()))
    }

    /// The report of a script that never started.
    #[must_use]
    pub fn not_started(outcome: Outcome) -> Self {
        Self {
            outcome,
            logs: Default::default(),
            calls: Vec::new(),
            usage: Usage::default(),
            notes: Vec::new(),
            kept_as: None,
            unrecorded: 0,
        }
    }
}

/// Waits until there is memory for a run. None: the runs of its tree hold all that they may.
async fn memory(engine: &Engine, limits: &Limits, tree: Option<&(RunTree, u32)>) -> Option<MemoryLimit> {
    let Inner { budget, config, .. } = &*engine.inner;
    let (limit, stack) = (limits.memory_bytes, config.run_stack_bytes());
    match tree {
        None => Some(MemoryLimit::admitted(budget, limit, stack).await),
        Some((tree, 0)) => {
            let stacks = (stack, u64::from(config.nested_levels));
            Some(MemoryLimit::first_of(tree, budget, limit, stacks).await)
        }
        Some((tree, _)) => MemoryLimit::below(tree, limit, stack).await,
    }
}

/// What was held was not cancelled.
fn mark(calls: &mut [CallRecord], held: &[HeldCall]) {
    let is_held = |call: &CallRecord| call.id.is_some() && held.iter().any(|one| one.id == call.id);
    for call in calls.iter_mut().filter(|call| is_held(call)) {
        call.outcome = AWAITING.to_owned();
    }
}

/// The time that counts for a run, from its start.
struct Counted {
    started: Instant,
    /// How long it had stood still before.
    paused: Duration,
    active: Arc<ActiveTime>,
}

impl Counted {
    fn elapsed(&self) -> Duration {
        let now = Instant::now();
        let paused = self.active.paused(now).saturating_sub(self.paused);
        now.saturating_duration_since(self.started).saturating_sub(paused)
    }
}

/// The time of a run is over. What it waits for memory that others hold, or for an approval, is not its own time.
async fn time_up(wall: Duration, waits: &Waits, counted: &Counted) {
    loop {
        let left = (wall + waits.total()).saturating_sub(counted.elapsed());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
        counted.active.until_running().await;
    }
}

fn new_store(engine: &Engine, sandbox: Sandbox, memory: MemoryLimit, limits: &Limits) -> Store<StoreState> {
    let mut store = Store::new(&engine.inner.engine, StoreState { sandbox, memory });
    store.limiter_async(|state| &mut state.memory);
    store.set_hostcall_fuel(exchange_bytes(limits));
    store
}

/// The most that one exchange with the guest may carry, in bytes: no text of the guest can be larger than its memory.
fn exchange_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX).saturating_add(EXCHANGE_SLACK_BYTES)
}
