//! What a journal keeps, lists and erases, in each store.

mod made;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exuvia_journal::{
    Archive, Erasure, Event, Filter, Journal, JournalError, JournalErrorKind, Object, ObjectKind, OpenOptions,
    PackedGuest, RecordKind, Removal, Retention, RunStart, StoreArchive, TokenKind, check,
};
use exuvia_tool::{CallId, Principal};
use made::place::Place;
use made::{NOW_MS, answered, append, direct, ended, failed, intended, of_run, options, principal, run, started};
use sha2::{Digest as _, Sha256};

async fn ids(archive: &StoreArchive, filter: Filter) -> Vec<String> {
    let listed = archive.list(&filter).await.expect("listed");
    let id = |origin: &exuvia_tool::Origin| {
        origin
            .run()
            .map_or_else(|| origin.direct().expect("one or the other").to_string(), |run| run.as_str().to_owned())
    };
    listed.iter().map(|summary| id(&summary.origin)).collect()
}

async fn what_is_appended_is_read_again_in_order_also_while_it_is_written(place: Place) {
    let journal = place.open().await;
    append(&journal, &principal("ci"), "01", run(2)).await;
    let last = journal.append_durable(of_run("02", started("x"))).await.expect("kept");
    assert_eq!(last.0, 8);

    let archive = place.archive();
    let record = archive.record("01").await.expect("read").expect("there");
    let kinds: Vec<_> = record.entries.iter().map(|stamped| stamped.entry.event.kind()).collect();
    let expected =
        ["run-started", "run-readings", "call-intended", "call-ended", "call-intended", "call-ended", "run-ended"];
    assert_eq!(kinds, expected);
    assert_eq!(record.principal, principal("ci"));
    assert_eq!(record.start().expect("start").source, "result = crm.find()");
    assert_eq!(record.entries.iter().map(|stamped| stamped.seq.0).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    assert!(record.entries.iter().all(|stamped| stamped.at_ms == NOW_MS));
    for (stamped, event) in record.entries.iter().zip(run(2)) {
        assert_eq!(format!("{:?}", stamped.entry.event), format!("{event:?}"));
    }
    assert!(archive.record("03").await.expect("read").is_none());
    journal.close().await.expect("closed");
    assert_eq!(ids(&archive, Filter::default()).await, ["02", "01"]);
}

async fn queued_entries_are_written_soon_without_a_durable_one(place: Place) {
    let journal = place.open().await;
    journal.enqueue(of_run("01", started("x"))).expect("taken");
    let archive = place.archive();
    for _ in 0..200 {
        if !ids(&archive, Filter::default()).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nothing was written");
}

async fn a_journal_goes_on_where_it_was_closed(place: Place) {
    for round in 0..4_u64 {
        let journal = place.open().await;
        append(&journal, &Principal::Operator, &format!("run-{round}"), run(100)).await;
        let seq = journal.append_durable(of_run("long", answered(1, round))).await.expect("kept");
        assert_eq!(seq.0, (round + 1) * 204);
        journal.close().await.expect("closed");
        assert!(journal.enqueue(of_run("late", started("x"))).is_err());
    }
    let report = place.verify().await;
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.records, report.runs, report.covered_records), (816, 5, 816));
}

