//! The guest does the same with its core modules merged and metered as with those that componentize-py links.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exuvia_host::{GuestPre, OutOfFuel, Sandbox, add_to_linker};
use exuvia_tests::{ScriptedIo, TestTools, cases, here};
use exuvia_tool::{BoxFuture, Deadline, Limits, Namespace, ToolCall, ToolHost, ToolOutcome};
use tokio::runtime::Runtime;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

const STACK_BYTES: usize = 32 << 20;

/// A script that the meter does not stop must end within this without it, too.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// How often a case is run that differs.
const ATTEMPTS: usize = 3;

/// How much fuel of wasmtime's a guest without a meter consumes before it yields.
const YIELD: u64 = 10_000_000;

/// Runs every case in both, in a world that repeats itself.
pub(crate) fn guests_do_the_same(runtime: &Runtime) -> Result<String> {
    let merged = Guest::new(exuvia_guest::COMPONENT)?;
    let separate = Guest::new(exuvia_guest::UNMERGED)?;
    let (mut same, mut stopped, mut different) = (0, Vec::new(), Vec::new());
    for case in cases(&here().join("../tests/cases"))? {
        let limits = case.limits();
        let run = async || -> Result<_> {
            let of_merged = merged.run(case.source(), &limits).await?;
            // What the meter stops has no end without it.
            let of_separate = if of_merged.is_some() { separate.run(case.source(), &limits).await? } else { None };
            Ok((of_merged, of_separate))
        };
        let mut both = runtime.block_on(run())?;
        // Whether an answer comes before a timeout is a matter of real time.
        for _ in 1..ATTEMPTS {
            if both.0 != both.1 {
                both = runtime.block_on(run())?;
            }
        }
        match both {
            (None, _) => stopped.push(case.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
            (merged, separate) if merged == separate => same += 1,
            (merged, separate) => {
                different.push(format!("{}\nmerged: {merged:?}\nnot: {separate:?}", case.file.display()))
            }
        }
    }
    ensure!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n"));
    ensure!(same > 150, "only {same} cases were compared");
    Ok(format!(
        "{same} cases: equal outcomes, logs, and calls with their arguments; not compared, because nothing stops them in a guest without a \
         meter: {}",
        stopped.join(", ")
    ))
}

struct Guest {
    engine: Engine,
    pre: GuestPre<Sandbox>,
}

impl Guest {
    fn new(component: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        config.consume_fuel(true).max_wasm_stack(STACK_BYTES).async_stack_size(STACK_BYTES + (1 << 20));
        let engine = Engine::new(&config)?;
        let mut linker = Linker::<Sandbox>::new(&engine);
        add_to_linker(&mut linker)?;
        let pre = GuestPre::new(linker.instantiate_pre(&Component::new(&engine, component)?)?)?;
        Ok(Self { engine, pre })
    }

    /// The outcome, the log and the calls of a script. None: it ran out of fuel.
    async fn run(&self, source: &str, limits: &Limits) -> Result<Option<String>> {
        let io = Box::new(ScriptedIo::with_batches_of(1));
        let tools = Arc::new(Heard::default());
        let sandbox = Sandbox::new(Arc::clone(&tools) as _, io, limits, Arc::new(|_| {}));
        let (log, calls) = (sandbox.log().clone(), sandbox.call_log().clone());
        let mut store = Store::new(&self.engine, sandbox);
        store.set_fuel(u64::MAX)?;
        store.fuel_async_yield_interval(Some(YIELD))?;
        let run = self.pre.run(&mut store, source, limits.result_bytes as u64);
        let ended = match tokio::time::timeout(ENDS_WITHIN, run).await.context("it does not end")? {
            Ok(outcome) => format!("{outcome:?}"),
            Err(error) if error.downcast_ref::<OutOfFuel>().is_some() => return Ok(None),
            Err(error) => format!("{}", error.root_cause()),
        };
        let calls: Vec<_> = calls.records().into_iter().map(|call| (call.server, call.tool, call.outcome)).collect();
        Ok(Some(format!("{ended} {:?} {calls:?} {:?}", log.text().text, tools.take())))
    }
}

/// The tools of the cases, and what they were called with, in the order of the calls.
#[derive(Default)]
struct Heard {
    tools: TestTools,
    calls: Mutex<Vec<String>>,
}

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ToolHost for Heard {
    fn namespace(&self) -> &Namespace {
        self.tools.namespace()
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let heard = format!("{:?} {} {} line {:?}", call.id, call.name, call.arguments.as_str(), call.line);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        self.tools.call(call, deadline)
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        self.tools.search(query)
    }
}
