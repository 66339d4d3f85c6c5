//! Answering approvals, and using them.

use std::sync::Arc;

use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalErrorKind, ApprovalState, Archive as _, Event, HeldRun,
    MAX_REASON_BYTES,
};
use exuvia_tool::{ApprovalId, CallId, Principal, RunId};

use crate::made::NOW_MS;
use crate::stage::{EXPIRES_MS, ROOM, Stage, answer, held, key, new, refused, state};

async fn an_answer_is_kept_with_who_gave_it_and_by_which_way(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let asked = stage.asked(&ours, "01R", &[1, 2]).await;
    let (yes, no) = (answer(&asked[0]), ApprovalAnswer { reason: None, by: key("boss"), ..answer(&asked[1]) });
    let approved = theirs.answer(&asked[0].id, true, &yes).await.expect("answered");
    let denied = theirs.answer(&asked[1].id, false, &no).await.expect("answered");
    assert_eq!((approved.state, approved.answer.as_ref()), (ApprovalState::Approved, Some(&yes)));
    assert_eq!((denied.state, denied.answer.as_ref()), (ApprovalState::Denied, Some(&no)));
    assert_eq!(ours.get(&asked[0].id).await.expect("read"), Some(approved));
    assert_eq!(ours.get(&asked[1].id).await.expect("read"), Some(denied));
}

async fn of_many_answers_at_once_one_wins(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    for round in 0..5 {
        let asked = stage.asked(&ours, &format!("01R{round}"), &[1]).await.remove(0);
        let answers = (0..8).map(|number| {
            let (store, asked) = (Arc::clone(if number % 2 == 0 { &ours } else { &theirs }), asked.clone());
            let by = key(&format!("boss-{number}"));
            tokio::spawn(async move {
                let own = ApprovalAnswer { by: by.clone(), ..answer(&asked) };
                (by, number < 4, store.answer(&asked.id, number < 4, &own).await)
            })
        });
        let mut won = Vec::new();
        for answered in answers.collect::<Vec<_>>() {
            let (by, allow, result) = answered.await.expect("no panic");
            match result {
                Ok(_) => won.push((by, allow)),
                Err(error) => assert!(matches!(error.kind(), ApprovalErrorKind::Answered(_)), "{error:#}"),
            }
        }
        assert_eq!(won.len(), 1, "{won:?}");
        let found = ours.get(&asked.id).await.expect("read").expect("there");
        assert_eq!(found.state == ApprovalState::Approved, won[0].1);
        assert_eq!(found.answer.expect("an answer").by, won[0].0);
    }
}

async fn an_approval_is_used_by_exactly_one(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    for round in 0..5 {
        let asked = stage.asked(&ours, &format!("01R{round}"), &[1]).await.remove(0);
        ours.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
        let takes = (0..8).map(|number| {
            let (store, id) = (Arc::clone(if number % 2 == 0 { &ours } else { &theirs }), asked.id.clone());
            tokio::spawn(async move { store.take(&id, NOW_MS + 5).await.expect("taken or not") })
        });
        let mut taken = 0;
        for one in takes.collect::<Vec<_>>() {
            taken += usize::from(one.await.expect("no panic"));
        }
        assert_eq!(taken, 1);
        let found = theirs.get(&asked.id).await.expect("read").expect("there");
        assert_eq!((found.state, found.used_ms), (ApprovalState::Used, Some(NOW_MS + 5)));
    }
}

async fn only_what_is_approved_is_used(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1, 2]).await;
    assert!(!store.take(&asked[0].id, NOW_MS).await.expect("not taken"), "pending");
    store.answer(&asked[0].id, false, &answer(&asked[0])).await.expect("answered");
    assert!(!store.take(&asked[0].id, NOW_MS).await.expect("not taken"), "denied");
    store.answer(&asked[1].id, true, &answer(&asked[1])).await.expect("answered");
    assert!(!store.take(&asked[1].id, EXPIRES_MS).await.expect("not taken"), "expired");
    assert!(store.take(&asked[1].id, EXPIRES_MS - 1).await.expect("taken"));
    assert_eq!(refused(store.take(&ApprovalId::new("x"), NOW_MS).await), ApprovalErrorKind::Unknown);
}

