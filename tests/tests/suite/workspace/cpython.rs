//! CPython's own tests of files, in the sandbox. `EXUVIA_CPYTHON_TESTS` is the folder `test` of CPython's library, 3.13 or later; without it
//! nothing is run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use exuvia_runtime::{Limits, Script, SystemIo};
use exuvia_tests::{TestTools, engine, here};
use exuvia_workspace::{Access, Quota, WorkspaceFiles};
use serde_json::Value;

use super::{Place, result};

/// Files of tests, how many there must be at least, and those among them that fail here, with the reason.
const FILES: &[(&str, u64, &[(&str, &str)])] = &[
    ("test_file.py", 1, &[]),
    ("test_fileio.py", 1, &[]),
    ("test_bufio.py", 1, &[]),
    ("test_filecmp.py", 1, &[]),
    ("test_fileinput.py", 1, &[]),
    ("test_glob.py", 1, &[]),
    ("test_csv.py", 1, &[]),
    ("test_tempfile.py", 1, &[]),
    ("test_genericpath.py", 1, &[]),
    ("test_shutil.py", 1, &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tests_of_cpython_hold() {
    let Some(folder) = std::env::var_os("EXUVIA_CPYTHON_TESTS").map(PathBuf::from) else { return };
    let driver = std::fs::read_to_string(here().join("data/workspace/cpython.py")).expect("the driver");
    let mut wrong = Vec::new();
    for (name, least, known) in FILES {
        let place = Place::with(Quota { bytes: 4 << 30, ..Quota::default() });
        std::fs::copy(folder.join(name), place.path().join(name)).expect("a file of tests");
        let files = WorkspaceFiles::new(Arc::clone(&place.workspace), Access::ReadWrite);
        let limits = Limits { fuel: i64::MAX as u64, wall_ms: 300_000, ..Limits::default() };
        let source = format!("FILE = '{name}'\n{driver}");
        let run = engine().run(Script::new(source), limits, Arc::new(TestTools::new()));
        let report = run.with_io(Box::new(SystemIo::new().with_files(Arc::new(files)))).execute().await;
        let outcome = result(&report);
        let failed: BTreeSet<_> =
            outcome["failed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let expected: BTreeSet<_> = known.iter().map(|(test, _)| *test).collect();
        let run = outcome["run"].as_u64().unwrap_or_default();
        println!("{name}: {run} run, {} skipped, {} fail", outcome["skipped"], failed.len());
        if failed != expected || run < *least {
            wrong.push(format!("{name}: {outcome}\n{}", report.logs.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
