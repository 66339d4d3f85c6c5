//! The same workloads in the machine's own Python.

use std::env;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// Times what a workload takes once the interpreter is up, the best of three.
const TIMER: &str = "
import sys, time
source, times = sys.stdin.read(), []
for _ in range(3):
    begin = time.perf_counter()
    exec(compile(source, 'workload', 'exec'), {'__name__': '__main__'})
    times.append(time.perf_counter() - begin)
print(min(times))
";

/// A Python of this machine.
#[derive(Debug)]
pub struct NativePython {
    program: String,
    /// What it calls itself.
    pub version: String,
}

impl NativePython {
    /// `python3`, or what `EXUVIA_BENCH_PYTHON` names, if it is there.
    #[must_use]
    pub fn find() -> Option<Self> {
        let program = env::var("EXUVIA_BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
        let output = Command::new(&program).arg("--version").output().ok().filter(|output| output.status.success())?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Some(Self { program, version })
    }

    /// How long this script takes.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn time(&self, source: &str) -> Result<Duration> {
        let mut child = Command::new(&self.program)
            .args(["-I", "-c", TIMER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.program.clone())?;
        child.stdin.take().context("a pipe")?.write_all(source.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{}: {}", self.program, output.status);
        Ok(Duration::from_secs_f64(String::from_utf8(output.stdout)?.trim().parse()?))
    }
}
