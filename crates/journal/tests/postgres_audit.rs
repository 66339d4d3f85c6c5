//! What verification finds in a journal in PostgreSQL, whose database somebody has changed.

mod made;

use std::sync::LazyLock;

use exuvia_journal::{JournalErrorKind, PostgresJournal, check};
use made::changes::changes;
use made::options;
use made::place::Place;
use tempfile::tempdir;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// A closed journal of 25 runs and 325 records, one full tile among them. None: there is no server.
static WHOLE: LazyLock<Option<Place>> = LazyLock::new(|| {
    let place = Place::postgres()?;
    std::thread::scope(|scope| scope.spawn(|| wait(place.fill(25))).join().expect("made"));
    Some(place)
});

/// Whether verification finds what these statements change in a copy of the journal.
fn is_found(statements: &str) -> bool {
    let Some(whole) = &*WHOLE else { return true };
    let place = whole.copy();
    place.sql(statements);
    wait(async {
        // What cannot be read any more is found as well.
        place.archive().verify().await.map_or(true, |report| !report.is_consistent())
    })
}

#[test]
fn nothing_is_found_where_nothing_was_changed() {
    let Some(whole) = &*WHOLE else { return };
    assert!(!is_found("SELECT 1"));
    let report = wait(whole.verify());
    assert_eq!((report.records, report.runs, report.covered_records), (325, 25, 325));
    assert!(report.is_complete() && report.checkpoints > 1, "{report:?}");
}

#[test]
fn swapped_removed_inserted_and_moved_records_are_found() {
    let counted = ("another number of records", "UPDATE log SET size = size - 1".to_owned());
    for (name, change) in changes().into_iter().chain([counted]) {
        assert!(is_found(&change), "{name}");
    }
}

#[test]
fn a_cut_tail_is_found() {
    for keep in [0, 1, 255, 256, 324] {
        let cut = format!(
            "DELETE FROM records WHERE seq > {keep}; DELETE FROM runs WHERE first > {keep}; DELETE FROM keys WHERE run > {keep};
             DELETE FROM calls WHERE run > {keep}; DELETE FROM tiles WHERE {keep} < 256; DELETE FROM checkpoints WHERE size > {keep};
             UPDATE log SET size = {keep}"
        );
        assert!(is_found(&cut), "{keep}");
    }
}

/// The columns that verification covers, and how one value of each is changed.
const CHANGES: &[(&str, &str, &str)] = &[
    ("records", "head", "set_byte({}, 40, get_byte({}, 40) # 1)"),
    ("records", "body", "set_byte({}, 5, get_byte({}, 5) # 128)"),
    ("records", "run", "{} # 1"),
    ("tiles", "hashes", "set_byte({}, 700, get_byte({}, 700) # 1)"),
    ("checkpoints", "note", "set_byte({}, 30, get_byte({}, 30) # 1)"),
    ("keys", "key", "set_byte({}, 31, get_byte({}, 31) # 1)"),
    ("runs", "id", "{} || 'x'"),
    ("runs", "is_direct", "NOT {}"),
    ("runs", "principal", "'key:x'"),
    ("runs", "started_ms", "{} + 1"),
    ("runs", "ended_ms", "{} + 1"),
    ("runs", "outcome", "'failed'"),
    ("runs", "fuel", "{} + 1"),
    ("calls", "tool", "{} + 1"),
    ("calls", "code", "'failed'"),
    ("calls", "ms", "{} + 1"),
    ("tools", "server", "{} || 'x'"),
    ("tools", "tool", "{} || 'x'"),
];

#[test]
fn any_changed_value_is_found() {
    for (table, column, change) in CHANGES {
        for row in [0, 3, 11] {
            let statement = format!(
                "UPDATE {table} SET {column} = {} WHERE ctid = (SELECT ctid FROM {table} WHERE {column} IS NOT NULL ORDER BY ctid \
                 OFFSET {row} % (SELECT count(*) FROM {table} WHERE {column} IS NOT NULL) LIMIT 1)",
                change.replace("{}", column)
            );
            assert!(is_found(&statement), "{statement}");
        }
    }
}

#[test]
fn a_journal_that_lost_records_is_not_opened_again() {
    let Some(whole) = &*WHOLE else { return };
    for (name, change) in [
        ("the last records", "DELETE FROM records WHERE seq > 320"),
        ("all records", "DELETE FROM records; DELETE FROM runs; DELETE FROM tiles"),
        ("all tables", "DROP SCHEMA exuvia CASCADE"),
        ("other records", "UPDATE records SET head = set_byte(head, 40, 88) WHERE seq = 300"),
        ("the root", "UPDATE log SET root = set_byte(root, 3, get_byte(root, 3) # 1)"),
        ("the number of records", "UPDATE log SET size = 0, root = sha256('')"),
    ] {
        let place = whole.copy();
        place.sql(change);
        let error = wait(place.try_open(&options(place.dir()))).err().expect(name);
        assert_eq!(error.kind(), JournalErrorKind::Inconsistent, "{name}: {error:#}");
        assert!(format!("{error:#}").contains("Restore it from a backup"), "{name}: {error:#}");
    }
}

/// A process with a new folder has the checkpoints of the database to compare with.
#[test]
fn a_new_folder_with_the_key_compares_with_the_stored_checkpoints() {
    let Some(whole) = &*WHOLE else { return };
    let place = whole.copy();
    let dir = tempdir().expect("folder");
    std::fs::copy(place.dir().join("journal.key"), dir.path().join("journal.key")).expect("copied");
    let open = || {
        wait(async {
            let journal = PostgresJournal::open(place.url().expect("a URL"), &options(dir.path())).await?;
            journal.close().await
        })
    };
    open().expect("opened");
    std::fs::remove_file(dir.path().join("checkpoint")).expect("removed");
    place.sql("UPDATE log SET size = 0, root = sha256(''); DELETE FROM records");
    assert_eq!(open().expect_err("refused").kind(), JournalErrorKind::Inconsistent);
}

#[test]
fn a_proof_is_checked_with_the_public_key_alone() {
    let Some(whole) = &*WHOLE else { return };
    let archive = whole.archive();
    let proof = wait(archive.prove("run-0013", true)).expect("read").expect("there").to_json().expect("JSON");
    let verdict = check(&proof, &wait(archive.public_key()).expect("a key")).expect("proved");
    assert_eq!((verdict.tree_size, verdict.opened, verdict.withheld), (325, 13, 0));
    assert!(!proof.contains("run-0001"), "it shows another run");
}
