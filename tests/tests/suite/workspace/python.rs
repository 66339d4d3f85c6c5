//! Ordinary Python on files.

use exuvia_workspace::Access;
use serde_json::json;

use super::{Place, result};

#[tokio::test]
async fn files_are_written_read_listed_and_kept() {
    let place = Place::new();
    let source = "
from pathlib import Path
import csv, os
Path('reports').mkdir()
with open('reports/orders.csv', 'w', newline='') as file:
    csv.writer(file).writerows([['id', 'total'], [1, 30], [2, 12]])
with open('/workspace/reports/orders.csv') as file:
    rows = list(csv.DictReader(file))
result = [os.getcwd(), sorted(os.listdir()), [p.name for p in Path('reports').iterdir()], rows, os.stat('reports/orders.csv').st_size]
";
    let expected = json!([
        "/workspace",
        ["reports"],
        ["orders.csv"],
        [{"id": "1", "total": "30"}, {"id": "2", "total": "12"}],
        22
    ]);
    assert_eq!(place.result(source).await, expected);
    let kept = std::fs::read_to_string(place.path().join("reports/orders.csv")).expect("it is kept");
    assert_eq!(kept, "id,total\r\n1,30\r\n2,12\r\n");
    assert_eq!(place.result("result = open('reports/orders.csv').read()").await, json!("id,total\n1,30\n2,12\n"));
}

#[tokio::test]
async fn the_standard_library_works_on_files() {
    let place = Place::new();
    let source = "
import io, json, os, shutil, sqlite3, tempfile, zipfile
from pathlib import Path
db = sqlite3.connect('orders.db')
db.execute('create table orders (id integer primary key, total real)')
db.executemany('insert into orders values (?, ?)', [(i, i / 2) for i in range(1000)])
db.commit()
db.close()
db = sqlite3.connect('orders.db')
total = db.execute('select sum(total), count(*) from orders').fetchone()
db.close()
with zipfile.ZipFile('all.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.write('orders.db')
    archive.writestr('notes/a.txt', 'hello')
with zipfile.ZipFile('all.zip') as archive:
    names = archive.namelist()
    archive.extractall('out')
with tempfile.TemporaryDirectory() as directory:
    Path(directory, 'x').write_text('x' * 10)
    in_temporary = os.listdir(directory)
with tempfile.NamedTemporaryFile('w+', delete=True) as file:
    file.write('abc'); file.flush(); file.seek(0)
    again = file.read()
shutil.copytree('out', 'copy')
shutil.move('copy/notes/a.txt', 'a.txt')
shutil.rmtree('out')
Path('a.txt').rename('b.txt')
with open('b.txt', 'r+') as file:
    file.seek(0, io.SEEK_END); file.write(' world'); file.truncate(9)
with open('log.txt', 'a') as file: print('one', file=file)
with open('log.txt', 'a') as file: print('two', file=file)
result = [total, names, in_temporary, again, sorted(os.listdir()), Path('b.txt').read_text(), Path('log.txt').read_text(),
    sorted(str(p) for p in Path('.').rglob('*'))]
";
    let expected = json!([
        [249_750.0, 1000],
        ["orders.db", "notes/a.txt"],
        ["x"],
        "abc",
        ["all.zip", "b.txt", "copy", "log.txt", "orders.db"],
        "hello wor",
        "one\ntwo\n",
        ["all.zip", "b.txt", "copy", "copy/notes", "copy/orders.db", "log.txt", "orders.db"]
    ]);
    assert_eq!(place.result(source).await, expected);
}

#[tokio::test]
async fn a_workspace_may_be_for_reading_alone() {
    let place = Place::new();
    std::fs::write(place.path().join("a.txt"), "kept").expect("it can be written");
    let source = "
import os
def refused(act):
    try:
        act()
    except OSError as error:
        return f'{type(error).__name__}: {error}'
result = [open('a.txt').read(), refused(lambda: open('a.txt', 'w')), refused(lambda: open('b.txt', 'x')), refused(lambda: os.remove('a.txt')),
    refused(lambda: os.mkdir('d')), refused(lambda: os.rename('a.txt', 'c.txt')), refused(lambda: os.truncate('a.txt', 0))]
";
    let report = place.report(Access::ReadOnly, source).await;
    assert_eq!(
        result(&report),
        json!([
            "kept",
            "OSError: [Errno 69] the workspace is read-only: 'a.txt'",
            "OSError: [Errno 69] the workspace is read-only: 'b.txt'",
            "OSError: [Errno 69] Read-only file system: 'a.txt'",
            "OSError: [Errno 69] Read-only file system: 'd'",
            "OSError: [Errno 69] Read-only file system: 'a.txt' -> 'c.txt'",
            "OSError: [Errno 69] Read-only file system: 'a.txt'"
        ])
    );
    assert_eq!(std::fs::read_to_string(place.path().join("a.txt")).expect("it is there"), "kept");
}

#[tokio::test]
async fn what_was_read_to_its_end_is_read_on_when_it_has_grown() {
    let place = Place::new();
    let source = "import os, sqlite3
open('log', 'w').write('one')
with open('log') as log, open('log', 'rb', buffering=0) as raw:
    read = [log.read(), log.read(), raw.read(), raw.read(1)]
    with open('log', 'a') as more:
        more.write('two')
    read += [log.read(), log.read(), raw.read(2), raw.read()]
first, second = (sqlite3.connect('db', isolation_level=None) for _ in range(2))
first.execute('create table t (n)')
first.execute('insert into t values (7)')
result = [str(read), second.execute('select n from t').fetchall()]";
    let read = "['one', '', b'one', b'', 'two', '', b'tw', b'o']";
    assert_eq!(place.result(source).await, json!([read, [[7]]]));
}

#[tokio::test]
async fn errors_of_paths_are_those_of_posix() {
    let place = Place::new();
    let source = "import errno, os
open('file', 'w').close()
os.mkdir('directory')
made = os.O_CREAT | os.O_EXCL | os.O_WRONLY
def refused(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
result = [refused(act) for act in (
    lambda: os.open('file', made), lambda: os.open('directory', made), lambda: os.open('file/new', made),
    lambda: os.open('none/new', made), lambda: os.open('x' * 300, made),
    lambda: open('none/', 'w'), lambda: open('file/'), lambda: open('directory/', 'w'), lambda: os.stat('file/'), lambda: os.remove('file/.'),
    lambda: os.rename('file/', 'other'), lambda: os.stat('directory/'), lambda: os.listdir('directory/.'),
    lambda: os.rename('file', 'other/'), lambda: os.rename('directory', 'moved/'),
)]";
    let refused = json!([
        "EEXIST",
        "EEXIST",
        "ENOTDIR",
        "ENOENT",
        "ENAMETOOLONG",
        "ENOENT",
        "ENOTDIR",
        "EISDIR",
        "ENOTDIR",
        "ENOTDIR",
        "ENOTDIR",
        null,
        null,
        "ENOTDIR",
        null
    ]);
    assert_eq!(place.result(source).await, refused);
    assert_eq!(place.accounts(), (0, 2));
}
