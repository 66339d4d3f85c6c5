//! The content of approvals, its sealing, and what is left of a run that was erased; and the tables.

use exuvia_journal::{
    ApprovalErrorKind, ApprovalState, Erasure, Event, HoldEnd, Journal as _, OpenOptions, Retention, RunUsage,
    WaitingState,
};
use exuvia_tool::{Principal, RunId};

use crate::made::place::Place;
use crate::made::{NOW_MS, ended, of};
use crate::stage::{EXPIRES_MS, ROOM, SECRET, Stage, answer, held, id, key, new, refused, state};

/// What PostgreSQL, or the files of SQLite, have of private parts.
fn holds_secret(place: &Place) -> bool {
    let Some(_) = place.url() else {
        let files =
            ["journal.db", "journal.db-wal"].map(|file| std::fs::read(place.dir().join(file)).unwrap_or_default());
        return files.iter().any(|file| file.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
    };
    let tables = "SELECT (SELECT count(*) FROM approvals a WHERE position(BYTES IN coalesce(body, '')) > 0 \
        OR position(BYTES IN coalesce(reason, '')) > 0 OR position(TEXT IN a::text) > 0) \
        + (SELECT count(*) FROM waiting_runs w WHERE position(BYTES IN coalesce(body, '')) > 0 OR position(TEXT IN w::text) > 0)";
    let tables = tables.replace("BYTES", &place.blob(SECRET.as_bytes())).replace("TEXT", &format!("'{SECRET}'"));
    place.sql(&tables).as_deref() != Some("0")
}

async fn nothing_of_the_content_is_in_the_clear(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1]).await.remove(0);
    store.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
    assert!(!holds_secret(stage.place.as_ref().expect("a place")));
    let found = store.get(&asked.id).await.expect("read").expect("there");
    assert!(found.answer.expect("an answer").reason.expect("a reason").contains(SECRET), "it is there, sealed");
}

async fn erasing_a_run_erases_the_content_of_its_approvals_and_makes_them_void(stage: Stage) {
    let store = stage.open().await;
    let place = stage.place.as_ref().expect("a place");
    let asked = stage.asked(&store, "01R", &[1, 2, 3]).await;
    stage.asked(&store, "01S", &[1]).await;
    store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
    store.answer(&asked[1].id, false, &answer(&asked[1])).await.expect("answered");
    let erasure = Erasure { principal: Principal::Operator, at_ms: NOW_MS };
    assert!(place.archive().erase("01R", &erasure).await.expect("erased"));

    for (call, expected) in [(1, ApprovalState::Void), (2, ApprovalState::Denied), (3, ApprovalState::Void)] {
        let found = store.get(&id("01R", call)).await.expect("read").expect("there");
        assert_eq!(found.state, expected);
        assert_eq!(store.content(&id("01R", call)).await.expect("read"), None);
        assert!(found.answer.is_none_or(|answer| answer.reason.is_none()));
    }
    let sealed = "SELECT (SELECT count(*) FROM approvals WHERE run = (SELECT first FROM runs WHERE id = '01R') \
        AND (body IS NOT NULL OR reason IS NOT NULL)) + (SELECT count(*) FROM waiting_runs WHERE id = '01R' AND body IS NOT NULL)";
    assert_eq!(place.sql(sealed).as_deref(), Some("0"));
    assert_eq!(
        refused(store.answer(&asked[2].id, true, &answer(&asked[2])).await),
        ApprovalErrorKind::Answered(ApprovalState::Void)
    );
    assert!(!store.take(&asked[0].id, NOW_MS).await.expect("not taken"));
    assert_eq!(refused(store.hold(&held("01R"), &[new("01R", 4)], &ROOM).await), ApprovalErrorKind::Erased);

    // The sweep tells those who follow, and brings the run back to its end.
    let before = store.changes(0).await.expect("read").version;
    assert!(
        store
            .release(&RunId::new("01R"), "process-1", &HoldEnd::Parked { seen: before }, NOW_MS)
            .await
            .expect("parked")
    );
    store.sweep(NOW_MS, u64::MAX).await.expect("swept");
    let told = store.changes(before).await.expect("read").approvals;
    assert_eq!(told.iter().map(|approval| approval.state).collect::<Vec<_>>(), [ApprovalState::Void; 2]);
    let ready = store.ready(NOW_MS, 10).await.expect("read");
    assert_eq!(ready.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["01R"]);

    // Another run has everything.
    assert!(store.content(&id("01S", 1)).await.expect("read").is_some());
    assert_eq!(state(&store, &id("01S", 1)).await, ApprovalState::Pending);
    assert!(place.verify().await.is_consistent());
}

