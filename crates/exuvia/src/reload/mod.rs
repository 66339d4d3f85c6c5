//! The configuration while `exuvia serve` runs: read again on SIGHUP, and when its files change.
//!
//! A configuration with errors changes nothing. One without holds from the next script on, its policy at once.

mod caught;
mod fixed;
mod follow;
mod look;
mod watch;

pub(crate) use follow::Follower;
