//! Runs every fuzz target for a moment; `EXUVIA_FUZZ_SECONDS` says for how long.

use std::process::ExitCode;

use exuvia_fuzz::{TARGETS, fuzz};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let trials = TARGETS.iter().map(|target| {
        Trial::test(format!("fuzz::{}", target.name), move || {
            let inputs = fuzz(target)?;
            // Shown by `--nocapture`, and of no interest otherwise.
            assert!(inputs > 0, "no input");
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
