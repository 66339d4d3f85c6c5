//! The scripts that are measured: one file each, in `workloads/`.

/// A script that only computes. It runs in any Python.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Its file, without the ending.
    pub name: &'static str,
    /// Its source.
    pub source: &'static str,
}

macro_rules! workloads {
    ($($name:literal),* $(,)?) => {
        [$(Workload { name: $name, source: include_str!(concat!("../workloads/", $name, ".py")) }),*]
    };
}

/// What interpreters are usually measured by, in small.
pub const CPU: [Workload; 9] =
    workloads!["fib", "loop", "nbody", "json_text", "regex", "strings", "dicts", "sort", "classes",];

/// What scripts for tools do: calls, errors, imports.
pub const SANDBOX: [Workload; 7] =
    workloads!["one_plus_one", "imports", "plain_calls", "parallel_calls", "join", "error", "syntax_error"];

/// The workload of this name.
///
/// # Panics
///
/// There is none.
#[must_use]
pub fn named(name: &str) -> Workload {
    let found = CPU.iter().chain(&SANDBOX).find(|workload| workload.name == name);
    *found.unwrap_or_else(|| panic!("there is no workload {name}"))
}
