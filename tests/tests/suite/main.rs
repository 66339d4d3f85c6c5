//! The end-to-end tests that are not files of cases. One binary, because each links the whole guest.

mod architecture;
mod bombs;
mod caps;
mod catalogues;
mod catalogues_wrong;
mod conditions;
mod config;
mod determinism;
mod direct;
mod direct_names;
mod ends;
mod evasions;
mod examples;
mod foreign_text;
mod isolation;
mod journal;
mod listing;
mod logs;
mod memory;
mod order;
mod order_sent;
mod pairs;
mod parallel;
mod peaks;
mod policy;
mod program;
mod records;
mod reload;
mod results;
#[cfg(target_os = "linux")]
mod reuse;
mod second_layers;
mod serve;
mod servers;
mod sessions;
mod signals;
mod sizes;
#[cfg(target_os = "linux")]
mod slots;
mod stdio;
mod stdio_faults;
mod stopped;
mod systemd;
mod telemetry;
mod tls;
mod watched;