async fn retention_takes_the_content_with_the_run(stage: Stage) {
    let store = stage.open().await;
    let place = stage.place.as_ref().expect("a place");
    stage.asked(&store, "01R", &[1]).await;
    let journal = stage.journal.as_ref().expect("a journal");
    journal.enqueue(of(&key("ci"), "01R", ended("returned", None))).expect("taken");
    journal.close().await.expect("closed");
    let later = move || NOW_MS + 2;
    let retention = Retention { max_age_ms: 1, ..Retention::default() };
    place
        .open_with(&OpenOptions { retention, ..OpenOptions::new(place.dir(), later) })
        .await
        .close()
        .await
        .expect("closed");
    assert_eq!(store.content(&id("01R", 1)).await.expect("read"), None);
    assert_eq!(state(&store, &id("01R", 1)).await, ApprovalState::Void);
}

/// Also by a process that was started after the run was parked, and until it may be brought back no more.
async fn retention_leaves_a_run_that_waits(stage: Stage) {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    let store = stage.open().await;
    let place = stage.place.as_ref().expect("a place");
    stage.asked(&store, "01R", &[1]).await;
    let journal = stage.journal.as_ref().expect("a journal");
    let parked = Event::RunParked { held: vec![id("01R", 1)], usage: RunUsage::default() };
    journal.enqueue(of(&key("ci"), "01R", parked)).expect("taken");
    journal.close().await.expect("closed");
    let retained_at = async |at_ms: u64| {
        let retention = Retention { max_age_ms: 1, max_bytes: 1 };
        let options = OpenOptions { retention, ..OpenOptions::new(place.dir(), move || at_ms) };
        place.open_with(&options).await.close().await.expect("closed");
    };
    retained_at(NOW_MS + DAY_MS + 500).await;
    assert!(store.content(&id("01R", 1)).await.expect("read").is_some());
    assert_eq!(state(&store, &id("01R", 1)).await, ApprovalState::Pending);
    retained_at(EXPIRES_MS + DAY_MS).await;
    assert_eq!(store.content(&id("01R", 1)).await.expect("read"), None);
    assert!(place.verify().await.is_consistent());
}

async fn a_run_without_a_record_asks_for_nothing(stage: Stage) {
    let store = stage.open().await;
    assert_eq!(refused(store.hold(&held("01R"), &[new("01R", 1)], &ROOM).await), ApprovalErrorKind::NoRecord);
}

async fn a_newer_schema_is_refused_also_by_who_has_it_open(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1]).await.remove(0);
    let place = stage.place.as_ref().expect("a place");
    place.sql(if place.url().is_some() { "UPDATE log SET version = 999" } else { "PRAGMA user_version = 999" });
    assert_eq!(refused(store.changes(0).await), ApprovalErrorKind::Newer);
    assert_eq!(refused(store.answer(&asked.id, true, &answer(&asked)).await), ApprovalErrorKind::Newer);
    assert_eq!(refused(store.take(&asked.id, NOW_MS).await), ApprovalErrorKind::Newer);
    assert_eq!(refused(stage.try_open().await.map(drop)), ApprovalErrorKind::Newer);
}

/// The tables of the program before, which had no approvals.
async fn a_journal_of_an_earlier_program_gets_the_tables(stage: Stage) {
    let Stage { place: Some(place), journal: Some(journal), .. } = stage else { panic!("a place") };
    journal.close().await.expect("closed");
    let later = "DROP TABLE block_secret; DROP TABLE file_blocks; DROP TABLE run_blocks; DROP TABLE tokens; DROP INDEX runs_failed; ALTER TABLE runs DROP COLUMN profile";
    let dropped = format!("{later}; DROP TABLE approvals; DROP TABLE waiting_runs; DROP TABLE approval_state");
    let version = if place.url().is_some() { "UPDATE log SET version = 3" } else { "PRAGMA user_version = 3" };
    place.sql(&format!("{}; {dropped}; {version}", place.to_schema_6()));
    let stage = Stage::at(place).await;
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1]).await.remove(0);
    store.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
    assert!(store.take(&asked.id, EXPIRES_MS - 1).await.expect("taken"));
}

async fn everything_is_there_after_the_process(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1, 2]).await;
    let answered = store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
    drop(store);
    let Stage { place: Some(place), journal: Some(journal), .. } = stage else { panic!("a place") };
    journal.close().await.expect("closed");
    let stage = Stage::at(place).await;
    let store = stage.open().await;
    assert_eq!(store.get(&asked[0].id).await.expect("read"), Some(answered));
    assert_eq!(store.get(&asked[1].id).await.expect("read").as_ref(), Some(&asked[1]));
    assert_eq!(store.content(&asked[1].id).await.expect("read").expect("there").arguments, new("01R", 2).arguments);
    let waiting = store.waiting(&RunId::new("01R")).await.expect("read").expect("there");
    assert_eq!((waiting.state, waiting.pending, waiting.answered), (WaitingState::Held, 1, 1));
}

crate::for_both_databases! {
    nothing_of_the_content_is_in_the_clear,
    erasing_a_run_erases_the_content_of_its_approvals_and_makes_them_void,
    retention_takes_the_content_with_the_run,
    retention_leaves_a_run_that_waits,
    a_run_without_a_record_asks_for_nothing,
    a_newer_schema_is_refused_also_by_who_has_it_open,
    a_journal_of_an_earlier_program_gets_the_tables,
    everything_is_there_after_the_process,
}
