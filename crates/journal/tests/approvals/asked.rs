//! Asking for approvals, and reading them.

use exuvia_journal::{
    ApprovalBounds, ApprovalErrorKind, ApprovalFilter, ApprovalState, HeldRun, MAX_LISTED, NewApproval,
};
use exuvia_tool::{ApprovalId, Principal, RunId};

use crate::made::NOW_MS;
use crate::stage::{ROOM, Stage, answer, held, held_by, id, key, lease, new, refused};

async fn what_is_asked_is_read_by_every_process_byte_for_byte(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let asked = stage.asked(&ours, "01R", &[1, 2]).await;
    let found = theirs.get(&id("01R", 1)).await.expect("read").expect("there");
    assert_eq!(found, asked[0]);
    assert_eq!((found.principal.clone(), found.role.as_deref()), (key("ci"), Some("support")));
    assert_eq!(found.arguments_bytes, new("01R", 1).arguments.len() as u64);
    assert_eq!(found.state, ApprovalState::Pending);

    let content = theirs.content(&id("01R", 2)).await.expect("read").expect("there");
    assert_eq!((content.arguments, content.script), (new("01R", 2).arguments, held("01R").script));
    assert_eq!((content.calls, content.unpredicted), (held("01R").calls, held("01R").unpredicted));

    for unknown in [ApprovalId::new("01R"), ApprovalId::new("NUL \0")] {
        assert_eq!(theirs.get(&unknown).await.expect("read"), None);
        assert_eq!(theirs.content(&unknown).await.expect("read"), None);
    }
}

async fn the_start_of_a_script_is_asked_without_a_call(stage: Stage) {
    let store = stage.open().await;
    stage.start("01R", &key("ci")).await;
    let start = NewApproval {
        call: None,
        tool: None,
        line: None,
        tool_sha256: None,
        arguments: String::new(),
        ..new("01R", 0)
    };
    let asked = store.hold(&held("01R"), &[start.clone()], &ROOM).await.expect("asked");
    assert_eq!(store.get(&asked[0].id).await.expect("read").as_ref(), asked.first());
    assert_eq!(store.content(&asked[0].id).await.expect("read").expect("there").arguments, "");
    // It is one question, not one for each time that it is asked.
    let again = NewApproval { id: id("01R", 9), ..start };
    assert_eq!(refused(store.hold(&held("01R"), &[again], &ROOM).await), ApprovalErrorKind::Conflict);
}

async fn all_of_what_is_asked_together_is_kept_or_nothing(stage: Stage) {
    let store = stage.open().await;
    stage.asked(&store, "01R", &[1]).await;
    // An approval of call 1 is open.
    let other = NewApproval { id: id("01R", 7), ..new("01R", 1) };
    let refused_all = store.hold(&held("01R"), &[new("01R", 2), other.clone()], &ROOM).await;
    assert_eq!(refused(refused_all), ApprovalErrorKind::Conflict);
    assert_eq!(store.get(&id("01R", 2)).await.expect("read"), None);
    // An id is used once.
    let twice = NewApproval { id: id("01R", 1), ..new("01R", 3) };
    assert_eq!(refused(store.hold(&held("01R"), &[twice], &ROOM).await), ApprovalErrorKind::Conflict);
    // When the first is no longer open, the same call is asked again: it may have happened.
    let asked = store.get(&id("01R", 1)).await.expect("read").expect("there");
    store.answer(&asked.id, true, &answer(&asked)).await.expect("answered");
    assert!(store.take(&asked.id, NOW_MS).await.expect("taken"));
    let again = NewApproval { may_have_happened: true, ..other };
    let again = store.hold(&held("01R"), &[again], &ROOM).await.expect("asked");
    assert!(again[0].may_have_happened);
}

