//! What runs read of files, kept once for all of them, in each store.

mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_journal::{
    Archive, Cut, Erasure, Event, Filter, Journal as _, JournalErrorKind, OpenOptions, Reading, Retention,
};
use exuvia_tool::{FileBytes, FileValue, Principal};
use made::place::Place;
use made::{append, ended, of_run, started};
use sha2::{Digest as _, Sha256};

fn bytes(of: u8) -> FileBytes {
    format!("order {of} ").repeat(500).into_bytes().into()
}

fn read(bytes: &FileBytes) -> Reading {
    Reading::File { asked: [7; 16], answer: Ok(FileValue::Bytes(bytes.clone())) }
}

fn reading(parts: &[u8]) -> Vec<Event> {
    let readings = parts.iter().map(|part| read(&bytes(*part))).collect();
    vec![started("x"), Event::RunReadings(readings), ended("returned", None)]
}

fn blocks(place: &Place) -> u64 {
    place.sql("SELECT count(*) FROM file_blocks").and_then(|count| count.parse().ok()).expect("a number")
}

/// What a run read: its record has digests, and the bytes are beside it.
async fn content(place: &Place, run: &str) -> Vec<Option<FileBytes>> {
    let archive = place.archive();
    let record = archive.record(run).await.expect("read").expect("there");
    let mut kept = archive.file_blocks(run).await.expect("read");
    let readings = record.entries.iter().flat_map(|stamped| match &stamped.entry.event {
        Event::RunReadings(readings) => readings.clone(),
        _ => Vec::new(),
    });
    let digests = readings.filter_map(|reading| match reading {
        Reading::FileBlock { sha256, .. } => Some(sha256),
        _ => None,
    });
    digests.map(|sha256| kept.get(&sha256).expect("opened")).collect()
}

async fn what_several_runs_read_is_kept_once_and_found_by_each(place: Place) {
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", reading(&[1, 2, 1, 1])).await;
    append(&journal, &Principal::Operator, "02", reading(&[2, 3])).await;
    journal.append_durable(of_run("other", started("x"))).await.expect("kept");
    assert_eq!(blocks(&place), 3);
    let expected = |parts: &[u8]| parts.iter().map(|part| Some(bytes(*part))).collect::<Vec<_>>();
    assert_eq!(content(&place, "01").await, expected(&[1, 2, 1, 1]));
    assert_eq!(content(&place, "02").await, expected(&[2, 3]));
    let sha256 = Sha256::digest(&*bytes(1)).into();
    assert!(place.archive().file_blocks("02").await.expect("read").get(&sha256).expect("looked up").is_none());
    assert!(place.archive().file_blocks("none").await.expect("read").get(&sha256).expect("looked up").is_none());
    journal.close().await.expect("closed");
    assert!(place.verify().await.is_consistent());
}

async fn few_bytes_and_the_end_of_a_record_stand_in_the_record(place: Place) {
    let journal = place.open().await;
    let readings = vec![read(&b"few".to_vec().into()), Reading::Cut(Cut::Files)];
    let events = vec![started("x"), Event::RunReadings(readings.clone()), ended("returned", None)];
    append(&journal, &Principal::Operator, "01", events).await;
    journal.close().await.expect("closed");
    let record = place.archive().record("01").await.expect("read").expect("there");
    assert_eq!(format!("{:?}", record.entries[1].entry.event), format!("{:?}", Event::RunReadings(readings)));
    assert_eq!(blocks(&place), 0);
}

async fn erasing_a_run_removes_what_no_other_has_read(place: Place) {
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", reading(&[1, 2, 2])).await;
    append(&journal, &Principal::Operator, "02", reading(&[2, 3])).await;
    append(&journal, &Principal::Operator, "goes on", vec![started("x")]).await;
    let erasure = Erasure { principal: Principal::Operator, at_ms: made::NOW_MS };
    for run in ["01", "01", "goes on"] {
        journal.append_durable(of_run("flush", started("x"))).await.expect("kept");
        assert!(place.archive().erase(run, &erasure).await.expect("erased"));
    }
    assert_eq!(blocks(&place), 2);
    assert_eq!(content(&place, "02").await, [Some(bytes(2)), Some(bytes(3))]);
    assert!(content(&place, "01").await.is_empty());
    let sha256 = Sha256::digest(&*bytes(2)).into();
    assert!(place.archive().file_blocks("01").await.expect("read").get(&sha256).expect("looked up").is_none());
    // Of a run that was erased and goes on, nothing more is kept.
    append(&journal, &Principal::Operator, "goes on", vec![Event::RunReadings(vec![read(&bytes(9))])]).await;
    // What was removed is kept again by whoever reads it next.
    append(&journal, &Principal::Operator, "03", reading(&[1])).await;
    journal.close().await.expect("closed");
    assert_eq!((blocks(&place), content(&place, "03").await), (3, vec![Some(bytes(1))]));
    assert!(place.archive().erase("02", &erasure).await.expect("erased"));
    assert!(place.archive().erase("03", &erasure).await.expect("erased"));
    assert_eq!((blocks(&place), place.sql("SELECT count(*) FROM run_blocks").as_deref()), (0, Some("0")));
    assert!(place.verify().await.is_consistent());
}

