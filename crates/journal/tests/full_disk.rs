//! A process that may not write more to its files, as on a full disk, and then may again.

mod made;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use exuvia_journal::{Archive, Journal, JournalErrorKind};
use made::{archive, ended, of_run, open, started, verify};
use tempfile::tempdir;

/// The folder that the child appends to.
const FOLDER: &str = "EXUVIA_TEST_FULL_JOURNAL";

/// Not a test of its own: the process with the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let journal = open(Path::new(&folder));
    let mut random = vec![0; 20_000];
    getrandom::fill(&mut random).expect("randomness");
    let source: String = random.iter().map(|byte| char::from(b'!' + byte % 90)).collect();
    let mut kept = 0;
    let error = loop {
        match journal.append_durable(of_run(&format!("run-{kept}"), started(&source))).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000, "the limit has no effect");
    };
    assert_eq!(error.kind(), JournalErrorKind::Unavailable, "{error:#}");
    for queued in 0..3 {
        journal.enqueue(of_run(&format!("run-{queued}"), ended("returned", None))).expect("taken");
    }
    say(&format!("full after {kept}"));
    while journal.append_durable(of_run("after", started("x"))).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    journal.close().await.expect("closed");
    say("recovered");
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).expect("a pipe");
}

#[tokio::test]
async fn a_journal_on_a_full_disk_refuses_and_recovers_without_a_loss() {
    let dir = tempdir().expect("folder");
    // Without the signal the write fails, as on a full disk.
    let limited = "trap '' XFSZ; ulimit -S -f 2000; exec \"$0\" \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let kept = lines.find_map(|line| line.strip_prefix("full after ").map(str::to_owned)).expect("it became full");
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    let raised =
        Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().expect("prlimit of util-linux");
    assert!(raised.success());
    assert!(lines.any(|line| line == "recovered"));
    assert!(child.wait().expect("ended").success());

    let kept: u64 = kept.parse().expect("a number");
    let report = verify(dir.path()).await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!(report.records, kept + 3 + 1);
    for run in 0..3 {
        let record = archive(dir.path()).record(&format!("run-{run}")).await.expect("read").expect("there");
        assert!(record.end().is_some(), "run-{run}");
    }
}
