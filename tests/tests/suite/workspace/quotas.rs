//! What a workspace may hold. The C library of the guest reports a stream that failed as `EIO`, whatever the reason.

use std::sync::Arc;

use exuvia_runtime::Outcome;
use exuvia_workspace::{Access, Quota};
use serde_json::json;

use super::{Place, result};

#[tokio::test]
async fn a_script_that_fills_a_workspace_is_told_what_to_do() {
    let place = Place::with(Quota { bytes: 10_000, ..Quota::default() });
    let report = place.report(Access::ReadWrite, "with open('a', 'w') as file:\n    file.write('x' * 20_000)").await;
    let Outcome::Raised(error) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("the workspace may be full")), "{error:?}");
    let missing = place.report(Access::ReadWrite, "import os\nos.stat('b')").await;
    let Outcome::Raised(error) = &missing.outcome else { panic!("{:?}", missing.outcome) };
    assert_eq!(error.hint, None);
}

#[tokio::test]
async fn a_database_that_finds_no_room_or_no_directory_is_told_what_to_do() {
    let place = Place::with(Quota { bytes: 30_000, ..Quota::default() });
    for (source, told) in [
        (
            "db = sqlite3.connect('a.db')\ndb.execute('create table t (v)')\n\
             db.executemany('insert into t values (?)', [('x' * 1_000,)] * 100)\ndb.commit()",
            "the workspace may be full",
        ),
        ("sqlite3.connect('/tmp/a.db')", "a database is a file in /workspace"),
        ("sqlite3.connect('missing/a.db')", "a database is a file in /workspace"),
    ] {
        let report = place.report(Access::ReadWrite, &format!("import sqlite3\n{source}")).await;
        let Outcome::Raised(error) = &report.outcome else { panic!("{:?}", report.outcome) };
        assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with(told)), "{error:?}");
    }
}

/// What a script needs to name errors.
const NAMES: &str = "
import errno, os
def refused(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
";

#[tokio::test]
async fn bytes_are_bounded_in_every_way_to_add_some() {
    let place = Place::with(Quota { bytes: 10_000, ..Quota::default() });
    let source = format!(
        "{NAMES}
def write(path, text, mode='w'):
    with open(path, mode, buffering=1 if mode == 'w' else -1) as file:
        file.write(text)
write('a', 'x' * 9_000)
def grow():
    with open('a', 'r+b') as file:
        file.seek(9_999); file.write(b'yy')
def hole():
    with open('a', 'r+b') as file: file.truncate(10_001)
def append():
    with open('a', 'a') as file: file.write('z' * 1_001)
result = [refused(lambda: write('b', 'x' * 1_001)), refused(grow), refused(hole), refused(append), os.stat('a').st_size]
os.remove('b')
write('b', 'x' * 1_000)
write('a', '')
write('c', 'x' * 9_000)
result.append(sorted(os.listdir()))
"
    );
    assert_eq!(place.result(&source).await, json!(["EIO", "EIO", "EDQUOT", "EIO", 9_000, ["a", "b", "c"]]));
    assert_eq!(place.accounts(), (10_000, 3));
}

#[tokio::test]
async fn what_is_removed_counts_until_it_is_closed() {
    let place = Place::with(Quota { bytes: 10_000, ..Quota::default() });
    let source = format!(
        "{NAMES}
file = open('a', 'w+')
file.write('x' * 8_000); file.flush()
os.remove('a')
def write():
    with open('b', 'w') as other: other.write('y' * 8_000)
first = refused(write)
file.seek(0)
kept = len(file.read())
file.close()
result = [first, kept, refused(write)]
"
    );
    assert_eq!(place.result(&source).await, json!(["EIO", 8_000, null]));
    assert_eq!(place.accounts(), (8_000, 1));
}

#[tokio::test]
async fn files_names_depth_and_handles_are_bounded() {
    let quota = Quota { files: 5, open_files: 3, name_bytes: 20, depth: 3, ..Quota::default() };
    let place = Place::with(quota);
    let source = format!(
        "{NAMES}
os.makedirs('a/b')
touch = lambda path: open(path, 'w').close()
touch('a/b/c'); touch('d'); touch('e')
many = refused(lambda: touch('f')), refused(lambda: os.mkdir('g'))
os.remove('e')
names = refused(lambda: touch('x' * 21)), refused(lambda: touch('é' * 11)), refused(lambda: touch('a/b/c/d')), refused(lambda: os.mkdir('a/b/c/d'))
os.mkdir('h')
deep = refused(lambda: os.rename('a', 'h/a'))
kept = [open('d') for _ in range(3)]
handles = refused(lambda: open('d'))
kept.pop().close()
result = [many, names, deep, handles, refused(lambda: open('d'))]
"
    );
    assert_eq!(
        place.result(&source).await,
        json!([
            ["EDQUOT", "EDQUOT"],
            ["ENAMETOOLONG", "ENAMETOOLONG", "ENAMETOOLONG", "ENAMETOOLONG"],
            "ENAMETOOLONG",
            "ENOMEM",
            null
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_write_at_once_share_one_quota() {
    let place = Arc::new(Place::with(Quota { bytes: 100_000, ..Quota::default() }));
    let writer = |name: &str| {
        format!(
            "{NAMES}
written = 0
for number in range(1_000):
    def write():
        with open(f'{name}-{{number}}', 'wb') as file: file.write(b'x' * 1_000)
    if refused(write):
        break
    written += 1
result = written
"
        )
    };
    let runs = ["a", "b", "c"].map(|name| {
        let (place, source) = (Arc::clone(&place), writer(name));
        tokio::spawn(async move { result(&place.report(Access::ReadWrite, &source).await) })
    });
    let mut written = 0;
    for run in runs {
        written += run.await.expect("it ends").as_u64().expect("it is a number");
    }
    assert_eq!(written, 100);
    assert_eq!((place.accounts(), place.accounts().0), (place.on_disk(), 100_000));
}
