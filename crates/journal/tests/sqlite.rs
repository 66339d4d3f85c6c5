//! What only a journal in SQLite promises.

mod made;

use exuvia_journal::SqliteArchive;
use exuvia_tool::Principal;
use made::{append, archive, database, ended, failed, intended, open, run, started};
use tempfile::tempdir;

/// Whether the bytes are in any file of the journal.
fn is_in_files(dir: &std::path::Path, bytes: &[u8]) -> bool {
    let mut files =
        std::fs::read_dir(dir).expect("folder").map(|file| std::fs::read(file.expect("file").path()).expect("read"));
    files.any(|content| content.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_run_leaves_no_key_in_the_files() {
    let dir = tempdir().expect("folder");
    let journal = open(dir.path());
    let events =
        vec![started("x"), intended(1, "crm", "drop"), failed(1, "secret text"), ended("failed", Some("secret end"))];
    for number in 0..300 {
        append(&journal, &Principal::Operator, &format!("run-{number}"), events.clone()).await;
    }
    append(&journal, &Principal::Operator, "last", run(1)).await;
    let key = |run: &str| {
        let select = "SELECT key FROM keys JOIN runs ON run = first WHERE id = ?1";
        database(dir.path()).query_row(select, [run], |row| row.get::<_, Vec<u8>>(0))
    };
    let (erased, kept) = (key("run-150").expect("a key"), key("run-151").expect("a key"));
    assert!(is_in_files(dir.path(), &erased));
    // Also while the journal is written.
    let erasure = exuvia_journal::Erasure { principal: exuvia_tool::Principal::Operator, at_ms: 7 };
    assert!(archive(dir.path()).erase("run-150", &erasure).await.expect("erased"));
    assert!(!is_in_files(dir.path(), &erased), "the key is in the files");
    assert!(is_in_files(dir.path(), &kept));
    journal.close().await.expect("closed");
}

#[test]
fn a_folder_without_a_database_is_no_journal() {
    let dir = tempdir().expect("folder");
    assert!(SqliteArchive::open(&dir.path().join("none")).is_err());
}
