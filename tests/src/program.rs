//! The program under test, as a process.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{DataHome, built, children, here};

/// A running `exuvia`. Killed when it is dropped.
pub struct Program {
    child: Child,
    _data: DataHome,
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// The standard output, which is one JSON value.
    ///
    /// # Panics
    ///
    /// It is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `--server NAME=` with a bundled sample behind it.
#[must_use]
pub fn sample(name: &str, sample: &str) -> String {
    format!("{name}={} sample {sample}", built("exuvia").display())
}

/// Runs `exuvia` to its end, with this standard input.
#[must_use]
pub fn exuvia(arguments: &[&str], input: &str) -> Ended {
    let mut program = Program::start(arguments, &[]);
    program.write(input);
    program.end()
}

impl Program {
    /// Starts `exuvia` with these arguments and additional variables, away from the configuration of whoever runs the tests.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(built("exuvia"));
        command.args(arguments).env("XDG_CONFIG_HOME", here()).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let data = DataHome::of(&mut command);
        Self { child: command.spawn().expect("exuvia starts"), _data: data }
    }

    /// Writes its standard input and closes it.
    pub fn write(&mut self, input: &str) {
        let mut stdin = self.child.stdin.take().expect("written once");
        // A program that ended early need not have read it.
        let _ = stdin.write_all(input.as_bytes());
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processes below it, once there are `count` of them.
    ///
    /// # Panics
    ///
    /// There are fewer after 10 s.
    #[must_use]
    pub fn wait_for_children(&self, count: usize) -> Vec<u32> {
        let started = Instant::now();
        loop {
            let found = children(self.id());
            if found.len() >= count {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{} children", found.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id() as i32), signal).expect("it runs");
    }

    /// Reads its standard error until `mark` has come: all that came.
    ///
    /// # Panics
    ///
    /// It ends without it.
    pub fn wait_for_stderr(&mut self, mark: &str) -> String {
        let stderr = self.child.stderr.as_mut().expect("piped");
        let mut seen = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&seen).contains(mark) {
            assert_ne!(stderr.read(&mut byte).expect("a pipe"), 0, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub fn end(mut self) -> Ended {
        let mut stderr = self.child.stderr.take().expect("piped");
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        let mut stdout = String::new();
        self.child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("UTF-8");
        let status = self.wait();
        let stderr = errors.join().expect("the reader ends").expect("UTF-8");
        Ended { status: status.code(), stdout, stderr }
    }

    /// Waits for its end without reading what it wrote.
    ///
    /// # Panics
    ///
    /// It does not end within 30 s.
    pub fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "exuvia does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
