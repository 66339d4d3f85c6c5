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

/// The programs that have such tests, and how many each.
const TESTS: [(&str, usize); 2] = [("exuvia_runtime", 4), ("suite", 2)];

pub(crate) fn runs_do_not_meet() -> Result<String> {
    if !is_root() {
        return Ok("NOT CHECKED: only root can make swap space and control groups".into());
    }
    let programs = programs()?;
    let _swap = Swap::on(SWAP_BYTES)?;
    for when in ["madvise", "always"] {
        let _huge = HugePages::set(when)?;
        for (program, tests) in &programs {
            passes(Command::new(program), *tests).with_context(|| format!("huge pages: {when}"))?;
        }
    }
    let group = Cgroup::new("isolation", GROUP_BYTES)?;
    for (program, tests) in &programs {
        passes(group.command(program), *tests).context("with too little memory")?;
    }
    ensure!(group.killed()? == 0, "the tests ran out of memory");
    Ok("nothing of a run is left for the next: swapped out asleep, at the end and idle; huge pages; too little memory"
        .into())
}

fn passes(mut command: Command, tests: usize) -> Result<()> {
    command.args(["reuse::", "--test-threads", "1"]).env("EXUVIA_SWAP", "required");
    command.current_dir("../tests").env("CARGO_MANIFEST_DIR", std::fs::canonicalize("../tests")?);
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let told = String::from_utf8_lossy(&output.stdout);
    // No test at all would pass as well.
    let passed = format!("test result: ok. {tests} passed");
    ensure!(output.status.success() && told.contains(&passed), "{told}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The test programs, as cargo has built them.
fn programs() -> Result<Vec<(PathBuf, usize)>> {
    let mut command = cargo();
    command.args(["test", "--release", "--no-run", "--lib", "--test", "suite", "--message-format", "json"]);
    let output = command.output().context("cargo test --no-run")?;
    ensure!(output.status.success(), "cargo test --no-run: {}", String::from_utf8_lossy(&output.stderr));
    let messages: Vec<Value> =
        String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let program = |(name, tests): (&str, usize)| {
        let is_it = |message: &&Value| message["target"]["name"] == name && message["executable"].is_string();
        let path = messages.iter().find(is_it).and_then(|message| message["executable"].as_str());
        Ok((PathBuf::from(path.with_context(|| format!("{name} is not among the tests"))?), tests))
    };
    TESTS.into_iter().map(program).collect()
}
