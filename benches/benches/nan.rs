//! `cargo bench --bench nan`: what canonical NaNs cost (`cranelift_nan_canonicalization`), of which replays on another architecture
//! would be independent of: decision 15.2. Compiles the guest twice.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::env::consts::ARCH;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use exuvia_benches::workloads::{CPU, Workload};
use exuvia_benches::{BenchTools, Table, bytes, one_thread, seconds};
use exuvia_host::{GuestOutcome, GuestPre, Sandbox, SystemIo, add_to_linker};
use exuvia_tool::Limits;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

#[path = "../../crates/runtime/src/compile.rs"]
mod compile;

/// Runs of one workload with each guest, in turns, of which the fastest counts.
const RUNS: usize = 7;
const STACK_BYTES: usize = 32 << 20;
const RESULT_BYTES: u64 = 1 << 20;

/// The guest, compiled in one way.
struct Compiled {
    engine: Engine,
    guest: GuestPre<Sandbox>,
    code_bytes: usize,
    took: Duration,
}

impl Compiled {
    fn new(is_canonical: bool) -> Result<Self> {
        let mut config = compile::config(&format!("{ARCH}-unknown-linux-gnu"))?;
        config.cranelift_nan_canonicalization(is_canonical);
        config.max_wasm_stack(STACK_BYTES).async_stack_size(STACK_BYTES + (1 << 20));
        let (engine, began) = (Engine::new(&config)?, Instant::now());
        let component = Component::new(&engine, exuvia_guest::COMPONENT)?;
        let took = began.elapsed();
        let mut linker = Linker::<Sandbox>::new(&engine);
        add_to_linker(&mut linker)?;
        let guest = GuestPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, guest, code_bytes: component.serialize()?.len(), took })
    }

    async fn time(&self, workload: Workload) -> Result<Duration> {
        let tools = BenchTools::new(0).host();
        let sandbox = Sandbox::new(tools, Box::new(SystemIo::new()), &Limits::default(), Arc::new(|_| {}));
        let mut store = Store::new(&self.engine, sandbox);
        let began = Instant::now();
        match self.guest.run(&mut store, workload.source, RESULT_BYTES).await? {
            GuestOutcome::Returned(_) => Ok(began.elapsed()),
            other => bail!("{}: {other:?}", workload.name),
        }
    }
}

fn main() -> Result<()> {
    let (plain, canonical) = (Compiled::new(false)?, Compiled::new(true)?);
    let mut table = Table::new(["workload", "as it is", "canonical NaNs", "ratio"]);
    let runtime = one_thread()?;
    let mut product = 1.0;
    for workload in CPU {
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..RUNS {
            for (guest, fastest) in [&plain, &canonical].into_iter().zip(&mut fastest) {
                *fastest = (*fastest).min(runtime.block_on(guest.time(workload))?);
            }
        }
        let ratio = fastest[1].as_secs_f64() / fastest[0].as_secs_f64();
        product *= ratio;
        table.row([workload.name.into(), seconds(fastest[0]), seconds(fastest[1]), format!("{ratio:.3}")]);
    }
    let mean = f64::powf(product, 1.0 / CPU.len() as f64);
    table.row(["geometric mean".into(), String::new(), String::new(), format!("{mean:.3}")]);
    let both = [&plain, &canonical];
    let [size, took] = [
        both.map(|guest| bytes(i64::try_from(guest.code_bytes).unwrap_or(i64::MAX))),
        both.map(|guest| seconds(guest.took)),
    ];
    table.row(["compiled guest".into(), size[0].clone(), size[1].clone(), String::new()]);
    table.row(["compiling it".into(), took[0].clone(), took[1].clone(), String::new()]);
    println!("{table}");
    Ok(())
}
