//! The end-to-end tests that are not files of cases. One binary, because each links the whole guest.

mod architecture;
mod bombs;
mod catalogues;
mod catalogues_wrong;
mod config;
mod determinism;
mod direct;
mod ends;
mod evasions;
mod examples;
mod isolation;
mod listing;
mod logs;
mod memory;
mod parallel;
mod policy;
mod program;
mod reload;
mod results;
#[cfg(target_os = "linux")]
mod reuse;
mod serve;
mod servers;
mod sizes;
#[cfg(target_os = "linux")]
mod slots;
mod stdio;
mod stdio_faults;
mod stopped;
mod systemd;
mod telemetry;
mod tls;
