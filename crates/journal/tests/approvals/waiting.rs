//! Runs that wait for approvals, from process to process.

use std::sync::Arc;

use exuvia_journal::{ApprovalErrorKind, ApprovalState, ApprovalStore, HoldEnd, WaitingState};
use exuvia_tool::RunId;

use crate::made::NOW_MS;
use crate::stage::{EXPIRES_MS, ROOM, Stage, answer, held, id, lease, new, refused, state};

async fn ready(store: &Arc<dyn ApprovalStore>, now_ms: u64) -> Vec<String> {
    let ready = store.ready(now_ms, 10).await.expect("read");
    ready.into_iter().map(|run| run.run.to_string()).collect()
}

async fn waiting(store: &Arc<dyn ApprovalStore>, run: &str) -> (WaitingState, u64, u64) {
    let found = store.waiting(&RunId::new(run)).await.expect("read").expect("there");
    (found.state, found.pending, found.answered)
}

async fn version(store: &Arc<dyn ApprovalStore>) -> u64 {
    store.changes(0).await.expect("read").version
}

async fn a_parked_run_is_ready_as_soon_as_something_was_answered(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let run = RunId::new("01R");
    let asked = stage.asked(&ours, "01R", &[1, 2]).await;
    assert_eq!(waiting(&theirs, "01R").await, (WaitingState::Held, 2, 0));
    assert_eq!(ready(&theirs, NOW_MS).await, [""; 0]);

    let seen = version(&ours).await;
    assert!(!theirs.release(&run, "process-2", &HoldEnd::Parked { seen }, NOW_MS).await.expect("not its own"));
    assert!(ours.release(&run, "process-1", &HoldEnd::Parked { seen }, NOW_MS).await.expect("parked"));
    assert_eq!(waiting(&theirs, "01R").await, (WaitingState::Parked, 2, 0));
    // However long it takes.
    assert_eq!(ready(&theirs, EXPIRES_MS).await, [""; 0]);

    theirs.answer(&asked[0].id, false, &answer(&asked[0])).await.expect("answered");
    assert_eq!(waiting(&theirs, "01R").await, (WaitingState::Parked, 1, 1));
    assert_eq!(ready(&theirs, NOW_MS).await, ["01R"]);
    assert!(theirs.claim(&run, &lease("process-2", NOW_MS + 50), NOW_MS).await.expect("claimed"));
    assert_eq!(ready(&theirs, NOW_MS).await, [""; 0]);

    // It has seen the first answer and waits for the second.
    let seen = version(&theirs).await;
    assert!(theirs.release(&run, "process-2", &HoldEnd::Parked { seen }, NOW_MS).await.expect("parked"));
    assert_eq!(ready(&ours, NOW_MS).await, [""; 0]);
    assert_eq!(waiting(&ours, "01R").await, (WaitingState::Parked, 1, 0));
    ours.answer(&asked[1].id, true, &answer(&asked[1])).await.expect("answered");
    assert_eq!(ready(&ours, NOW_MS).await, ["01R"]);
    assert_eq!(ours.waiting(&run).await.expect("read").expect("there").claims, 1);
}

/// An answer that comes between the last look of the run and its parking is not lost.
async fn an_answer_that_a_run_has_not_seen_when_it_is_parked_brings_it_back(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1]).await.remove(0);
    let seen = version(&store).await;
    store.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
    assert!(store.release(&RunId::new("01R"), "process-1", &HoldEnd::Parked { seen }, NOW_MS).await.expect("parked"));
    assert_eq!(ready(&store, NOW_MS).await, ["01R"]);
}

async fn a_run_whose_process_ended_is_ready_when_its_lease_is_over(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let run = RunId::new("01R");
    stage.asked(&ours, "01R", &[1]).await;
    let until = held("01R").lease.until_ms;
    assert_eq!(ready(&theirs, until - 1).await, [""; 0]);
    assert_eq!(ready(&theirs, until).await, ["01R"]);
    // Renewed in time, it is not.
    assert!(ours.claim(&run, &lease("process-1", until + 100), until - 1).await.expect("renewed"));
    assert_eq!(ready(&theirs, until).await, [""; 0]);
    assert_eq!(ours.waiting(&run).await.expect("read").expect("there").claims, 0, "that is no new claim");
    assert!(theirs.claim(&run, &lease("process-2", until + 200), until + 100).await.expect("claimed"));
    // The first one comes too late.
    assert!(!ours.claim(&run, &lease("process-1", until + 300), until + 100).await.expect("refused"));
    assert!(!ours.release(&run, "process-1", &HoldEnd::Done, until + 100).await.expect("refused"));
    assert_eq!(refused(ours.hold(&held("01R"), &[new("01R", 2)], &ROOM).await), ApprovalErrorKind::Conflict);
    let found = ours.waiting(&run).await.expect("read").expect("there");
    assert_eq!((found.lease, found.claims), (Some(lease("process-2", until + 200)), 1));
}

async fn of_many_processes_that_claim_a_run_one_has_it(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let asked = stage.asked(&ours, "01R", &[1]).await.remove(0);
    ours.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
    let run = RunId::new("01R");
    assert!(ours.release(&run, "process-1", &HoldEnd::Parked { seen: 0 }, NOW_MS).await.expect("parked"));
    let claims = (0..8).map(|number| {
        let (store, run) = (Arc::clone(if number % 2 == 0 { &ours } else { &theirs }), run.clone());
        tokio::spawn(async move { store.claim(&run, &lease(&format!("{number}"), NOW_MS + 100), NOW_MS).await })
    });
    let mut claimed = 0;
    for claim in claims.collect::<Vec<_>>() {
        claimed += usize::from(claim.await.expect("no panic").expect("claimed or not"));
    }
    assert_eq!(claimed, 1);
}

