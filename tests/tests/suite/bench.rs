//! `exuvia bench`: workloads under budgets, their baseline, what is printed.

use std::fs;
use std::path::Path;

use exuvia_tests::{Ended, exuvia, here};
use tempfile::TempDir;

/// A folder of files that are gone with it.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file. Its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, text).expect("written");
        file.display().to_string()
    }
}

fn workload(header: &str, source: &str) -> String {
    let header: String = header.lines().map(|line| format!("# {line}\n")).collect();
    format!("# /// script\n# [tool.exuvia]\n{header}# ///\n{source}\n")
}

fn bench(folder: &Path, arguments: &[&str]) -> Ended {
    let suite = folder.display().to_string();
    let mut all = vec!["bench", &suite];
    all.extend(arguments);
    exuvia(&all, "")
}

#[test]
fn the_shipped_workloads_end_as_their_headers_state_and_use_the_fuel_of_the_baseline() {
    let suite = here().join("../benches/suites/workloads");
    let baseline = here().join("../benches/suites/workloads.baseline.json").display().to_string();
    // `just suites --bless` writes it.
    let ended = bench(&suite, &["--repeats", "2", "--json", "--baseline", &baseline]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let workloads = ended.json();
    let workloads = workloads["workloads"].as_object().expect("an object");
    for folder in ["language", "library", "algorithms", "orchestration", "hostile"] {
        let count = workloads.keys().filter(|name| name.starts_with(&format!("{folder}/"))).count();
        assert!(count >= 6, "{folder} has {count}");
    }
}

#[test]
fn a_workload_that_ends_otherwise_or_beyond_its_budget_fails_and_says_how() {
    let folder = Files::new();
    folder.write("right.py", &workload("fuel = 10_000_000\nreturns = 3", "result = 1 + 2"));
    folder.write("wrong.py", &workload("fuel = 10_000_000\nreturns = 4", "result = 1 + 2"));
    folder.write("long.py", &workload("fuel = 10_000_000\nreturns = 3", "while True: pass"));
    folder.write("denied.py", &workload("fuel = 10_000_000\ntools = [\"lab.echo\"]", "result = lab.rows()"));
    let ended = bench(folder.path(), &[]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("wrong: returned 3, expected 4"), "{}", ended.stderr);
    assert!(ended.stderr.contains("long: stopped by fuel, expected 3"), "{}", ended.stderr);
    assert!(ended.stderr.contains("denied: raised AttributeError"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("right:") && ended.stdout.lines().count() == 5, "{ended:?}");
}

#[test]
fn a_change_beyond_the_tolerance_of_the_baseline_fails() {
    let folder = Files::new();
    let source = |turns: u32| workload("fuel = 100_000_000", &format!("for n in range({turns}): pass"));
    folder.write("suite/loop.py", &source(10_000));
    let suite = folder.path().join("suite");
    let baseline = bench(&suite, &["--json"]);
    let file = folder.write("baseline.json", &baseline.stdout);
    assert_eq!(bench(&suite, &["--baseline", &file]).status, Some(0));
    folder.write("suite/loop.py", &source(20_000));
    let ended = bench(&suite, &["--baseline", &file]);
    assert!(
        ended.status == Some(1) && ended.stderr.contains("loop: ") && ended.stderr.contains("units of fuel, +"),
        "{ended:?}"
    );
    assert_eq!(bench(&suite, &["--baseline", &file, "--tolerance", "500"]).status, Some(0));
    folder.write("suite/new.py", &source(1));
    assert!(bench(&suite, &["--baseline", &file, "--tolerance", "500"]).stderr.contains("new: is not in the baseline"));
}

#[test]
fn plots_are_drawn_and_a_suite_without_a_header_is_a_usage_error() {
    let folder = Files::new();
    folder.write("suite/one.py", &workload("fuel = 10_000_000", "result = 1"));
    let plots = folder.path().join("plots");
    let ended = bench(&folder.path().join("suite"), &["--svg", &plots.display().to_string(), "--repeats", "1"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for name in ["fuel.svg", "memory.svg", "time.svg"] {
        assert!(fs::read_to_string(plots.join(name)).expect("a picture").contains("one"), "{name}");
    }
    folder.write("suite/two.py", "result = 2");
    let ended = bench(&folder.path().join("suite"), &[]);
    assert!(ended.status == Some(2) && ended.stderr.contains("two.py: no header"), "{ended:?}");
    assert_eq!(bench(&folder.path().join("none"), &[]).status, Some(2));
}