async fn an_answer_to_something_else_or_by_the_wrong_one_is_refused(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1, 2]).await;
    let (one, other) = (&asked[0], &asked[1]);
    let given = async |id: &ApprovalId, answer: ApprovalAnswer| refused(store.answer(id, true, &answer).await);
    // Published faults of others: an answer that comes to another call than the one that was shown.
    assert_eq!(given(&one.id, answer(other)).await, ApprovalErrorKind::OtherContent);
    let nothing = ApprovalAnswer { shown_sha256: String::new(), ..answer(one) };
    assert_eq!(given(&one.id, nothing).await, ApprovalErrorKind::OtherContent);
    // Whoever asks cannot answer.
    for channel in [ApprovalChannel::Cli, ApprovalChannel::Page, ApprovalChannel::Api, ApprovalChannel::Webhook] {
        let own = ApprovalAnswer { by: key("ci"), channel, ..answer(one) };
        assert_eq!(given(&one.id, own).await, ApprovalErrorKind::OwnCall);
    }
    assert_eq!(given(&ApprovalId::new("x"), answer(one)).await, ApprovalErrorKind::Unknown);
    let late = ApprovalAnswer { at_ms: EXPIRES_MS, ..answer(one) };
    assert_eq!(given(&one.id, late).await, ApprovalErrorKind::Answered(ApprovalState::Expired));
    let long = ApprovalAnswer { reason: Some("x".repeat(MAX_REASON_BYTES + 1)), ..answer(one) };
    assert_eq!(given(&one.id, long).await, ApprovalErrorKind::TooLarge);
    assert_eq!(state(&store, &one.id).await, ApprovalState::Pending, "nothing of this was an answer");
    // The client's own user may, where the gateway lets it.
    let by_client = ApprovalAnswer { by: key("ci"), channel: ApprovalChannel::Elicitation, ..answer(one) };
    store.answer(&one.id, true, &by_client).await.expect("answered");
    assert_eq!(given(&one.id, answer(one)).await, ApprovalErrorKind::Answered(ApprovalState::Approved));
}

async fn the_operator_answers_for_calls_of_their_own(stage: Stage) {
    let store = stage.open().await;
    stage.start("01R", &Principal::Operator).await;
    let own = HeldRun { principal: Principal::Operator, role: None, ..held("01R") };
    let asked = store.hold(&own, &[new("01R", 1)], &ROOM).await.expect("asked");
    store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
}

/// What a record must have of an answer.
fn is_recorded(event: &Event, asked: &Approval) -> bool {
    matches!(event, Event::ApprovalAnswered { approval, call, allowed: true, channel: ApprovalChannel::Cli, shown_sha256, reason }
        if *approval == asked.id && *call == Some(CallId(1)) && *shown_sha256 == asked.shown_sha256
            && *reason == answer(asked).reason)
}

async fn an_answer_is_an_entry_of_the_run(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01R", &[1]).await.remove(0);
    store.answer(&asked.id, true, &ApprovalAnswer { by: key("boss"), ..answer(&asked) }).await.expect("answered");
    assert!(store.answer(&asked.id, false, &answer(&asked)).await.is_err());
    let entries = match &stage.place {
        None => stage.memory_journal.entries(),
        Some(place) => place.archive().record("01R").await.expect("read").expect("there").entries,
    };
    let answers: Vec<_> = entries.iter().filter(|entry| entry.entry.event.kind() == "approval-answered").collect();
    assert_eq!(answers.len(), 1);
    assert!(is_recorded(&answers[0].entry.event, &asked), "{answers:?}");
    assert_eq!(answers[0].entry.principal, key("boss"));
    assert_eq!(answers[0].entry.origin.run(), Some(&RunId::new("01R")));
    // A journal in memory stamps its entries itself.
    assert!(stage.place.is_none() || answers[0].at_ms == NOW_MS + 1);
}

/// The answers of other processes are in the log, between the records of the one that writes it.
async fn the_log_verifies_with_answers_in_it(stage: Stage) {
    let store = stage.open().await;
    let journal = Arc::clone(stage.journal.as_ref().expect("a journal"));
    for round in 0..20 {
        let run = format!("01R{round:02}");
        let asked = stage.asked(&store, &run, &[1]).await.remove(0);
        let principal = key("ci");
        let writes = crate::made::append(&journal, &principal, &run, crate::made::run(3).split_off(1));
        let given = answer(&asked);
        let (answered, ()) = tokio::join!(store.answer(&asked.id, true, &given), writes);
        answered.expect("answered");
    }
    exuvia_journal::StoreJournal::close(&journal).await.expect("closed");
    let report = stage.place.as_ref().expect("a place").verify().await;
    assert!(report.is_consistent() && report.is_complete(), "{report:?}");
}

crate::for_all_stores! {
    an_answer_is_kept_with_who_gave_it_and_by_which_way,
    of_many_answers_at_once_one_wins,
    an_approval_is_used_by_exactly_one,
    only_what_is_approved_is_used,
    an_answer_to_something_else_or_by_the_wrong_one_is_refused,
    the_operator_answers_for_calls_of_their_own,
    an_answer_is_an_entry_of_the_run,
}

mod databases {
    use super::the_log_verifies_with_answers_in_it;

    crate::for_both_databases! { the_log_verifies_with_answers_in_it }
}
