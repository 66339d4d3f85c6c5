//! A daemon whose disk is full, and then is not.
#![expect(clippy::print_stdout, reason = "a test that needs a right says that it was skipped")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use exuvia_tests::{Folder, HttpClient, Program, built};
use serde_json::{Value, json};

/// Where the child finds its small disk.
const DISK: &str = "EXUVIA_TEST_FULL_JOURNAL_DISK";

/// How long the journal may take to go on.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes all that is left of a disk.
fn fill(file: &Path) {
    let mut file = File::create(file).expect("a file");
    while file.write_all(&[7; 4_096]).is_ok() {}
}

/// Not a test of its own: the process that has the small disk.
#[tokio::test]
async fn child() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let (fake, folder) = (built("exuvia-fake-upstream"), Folder::new(""));
    let made = folder.path("calls");
    folder.write(
        "exuvia.toml",
        &format!(
            "[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {made:?}]\nauto_execute = ['echo']\n\
             [journal]\npath = {:?}\n",
            disk.join("journal")
        ),
    );
    let daemon = folder.serve(&[]).await;
    let mut client = HttpClient::connect(daemon.address()).await;
    let echo = |value: &str| format!("result = fake.echo(value='{value}')['value']");
    assert_eq!(client.execute(&echo("before")).await, "\"before\"");

    fill(&disk.join("filler"));
    let (mut answered, mut refused) = (vec!["before".to_owned()], 0);
    for number in 0..20 {
        let value = format!("full-{number}");
        let answer = client.execute(&echo(&value)).await;
        if answer == format!("\"{value}\"") {
            assert_eq!(refused, 0, "the disk is full");
            answered.push(value);
        } else {
            assert!(answer.contains("journal"), "{answer}");
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused} were refused");
    let listed = client.ask("/mcp", "tools/list", json!({}), json!({})).await.message();
    assert!(listed["result"]["tools"].as_array().is_some_and(|tools| !tools.is_empty()), "{listed}");

    fs::remove_file(disk.join("filler")).expect("removed");
    let begun = Instant::now();
    while client.execute(&echo("after")).await != "\"after\"" {
        assert!(begun.elapsed() < PATIENCE, "it does not go on:\n{}", daemon.said().join("\n"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    answered.push("after".to_owned());
    daemon.stop().await;
    let noted = fs::read_to_string(&made).expect("calls were made");
    let value = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["params"]["arguments"]["value"].clone();
    assert_eq!(noted.lines().map(value).collect::<Vec<_>>(), answered, "what was refused was not made");
    let ended = Program::start(&["audit", "verify", "--json", "--config", &folder.text("exuvia.toml")], &[]).end();
    let report = &ended.json()["journals"][0];
    assert_eq!((&report["is_consistent"], &report["is_complete"]), (&true.into(), &true.into()), "{report:#}");
    std::io::stdout().write_all(b"the disk was full\n").expect("written");
}

#[test]
fn a_daemon_on_a_full_disk_refuses_calls_and_goes_on_when_there_is_room() {
    let disk = tempfile::tempdir().expect("a folder");
    let mounted = format!("mount -t tmpfs -o size=32m tmpfs \"${DISK}\" && exec \"$0\" \"$@\"");
    let child = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mounted])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "full_disks::child", "--nocapture"])
        .env(DISK, disk.path())
        .output();
    let Ok(child) = child else { return println!("skipped: there is no `unshare`") };
    let (told, wrong) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    if ["unshare:", "mount:"].iter().any(|refused| wrong.contains(refused)) {
        return println!("skipped: a disk cannot be mounted here");
    }
    assert!(child.status.success() && told.contains("the disk was full"), "{told}\n{wrong}");
}