async fn lists_are_filtered_by_everything_that_a_filter_names(place: Place) {
    let clock = Arc::new(AtomicU64::new(1_000));
    let time = Arc::clone(&clock);
    let journal = place.open_with(&OpenOptions::new(place.dir(), move || time.load(Ordering::Relaxed))).await;
    append(&journal, &principal("a"), "01", run(2)).await;
    clock.store(2_000, Ordering::Relaxed);
    let events =
        vec![started("x"), intended(1, "crm", "drop"), failed(1, "Disk 100% full"), ended("failed", Some("Gave up_"))];
    append(&journal, &principal("b"), "02", events).await;
    clock.store(3_000, Ordering::Relaxed);
    journal.append_durable(direct("03", intended(1, "wiki", "find"))).await.expect("kept");
    journal.enqueue(direct("03", failed(1, "no page"))).expect("taken");
    clock.store(2_500, Ordering::Relaxed);
    append(&journal, &principal("a"), "04", vec![started("x")]).await;
    journal.close().await.expect("closed");

    let archive = place.archive();
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (Filter::default(), vec!["04", "03", "02", "01"]),
        (Filter { limit: 2, ..Filter::default() }, vec!["04", "03"]),
        (Filter { principal: Some(principal("a")), ..Filter::default() }, vec!["04", "01"]),
        (Filter { server: text("crm"), ..Filter::default() }, vec!["02", "01"]),
        (Filter { tool: text("find"), ..Filter::default() }, vec!["03", "01"]),
        (Filter { server: text("crm"), tool: text("find"), ..Filter::default() }, vec!["01"]),
        (Filter { server: text("none"), ..Filter::default() }, vec![]),
        (Filter { outcome: text("failed"), ..Filter::default() }, vec!["02"]),
        (Filter { outcome: text("tool-failed"), ..Filter::default() }, vec!["03"]),
        (Filter { since_ms: Some(2_000), until_ms: Some(3_000), ..Filter::default() }, vec!["04", "02"]),
        (Filter { since_ms: Some(9_000), ..Filter::default() }, vec![]),
        (Filter { error: text("disk 100% FULL"), ..Filter::default() }, vec!["02"]),
        (Filter { error: text("up_"), ..Filter::default() }, vec!["02"]),
        (Filter { error: text("n_ page"), ..Filter::default() }, vec![]),
        (Filter { error: text("no page"), principal: Some(Principal::Operator), ..Filter::default() }, vec!["03"]),
    ] {
        assert_eq!(ids(&archive, filter.clone()).await, expected, "{filter:?}");
    }
    let all = archive.list(&Filter::default()).await.expect("listed");
    let next = Filter { before: Some(all[1].first), ..Filter::default() };
    assert_eq!(ids(&archive, next).await, ["02", "01"]);
    let failed = &all[2];
    assert_eq!((failed.calls, failed.failed_calls, failed.fuel), (1, 1, 1_000));
    assert_eq!((failed.error.as_deref(), failed.outcome.as_deref()), (Some("ToolError: Gave up_"), Some("failed")));
    assert_eq!((all[0].ended_ms, all[0].outcome.as_deref()), (None, None));
}

async fn lists_tell_runs_calls_actions_failures_and_slow_ones_apart(place: Place) {
    let now = Arc::new(AtomicU64::new(1_000));
    let clock = Arc::clone(&now);
    let journal = place.open_with(&OpenOptions::new(place.dir(), move || clock.load(Ordering::SeqCst))).await;
    let of_profile = RunStart { source: "x".into(), profile: Some("support".into()), ..RunStart::default() };
    append(&journal, &principal("a"), "slow", vec![Event::RunStarted(Box::new(of_profile))]).await;
    now.store(3_500, Ordering::SeqCst);
    append(&journal, &principal("a"), "slow", vec![ended("returned", None)]).await;
    append(&journal, &principal("a"), "failed", vec![started("x"), ended("raised", Some("no such page"))]).await;
    append(&journal, &principal("a"), "open", vec![started("x")]).await;
    journal.append_durable(direct("01KB", intended(1, "wiki", "read_page"))).await.expect("kept");
    journal.append_durable(direct("admin-1", intended(1, "exuvia:admin", "key.revoke"))).await.expect("kept");
    journal.close().await.expect("closed");
    let archive = place.archive();
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (Filter { kind: Some(RecordKind::Run), ..Filter::default() }, vec!["open", "failed", "slow"]),
        (Filter { kind: Some(RecordKind::Direct), ..Filter::default() }, vec!["01KB"]),
        (Filter { kind: Some(RecordKind::Action), ..Filter::default() }, vec!["admin-1"]),
        (Filter { kind: Some(RecordKind::Work), ..Filter::default() }, vec!["01KB", "open", "failed", "slow"]),
        (Filter { failed: Some(true), ..Filter::default() }, vec!["failed"]),
        (Filter { failed: Some(false), kind: Some(RecordKind::Run), ..Filter::default() }, vec!["open", "slow"]),
        (Filter { slow_ms: Some(2_500), ..Filter::default() }, vec!["slow"]),
        (Filter { slow_ms: Some(2_501), ..Filter::default() }, vec![]),
        (Filter { text: text("NO SUCH"), ..Filter::default() }, vec!["failed"]),
        (Filter { text: text("wiki.Read"), ..Filter::default() }, vec!["01KB"]),
        (Filter { text: text("slo"), ..Filter::default() }, vec!["slow"]),
        (Filter { text: text("01k"), ..Filter::default() }, vec!["01KB"]),
        (Filter { text: text("low"), ..Filter::default() }, vec![]),
        (Filter { text: text("read%page"), ..Filter::default() }, vec![]),
        (Filter { failed: Some(true), text: text("page"), slow_ms: Some(0), ..Filter::default() }, vec!["failed"]),
    ] {
        assert_eq!(ids(&archive, filter.clone()).await, expected, "{filter:?}");
    }
    let listed = archive.list(&Filter::default()).await.expect("listed");
    let profiles: Vec<_> = listed.iter().map(|summary| summary.profile.as_deref()).collect();
    assert_eq!(profiles, [None, None, None, None, Some("support")]);
    assert!(place.verify().await.is_consistent(), "the index has the profiles of the heads");
}

