//! What the store of functions promises, in SQLite and in PostgreSQL.

mod made;

use std::sync::Arc;

use exuvia_journal::{
    FunctionAct, FunctionState, FunctionStore, MAX_FUNCTION_BYTES, NewFunction, PostgresAccessStore, ProposalBounds,
    Proposed, Retirement, SqliteAccessStore,
};
use exuvia_tool::{Principal, RunId};
use made::place::Place;

/// A process of its own, as far as the database knows.
async fn open(place: &Place) -> Arc<dyn FunctionStore> {
    match place.url() {
        Some(url) => PostgresAccessStore::open(url).await.expect("a store") as _,
        None => SqliteAccessStore::open(&place.dir().join("access.db")).expect("a store") as _,
    }
}

fn act(principal: &str, at_ms: u64) -> FunctionAct {
    FunctionAct { principal: principal.parse().expect("a principal"), at_ms, run: Some(RunId::new("01R")) }
}

fn function(name: &str, text: &str, principal: &str) -> NewFunction {
    NewFunction { name: name.into(), sha256: format!("sha of {text}"), source: text.into(), act: act(principal, 1) }
}

const BOUNDS: ProposalBounds = ProposalBounds { pending: 4, pending_per_principal: 2 };

async fn texts_go_from_proposed_to_promoted_to_retired(place: Place) {
    let (ours, theirs) = (open(&place).await, open(&place).await);
    let empty = ours.promoted(None).await.expect("read").expect("the first look");
    assert!(empty.functions.is_empty());
    assert_eq!(theirs.propose(&function("a", "1", "key:ci"), BOUNDS).await.expect("kept"), Proposed::Stored);
    let again = ours.propose(&function("a", "1", "key:other"), BOUNDS).await.expect("known");
    assert_eq!(again, Proposed::Known(FunctionState::Proposed));
    assert!(ours.promoted(Some(empty.revision)).await.expect("read").expect("a change").functions.is_empty());

    assert_eq!(ours.promote(&function("a", "1", "operator")).await.expect("promoted"), 1);
    assert_eq!(ours.promote(&function("a", "2", "operator")).await.expect("promoted"), 2);
    let now = theirs.promoted(None).await.expect("read").expect("a change");
    let [(promoted, source)] = now.functions.as_slice() else { panic!("{now:?}") };
    assert_eq!((source.as_str(), promoted.version, promoted.state), ("2", Some(2), FunctionState::Promoted));
    assert!(promoted.proposed.is_none() && promoted.promoted == Some(act("operator", 1)));
    assert_eq!(theirs.promoted(Some(now.revision)).await.expect("read"), None);

    // Back to the first text, whose version stays, as does who proposed it.
    assert_eq!(theirs.promote(&function("a", "1", "operator")).await.expect("promoted"), 1);
    let all = ours.list_functions().await.expect("read");
    let told: Vec<_> = all.iter().map(|one| (one.version, one.state)).collect();
    assert_eq!(told, [(Some(1), FunctionState::Promoted), (Some(2), FunctionState::Retired)]);
    assert_eq!(all[0].proposed, Some(act("key:ci", 1)));
    assert_eq!(ours.function_source("a", "sha of 2").await.expect("read").as_deref(), Some("2"));

    let retirement = Retirement { name: "a".into(), sha256: None, act: act("operator", 5) };
    assert_eq!(ours.retire(&retirement).await.expect("retired"), 1);
    assert_eq!(ours.retire(&retirement).await.expect("nothing left"), 0);
    assert!(theirs.promoted(None).await.expect("read").expect("a look").functions.is_empty());
    let first = ours.list_functions().await.expect("read").remove(0);
    assert_eq!((first.state, first.retired), (FunctionState::Retired, Some(act("operator", 5))));
}

async fn proposals_are_bounded_for_each_and_for_all(place: Place) {
    let store = open(&place).await;
    let propose = async |text: &str, principal: &str| {
        store.propose(&function("b", text, principal), BOUNDS).await.expect("an answer")
    };
    assert_eq!(propose("1", "key:a").await, Proposed::Stored);
    assert_eq!(propose("2", "key:a").await, Proposed::Stored);
    assert_eq!(propose("3", "key:a").await, Proposed::Full { own: true });
    assert_eq!(propose("3", "key:b").await, Proposed::Stored);
    assert_eq!(propose("4", "key:c").await, Proposed::Stored);
    assert_eq!(propose("5", "key:d").await, Proposed::Full { own: false });
    // A rejected one makes room.
    let reject = Retirement { name: "b".into(), sha256: Some("sha of 1".into()), act: act("operator", 2) };
    assert_eq!(store.retire(&reject).await.expect("rejected"), 1);
    assert_eq!(propose("5", "key:a").await, Proposed::Stored);
    assert_eq!(store.list_functions().await.expect("read").len(), 4);
    let large = "x".repeat(MAX_FUNCTION_BYTES + 1);
    assert!(store.propose(&function("c", &large, "key:z"), BOUNDS).await.is_err());
    assert!(store.promote(&function("c\0", "1", "operator")).await.is_err());
    assert_eq!(Principal::Operator, act("operator", 0).principal);
}

/// Takes the database back to the schema of keys alone.
fn without_functions(place: &Place) {
    let Some(url) = place.url() else {
        let database = rusqlite::Connection::open(place.dir().join("access.db")).expect("a database");
        let back = "DROP TABLE functions; ALTER TABLE state DROP COLUMN functions_version; PRAGMA user_version = 1";
        return database.execute_batch(back).expect("executed");
    };
    let back = "SET search_path = exuvia; DROP TABLE access_functions; ALTER TABLE access_state DROP COLUMN functions_version; \
                UPDATE access_state SET version = 1; SELECT 1";
    exuvia_test_support::postgres::query(url, back).expect("executed");
}

async fn a_store_of_keys_of_an_earlier_program_has_functions_once_it_is_opened(place: Place) {
    drop(open(&place).await);
    without_functions(&place);
    let store = open(&place).await;
    assert!(store.list_functions().await.expect("read").is_empty());
    assert_eq!(store.promote(&function("a", "1", "operator")).await.expect("promoted"), 1);
}

for_both_stores! {
    texts_go_from_proposed_to_promoted_to_retired,
    proposals_are_bounded_for_each_and_for_all,
    a_store_of_keys_of_an_earlier_program_has_functions_once_it_is_opened,
}
