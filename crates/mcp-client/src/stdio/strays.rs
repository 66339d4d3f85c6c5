//! Processes that left the group of the server that started them.

use std::fs::{self, File};
use std::io::Read as _;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::reaper::MARK;

/// How often marked processes are searched for: one that is found may have started another meanwhile.
const PASSES: usize = 10;
/// How long what was killed may take to be gone.
const PAUSE: Duration = Duration::from_millis(5);
/// The most that is read of an environment, in bytes.
const ENVIRONMENT_BYTES: u64 = 8 << 20;

/// Kills every process whose environment has this value of [`MARK`]. Reads the environments of all processes, where the system
/// shows them: not for the threads that serve others.
pub(crate) fn end(mark: &str) {
    let entry = format!("{MARK}={mark}");
    for _ in 0..PASSES {
        let found = carriers(entry.as_bytes());
        if found.is_empty() {
            return;
        }
        for pid in found {
            tracing::debug!(pid = pid.as_raw(), "a process that a server left behind is killed");
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
}

fn carriers(entry: &[u8]) -> Vec<Pid> {
    // Where there is no such folder, nothing can be found.
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid| carries(*pid, entry)).map(Pid::from_raw).collect()
}

/// A process that has ended, or is another user's, shows nothing.
fn carries(pid: i32, entry: &[u8]) -> bool {
    let mut environment = Vec::new();
    let read = File::open(format!("/proc/{pid}/environ"))
        .and_then(|file| file.take(ENVIRONMENT_BYTES).read_to_end(&mut environment));
    read.is_ok() && environment.split(|&byte| byte == 0).any(|found| found == entry)
}
