//! The system calls of the program as witness: nothing outside of a workspace is opened, made or changed.
#![expect(clippy::print_stderr, reason = "a machine without the witness says that nothing was tested")]

use std::os::unix::fs::symlink;
use std::process::Command;

use exuvia_tests::{DataHome, built};

/// Ways out, each tried by reading, writing, making, moving and removing.
const SCRIPT: &str = "
import os, shutil, sqlite3, zipfile
from pathlib import Path
tried = 0
def attempt(act):
    global tried
    tried += 1
    try:
        act()
    except (OSError, ValueError, sqlite3.Error, shutil.Error):
        pass
ways = ['../outside/secret', '/workspace/../outside/secret', 'OUTSIDE/secret', 'up/outside/secret', 'deep/../../outside/secret', 'link', 'directory/secret', './/..//outside//secret', 'a/b/../../../outside/secret', '/proc/self/root/OUTSIDE/secret', 'hard']
for way in ways:
    way = way.replace('OUTSIDE', PLACE)
    for act in [lambda: open(way).read(), lambda: open(way, 'w').write('changed'), lambda: open(way, 'a').write('changed'), lambda: open(way, 'r+').truncate(0),
        lambda: os.truncate(way, 0), lambda: os.utime(way, (1, 1)), lambda: os.rename(way, 'stolen'), lambda: os.rename('own', way), lambda: os.link(way, 'linked'),
        lambda: os.symlink(way, 'made'), lambda: os.mkdir(os.path.dirname(way) + '/made'), lambda: os.listdir(os.path.dirname(way)), lambda: shutil.copy(way, 'copied'),
        lambda: shutil.rmtree(os.path.dirname(way)), lambda: sqlite3.connect(way).execute('create table t (x)'), lambda: Path(way).chmod(0o777), lambda: os.readlink(way)]:
        attempt(act)
        if not os.path.exists('own'):
            open('own', 'w').write('own')
with zipfile.ZipFile('evil.zip', 'w') as file:
    file.writestr('../outside/zipped', 'x')
    file.writestr(PLACE + '/zipped', 'x')
attempt(lambda: zipfile.ZipFile('evil.zip').extractall('.'))
print('tried', tried)
";

#[test]
fn no_system_call_reaches_out_of_a_workspace() {
    let base = tempfile::tempdir().expect("a directory");
    let base = base.path().canonicalize().expect("it is there");
    let (files, outside) = (base.join("files"), base.join("outside"));
    for directory in [&files, &outside] {
        std::fs::create_dir(directory).expect("made");
    }
    std::fs::write(outside.join("secret"), "secret").expect("written");
    std::fs::create_dir_all(files.join("a/b")).expect("made");
    symlink("..", files.join("up")).expect("made");
    symlink("../outside/secret", files.join("link")).expect("made");
    symlink(&outside, files.join("directory")).expect("made");
    let before = std::fs::metadata(&outside).and_then(|metadata| metadata.modified()).expect("a time");
    let config = base.join("exuvia.toml");
    let text = format!("workspace = 'w'\n[workspaces.w]\nshare = 'all'\npath = '{}'\n", files.display());
    std::fs::write(&config, text).expect("written");
    let calls = base.join("calls");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-s", "4096", "-e", "trace=%file,%desc", "-o"]).arg(&calls).arg(built("exuvia"));
    let code = format!("PLACE = {:?}\n{SCRIPT}", outside.display().to_string());
    command.arg("run").arg("--config").arg(&config).args(["--code", &code]);
    let _home = DataHome::of(&mut command);
    let Ok(output) = command.output() else { return eprintln!("skipped: there is no strace") };
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if told.contains("strace: ") {
        return eprintln!("skipped: strace cannot trace here: {told}");
    }
    assert!(told.contains("tried 1"), "{told}");
    let calls = std::fs::read_to_string(&calls).expect("they are recorded");
    let own = files.join("own").display().to_string();
    assert!(calls.contains(&own), "the witness sees nothing");
    let outside_text = outside.display().to_string();
    let reached: Vec<_> = calls
        .lines()
        // An absolute path in an archive is one below the workspace.
        .map(|line| {
            line.replace(&format!("{}{outside_text}", files.display()), "")
                .replace(&format!("\"{}", &outside_text[1..]), "\"")
        })
        .filter(|line| line.contains(&outside_text))
        .filter(|line| !is_refused(line, &outside_text))
        .collect();
    assert!(reached.is_empty(), "{reached:#?}");
    assert_eq!(std::fs::read_to_string(outside.join("secret")).expect("it is there"), "secret");
    assert_eq!(std::fs::read_dir(&outside).expect("it is there").count(), 1);
    assert_eq!(std::fs::metadata(&outside).and_then(|metadata| metadata.modified()).expect("a time"), before);
}

/// A call that failed, or that names the place in the content of a file alone, or as an argument of the program.
fn is_refused(call: &str, outside: &str) -> bool {
    let is_content = call.split('(').next().is_some_and(|call| call.contains("read") || call.contains("write"));
    call.contains(" = -1 ") || call.contains("execve(") || is_content && !call.contains(&format!("<{outside}"))
}
