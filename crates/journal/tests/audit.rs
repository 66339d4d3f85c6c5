//! What verification finds, and what a proof shows.

mod made;

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

use exuvia_journal::{Erasure, Journal, JournalErrorKind, Removal, SqliteJournal, check};
use exuvia_tool::Principal;
use made::changes::changes;
use made::{
    answered, append, archive, copied, database, ended, intended, journal_of, of_run, open, options, run, started,
    verify,
};
use proptest::prelude::*;
use rusqlite::types::Value;
use tempfile::{TempDir, tempdir};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A closed journal of 25 runs and 325 records, one full tile among them.
static WHOLE: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempdir().expect("folder");
    std::thread::scope(|scope| scope.spawn(|| wait(journal_of(dir.path(), 25))).join().expect("made"));
    dir
});

/// Whether verification finds what `change` did to a copy of the journal.
fn is_found(change: impl FnOnce(&Path)) -> bool {
    let dir = tempdir().expect("folder");
    let dir = copied(WHOLE.path(), &dir.path().join("copy"));
    change(&dir);
    wait(async {
        let Ok(archive) = exuvia_journal::SqliteArchive::open(&dir) else { return true };
        // What cannot be read any more is found as well.
        archive.verify().await.is_ok_and(|report| !report.is_consistent()) || archive.verify().await.is_err()
    })
}

fn sql(dir: &Path, statements: &str) {
    database(dir).execute_batch(statements).expect("changed");
}

#[test]
fn nothing_is_found_where_nothing_was_changed() {
    assert!(!is_found(|_| {}));
    let report = wait(verify(WHOLE.path()));
    assert_eq!((report.records, report.runs, report.covered_records), (325, 25, 325));
    assert!(report.is_complete() && report.unknown_calls.is_empty() && report.unknown_runs.is_empty());
    assert!(report.checkpoints > 0);
}

/// Published failure 1: two records with one parent.
#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_appended_at_the_same_time_have_places_of_their_own() {
    let dir = tempdir().expect("folder");
    let journal = open(dir.path());
    let appended = (0..200).map(|number| {
        let journal = std::sync::Arc::clone(&journal);
        tokio::spawn(async move {
            journal.append_durable(of_run(&format!("{number}"), started("x"))).await.expect("kept").0
        })
    });
    let mut places = Vec::new();
    for place in appended.collect::<Vec<_>>() {
        places.push(place.await.expect("ended"));
    }
    places.sort_unstable();
    assert_eq!(places, (1..=200).collect::<Vec<_>>());
    journal.close().await.expect("closed");
    assert!(verify(dir.path()).await.is_consistent());
}

/// Published failure 2: the verifier compares links and never computes a digest again.
#[test]
fn a_changed_record_is_found_although_nothing_else_was_changed() {
    assert!(is_found(|dir| sql(
        dir,
        "UPDATE records SET head = CAST(replace(CAST(head AS TEXT), '\"ms\":2', '\"ms\":7') AS BLOB) WHERE seq = 6"
    )));
    assert!(is_found(|dir| sql(dir, "UPDATE records SET body = zeroblob(length(body)) WHERE seq = 6")));
}