async fn retention_removes_what_no_run_has_read_any_more(place: Place) {
    let clock = Arc::new(AtomicU64::new(1_000));
    let time = Arc::clone(&clock);
    let journal = place.open_with(&OpenOptions::new(place.dir(), move || time.load(Ordering::Relaxed))).await;
    append(&journal, &Principal::Operator, "old", reading(&[1, 2])).await;
    journal.append_durable(of_run("flush", started("x"))).await.expect("kept");
    clock.store(10_000, Ordering::Relaxed);
    append(&journal, &Principal::Operator, "new", reading(&[2, 3])).await;
    journal.close().await.expect("closed");
    drop(journal);
    assert_eq!(blocks(&place), 3);
    let retention = Retention { max_age_ms: 5_000, ..Retention::default() };
    let options = OpenOptions { retention, ..OpenOptions::new(place.dir(), || 10_000) };
    place.open_with(&options).await.close().await.expect("closed");
    assert_eq!((blocks(&place), content(&place, "new").await), (2, vec![Some(bytes(2)), Some(bytes(3))]));
    assert!(place.verify().await.is_consistent());
}

async fn a_changed_block_is_found_and_one_of_another_journal_does_not_open(place: Place) {
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", reading(&[1])).await;
    journal.close().await.expect("closed");
    assert!(place.sql("SELECT count(*) FROM file_blocks WHERE uses = 1").is_some_and(|count| count == "1"));
    place.sql(&format!("UPDATE file_blocks SET sealed = {}", place.blob(&[5; 40])));
    let sha256 = Sha256::digest(&*bytes(1)).into();
    let error = place.archive().file_blocks("01").await.expect("read").get(&sha256).expect_err("changed");
    assert_eq!(error.kind(), JournalErrorKind::Malformed);
    place.sql(&format!("UPDATE block_secret SET secret = {}", place.blob(&[1; 32])));
    assert!(place.archive().file_blocks("01").await.expect("read").get(&sha256).expect("looked up").is_none());
}

/// A closed journal of run 01 that read the blocks 1 and 2, of 02 that read 2 and 3 in two records, and of one that was erased.
async fn read_and_erased(place: &Place) {
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "01", reading(&[1, 2])).await;
    let (first, second) = (Event::RunReadings(vec![read(&bytes(2))]), Event::RunReadings(vec![read(&bytes(3))]));
    append(&journal, &Principal::Operator, "02", vec![started("x"), first, second, ended("returned", None)]).await;
    append(&journal, &Principal::Operator, "erased", reading(&[3, 4])).await;
    journal.append_durable(of_run("flush", started("x"))).await.expect("kept");
    let erasure = Erasure { principal: Principal::Operator, at_ms: made::NOW_MS };
    assert!(place.archive().erase("erased", &erasure).await.expect("erased"));
    journal.close().await.expect("closed");
}

/// The runs that verification says cannot be replayed, with the numbers of their blocks that are missing and changed.
async fn not_replayable(place: &Place) -> Vec<(String, u64, u64)> {
    let report = place.verify().await;
    let finding = |text: &String| {
        let (run, rest) = text.split_once(" cannot be replayed: ").unwrap_or_else(|| panic!("{report:?}"));
        let mut numbers = rest.split(' ').filter_map(|word| word.parse().ok());
        (run.to_owned(), numbers.next().expect("missing"), numbers.next().expect("changed"))
    };
    assert_eq!(report.is_consistent(), report.inconsistencies.first.is_empty());
    report.inconsistencies.first.iter().map(finding).collect()
}