async fn tokens_are_summed_up_by_day_and_outlast_what_is_erased(place: Place) {
    let journal = place.open().await;
    append(&journal, &principal("a"), "01", run(3)).await;
    journal.append_durable(direct("02", intended(1, "wiki", "find"))).await.expect("kept");
    journal.enqueue(direct("02", answered(1, 5))).expect("taken");
    journal.append_durable(direct("admin-1", intended(1, "exuvia:admin", "key.revoke"))).await.expect("kept");
    journal.looked_up("{\"query\": \"contacts\"}", "crm.find(name: str) -> Contact");
    journal.close().await.expect("closed");
    let day_ms = NOW_MS / DAY_MS * DAY_MS;
    let sums = async |since, until| place.archive().tokens(since, until).await.expect("sums");
    let all = sums(day_ms, day_ms + 1).await;
    let counts: Vec<_> = all.iter().map(|sum| (sum.kind, sum.count, sum.day_ms)).collect();
    let expected = [
        (TokenKind::Call, 3),
        (TokenKind::Direct, 1),
        (TokenKind::Lookup, 1),
        (TokenKind::Result, 1),
        (TokenKind::Script, 1),
    ];
    assert_eq!(counts, expected.map(|(kind, count)| (kind, count, day_ms)));
    assert!(all.iter().all(|sum| sum.tokens > 0) && all[0].tokens > 2 * all[1].tokens, "{all:?}");
    // Added to by the next process, and kept when a run is erased.
    let journal = place.open().await;
    append(&journal, &principal("a"), "03", run(3)).await;
    journal.close().await.expect("closed");
    let erasure = Erasure { principal: Principal::Operator, at_ms: NOW_MS };
    assert!(place.archive().erase("01", &erasure).await.expect("erased"));
    let more = sums(0, u64::MAX).await;
    assert_eq!((more[0].count, more[0].tokens), (6, 2 * all[0].tokens), "{more:?}");
    assert!(sums(day_ms + 1, u64::MAX).await.is_empty() && sums(0, day_ms).await.is_empty());
}

async fn sums_are_by_principal_server_and_tool(place: Place) {
    let journal = place.open().await;
    append(&journal, &principal("a"), "01", run(100)).await;
    append(
        &journal,
        &principal("b"),
        "02",
        vec![started("x"), intended(1, "crm", "find"), failed(1, "no"), ended("failed", Some("no"))],
    )
    .await;
    journal.append_durable(direct("03", intended(1, "wiki", "find"))).await.expect("kept");
    journal.close().await.expect("closed");

    let stats = place.archive().stats(&Filter::default()).await.expect("sums");
    let principals: Vec<_> = stats
        .principals
        .iter()
        .map(|sum| (sum.principal.to_string(), sum.runs, sum.failed_runs, sum.direct_calls, sum.fuel))
        .collect();
    let expected =
        [("key:a".into(), 1, 0, 0, 1_000), ("key:b".into(), 1, 1, 0, 1_000), ("operator".into(), 0, 0, 1, 0)];
    assert_eq!(principals, expected);
    let of_a = &stats.tools[0];
    let latency = of_a.latency.expect("latency");
    assert_eq!((of_a.calls, of_a.failed_calls, latency.p50_ms, latency.p95_ms), (100, 0, 50, 95));
    assert_eq!((stats.tools[1].calls, stats.tools[1].failed_calls), (1, 1));
    assert_eq!((stats.tools[2].server.as_str(), stats.tools[2].latency), ("wiki", None));
    let filter = Filter { tool: Some("find".into()), server: Some("wiki".into()), ..Filter::default() };
    assert_eq!(place.archive().stats(&filter).await.expect("sums").tools.len(), 1);
}

