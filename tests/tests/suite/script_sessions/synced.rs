//! The system calls of the program as witness: what scripts of a session have to wait for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use exuvia_tests::{DataHome, Folder, built, modern_meta};
use serde_json::{Value, json};

#[cfg(target_os = "linux")]
#[test]
fn only_the_first_script_of_a_session_waits_for_its_file() {
    let folder = Folder::new("[sessions]\n");
    let calls = folder.path("calls");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", "trace=fsync,fdatasync", "-o"]).arg(&calls).arg(built("exuvia"));
    command.args(["stdio", "--config", &folder.text("exuvia.toml")]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let _home = DataHome::of(&mut command);
    let Ok(mut child) = command.spawn() else { return };
    let (mut input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut lines = BufReader::new(output).lines();
    for n in 0..5 {
        let arguments = json!({"code": format!("n = {n}\nn"), "session": "a"});
        let params = json!({"name": "executeToolCode", "arguments": arguments, "_meta": modern_meta()});
        let request = json!({"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params});
        // Where nothing can be traced, there is no witness.
        let (Ok(()), Some(Ok(answer))) = (writeln!(input, "{request}"), lines.next()) else { return };
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["result"]["content"][0]["text"], json!(n.to_string()), "{answer}");
    }
    drop(input);
    child.wait().expect("it ends");
    let calls = std::fs::read_to_string(&calls).expect("they are recorded");
    let of = |place: &str| calls.lines().filter(|line| line.contains(place)).count();
    assert!(of("/exuvia/journal") >= 10, "two of each script: {calls}");
    assert_eq!(of("/exuvia/sessions/"), 2, "the file of the session and its directory: {calls}");
}
