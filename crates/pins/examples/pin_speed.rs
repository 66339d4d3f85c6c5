//! What pinning and the audit cost: `cargo run --release --example pin_speed`. The recorded catalogs, four times, as the tools of one
//! server.
#![expect(clippy::print_stdout, reason = "a program that prints measurements")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_pins::{AuditedServer, Definition, Listed, PinFolder, ServerPins, audit};
use exuvia_test_support::{Catalog, catalogs};
use exuvia_tool::ToolDescriptor;

const COPIES: usize = 4;
const ROUNDS: usize = 21;

fn main() {
    let tools = tools();
    let bytes: usize = definitions(&tools).iter().filter_map(|tool| tool.definition.text()).map(str::len).sum();
    println!("{} tools, {} KiB of definitions", tools.len(), bytes >> 10);
    let home = tempfile::tempdir().expect("a folder");
    let file = PinFolder::new(home.path().join("pins")).file("all", "");
    let first_sight = || {
        let listed = definitions(&tools);
        let change = |_: Option<ServerPins>| {
            let mut pins = ServerPins::new("all", "");
            let checked = pins.check(&listed, true, true, 0);
            (Some(pins), checked)
        };
        file.change(change, |checked| checked.is_other).expect("stored");
    };
    let unchanged = || {
        let listed = definitions(&tools);
        let mut pins = file.read().expect("read").expect("pins");
        assert!(!pins.check(&listed, false, true, 0).is_other);
    };
    timed("digests of all definitions", || drop(definitions(&tools)));
    timed("first sight, stored", first_sight);
    timed("a list that is the same, after a restart", unchanged);
    timed("the stamp of a file, twice a second while something waits", || drop(file.stamp()));
    println!("{} KiB on disk", std::fs::metadata(file.path()).map_or(0, |metadata| metadata.len()) >> 10);
    timed("audit", || drop(audit(&[AuditedServer { name: "all", tools: &tools }], &[])));
}

fn tools() -> Vec<Arc<ToolDescriptor>> {
    let all = catalogs();
    let copy = |number: usize| {
        let of = move |catalog: &Catalog| {
            let named = |tool: ToolDescriptor| {
                Arc::new(ToolDescriptor { name: format!("{}_{}_{number}", catalog.name, tool.name), ..tool })
            };
            catalog.tools().into_iter().map(named).collect::<Vec<_>>()
        };
        all.iter().flat_map(of)
    };
    (0..COPIES).flat_map(copy).collect()
}

fn definitions(tools: &[Arc<ToolDescriptor>]) -> Vec<Listed<'_>> {
    tools.iter().map(|tool| Listed { name: &tool.name, definition: Definition::of(tool, None) }).collect()
}

/// Prints the fastest of all rounds.
fn timed(what: &str, mut work: impl FnMut()) {
    let times = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    });
    println!("{what}: {:.2?}", times.min().unwrap_or(Duration::ZERO));
}