async fn a_call_that_is_made_again_has_the_outcome_of_the_last_attempt(place: Place) {
    let journal = place.open().await;
    let call = || intended(1, "crm", "find");
    let events = vec![started("x"), call(), failed(1, "no"), call(), answered(1, 4), ended("returned", None)];
    append(&journal, &Principal::Operator, "01", events).await;
    for event in [call(), failed(1, "no"), call()] {
        journal.enqueue(direct("02", event)).expect("taken");
    }
    journal.close().await.expect("closed");
    let listed = place.archive().list(&Filter::default()).await.expect("listed");
    assert_eq!((listed[1].calls, listed[1].failed_calls), (1, 0));
    assert_eq!((listed[0].outcome.as_deref(), listed[0].error.as_deref()), (None, None));
    let report = place.verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!(report.unknown_calls.count, 1);
}

async fn a_second_writer_is_refused_and_told_which_file_is_locked(place: Place) {
    let journal = place.open().await;
    let error = place.try_open(&options(place.dir())).await.err().expect("locked");
    assert_eq!(error.kind(), JournalErrorKind::Locked);
    assert!(format!("{error:#}").contains("journal.lock"), "{error:#}");
    assert!(!error.to_string().contains('/'), "a path for clients: {error}");
    journal.close().await.expect("closed");
    drop(journal);
    place.open().await.close().await.expect("free again");
}

async fn a_newer_schema_is_refused_by_writer_and_reader(place: Place) {
    place.fill(1).await;
    place.sql(if place.url().is_some() { "UPDATE log SET version = 99" } else { "PRAGMA user_version = 99" });
    for error in [place.try_open(&options(place.dir())).await.err(), unreadable(&place).await] {
        let error = error.expect("refused");
        assert_eq!(error.kind(), JournalErrorKind::Newer);
        assert!(format!("{error:#}").contains("schema 99"), "{error:#}");
    }
}

/// Why a journal cannot be read, if it cannot.
async fn unreadable(place: &Place) -> Option<JournalError> {
    match place.try_archive() {
        Ok(archive) => archive.list(&Filter::default()).await.err(),
        Err(error) => Some(error),
    }
}

async fn another_database_is_no_journal(place: Place) {
    place.sql(match place.url() {
        Some(_) => "CREATE SCHEMA exuvia; CREATE TABLE exuvia.log (x int)",
        None => "CREATE TABLE other (x); PRAGMA application_id = 7",
    });
    let error = place.try_open(&options(place.dir())).await.err().expect("refused");
    assert!(format!("{error:#}").contains("no journal of Exuvia"), "{error:#}");
    assert!(unreadable(&place).await.is_some());
}

fn object(text: &str) -> Arc<Object> {
    let sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    Arc::new(Object { kind: ObjectKind::Namespace, sha256, bytes: text.as_bytes().to_vec() })
}

fn started_with(object: &Object, guest: PackedGuest) -> Event {
    let (namespace_sha256, guest_sha256) = (object.sha256.clone(), guest.sha256.to_owned());
    Event::RunStarted(Box::new(RunStart { namespace_sha256, guest_sha256, ..RunStart::default() }))
}

async fn objects_are_kept_once_and_a_changed_one_is_found(place: Place) {
    let kept = object(&"tools ".repeat(100_000));
    for run in ["01", "02"] {
        let journal = place.open().await;
        journal.keep(Arc::clone(&kept)).await.expect("taken");
        journal.append_durable(of_run(run, started_with(&kept, guest("a")))).await.expect("kept");
        // It is there as soon as the start is that names it.
        assert_eq!(place.archive().object(&kept.sha256).await.expect("read").as_ref(), Some(&*kept));
        journal.close().await.expect("closed");
    }
    assert_eq!(place.sql("SELECT count(*) FROM object_bytes").as_deref(), Some("1"));
    let other = zstd::bulk::compress(b"other", 1).expect("compressed");
    place.sql(&format!("UPDATE object_bytes SET zstd = {}", place.blob(&other)));
    let error = place.archive().object(&kept.sha256).await.expect_err("changed");
    assert_eq!(error.kind(), JournalErrorKind::Malformed);
}

