//! The passes over the guest's core modules.

#[path = "../../build/merge/mod.rs"]
mod merge;
#[path = "../../build/meter/mod.rs"]
mod meter;

#[path = "merge.rs"]
mod merges;
#[path = "meter.rs"]
mod meters;
