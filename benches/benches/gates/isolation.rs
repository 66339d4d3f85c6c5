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
const COUNT: usize = 22;

/// Runs at random, of each of the two tests that make some.
const RUNS: &str = "10000";

/// The same with too little memory, where each takes a tenth of a second on two busy cores: 10,000 would take half an hour.
const RUNS_WITHOUT_MEMORY: &str = "2000";

/// Has each slot that would need no scan scanned all the same, and aborts if that finds anything.
const CHECKED: (&str, &str) = ("EXUVIA_CHECK_RESETS", "1");

pub(crate) fn runs_do_not_meet() -> Result<String> {
    if !is_root() {
        return Ok("NOT CHECKED: only root can make swap space and control groups".into());
    }
    let suite = suite()?;
    let _swap = Swap::on(SWAP_BYTES)?;
    for (when, variables) in
        [("always", vec![("EXUVIA_RUNS", RUNS)]), ("always", vec![CHECKED]), ("madvise", vec![CHECKED])]
    {
        let _huge = HugePages::set(when)?;
        let mut command = Command::new(&suite);
        command.envs(variables.iter().copied());
        passes(command).with_context(|| format!("huge pages: {when}, {variables:?}"))?;
    }
    for variables in [vec![("EXUVIA_RUNS", RUNS_WITHOUT_MEMORY)], vec![CHECKED]] {
        let group = Cgroup::new("isolation", GROUP_BYTES)?;
        let mut command = group.command(&suite);
        command.envs(variables.iter().copied());
        passes(command).with_context(|| format!("with too little memory, {variables:?}"))?;
        ensure!(group.killed()? == 0, "the tests ran out of memory");
    }
    Ok(format!(
        "nothing of a run is left for the next: {RUNS} at random, and {RUNS_WITHOUT_MEMORY} with too little memory; swapped out asleep, at the \
         end and idle; huge pages; moved between cores; and all of it, with fewer runs at random, \
         with every reset checked"
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
