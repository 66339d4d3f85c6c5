//! `cargo bench --bench gates [-- NAME...]`: long loops and full counts, too long for the tests. Prints a report and fails
//! when a gate fails.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod calls;
mod commands;
mod container;
mod direct;
mod files;
mod flat;
mod isolation;
mod lists;
mod load;
mod merged;
mod parked;
mod payloads;
mod peaks;
mod script_sessions;
mod servers;
mod session;
mod system;
mod trials;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use exuvia_benches::{Table, seconds};
use tokio::runtime::Runtime;

/// A gate says in one line what it measured.
type Gate = fn(&Runtime) -> Result<String>;

const GATES: [(&str, Gate); 21] = [
    ("calls", |runtime| runtime.block_on(calls::parallel_is_ten_times_faster())),
    ("linear", |runtime| runtime.block_on(calls::fuel_grows_linearly())),
    ("payloads", |runtime| runtime.block_on(payloads::pass_and_are_bounded())),
    ("peaks", |runtime| runtime.block_on(peaks::memory_follows_the_limits())),
    ("servers", |runtime| runtime.block_on(servers::leave_no_process())),
    ("flat", |runtime| runtime.block_on(flat::memory_stays_flat())),
    ("isolation", |_| isolation::runs_do_not_meet()),
    ("merged", merged::guests_do_the_same),
    ("container", |runtime| runtime.block_on(container::scripts_share_a_small_one())),
    ("load", |runtime| runtime.block_on(load::many_clients_at_once())),
    ("overload", |runtime| runtime.block_on(load::more_than_it_takes())),
    ("direct", |runtime| runtime.block_on(direct::clients_do_not_meet())),
    ("reload", |runtime| runtime.block_on(trials::a_storm_of_reloads())),
    ("sigterm", |runtime| runtime.block_on(trials::stops_under_load())),
    ("kills", |runtime| runtime.block_on(trials::kills())),
    ("parked", |runtime| runtime.block_on(parked::ten_thousand_wait())),
    ("sessions", |runtime| runtime.block_on(script_sessions::a_thousand_go_on())),
    ("files", |runtime| runtime.block_on(files::larger_than_memory())),
    ("lists", |runtime| runtime.block_on(lists::every_filter_is_fast())),
    ("fuel", |_| exuvia_benches::fuel::check(false).map(|()| "within the baseline".into())),
    ("ignored", |_| commands::ignored_tests()),
];

fn main() -> Result<ExitCode> {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runtime = Runtime::new()?;
    let mut report = Table::new(["gate", "", "time", "measured"]);
    let mut failed = 0;
    for (name, gate) in GATES.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name)) {
        println!("== {name}");
        let started = Instant::now();
        let measured = gate(&runtime);
        let verdict = if measured.is_ok() { "passed" } else { "FAILED" };
        failed += u32::from(measured.is_err());
        let measured = measured.unwrap_or_else(|error| format!("{error:#}"));
        println!("{verdict}: {measured}");
        let measured = measured.lines().next().unwrap_or_default().to_owned();
        report.row([name.into(), verdict.into(), seconds(started.elapsed()), measured]);
    }
    println!("\n{report}");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
