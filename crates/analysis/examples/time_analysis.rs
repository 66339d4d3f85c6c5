//! How long the analysis of 1, 10 and 64 KiB takes, against the recorded catalogues: median and slowest of many runs.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use exuvia_analysis::analyse;

const RUNS: usize = 200;

fn main() {
    let namespace = support::catalogues();
    let mut scripts: Vec<_> = std::fs::read_dir(support::data("scripts")).unwrap().map(|e| e.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|end| end == "py"));
    scripts.sort();
    let all: String = scripts.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    // Imports are told apart by scope, so the same lines may stand there again.
    let all = all.repeat(3);
    for kib in [1, 10, 64] {
        let end = all[..kib << 10].rfind("\n\n\n").unwrap();
        let source = &all[..end + 1];
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                let analysis = analyse(source, &namespace);
                assert!(!analysis.may_call.is_empty());
                start.elapsed()
            })
            .collect();
        times.sort();
        let analysis = analyse(source, &namespace);
        let (tools, is_precise) = (analysis.may_call.len(), analysis.precision.is_precise());
        println!(
            "{:>6} bytes: median {:?}, slowest {:?}; {tools} tools, precise: {is_precise}",
            source.len(),
            times[RUNS / 2],
            times[RUNS - 1]
        );
    }
}
