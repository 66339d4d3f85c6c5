//! Fuzz targets for everything that parses what others write, and a loop that runs them on stable Rust.
//!
//! A [`Target`] is a function of bytes that panics when its parser does something wrong, and a corpus of inputs: files below
//! `tests/fuzz/corpus`, and test data. [`fuzz`] feeds it the corpus and mutations of it, the same ones for the same seed, for
//! `EXUVIA_FUZZ_SECONDS` (0.2 when unset, 10 in `.ci/run`); `EXUVIA_FUZZ_SEED` chooses others. An input that fails is written to the
//! temporary folder.
//!
//! With a nightly toolchain the same functions run under libFuzzer, which measures coverage:
//! `fuzz_target!(|data: &[u8]| exuvia_fuzz::input("json", data))`.

#[path = "../../../guest/build/merge/mod.rs"]
mod merge;
#[path = "../../../guest/build/meter/mod.rs"]
mod meter;
mod mutate;
mod run;
mod targets;

pub use run::{Target, fuzz};
pub use targets::TARGETS;

/// Runs the target of this name once.
///
/// # Panics
///
/// There is no such target, or the parser did something wrong.
pub fn input(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no fuzz target {name}")).run)(data);
}
