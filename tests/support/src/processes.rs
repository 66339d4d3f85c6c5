//! Who is alive.

use std::fs;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Whether a process with this id runs. A zombie does not.
#[must_use]
pub fn runs(pid: u32) -> bool {
    status(pid).is_some_and(|(state, _)| state != "Z")
}

/// The processes below `pid`, all generations.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|child| status(child).map(|(_, parent)| (child, parent)))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.split_off(1)
}

/// Waits until none of the processes runs. False: one still does after `within`.
#[must_use]
pub fn gone(pids: &[u32], within: Duration) -> bool {
    let started = Instant::now();
    while pids.iter().any(|&pid| runs(pid)) {
        if started.elapsed() > within {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
    true
}

/// State and parent of a process.
fn status(pid: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// The most memory that a process has held at one time, in bytes: since its start, or since [`forget_peak`].
#[must_use]
pub fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    kib.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// Has the peak of a process counted from what it holds now.
///
/// # Panics
///
/// There is no such process of ours.
pub fn forget_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of ours");
}

/// The end of a child, if that comes in this time.
///
/// # Panics
///
/// It is no child.
#[must_use]
pub fn ends_within(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        match child.try_wait().expect("a child") {
            None if begun.elapsed() < time => sleep(Duration::from_millis(5)),
            ended => return ended,
        }
    }
}
