//! A machine that stopped before the file of a session was on the disk.

use std::fs;
use std::path::PathBuf;

use exuvia_config::SessionsConfig;
use serde_json::json;

use super::{Sessions, cold, error};

/// The only file of a session.
fn file(sessions: &Sessions) -> PathBuf {
    let directory = sessions.folder.path().join("sessions/operator");
    let mut paths = fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).expect("a session")
}

/// Keeps so many lines of the file and so many bytes of the next one, as if they were of an earlier boot of the machine.
fn keep(sessions: &Sessions, lines: usize, bytes: usize) {
    let text = fs::read_to_string(file(sessions)).expect("readable");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    let mut kept: Vec<&str> = text.split_inclusive('\n').collect();
    assert!(kept[1].contains(boot.trim()) && kept.len() > lines, "{text}");
    let cut = &kept[lines][..bytes];
    kept.truncate(lines);
    fs::write(file(sessions), (kept.concat() + cut).replace(boot.trim(), "earlier")).expect("written");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_the_file_lost_are_found_in_the_journal() {
    for (config, bytes) in [(cold(), 0), (SessionsConfig::default(), 9)] {
        let sessions = Sessions::new(config).await;
        sessions.value("a", "n = [1]").await;
        sessions.value("a", "n.append(fake.echo(value=2)['value'])").await;
        let (_, report) = sessions.run("a", "n.append(3)\n1 / 0").await;
        assert_eq!(error(&report).0, "ZeroDivisionError");
        // The first lines and the first script were on the disk before that was answered.
        keep(&sessions, 3, bytes);
        assert_eq!(sessions.value("a", "n.append(4)\nn").await, json!([1, 2, 3, 4]));
        assert_eq!(sessions.value("a", "n").await, json!([1, 2, 3, 4]));
        assert_eq!(sessions.made().len(), 1, "nothing is called again");
        sessions.gateway.stop().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_which_the_journal_does_not_tell_whether_it_left_something_loses_the_session() {
    let sessions = Sessions::new(cold()).await;
    sessions.value("a", "n = [1]").await;
    sessions.run("a", "import sys\nn.append(2)\nsys.exit(1)").await;
    keep(&sessions, 3, 0);
    for _ in 0..2 {
        let (_, report) = sessions.run("a", "n").await;
        let (kind, message) = error(&report);
        assert!(kind == "SessionUnavailable" && message.contains("the machine stopped"), "{kind}: {message}");
    }
    sessions.gateway.stop().await;
}