async fn an_erased_run_has_no_key_and_no_private_part_and_the_log_verifies(place: Place) {
    let journal = place.open().await;
    let events =
        vec![started("x"), intended(1, "crm", "drop"), failed(1, "secret text"), ended("failed", Some("secret end"))];
    for run in ["01", "02", "03"] {
        append(&journal, &Principal::Operator, run, events.clone()).await;
    }
    journal.append_durable(of_run("goes on", started("x"))).await.expect("kept");

    // Also while the journal is written.
    let archive = place.archive();
    let erasure = Erasure { principal: principal("boss"), at_ms: NOW_MS + 5 };
    for (run, is_there) in [("02", true), ("goes on", true), ("02", true), ("no such run", false), ("NUL \0", false)] {
        assert_eq!(archive.erase(run, &erasure).await.expect("erased"), is_there, "{run}");
    }
    assert_eq!(place.sql("SELECT count(*) FROM keys").as_deref(), Some("2"));
    let record = archive.record("02").await.expect("read").expect("there");
    assert!(record.is_erased);
    assert_eq!(record.erasure(), Some(erasure.clone()));
    assert_eq!(record.principal, Principal::Operator);
    assert_eq!(record.start().expect("start").source, "");
    assert_eq!(record.entries[1].entry.event.call_id(), Some(CallId(1)));
    let having = async |text: &str| ids(&archive, Filter { error: Some(text.into()), ..Filter::default() }).await;
    assert_eq!(having("secret").await, ["03", "01"]);

    // What comes later of an erased run has no private part.
    journal.append_durable(of_run("02", failed(1, "late secret"))).await.expect("kept");
    // Nor of one whose key its writer had.
    journal.append_durable(of_run("goes on", ended("failed", Some("late secret")))).await.expect("kept");
    assert!(journal.append_durable(of_run("03", Event::Erased)).await.is_err(), "erasing alone records it");
    journal.close().await.expect("closed");
    assert_eq!(having("late").await, [""; 0]);
    assert_eq!(place.sql("SELECT count(*) FROM records WHERE body IS NOT NULL").as_deref(), Some("8"));
    let report = place.verify().await;
    assert!(report.is_consistent(), "{report:?}");
    assert_eq!((report.erased_runs, report.expired_runs, report.runs), (2, 0, 4));
    // A checkpoint covers it, and a proof shows who did it.
    assert_eq!(report.covered_records, report.records);
    let proof = archive.prove("02", true).await.expect("read").expect("there").to_json().expect("JSON");
    let verdict = check(&proof, &archive.public_key().await.expect("a key")).expect("proved");
    assert_eq!(verdict.removal, Some(Removal::Erased(erasure)));
    // What is written next is verified as well.
    let journal = place.open().await;
    append(&journal, &Principal::Operator, "after", run(1)).await;
    journal.close().await.expect("closed");
    assert!(place.verify().await.is_consistent());
}

async fn what_is_too_old_goes_and_the_log_verifies(place: Place) {
    what_is_over_goes(place, Retention { max_age_ms: 5_000, ..Retention::default() }).await;
}

async fn what_is_too_much_goes_and_the_log_verifies(place: Place) {
    what_is_over_goes(place, Retention { max_bytes: 1, ..Retention::default() }).await;
}

fn guest(digit: &str) -> PackedGuest {
    PackedGuest { sha256: digit.repeat(64).leak(), zstd: b"not compressed" }
}

fn has_guest(place: &Place, guest: PackedGuest) -> bool {
    place.dir().join(format!("guests/{}.wasm.zst", guest.sha256)).exists()
}

