//! The program under test on a terminal.

use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{DataHome, built, here};

/// A running `exuvia` whose three streams are a terminal. Killed when it is dropped.
pub struct Screen {
    child: Child,
    seen: Arc<Mutex<String>>,
    _data: DataHome,
}

impl Screen {
    /// Starts `exuvia` with these arguments, away from the configuration of whoever runs the tests.
    ///
    /// # Panics
    ///
    /// It cannot be started, or there is no terminal.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let pty = openpty(None, None).expect("a terminal");
        let stream = || Stdio::from(pty.slave.try_clone().expect("a stream"));
        let mut command = Command::new(built("exuvia"));
        command.args(arguments).env("XDG_CONFIG_HOME", here()).env("TERM", "xterm");
        let data = DataHome::of(&mut command);
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("exuvia starts");
        let seen = Arc::new(Mutex::new(String::new()));
        let (shown, mut master) = (Arc::clone(&seen), File::from(pty.master));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = master.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                shown.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Self { child, seen, _data: data }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What was written so far.
    #[must_use]
    pub fn seen(&self) -> String {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this was written.
    ///
    /// # Panics
    ///
    /// It is not.
    pub fn shows(&self, mark: &str) {
        let begun = Instant::now();
        while !self.seen().contains(mark) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{mark} is not in {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(5));
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

    /// Its end, if that comes in this time.
    #[must_use]
    pub fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        crate::ends_within(&mut self.child, time)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
