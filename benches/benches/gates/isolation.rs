//! The tests of what runs leave behind, where pages really are swapped out: with swap space, huge pages, and too little memory.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::commands::cargo;
use crate::system::{Cgroup, HugePages, Swap, is_root};

const SWAP_BYTES: u64 = 1 << 30;

/// Less than the tests write.
const GROUP_BYTES: u64 = 160 << 20;

/// The tests, by their modules, and how many there are.
const TESTS: [&str; 2] = ["slots::", "reuse::"];
const COUNT: usize = 19;

/// Runs at random, one after the other in four slots.
const RUNS: &str = "10000";

pub(crate) fn runs_do_not_meet() -> Result<String> {
    if !is_root() {
        return Ok("NOT CHECKED: only root can make swap space and control groups".into());
    }
    let suite = suite()?;
    let _swap = Swap::on(SWAP_BYTES)?;
    for when in ["madvise", "always"] {
        let _huge = HugePages::set(when)?;
        let mut command = Command::new(&suite);
        match when {
            "always" => command.env("EXUVIA_RUNS", RUNS),
            // Each slot that would need no scan is scanned all the same.
            _ => command.env("EXUVIA_CHECK_RESETS", "1"),
        };
        passes(command).with_context(|| format!("huge pages: {when}"))?;
    }
    let group = Cgroup::new("isolation", GROUP_BYTES)?;
    passes(group.command(&suite)).context("with too little memory")?;
    ensure!(group.killed()? == 0, "the tests ran out of memory");
    Ok(format!(
        "nothing of a run is left for the next: {RUNS} at random; swapped out asleep, at the end and idle; huge pages; too little \
         memory"
    ))
}

fn passes(mut command: Command) -> Result<()> {
    command.args(TESTS).args(["--test-threads", "1"]).env("EXUVIA_SWAP", "required");
    command.current_dir("../tests").env("CARGO_MANIFEST_DIR", std::fs::canonicalize("../tests")?);
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let told = String::from_utf8_lossy(&output.stdout);
    // No test at all would pass as well.
    let passed = format!("test result: ok. {COUNT} passed");
    ensure!(output.status.success() && told.contains(&passed), "{told}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The test program, as cargo has built it.
fn suite() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["test", "--release", "--no-run", "--test", "suite", "--message-format", "json"]);
    let output = command.output().context("cargo test --no-run")?;
    ensure!(output.status.success(), "cargo test --no-run: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |message: Value| match message["target"]["name"] == "suite" {
        true => message["executable"].as_str().map(PathBuf::from),
        false => None,
    };
    messages.filter_map(program).next_back().context("the suite is not among the programs")
}