async fn what_waits_is_bounded_for_each_principal_and_in_all(stage: Stage) {
    let store = stage.open().await;
    let bounds = ApprovalBounds { pending_per_principal: 3, pending: 4, runs_per_principal: 2, runs: 3 };
    for run in ["01A", "01B", "01C", "01D"] {
        stage.start(run, &key("ci")).await;
    }
    let of = |run: &str, principal: &Principal| HeldRun { principal: principal.clone(), ..held(run) };
    let ask = async |held: HeldRun, calls: &[u64]| {
        let new: Vec<_> = calls.iter().map(|call| new(held.run.as_str(), *call)).collect();
        store.hold(&held, &new, &bounds).await
    };
    assert_eq!(refused(ask(of("01A", &key("ci")), &[1, 2, 3, 4]).await), ApprovalErrorKind::Full);
    assert!(store.waiting(&RunId::new("01A")).await.expect("read").is_none(), "nothing is kept of it");
    let asked = ask(of("01A", &key("ci")), &[1, 2, 3]).await.expect("as many as there may be");
    // Of this principal there are enough, of others one more may be.
    assert_eq!(refused(ask(of("01B", &key("ci")), &[1]).await), ApprovalErrorKind::Full);
    assert_eq!(refused(ask(of("01B", &key("other")), &[1, 2]).await), ApprovalErrorKind::Full);
    ask(of("01B", &key("other")), &[1]).await.expect("the last one");
    // What is answered makes room, for approvals. Runs are counted apart.
    for approval in &asked {
        store.answer(&approval.id, false, &answer(approval)).await.expect("answered");
    }
    ask(of("01C", &key("ci")), &[1]).await.expect("room");
    assert_eq!(refused(ask(of("01D", &key("ci")), &[1]).await), ApprovalErrorKind::Full);
    assert_eq!(refused(ask(of("01D", &Principal::Operator), &[1]).await), ApprovalErrorKind::Full);
    assert!(
        store.release(&RunId::new("01A"), "process-1", &exuvia_journal::HoldEnd::Done, NOW_MS).await.expect("done")
    );
    ask(of("01D", &key("ci")), &[1]).await.expect("room");
}

async fn what_is_too_long_is_refused(stage: Stage) {
    let store = stage.open().await;
    stage.start("01R", &key("ci")).await;
    let long = NewApproval { arguments: "1".repeat(exuvia_journal::MAX_ARGUMENTS_BYTES + 1), ..new("01R", 1) };
    assert_eq!(refused(store.hold(&held("01R"), &[long], &ROOM).await), ApprovalErrorKind::TooLarge);
    let long = HeldRun { script: "x".repeat(exuvia_journal::MAX_SCRIPT_BYTES + 1), ..held("01R") };
    assert_eq!(refused(store.hold(&long, &[new("01R", 1)], &ROOM).await), ApprovalErrorKind::TooLarge);
    // A megabyte is no problem.
    let large = NewApproval { arguments: format!("\"{}\"", "é".repeat(1 << 19)), ..new("01R", 1) };
    store.hold(&held("01R"), &[large.clone()], &ROOM).await.expect("asked");
    assert_eq!(store.content(&large.id).await.expect("read").expect("there").arguments, large.arguments);
}

async fn a_run_that_another_process_has_asks_nothing_here(stage: Stage) {
    let store = stage.open().await;
    stage.asked(&store, "01R", &[1]).await;
    let other = store.hold(&held_by("01R", "process-2"), &[new("01R", 2)], &ROOM).await;
    assert_eq!(refused(other), ApprovalErrorKind::Conflict);
    assert!(!store.claim(&RunId::new("01R"), &lease("process-2", NOW_MS + 300), NOW_MS + 99).await.expect("asked"));
    assert!(store.claim(&RunId::new("01R"), &lease("process-2", NOW_MS + 300), NOW_MS + 100).await.expect("asked"));
    store.hold(&held_by("01R", "process-2"), &[new("01R", 2)], &ROOM).await.expect("asked");
}

