//! The end-to-end tests that are not files of cases. One binary, because each links the whole guest.

mod architecture;
mod bombs;
mod catalogues;
mod catalogues_wrong;
mod config;
mod determinism;
mod evasions;
mod examples;
mod isolation;
mod listing;
mod parallel;
mod policy;
mod program;
mod reload;
mod results;
mod serve;
mod servers;
mod sizes;
mod stdio;
mod stdio_faults;
mod stopped;
