//! How long calls may take, and which setting the errors name.

use exuvia_tests::{Folder, built, exuvia};
use serde_json::json;

/// Longer than a call may take by itself, with a word of progress more often.
const WORKS: &str = "result = fake.work(steps=8, step_ms=500)['value']";

fn folder(server: &str) -> Folder {
    let folder = Folder::new("");
    folder.write("tools.json", &json!([{"name": "work", "inputSchema": {"type": "object"}}]).to_string());
    let (program, tools) = (built("exuvia-fake-upstream"), folder.text("tools.json"));
    let table = format!("[servers.fake]\ncommand = {program:?}\nargs = ['--tools', {tools:?}]\n{server}");
    folder.write("exuvia.toml", &format!("[limits]\ncall_timeout_ms = 1200\n{table}"));
    folder
}

#[test]
fn a_server_that_reports_progress_has_the_time_that_the_operator_gives_it() {
    let folder = folder("max_call_timeout_ms = 60_000\n");
    let ended = exuvia(&["run", "--config", &folder.text("exuvia.toml"), "-c", WORKS], "");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "\"done\"\n"), "{ended:?}");
}

#[test]
fn a_timeout_names_the_key_to_change() {
    let folder = folder("");
    let ended = exuvia(&["run", "--config", &folder.text("exuvia.toml"), "-c", WORKS], "");
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let script = "hint: raise `call_timeout_ms` in [limits] or of the server";
    let log = "no answer within 1200 ms; raise `call_timeout_ms` in [limits] or of the server";
    for told in ["gave no answer within 1200 ms", script, log] {
        assert!(ended.stderr.contains(told), "{told} is not in {}", ended.stderr);
    }
}
