//! What a disk has and does: many files, names of all kinds, writes that do not fit, and a disk that is full itself.

use std::path::Path;
use std::sync::Arc;

use exuvia_workspace::{Access, Quota, Workspace};
use serde_json::json;

use super::{Place, result, told_by_child};

/// The directory of the process on a full disk.
const FULL: &str = "EXUVIA_TEST_FULL_WORKSPACE";

#[tokio::test]
async fn ten_thousand_files_are_made_listed_and_removed_and_one_more_is_refused() {
    let place = Place::with(Quota { files: 10_000, ..Quota::default() });
    let source = "
import errno, os, shutil
for d in range(100):
    os.mkdir(f'd{d:02}')
    for n in range(99):
        open(f'd{d:02}/{n:02}', 'x').close()
def refused(act):
    try: act()
    except OSError as error: return errno.errorcode[error.errno]
more = refused(lambda: open('more', 'w')), refused(lambda: os.mkdir('more')), refused(lambda: os.rename('d00/00', 'd01/moved'))
found = sum(len(files) for _, _, files in os.walk('.'))
shutil.rmtree('d99')
open('more', 'w').close()
result = [more, found, len(os.listdir()), len(os.listdir('d01'))]";
    assert_eq!(place.result(source).await, json!([["EDQUOT", "EDQUOT", null], 9_900, 100, 100]));
    assert_eq!(place.accounts(), (0, 9_901));
}

#[tokio::test]
async fn names_are_kept_as_they_are_written() {
    let place = Place::new();
    let source = "
import errno, os, unicodedata
from pathlib import Path
names = ['a', 'A', unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é'), '日本', '🐍', 'a b', '-rf', 'con', 'x:y', 'back\\\\slash', 'new\\nline', 'x' * 255,
    'é' * 127, '...', '.hidden', '\\u202etxt.exe', '%2e%2e']
for number, name in enumerate(names):
    Path(name).write_text(str(number))
kept = [Path(name).read_text() for name in names] == [str(number) for number in range(len(names))]
def refused(name):
    try: open(name, 'w')
    except (OSError, ValueError) as error: return errno.errorcode[error.errno] if isinstance(error, OSError) else type(error).__name__
result = [kept, sorted(os.listdir()) == sorted(names), refused('x' * 256), refused('é' * 128), refused('a\\0b'), refused(''), refused('/'.join(['d'] * 3_000)), refused('a/b')]";
    let refused =
        json!([true, true, "ENAMETOOLONG", "ENAMETOOLONG", "ValueError", "EISDIR", "ENAMETOOLONG", "ENOTDIR"]);
    assert_eq!(place.result(source).await, refused);
    assert!(place.path().join("back\\slash").exists() && place.path().join("%2e%2e").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_name_that_is_no_text_is_not_listed_and_in_the_way_of_nothing_else() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    std::fs::create_dir(place.path().join("d")).expect("made");
    std::fs::write(place.path().join("d").join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "x").expect("made");
    let source = "
import errno, os
open('d/a', 'w').close()
listed = os.listdir('d')
os.remove('d/a')
try:
    os.rmdir('d')
except OSError as error:
    why = errno.errorcode[error.errno]
result = [listed, why]";
    let report = place.report(Access::ReadWrite, source).await;
    assert_eq!(result(&report), json!([["a"], "ENOTEMPTY"]));
}

#[tokio::test]
async fn a_write_that_does_not_fit_leaves_what_was_there() {
    let place = Place::with(Quota { bytes: 200_000, ..Quota::default() });
    let source = "
import os, shutil, sqlite3, zipfile
found = {}
def attempt(name, act):
    try: found[name] = act()
    except (OSError, sqlite3.Error) as error: found[name] = type(error).__name__
def parts():
    with open('parts', 'wb', buffering=0) as file:
        for _ in range(30): file.write(b'x' * 10_000)
attempt('parts', parts)
found['kept'] = os.stat('parts').st_size
os.remove('parts')
db = sqlite3.connect('orders.db')
db.execute('create table orders (id integer, note text)')
db.executemany('insert into orders values (?, ?)', [(i, 'n' * 100) for i in range(500)])
db.commit()
def grow():
    with db: db.executemany('insert into orders values (?, ?)', [(i, 'n' * 100) for i in range(5_000)])
attempt('sqlite', grow)
db.close()
db = sqlite3.connect('orders.db')
found['rows'] = db.execute('select count(*) from orders').fetchone()[0]
found['check'] = db.execute('pragma integrity_check').fetchone()[0]
db.close()
def archive():
    with zipfile.ZipFile('a.zip', 'w') as file: file.writestr('x', os.urandom(190_000))
attempt('zip', archive)
attempt('copy', lambda: [shutil.copy('orders.db', f'copy{n}') for n in range(9)])
result = found";
    let found = place.result(source).await;
    assert_eq!((&found["parts"], &found["kept"]), (&json!("OSError"), &json!(200_000)), "{found}");
    assert_eq!(
        (&found["sqlite"], &found["rows"], &found["check"]),
        (&json!("OperationalError"), &json!(500), &json!("ok"))
    );
    assert_eq!((&found["zip"], &found["copy"]), (&json!("OSError"), &json!("OSError")));
}

/// Not a test of its own: the process on a small disk.
#[tokio::test]
async fn full_disk_child() {
    let Ok(directory) = std::env::var(FULL) else { return };
    let workspace = Workspace::open(Path::new(&directory), Quota::default()).expect("it is a directory");
    let place = Place { directory: tempfile::tempdir().expect("a directory"), workspace: Arc::new(workspace) };
    let source = "
import errno, os
found = {}
def attempt(name, act):
    try: found[name] = act()
    except OSError as error: found[name] = errno.errorcode[error.errno]
def fill():
    with open('large', 'wb', buffering=0) as file:
        while True: file.write(b'x' * 50_000)
attempt('fill', fill)
found['size'] = os.stat('large').st_size
attempt('append', lambda: open('large', 'ab', buffering=0).write(b'x' * 100_000))
os.remove('large')
attempt('again', lambda: open('again', 'wb').write(b'x' * 100_000))
def many():
    for n in range(10_000): open(f'f{n}', 'x').close()
attempt('many', many)
found['files'] = len(os.listdir()) > 5
result = found";
    let report = place.report(Access::ReadWrite, source).await;
    let found = result(&report);
    let size = found["size"].as_u64().expect("a size");
    // What of the last write was there is gone again.
    assert!((500_000..1 << 20).contains(&size) && size.is_multiple_of(50_000), "{found}");
    // The C library of the guest reports a stream that failed as `EIO`, whatever the reason.
    assert_eq!((&found["fill"], &found["append"], &found["again"]), (&json!("EIO"), &json!("EIO"), &json!(100_000)));
    assert_eq!((&found["many"], &found["files"]), (&json!("ENOSPC"), &json!(true)));
    let on_disk = std::fs::read_dir(&directory).expect("it is there").count() as u64;
    assert_eq!(place.accounts(), (100_000, on_disk));
    std::io::Write::write_all(&mut std::io::stdout(), b"the disk was full\n").expect("written");
}

#[test]
fn a_disk_that_is_full_gives_errors_and_the_accounts_stay_exact() {
    let mount = "mount -t tmpfs -o size=1m,nr_inodes=200 tmpfs \"$EXUVIA_TEST_FULL_WORKSPACE\"";
    if let Some(told) = told_by_child(FULL, mount, "workspace::limits::full_disk_child") {
        assert!(told.contains("the disk was full"), "{told}");
    }
}
