//! Ways out of a workspace, of which there are none.

use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::sync::Arc;

use exuvia_workspace::{Access, Quota, Workspace};
use serde_json::json;

use super::{Place, result, told_by_child};

/// The directory of the process that has a device in it.
const DEVICE: &str = "EXUVIA_TEST_DEVICE_WORKSPACE";

#[tokio::test]
async fn paths_and_links_lead_nowhere_else() {
    let place = Place::new();
    let outside = place.directory.path().join("secret.txt");
    std::fs::write(&outside, "secret").expect("it can be written");
    std::fs::create_dir(place.directory.path().join("other")).expect("it can be made");
    let top = place.path();
    symlink(&outside, top.join("absolute")).expect("it can be made");
    symlink("../secret.txt", top.join("relative")).expect("it can be made");
    symlink("..", top.join("up")).expect("it can be made");
    symlink("/", top.join("root")).expect("it can be made");
    std::fs::hard_link(&outside, top.join("hard")).expect("it can be made");
    let source = "
import os
from pathlib import Path
found = {}
def attempt(name, act):
    try:
        found[name] = act() or 'done'
    except OSError as error:
        found[name] = type(error).__name__
for path in ['absolute', 'relative', 'up/secret.txt', 'root/etc/passwd', 'hard', '../secret.txt', '/workspace/../secret.txt',
    '/etc/passwd', 'a/../../secret.txt', '/proc/self/environ', 'x' * 5000]:
    attempt(f'read {path[:30]}', lambda: open(path).read())
    attempt(f'write {path[:30]}', lambda: open(path, 'w').write('changed'))
attempt('list up', lambda: os.listdir('up'))
attempt('make', lambda: os.mkdir('up/made'))
attempt('move', lambda: os.rename('absolute', 'up/moved'))
attempt('symlink', lambda: os.symlink('/etc/passwd', 'mine'))
attempt('link', lambda: os.link('absolute', 'mine'))
attempt('readlink', lambda: os.readlink('absolute'))
result = found
";
    let report = place.report(Access::ReadWrite, source).await;
    let found = result(&report);
    for (what, outcome) in found.as_object().expect("it is an object") {
        assert!(outcome.as_str().is_some_and(|outcome| outcome.ends_with("Error")), "{what}: {outcome}");
    }
    assert_eq!(std::fs::read_to_string(&outside).expect("it is there"), "secret");
    let mut names: Vec<_> = std::fs::read_dir(place.directory.path())
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("it is text"))
        .collect();
    names.sort();
    assert_eq!(names, ["files", "other", "secret.txt"]);
    let report = place.report(Access::ReadWrite, "import os\nos.remove('absolute')\nresult = 1").await;
    assert_eq!(result(&report), json!(1));
    assert!(outside.exists() && !top.join("absolute").exists());
}

/// Not a test of its own: the process beside a device.
#[tokio::test]
async fn device_child() {
    let Ok(directory) = std::env::var(DEVICE) else { return };
    let device = Path::new(&directory).join("null").metadata().expect("it is there");
    assert!(device.file_type().is_char_device());
    let workspace = Workspace::open(Path::new(&directory), Quota::default()).expect("it is a directory");
    let place = Place { directory: tempfile::tempdir().expect("a directory"), workspace: Arc::new(workspace) };
    let source = "
def attempt(mode):
    try:
        return open('null', mode).read(1)
    except OSError as error:
        return type(error).__name__
result = [attempt(mode) for mode in ('r', 'w', 'r+')]
";
    let report = place.report(Access::ReadWrite, source).await;
    assert_eq!(result(&report), json!(vec!["PermissionError"; 3]));
    std::io::Write::write_all(&mut std::io::stdout(), b"the device was not opened\n").expect("written");
}

#[test]
fn devices_are_not_opened() {
    let mount =
        "touch \"$EXUVIA_TEST_DEVICE_WORKSPACE/null\" && mount --bind /dev/null \"$EXUVIA_TEST_DEVICE_WORKSPACE/null\"";
    if let Some(told) = told_by_child(DEVICE, mount, "workspace::escapes::device_child") {
        assert!(told.contains("the device was not opened"), "{told}");
    }
}

#[tokio::test]
async fn pipes_and_sockets_are_not_opened() {
    let place = Place::new();
    let pipe = place.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("it can be made");
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).expect("it can be made");
    let source = "
import os
def attempt(path, mode):
    try:
        return open(path, mode).read(1)
    except OSError as error:
        return type(error).__name__
result = [attempt(path, mode) for path in ('pipe', 'socket') for mode in ('r', 'w', 'r+')]
";
    let report = place.report(Access::ReadWrite, source).await;
    assert_eq!(result(&report), json!(vec!["PermissionError"; 6]));
    assert!(pipe.metadata().expect("it is there").file_type().is_fifo());
}

#[tokio::test]
async fn links_made_during_a_run_lead_nowhere_either() {
    let place = Place::new();
    std::fs::write(place.directory.path().join("secret.txt"), "secret").expect("it can be written");
    let (top, swapped) = (place.path(), place.path().join("swapped"));
    std::fs::write(top.join("plain"), "plain").expect("it can be written");
    let swapping = tokio::task::spawn_blocking(move || {
        for _ in 0..2_000 {
            let _ = std::fs::remove_file(&swapped);
            let _ = symlink("../secret.txt", &swapped);
            let _ = std::fs::remove_file(&swapped);
            let _ = std::fs::copy(top.join("plain"), &swapped);
        }
    });
    let source = "
seen = set()
for _ in range(2_000):
    try:
        seen.add(open('swapped').read())
    except OSError:
        pass
result = sorted(seen - {''})
";
    let report = place.report(Access::ReadWrite, source).await;
    swapping.await.expect("it ends");
    assert_eq!(result(&report), json!(["plain"]));
}
