//! `cargo bench --bench whole`: a whole `exuvia run`, from the start of the process to its end.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::{Table, seconds};
use exuvia_tests::{DataHome, built};

const RUNS: usize = 20;

fn main() -> Result<()> {
    let (program, data) = (built("exuvia"), DataHome::shared());
    let crm = format!("crm='{}' sample crm", program.display());
    let mut table = Table::new(["exuvia run", "fastest", "median", "slowest"]);
    for (name, arguments, script) in [
        ("no server", vec![], "result = 1 + 1"),
        ("sample crm, no call", vec!["--server", &crm], "result = 1 + 1"),
        ("sample crm, one call", vec!["--server", &crm], "result = len(crm.get_contacts(limit=10))"),
    ] {
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            times.push(once(&program, &data, &arguments, script).context(name)?);
        }
        times.sort();
        table.row([name.into(), seconds(times[0]), seconds(times[RUNS / 2]), seconds(times[RUNS - 1])]);
    }
    print!("{table}");
    Ok(())
}

fn once(program: &Path, data: &DataHome, arguments: &[&str], script: &str) -> Result<Duration> {
    let started = Instant::now();
    let mut child = Command::new(program)
        .arg("run")
        .args(arguments)
        .arg("-")
        .env("XDG_DATA_HOME", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("a pipe")?.write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(started.elapsed())
}