async fn what_is_open_of_a_run_that_ends_is_void(stage: Stage) {
    let store = stage.open().await;
    for (run, end) in [("01A", HoldEnd::Done), ("01B", HoldEnd::Void("its key was revoked".into()))] {
        let asked = stage.asked(&store, run, &[1, 2, 3]).await;
        store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
        store.answer(&asked[1].id, false, &answer(&asked[1])).await.expect("answered");
        let before = version(&store).await;
        assert!(store.release(&RunId::new(run), "process-1", &end, NOW_MS).await.expect("released"));
        for call in [1, 3] {
            let found = store.get(&id(run, call)).await.expect("read").expect("there");
            assert_eq!(found.state, ApprovalState::Void);
            let reason = if end == HoldEnd::Done { "the run is over" } else { "its key was revoked" };
            assert_eq!(found.void_reason.as_deref(), Some(reason));
        }
        assert_eq!(state(&store, &id(run, 2)).await, ApprovalState::Denied);
        assert_eq!(store.changes(before).await.expect("read").approvals.len(), 2, "others are reported");
        assert!(!store.take(&id(run, 1), NOW_MS).await.expect("not taken"));
        let late = store.answer(&asked[2].id, true, &answer(&asked[2])).await;
        assert_eq!(refused(late), ApprovalErrorKind::Answered(ApprovalState::Void));
        // It does not wait any more, and does not begin again.
        assert!(!store.claim(&RunId::new(run), &lease("process-1", NOW_MS + 500), NOW_MS + 400).await.expect("asked"));
        assert_eq!(refused(store.hold(&held(run), &[new(run, 9)], &ROOM).await), ApprovalErrorKind::Conflict);
    }
    assert_eq!(waiting(&store, "01A").await.0, WaitingState::Done);
    assert_eq!(waiting(&store, "01B").await.0, WaitingState::Void("its key was revoked".into()));
    assert_eq!(ready(&store, u64::MAX).await, [""; 0]);
}

async fn what_nobody_answers_or_uses_in_time_expires_and_brings_the_run_back(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1, 2, 3]).await;
    store.answer(&asked[1].id, true, &answer(&asked[1])).await.expect("answered");
    store.answer(&asked[2].id, false, &answer(&asked[2])).await.expect("answered");
    let seen = version(&store).await;
    assert!(store.release(&RunId::new("01R"), "process-1", &HoldEnd::Parked { seen }, NOW_MS).await.expect("parked"));
    assert!(!store.sweep(EXPIRES_MS - 1, u64::MAX).await.expect("swept"));
    assert_eq!(version(&store).await, seen, "nothing is over");
    assert!(!store.sweep(EXPIRES_MS, u64::MAX).await.expect("swept"));
    let states = [ApprovalState::Expired, ApprovalState::Expired, ApprovalState::Denied];
    for (approval, expected) in asked.iter().zip(states) {
        assert_eq!(state(&store, &approval.id).await, expected);
    }
    assert_eq!(store.changes(seen).await.expect("read").approvals.len(), 2);
    assert_eq!(ready(&store, EXPIRES_MS).await, ["01R"]);
    assert_eq!(waiting(&store, "01R").await, (WaitingState::Parked, 0, 2));
}

async fn what_is_over_is_removed_later_and_what_waits_is_not(stage: Stage) {
    let store = stage.open().await;
    let (old, new_one) = (RunId::new("01A"), RunId::new("01B"));
    for run in ["01A", "01B", "01C"] {
        stage.asked(&store, run, &[1]).await;
    }
    assert!(store.release(&old, "process-1", &HoldEnd::Done, NOW_MS).await.expect("released"));
    assert!(store.release(&new_one, "process-1", &HoldEnd::Done, NOW_MS + 500).await.expect("released"));
    while store.sweep(NOW_MS + 600, 400).await.expect("swept") {}
    assert_eq!(store.get(&id("01A", 1)).await.expect("read"), None);
    assert_eq!(store.waiting(&old).await.expect("read"), None);
    assert!(store.get(&id("01B", 1)).await.expect("read").is_some());
    assert!(store.waiting(&RunId::new("01C")).await.expect("read").is_some(), "it waits");
}

async fn sweeping_goes_in_steps(stage: Stage) {
    let store = stage.open().await;
    let calls: Vec<u64> = (0..600).collect();
    stage.asked(&store, "01A", &calls).await;
    let mut steps = 1;
    while store.sweep(EXPIRES_MS, u64::MAX).await.expect("swept") {
        steps += 1;
    }
    assert!(stage.place.is_none() || steps >= 2, "{steps}");
    assert_eq!(waiting(&store, "01A").await, (WaitingState::Held, 0, 600));
}

crate::for_all_stores! {
    a_parked_run_is_ready_as_soon_as_something_was_answered,
    an_answer_that_a_run_has_not_seen_when_it_is_parked_brings_it_back,
    a_run_whose_process_ended_is_ready_when_its_lease_is_over,
    of_many_processes_that_claim_a_run_one_has_it,
    what_is_open_of_a_run_that_ends_is_void,
    what_nobody_answers_or_uses_in_time_expires_and_brings_the_run_back,
    what_is_over_is_removed_later_and_what_waits_is_not,
    sweeping_goes_in_steps,
}