/// Published failure 3: after a truncated or empty newest file recovery begins at genesis again.
#[test]
fn a_journal_that_lost_records_is_not_opened_again() {
    type Loss = (&'static str, fn(&Path));
    let losses: [Loss; 8] = [
        ("no signing key", |dir| std::fs::remove_file(dir.join("journal.key")).expect("removed")),
        ("another public key", |dir| std::fs::write(dir.join("journal.vkey"), proof_key()).expect("written")),
        ("the last records", |dir| sql(dir, "DELETE FROM records WHERE seq > 320")),
        ("all records", |dir| sql(dir, "DELETE FROM records; DELETE FROM runs; DELETE FROM tiles")),
        ("an empty database", |dir| std::fs::write(dir.join("journal.db"), "").expect("written")),
        ("no database", |dir| std::fs::remove_file(dir.join("journal.db")).expect("removed")),
        ("no database and no key", |dir| {
            std::fs::remove_file(dir.join("journal.db")).expect("removed");
            std::fs::remove_file(dir.join("journal.key")).expect("removed");
        }),
        ("other records", |dir| {
            sql(
                dir,
                "UPDATE records SET head = CAST(replace(CAST(head AS TEXT), '\"ms\":2', '\"ms\":7') AS BLOB) WHERE seq > 256",
            )
        }),
    ];
    for (name, lose) in losses {
        let dir = tempdir().expect("folder");
        let dir = copied(WHOLE.path(), &dir.path().join("copy"));
        lose(&dir);
        for _ in 0..2 {
            let error = SqliteJournal::open(&options(&dir)).err().expect(name);
            assert_eq!(error.kind(), JournalErrorKind::Inconsistent, "{name}: {error:#}");
            assert!(format!("{error:#}").contains("Restore the folder from a backup"), "{name}: {error:#}");
        }
    }
}

/// Published failure 4: the file cut to zero verifies, because nothing keeps how far it reached; the cold start reads everything.
#[test]
fn a_cut_tail_is_found_by_the_checkpoint_and_opening_reads_no_more_than_the_edge() {
    for keep in [0, 1, 255, 256, 324] {
        assert!(is_found(|dir| cut(dir, keep)), "{keep}");
    }
    assert!(is_found(|dir| std::fs::remove_file(dir.join("checkpoint")).expect("removed")));
    assert!(is_found(|dir| std::fs::write(dir.join("checkpoint"), "").expect("written")));

    let dir = tempdir().expect("folder");
    let dir = copied(WHOLE.path(), &dir.path().join("copy"));
    sql(&dir, "UPDATE records SET head = x'00' WHERE seq <= 256");
    let journal = open(&dir);
    wait(journal.close()).expect("closed");
    assert!(!wait(verify(&dir)).is_consistent());
}

/// Leaves so many records, with an index that fits.
fn cut(dir: &Path, keep: u64) {
    sql(
        dir,
        &format!(
            "DELETE FROM records WHERE seq > {keep}; DELETE FROM runs WHERE first > {keep}; DELETE FROM keys WHERE run > {keep};
             DELETE FROM calls WHERE run > {keep}; DELETE FROM tiles WHERE {keep} < 256; DELETE FROM checkpoints WHERE size > {keep}"
        ),
    );
}

/// Published failure 5: who can write the files can write another log.
#[tokio::test]
async fn another_log_does_not_fit_a_checkpoint_that_was_kept_elsewhere() {
    let (dir, other) = (tempdir().expect("folder"), tempdir().expect("folder"));
    journal_of(dir.path(), 3).await;
    let kept = archive(dir.path()).checkpoint().await.expect("a checkpoint");

    // Without the signing key: it is another journal.
    journal_of(other.path(), 4).await;
    let report = archive(other.path()).verify_with(&[kept.clone().into_bytes()]).await.expect("read");
    assert!(!report.is_consistent());

    // With it: the log is consistent with itself, and not with what was kept.
    let forged = tempdir().expect("folder");
    for file in ["journal.key", "journal.vkey"] {
        std::fs::copy(dir.path().join(file), forged.path().join(file)).expect("copied");
    }
    let journal = open(forged.path());
    for run in ["a", "b", "c", "d"] {
        append(&journal, &Principal::Operator, run, made::run(5)).await;
    }
    journal.close().await.expect("closed");
    assert!(verify(forged.path()).await.is_consistent());
    let report = archive(forged.path()).verify_with(&[kept.into_bytes()]).await.expect("read");
    assert!(!report.is_consistent(), "{report:?}");
}

/// Published failure 6: integrity is not completeness.
#[tokio::test]
async fn what_is_missing_from_the_start_is_told_apart_from_what_was_changed() {
    let dir = tempdir().expect("folder");
    let journal = open(dir.path());
    append(&journal, &Principal::Operator, "unknown", vec![started("x"), intended(1, "crm", "drop")]).await;
    journal.close().await.expect("closed");
    let report = verify(dir.path()).await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!((report.unknown_calls.count, report.unknown_runs.count), (1, 1));
    assert!(report.unknown_calls.first[0].contains("call 1 of unknown"), "{report:?}");

    let journal = open(dir.path());
    append(&journal, &Principal::Operator, "gap", vec![answered(7, 1), ended("returned", None)]).await;
    journal.close().await.expect("closed");
    let report = verify(dir.path()).await;
    assert!(report.is_consistent() && !report.is_complete(), "{report:?}");
    assert_eq!(report.gaps.count, 2, "{report:?}");
}

#[test]
fn swapped_removed_inserted_and_moved_records_are_found() {
    for (name, change) in changes() {
        assert!(is_found(|dir| sql(dir, &change)), "{name}");
    }
}

/// The columns that verification covers: all but texts of errors, which are derived from private parts.
const COLUMNS: &[(&str, &str)] = &[
    ("records", "head"),
    ("records", "head"),
    ("records", "body"),
    ("records", "run"),
    ("tiles", "hashes"),
    ("checkpoints", "note"),
    ("keys", "key"),
    ("runs", "id"),
    ("runs", "is_direct"),
    ("runs", "principal"),
    ("runs", "started_ms"),
    ("runs", "ended_ms"),
    ("runs", "outcome"),
    ("runs", "fuel"),
    ("calls", "tool"),
    ("calls", "code"),
    ("calls", "ms"),
    ("tools", "server"),
    ("tools", "tool"),
];

fn flipped(value: Value, at: usize, bit: u8) -> Value {
    let flip = |mut bytes: Vec<u8>| {
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        bytes
    };
    match value {
        Value::Integer(number) => Value::Integer(number ^ (1 << bit)),
        Value::Blob(bytes) => Value::Blob(flip(bytes)),
        Value::Text(text) => Value::Blob(flip(text.into_bytes())),
        other => other,
    }
}

/// Changes one bit of one value. Returns whether the schema allowed it.
fn flip(dir: &Path, (table, column): (&str, &str), row: u32, at: usize, bit: u8) -> bool {
    let database = database(dir);
    let select = format!(
        "SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1 OFFSET ?1 % (SELECT count(*) FROM {table} WHERE {column} IS NOT NULL)"
    );
    let value: Value = database.query_row(&select, [row], |row| row.get(0)).expect("a value");
    let changed = flipped(value.clone(), at, bit);
    let is_text = matches!(value, Value::Text(_));
    let value = if is_text { "CAST(?1 AS TEXT)" } else { "?1" };
    let place = format!(
        "SELECT {{key}} FROM {table} WHERE {column} IS NOT NULL LIMIT 1 OFFSET ?2 % (SELECT count(*) FROM {table} WHERE {column} IS NOT NULL)"
    );
    let (key, place) = if table == "calls" {
        ("(run, call)", place.replace("{key}", "run, call"))
    } else {
        ("rowid", place.replace("{key}", "rowid"))
    };
    let update = format!("UPDATE {table} SET {column} = {value} WHERE {key} = ({place})");
    match database.execute(&update, rusqlite::params![changed, row]) {
        Ok(changes) => changes == 1,
        Err(error) => error.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) && panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_bit_is_found(column in 0..COLUMNS.len(), row in 0_u32..1_000, at in 0_usize..10_000, bit in 0_u8..8) {
        let is_changed = Cell::new(false);
        let is_found = is_found(|dir| is_changed.set(flip(dir, COLUMNS[column], row, at, bit)));
        prop_assume!(is_changed.get());
        prop_assert!(is_found, "{:?}", COLUMNS[column]);
    }

    #[test]
    fn any_cut_tail_is_found(keep in 0_u64..325) {
        prop_assert!(is_found(|dir| cut(dir, keep)));
    }
}

/// A proof of a run, and the public key.
fn proof(dir: &Path, id: &str, with_content: bool) -> (String, String) {
    let archive = archive(dir);
    let proof = wait(archive.prove(id, with_content)).expect("read").expect("there");
    (proof.to_json().expect("JSON"), wait(archive.public_key()).expect("a key"))
}

#[test]
fn a_proof_is_checked_with_the_public_key_alone() {
    for id in ["run-0000", "run-0013", "run-0019", "run-0024"] {
        let (proof, key) = proof(WHOLE.path(), id, true);
        let verdict = check(&proof, &key).expect("proved");
        assert_eq!((verdict.tree_size, verdict.opened, verdict.withheld), (325, 13, 0));
        assert_eq!(verdict.record.start().expect("start").source, "result = crm.find()");
        assert_eq!(verdict.record.entries.len(), run(5).len());
        assert!(!proof.contains("run-0001"), "it shows another run");
    }
    assert!(wait(archive(WHOLE.path()).prove("none", true)).expect("read").is_none());
}

#[test]
fn a_proof_without_content_shows_none() {
    let (proof, key) = proof(WHOLE.path(), "run-0013", false);
    let verdict = check(&proof, &key).expect("proved");
    assert_eq!((verdict.opened, verdict.withheld), (0, 13));
    assert_eq!(verdict.record.start().expect("start").source, "");
    assert!(!proof.contains("\"key\"") && !proof.contains("\"body\":\""), "{proof}");
}

#[test]
fn every_changed_byte_of_a_proof_is_found() {
    let (proof, key) = proof(WHOLE.path(), "run-0013", true);
    let other = proof_key();
    assert!(check(&proof, &other).is_err(), "another journal's key");
    for at in (0..proof.len()).step_by(5) {
        let mut changed = proof.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(check(&changed, &key).is_err(), "byte {at} of\n{proof}");
    }
}

fn proof_key() -> String {
    let dir = tempdir().expect("folder");
    wait(journal_of(dir.path(), 1));
    wait(archive(dir.path()).public_key()).expect("a key")
}

#[test]
fn an_erased_run_is_still_proved() {
    let dir = tempdir().expect("folder");
    wait(journal_of(dir.path(), 2));
    assert!(wait(archive(dir.path()).erase("run-0001", &erasure())).expect("erased"));
    let (proof, key) = proof(dir.path(), "run-0001", true);
    let verdict = check(&proof, &key).expect("proved");
    assert_eq!((verdict.opened, verdict.withheld), (0, 13));
    // No checkpoint covers that it was erased, until the journal is opened.
    assert_eq!(verdict.removal, None);
    wait(open(dir.path()).close()).expect("closed");
    let (proof, key) = self::proof(dir.path(), "run-0001", true);
    let verdict = check(&proof, &key).expect("proved");
    assert_eq!(verdict.removal, Some(Removal::Erased(erasure())));
}

fn erasure() -> Erasure {
    Erasure { principal: Principal::Operator, at_ms: 7 }
}

/// A journal with runs that somebody erased and runs that retention removed, changed in every way that hides or invents that.
#[test]
fn what_was_erased_and_removed_cannot_be_hidden_or_invented() {
    let whole = tempdir().expect("folder");
    wait(journal_of(whole.path(), 6));
    for (run, keep) in [("run-0004", false), ("run-0000", true)] {
        let archive = archive(whole.path());
        assert!(keep || wait(archive.erase(run, &erasure())).expect("erased"));
    }
    // Retention removes the first ones.
    let retention = exuvia_journal::Retention { max_bytes: 1, ..Default::default() };
    let options = exuvia_journal::OpenOptions { retention, ..options(whole.path()) };
    let journal = SqliteJournal::open(&options).expect("a journal");
    wait(journal.append_durable(of_run("open", started("x")))).expect("kept");
    wait(journal.close()).expect("closed");
    let report = wait(verify(whole.path()));
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.erased_runs, report.expired_runs), (1, 5));

    let found = |statements: &str| {
        let dir = tempdir().expect("folder");
        let dir = copied(whole.path(), &dir.path().join("copy"));
        sql(&dir, statements);
        !wait(verify(&dir)).is_consistent()
    };
    assert!(!found("SELECT 1"));
    for change in [
        "UPDATE runs SET erased_by = NULL WHERE id = 'run-0004'",
        "UPDATE runs SET erased_by = NULL WHERE id = 'run-0001'",
        "UPDATE runs SET erased_by = erased_by + 1 WHERE id = 'run-0001'",
        "UPDATE runs SET erased_by = (SELECT erased_by FROM runs WHERE id = 'run-0001') WHERE id = 'run-0004'",
        "UPDATE runs SET erased_by = (SELECT erased_by FROM runs WHERE id = 'run-0004') WHERE id = 'run-0001'",
        "UPDATE runs SET erased_by = 0 WHERE id = 'run-0001'",
        "UPDATE runs SET erased_by = (SELECT erased_by FROM runs WHERE id = 'run-0001') WHERE id = 'open'; DELETE FROM keys",
        "DELETE FROM records WHERE run = 0",
        "UPDATE records SET run = 1 WHERE run = 0",
    ] {
        assert!(found(change), "{change}");
    }
}
