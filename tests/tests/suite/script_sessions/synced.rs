//! The system calls of the program as witness: what scripts of a session have to wait for, and what an end of a session does.
#![expect(clippy::print_stderr, reason = "a machine without the witness says that nothing was tested")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use exuvia_tests::{DataHome, Folder, built, modern_meta};
use serde_json::{Value, json};

struct World {
    folder: Folder,
    data: DataHome,
}

impl World {
    fn new() -> Self {
        Self { folder: Folder::new("[sessions]\n"), data: DataHome::shared() }
    }

    /// The program, whose syncs are recorded.
    fn traced(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-e", "trace=fsync,fdatasync", "-o"]).arg(self.folder.path("calls"));
        command.arg(built("exuvia")).args(arguments).env("XDG_DATA_HOME", &self.data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// Runs scripts of one session in one process. None: nothing can be traced here, so that there is no witness.
    fn run(&self, scripts: usize) -> Option<()> {
        let mut child = self.traced(&["stdio", "--config", &self.folder.text("exuvia.toml")]).spawn().ok()?;
        let (mut input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut lines = BufReader::new(output).lines();
        for n in 0..scripts {
            let arguments = json!({"code": format!("n = {n}\nn"), "session": "a"});
            let params = json!({"name": "executeToolCode", "arguments": arguments, "_meta": modern_meta()});
            let request = json!({"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params});
            writeln!(input, "{request}").ok()?;
            let answer: Value = serde_json::from_str(&lines.next()?.ok()?).expect("JSON");
            assert_eq!(answer["result"]["content"][0]["text"], json!(n.to_string()), "{answer}");
        }
        drop(input);
        child.wait().expect("it ends");
        Some(())
    }

    /// How often something at a place like this was synced.
    fn synced(&self, place: &str) -> usize {
        let calls = fs::read_to_string(self.folder.path("calls")).expect("they are recorded");
        calls.lines().filter(|line| line.contains(place)).count()
    }

    /// The file of the only session.
    fn file(&self) -> PathBuf {
        let folder = self.data.as_path().join("exuvia/sessions/operator");
        let mut paths = fs::read_dir(folder).expect("a directory").map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).expect("a session")
    }
}

#[cfg(target_os = "linux")]
#[test]
fn only_the_first_script_of_a_session_waits_for_its_file_and_an_end_for_its_directory() {
    let world = World::new();
    if world.run(5).is_none() {
        return eprintln!("skipped: there is no strace, or it cannot trace here");
    }
    assert!(world.synced("/exuvia/journal") >= 10, "two of each script");
    assert_eq!(world.synced("/exuvia/sessions/"), 2, "the file of the session and its directory");
    // As if the machine had stopped before the first script was in it.
    let text = fs::read_to_string(world.file()).expect("readable");
    let begun: Vec<&str> = text.split_inclusive('\n').take(2).collect();
    fs::write(world.file(), begun.concat()).expect("written");
    world.run(2).expect("it was traced before");
    assert_eq!(world.synced("/exuvia/sessions/"), 2, "it has no script yet");
    let file = world.file();
    let ended = world.traced(&["sessions", "drop", "a"]).output().expect("it was traced before");
    assert!(ended.status.success() && !file.exists());
    assert_eq!(world.synced("/exuvia/sessions/operator>"), 1, "it does not come back");
}