async fn lists_are_filtered_by_everything_that_a_filter_names(stage: Stage) {
    let store = stage.open().await;
    let asked = stage.asked(&store, "01A", &[1, 2]).await;
    stage.start("01B", &key("other")).await;
    store.hold(&HeldRun { principal: key("other"), ..held("01B") }, &[new("01B", 1)], &ROOM).await.expect("asked");
    store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
    let ids = async |filter: ApprovalFilter| {
        let list = store.list(&filter).await.expect("listed");
        list.into_iter().map(|approval| approval.id.to_string()).collect::<Vec<_>>()
    };
    let all = ApprovalFilter::default();
    assert_eq!(ids(all.clone()).await, ["01B-0001", "01A-0002", "01A-0001"]);
    assert_eq!(ids(ApprovalFilter { limit: 2, ..all.clone() }).await, ["01B-0001", "01A-0002"]);
    assert_eq!(ids(ApprovalFilter { before: Some(id("01A", 2)), ..all.clone() }).await, ["01A-0001"]);
    assert_eq!(ids(ApprovalFilter { state: Some(ApprovalState::Approved), ..all.clone() }).await, ["01A-0001"]);
    assert_eq!(ids(ApprovalFilter { principal: Some(key("other")), ..all.clone() }).await, ["01B-0001"]);
    assert_eq!(ids(ApprovalFilter { run: Some(RunId::new("01A")), ..all.clone() }).await, ["01A-0002", "01A-0001"]);
    assert_eq!(ids(ApprovalFilter { run: Some(RunId::new("NUL \0")), ..all }).await, [""; 0]);
}

async fn changes_are_told_once_and_in_order_also_when_there_are_many(stage: Stage) {
    let (ours, theirs) = (stage.open().await, stage.open().await);
    let first = ours.changes(0).await.expect("read");
    assert!(first.is_whole && first.approvals.is_empty());
    let calls: Vec<u64> = (0..MAX_LISTED as u64).collect();
    stage.asked(&ours, "01A", &calls).await;
    stage.asked(&ours, "01B", &[1, 2]).await;
    let page = theirs.changes(first.version).await.expect("read");
    assert_eq!((page.approvals.len(), page.is_whole), (MAX_LISTED, false));
    let rest = theirs.changes(page.version).await.expect("read");
    assert_eq!((rest.approvals.len(), rest.is_whole), (2, true));
    assert!(theirs.changes(rest.version).await.expect("read").approvals.is_empty());
    // One that changes is told again, as the last one.
    theirs.answer(&page.approvals[5].id, true, &answer(&page.approvals[5])).await.expect("answered");
    let changed = ours.changes(rest.version).await.expect("read");
    assert_eq!(changed.approvals.len(), 1);
    assert_eq!(
        (&changed.approvals[0].id, changed.approvals[0].state),
        (&page.approvals[5].id, ApprovalState::Approved)
    );
    // What nobody has written yet: the version tells.
    assert_eq!(ours.changes(changed.version + 5).await.expect("read").version, changed.version);
}

async fn whoever_watches_is_notified_of_changes_of_the_same_process(stage: Stage) {
    let store = stage.open().await;
    let mut watched = store.watch();
    watched.mark_unchanged();
    let asked = stage.asked(&store, "01R", &[1]).await;
    assert!(watched.has_changed().expect("open"));
    watched.mark_unchanged();
    store.get(&asked[0].id).await.expect("read");
    assert!(!watched.has_changed().expect("open"), "reading changes nothing");
    store.answer(&asked[0].id, true, &answer(&asked[0])).await.expect("answered");
    assert!(watched.has_changed().expect("open"));
}

crate::for_all_stores! {
    what_is_asked_is_read_by_every_process_byte_for_byte,
    the_start_of_a_script_is_asked_without_a_call,
    all_of_what_is_asked_together_is_kept_or_nothing,
    what_waits_is_bounded_for_each_principal_and_in_all,
    what_is_too_long_is_refused,
    a_run_that_another_process_has_asks_nothing_here,
    lists_are_filtered_by_everything_that_a_filter_names,
    changes_are_told_once_and_in_order_also_when_there_are_many,
    whoever_watches_is_notified_of_changes_of_the_same_process,
}