async fn verification_names_the_runs_whose_blocks_are_missing_or_changed(whole: Place) {
    read_and_erased(&whole).await;
    let report = whole.verify().await;
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.file_blocks, report.erased_runs), (3, 1));
    // Block 2 is the only one that two runs have.
    let of_01 = "run = (SELECT first FROM runs WHERE id = '01')";
    let changed =
        "UPDATE file_blocks SET sealed = (SELECT sealed FROM file_blocks WHERE uses = 1 ORDER BY name LIMIT 1)";
    // A run, how many of its blocks are missing, and how many are changed.
    type Found<'a> = (&'a str, u64, u64);
    let cases: [(&str, &[Found<'_>]); 7] = [
        ("DELETE FROM file_blocks WHERE uses = 2", &[("01", 1, 0), ("02", 1, 0)]),
        ("DELETE FROM file_blocks", &[("01", 2, 0), ("02", 2, 0)]),
        (&format!("DELETE FROM run_blocks WHERE {of_01}"), &[("01", 2, 0)]),
        (&format!("{changed} WHERE uses = 2"), &[("01", 0, 1), ("02", 0, 1)]),
        ("UPDATE file_blocks SET sealed = substr(sealed, 1, 20) WHERE uses = 2", &[("01", 0, 1), ("02", 0, 1)]),
        (&format!("UPDATE block_secret SET secret = {}", whole.blob(&[1; 32])), &[("01", 2, 0), ("02", 2, 0)]),
        ("DELETE FROM block_secret", &[("01", 2, 0), ("02", 2, 0)]),
    ];
    for (change, expected) in cases {
        let place = whole.copy();
        place.sql(change);
        let expected = expected.iter().map(|(run, missing, changed)| ((*run).to_owned(), *missing, *changed));
        assert_eq!(not_replayable(&place).await, expected.collect::<Vec<_>>(), "{change}");
    }
}

/// Takes the database back to schema 5, of the program before, which had no blocks.
fn without_blocks(place: &Place) {
    let version = if place.url().is_some() { "UPDATE log SET version = 5" } else { "PRAGMA user_version = 5" };
    let blocks = "DROP TABLE block_secret; DROP TABLE file_blocks; DROP TABLE run_blocks";
    place.sql(&format!("{}; {blocks}; {version}", place.to_schema_6()));
}

async fn everything_of(place: &Place) -> Vec<String> {
    let archive = place.archive();
    let mut all = Vec::new();
    for summary in archive.list(&Filter::default()).await.expect("listed") {
        let run = summary.origin.run().expect("a run");
        let record = archive.record(run.as_str()).await.expect("read").expect("there");
        all.push(format!("{summary:?} {record:?}"));
    }
    all
}

async fn a_journal_of_schema_5_has_its_runs_and_keeps_blocks_once_it_is_opened(place: Place) {
    place.fill(3).await;
    let journal = place.open().await;
    let readings = vec![read(&b"few".to_vec().into()), Reading::WallClock(std::time::Duration::from_secs(5))];
    let events = vec![started("x"), Event::RunReadings(readings), ended("returned", None)];
    append(&journal, &Principal::Operator, "few", events).await;
    journal.close().await.expect("closed");
    drop(journal);
    let before = everything_of(&place).await;
    assert_eq!(before.len(), 4);

    without_blocks(&place);
    let refused = match place.try_archive() {
        Ok(archive) => archive.list(&Filter::default()).await.expect_err("refused"),
        Err(error) => error,
    };
    assert!(format!("{refused:#}").contains("schema 5"), "{refused:#}");
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "later", reading(&[1, 2])).await;
    journal.close().await.expect("closed");
    assert_eq!(content(&place, "later").await, [Some(bytes(1)), Some(bytes(2))]);
    assert_eq!(everything_of(&place).await[1..], before);
    let report = place.verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!((report.runs, report.file_blocks), (5, 2));
}

for_both_stores! {
    a_journal_of_schema_5_has_its_runs_and_keeps_blocks_once_it_is_opened,
    verification_names_the_runs_whose_blocks_are_missing_or_changed,
    what_several_runs_read_is_kept_once_and_found_by_each,
    few_bytes_and_the_end_of_a_record_stand_in_the_record,
    erasing_a_run_removes_what_no_other_has_read,
    retention_removes_what_no_run_has_read_any_more,
    a_changed_block_is_found_and_one_of_another_journal_does_not_open,
}
