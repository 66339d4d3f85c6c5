//! The configuration while `exuvia serve` runs: read again on SIGHUP, and when its files change.
//!
//! A configuration with errors changes nothing. One without holds from the next script on, its policy at once.

mod config_read;
mod panic_guard;
mod reloader;
mod restart_only;
mod watch;

pub(crate) use reloader::Reloader;