async fn what_is_over_goes(place: Place, retention: Retention) {
    let (object, named) = (object("tools"), object("other tools"));
    let (old, new) = (guest("a"), guest("b"));
    let clock = Arc::new(AtomicU64::new(1_000));
    let time = Arc::clone(&clock);
    let journal = place.open_with(&OpenOptions::new(place.dir(), move || time.load(Ordering::Relaxed))).await;
    for object in [&object, &named] {
        journal.keep(Arc::clone(object)).await.expect("taken");
    }
    let mut events = run(1);
    events[0] = started_with(&object, old);
    for number in 0..40 {
        append(&journal, &Principal::Operator, &format!("old-{number}"), events.clone()).await;
    }
    clock.store(10_000, Ordering::Relaxed);
    append(&journal, &Principal::Operator, "open", vec![started_with(&named, new)]).await;
    [old, new].into_iter().for_each(|guest| journal.keep_guest(guest));
    journal.close().await.expect("closed");
    drop(journal);
    let erasure = Erasure { principal: Principal::Operator, at_ms: 9_000 };
    assert!(place.archive().erase("old-3", &erasure).await.expect("erased"));
    assert!(has_guest(&place, old) && has_guest(&place, new));

    let options = OpenOptions { retention, ..OpenOptions::new(place.dir(), || 10_000) };
    let journal = place.open_with(&options).await;
    // Its key is known from now on: it is a run that goes on.
    journal.append_durable(of_run("open", intended(1, "crm", "find"))).await.expect("kept");
    let archive = place.archive();
    for _ in 0..400 {
        if archive.list(&Filter::default()).await.expect("listed").iter().filter(|run| run.is_erased).count() == 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    journal.close().await.expect("closed");
    let listed = archive.list(&Filter::default()).await.expect("listed");
    let kept: Vec<_> = listed.iter().filter(|run| !run.is_erased).map(|run| format!("{:?}", run.origin)).collect();
    assert_eq!(kept, ["Run(RunId(\"open\"))"]);
    assert!(archive.object(&object.sha256).await.expect("read").is_none());
    assert!(archive.object(&named.sha256).await.expect("read").is_some());
    assert!(!has_guest(&place, old) && has_guest(&place, new));
    let report = place.verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
    assert_eq!((report.erased_runs, report.expired_runs, report.covered_records), (1, 39, report.records));
    let proof = |run| {
        let archive = archive.clone();
        async move { archive.prove(run, true).await.expect("read").expect("there").to_json().expect("JSON") }
    };
    let key = archive.public_key().await.expect("a key");
    let (old, erased, open) = (proof("old-7").await, proof("old-3").await, proof("open").await);
    assert_eq!(check(&old, &key).expect("proved").removal, Some(Removal::Expired(10_000)));
    assert!(matches!(check(&erased, &key).expect("proved").removal, Some(Removal::Erased(_))));
    assert_eq!(check(&open, &key).expect("proved").removal, None);
    // The record of retention proves nothing of another run.
    let expired = |proof: &str| serde_json::from_str::<serde_json::Value>(proof).expect("JSON")["expired"].clone();
    let mut forged: serde_json::Value = serde_json::from_str(&open).expect("JSON");
    forged["expired"] = expired(&old);
    assert!(check(&forged.to_string(), &key).is_err());
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Opens the journal at this time, and closes it, which removes what is over. How many runs are kept then.
async fn kept_at(place: &Place, at_ms: u64) -> usize {
    let retention = Retention { max_age_ms: 5 * DAY_MS, ..Retention::default() };
    let options = OpenOptions { retention, ..OpenOptions::new(place.dir(), move || at_ms) };
    place.open_with(&options).await.close().await.expect("closed");
    let listed = place.archive().list(&Filter::default()).await.expect("listed");
    listed.iter().filter(|run| !run.is_erased).count()
}

async fn a_clock_that_jumps_removes_nothing_for_a_day(place: Place) {
    place.fill(3).await;
    let years_ms = 3_650 * DAY_MS;
    assert_eq!(kept_at(&place, NOW_MS).await, 3);
    // Somebody sets it right in time.
    assert_eq!(kept_at(&place, NOW_MS + years_ms).await, 3);
    assert_eq!(kept_at(&place, NOW_MS + years_ms + DAY_MS / 2).await, 3);
    assert_eq!(kept_at(&place, NOW_MS + DAY_MS).await, 3);
    assert_eq!(kept_at(&place, NOW_MS + years_ms + 2 * DAY_MS).await, 3);
    // It is the time, and the machine was off for long.
    assert_eq!(kept_at(&place, NOW_MS + years_ms + 3 * DAY_MS).await, 0);
    assert!(place.verify().await.is_consistent());
}

for_both_stores! {
    a_clock_that_jumps_removes_nothing_for_a_day,
    what_is_appended_is_read_again_in_order_also_while_it_is_written,
    queued_entries_are_written_soon_without_a_durable_one,
    a_journal_goes_on_where_it_was_closed,
    lists_are_filtered_by_everything_that_a_filter_names,
    lists_tell_runs_calls_actions_failures_and_slow_ones_apart,
    tokens_are_summed_up_by_day_and_outlast_what_is_erased,
    sums_are_by_principal_server_and_tool,
    a_call_that_is_made_again_has_the_outcome_of_the_last_attempt,
    a_second_writer_is_refused_and_told_which_file_is_locked,
    a_newer_schema_is_refused_by_writer_and_reader,
    another_database_is_no_journal,
    objects_are_kept_once_and_a_changed_one_is_found,
    an_erased_run_has_no_key_and_no_private_part_and_the_log_verifies,
    what_is_too_old_goes_and_the_log_verifies,
    what_is_too_much_goes_and_the_log_verifies,
}
