//! Who is alive.

use std::fs;
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
