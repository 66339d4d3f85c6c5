//! What the store of keys and budgets promises, in SQLite and in PostgreSQL.

mod made;

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_journal::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, BudgetOverride, CounterAmount, CounterTake, CounterWindow,
    Ended, MAX_COUNTERS, MAX_NAMES, PostgresAccessStore, PreviousSecret, SqliteAccessStore, StoredKey, Taken,
};
use made::place::Place;

async fn try_open(place: &Place) -> Result<Arc<dyn AccessStore>, AccessStoreError> {
    Ok(match place.url() {
        Some(url) => PostgresAccessStore::open(url).await? as _,
        None => SqliteAccessStore::open(&place.dir().join("access.db"))? as _,
    })
}

/// A process of its own, as far as the database knows.
async fn open(place: &Place) -> Arc<dyn AccessStore> {
    try_open(place).await.expect("a store")
}

/// Executes statements in the database. Returns the first column of the last row.
fn sql(place: &Place, statements: &str) -> Option<String> {
    let Some(url) = place.url() else {
        let database = rusqlite::Connection::open(place.dir().join("access.db")).expect("a database");
        if !statements.starts_with("SELECT") {
            database.execute_batch(statements).expect("executed");
            return None;
        }
        return Some(database.query_row(statements, [], |row| row.get::<_, i64>(0)).expect("a row").to_string());
    };
    exuvia_test_support::postgres::query(url, &format!("SET search_path = exuvia; {statements}")).expect("executed")
}

/// The name of a table.
fn table(place: &Place, name: &str) -> String {
    if place.url().is_some() { format!("access_{name}") } else { name.to_owned() }
}

fn key(name: &str) -> StoredKey {
    StoredKey {
        name: name.into(),
        revision: 0,
        role: "support".into(),
        hash: [7; 32],
        previous: Some(PreviousSecret { hash: [8; 32], until_ms: 20 }),
        created_ms: 10,
        rotated_ms: 11,
        expires_ms: Some(30),
        revoked_ms: None,
        labels: [("team".to_owned(), "billing \u{1f980}".to_owned())].into(),
        overrides: vec![BudgetOverride {
            budget: "day".into(),
            percent: 200,
            amounts: [("runs".to_owned(), u64::MAX)].into(),
            until_ms: 40,
        }],
    }
}

fn take(counter: &str, amount: u64, limit: u64) -> CounterTake {
    in_window(counter, 0, amount, limit)
}

fn in_window(counter: &str, window_start_ms: u64, amount: u64, limit: u64) -> CounterTake {
    CounterTake { counter: counter.into(), window_start_ms, window_end_ms: window_start_ms + 100, amount, limit }
}

fn back(counter: &str, amount: u64) -> CounterAmount {
    CounterAmount { counter: counter.into(), window_start_ms: 0, amount }
}

async fn read(store: &Arc<dyn AccessStore>, counters: &[&str]) -> Vec<u64> {
    let window = |counter: &&str| CounterWindow { counter: (*counter).into(), window_start_ms: 0 };
    store.read(&counters.iter().map(window).collect::<Vec<_>>()).await.expect("read")
}

async fn a_key_is_read_as_it_was_written_by_every_process(place: Place) {
    let (ours, theirs) = (open(&place).await, open(&place).await);
    assert_eq!(ours.key("ci").await.expect("read"), None);
    let revision = ours.put_key(&key("ci")).await.expect("written");
    let written = StoredKey { revision, ..key("ci") };
    assert_eq!(theirs.key("ci").await.expect("read").as_ref(), Some(&written));
    let all = theirs.keys_since(0).await.expect("read");
    assert_eq!((all.version, all.keys), (revision, vec![written]));
    assert_eq!(theirs.key("NUL \0").await.expect("read"), None);
}

async fn changes_are_told_once_and_in_order(place: Place) {
    let (ours, theirs) = (open(&place).await, open(&place).await);
    assert_eq!(ours.keys_since(0).await.expect("read").version, 0);
    let first = ours.put_key(&key("a")).await.expect("written");
    let second = ours.put_key(&key("b")).await.expect("written");
    let names = async |after| {
        let changes = theirs.keys_since(after).await.expect("read");
        (changes.version, changes.keys.into_iter().map(|key| key.name).collect::<Vec<_>>())
    };
    assert_eq!(names(0).await, (second, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(names(first).await, (second, vec!["b".to_owned()]));
    assert_eq!(names(second).await, (second, vec![]));
    let third = theirs.put_key(&StoredKey { revision: first, ..key("a") }).await.expect("replaced");
    assert_eq!(names(second).await, (third, vec!["a".to_owned()]));
    assert_eq!(names(0).await, (third, vec!["b".to_owned(), "a".to_owned()]));
    // What nobody has written yet: the version tells.
    assert_eq!(names(third + 5).await, (third, vec![]));
}

async fn of_two_changes_of_one_key_the_second_is_refused(place: Place) {
    let (ours, theirs) = (open(&place).await, open(&place).await);
    let conflict = async |store: &Arc<dyn AccessStore>, key: StoredKey| {
        let error = store.put_key(&key).await.expect_err("refused");
        assert_eq!(error.kind(), AccessStoreErrorKind::Conflict);
    };
    let first = ours.put_key(&key("ci")).await.expect("written");
    conflict(&theirs, key("ci")).await;
    let revoked = StoredKey { revision: first, revoked_ms: Some(15), ..key("ci") };
    let second = ours.put_key(&revoked).await.expect("revoked");
    conflict(&theirs, StoredKey { revision: first, ..key("ci") }).await;
    conflict(&theirs, StoredKey { revision: first, ..key("none") }).await;
    let found = theirs.key("ci").await.expect("read").expect("there");
    assert_eq!((found.revision, found.revoked_ms), (second, Some(15)));
    // What was refused has changed nothing.
    assert_eq!(theirs.keys_since(0).await.expect("read").version, second);
}

async fn keys_that_are_written_at_the_same_time_have_versions_of_their_own(place: Place) {
    let stores = [open(&place).await, open(&place).await];
    let write = |number: usize| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move { store.put_key(&key(&number.to_string())).await.expect("written") })
    };
    let mut versions = Vec::new();
    for written in (0..20).map(write).collect::<Vec<_>>() {
        versions.push(written.await.expect("no panic"));
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
}

async fn all_is_taken_or_nothing(place: Place) {
    let store = open(&place).await;
    let taken = |takes: Vec<CounterTake>| {
        let store = Arc::clone(&store);
        async move { store.take(&takes).await.expect("an answer") }
    };
    assert_eq!(taken(vec![]).await, Taken::All(vec![]));
    assert_eq!(taken(vec![take("b", 3, 10), take("a", 1, 10)]).await, Taken::All(vec![3, 1]));
    assert_eq!(taken(vec![take("a", 9, 10), take("b", 8, 10)]).await, Taken::Crossed { index: 1, left: 7 });
    assert_eq!(read(&store, &["a", "b", "c"]).await, [1, 3, 0]);
    // Up to the limit, and not beyond it; a counter that is not there yet too.
    assert_eq!(taken(vec![take("b", 7, 10), take("a", 9, 10)]).await, Taken::All(vec![10, 10]));
    assert_eq!(taken(vec![take("b", 1, 10)]).await, Taken::Crossed { index: 0, left: 0 });
    assert_eq!(taken(vec![take("c", 11, 10), take("d", 1, 1)]).await, Taken::Crossed { index: 0, left: 10 });
    assert_eq!(read(&store, &["c", "d"]).await, [0, 0]);
    // A limit that was lowered is crossed already; one that was raised gives room.
    assert_eq!(taken(vec![take("b", 1, 5)]).await, Taken::Crossed { index: 0, left: 0 });
    assert_eq!(taken(vec![take("b", 1, 11)]).await, Taken::All(vec![11]));
    // What is only counted, and nothing at all.
    assert_eq!(taken(vec![take("b", 1_000, u64::MAX), take("b", 0, u64::MAX)]).await, Taken::All(vec![1_011, 1_011]));
    // Twice of one counter is one take of both.
    assert_eq!(taken(vec![take("e", 3, 5), take("e", 3, 5)]).await, Taken::Crossed { index: 0, left: 5 });
    assert_eq!(taken(vec![take("e", 3, 5), take("e", 2, 5)]).await, Taken::All(vec![5, 5]));
}

async fn what_is_given_back_can_be_taken_again(place: Place) {
    let store = open(&place).await;
    let taken = store.take(&[take("a", 10, 10), take("b", 4, 10)]).await.expect("an answer");
    assert_eq!(taken, Taken::All(vec![10, 4]));
    store.give_back(&[back("b", 5), back("a", 3), back("none", 1)]).await.expect("given back");
    assert_eq!(read(&store, &["a", "b", "none"]).await, [7, 0, 0]);
    assert_eq!(store.take(&[take("a", 3, 10)]).await.expect("an answer"), Taken::All(vec![10]));
    store.give_back(&[back("a", 1), back("a", 2)]).await.expect("given back");
    assert_eq!(read(&store, &["a"]).await, [7]);
}

async fn windows_are_counted_apart(place: Place) {
    let store = open(&place).await;
    for start in [0, 100, 200] {
        let taken = store.take(&[in_window("a", start, 10, 10)]).await.expect("an answer");
        assert_eq!(taken, Taken::All(vec![10]));
    }
    let crossed = store.take(&[in_window("a", 100, 1, 10)]).await.expect("an answer");
    assert_eq!(crossed, Taken::Crossed { index: 0, left: 0 });
}

async fn numbers_beyond_the_range_of_a_database_are_counted_up_to_its_end(place: Place) {
    let store = open(&place).await;
    let most = i64::MAX.cast_unsigned();
    let taken = store.take(&[take("a", u64::MAX, u64::MAX)]).await.expect("an answer");
    assert_eq!(taken, Taken::All(vec![most]));
    let crossed = store.take(&[take("a", 1, u64::MAX)]).await.expect("an answer");
    assert_eq!(crossed, Taken::Crossed { index: 0, left: 0 });
    let crossed = store.take(&[take("b", u64::MAX, 5)]).await.expect("an answer");
    assert_eq!(crossed, Taken::Crossed { index: 0, left: 5 });
    store.give_back(&[back("a", u64::MAX)]).await.expect("given back");
    assert_eq!(read(&store, &["a"]).await, [0]);
}

async fn what_cannot_be_counted_is_refused(place: Place) {
    let store = open(&place).await;
    let many: Vec<_> = (0..=MAX_COUNTERS).map(|number| take(&number.to_string(), 1, 1)).collect();
    for takes in [&many[..], &[take(&"x".repeat(513), 1, 1)], &[take("NUL \0", 1, 1)]] {
        let error = store.take(takes).await.expect_err("refused");
        assert_eq!(error.kind(), AccessStoreErrorKind::Malformed);
    }
    assert!(matches!(store.take(&many[1..]).await.expect("an answer"), Taken::All(_)));
}

/// Two replicas under load, of which each would use up the limits alone.
async fn together_processes_take_no_more_than_the_limit(place: Place) {
    const LIMIT: u64 = 300;
    let begun = Instant::now();
    let stores = [open(&place).await, open(&place).await];
    let tasks = (0..8_u64).map(|task| {
        let store = Arc::clone(&stores[usize::try_from(task % 2).expect("small")]);
        tokio::spawn(async move {
            let mut sums = [0, 0];
            for number in 0..100 {
                // In both orders, and with counters that nobody has taken from before.
                let own = format!("own-{task}-{number}");
                let mut takes = vec![take("a", 1, LIMIT), take("b", 2, LIMIT), take(&own, 1, 1)];
                takes.rotate_left(usize::try_from(task % 3).expect("small"));
                let is_taken = matches!(store.take(&takes).await.expect("an answer"), Taken::All(_));
                // A third is not used.
                let amounts = if number % 3 == 0 { [back("b", 2), back("a", 1)] } else { [back("a", 0), back("b", 0)] };
                if is_taken {
                    store.give_back(&amounts).await.expect("given back");
                    let used = u64::from(number % 3 != 0);
                    sums = [sums[0] + used, sums[1] + 2 * used];
                }
            }
            sums
        })
    });
    let (mut a, mut b) = (0, 0);
    for task in tasks.collect::<Vec<_>>() {
        let [used_a, used_b] = task.await.expect("no panic");
        (a, b) = (a + used_a, b + used_b);
    }
    assert_eq!(read(&stores[0], &["a", "b"]).await, [a, b]);
    // The limit is reached, but for what others held at the end.
    assert!((LIMIT - 14..=LIMIT).contains(&b) && a <= LIMIT, "{a} and {b} of {LIMIT}");
    let per_take = begun.elapsed() / 1_600;
    assert!(per_take < Duration::from_millis(20), "{per_take:?} for each change");
}

async fn counters_are_found_by_how_their_names_begin(place: Place) {
    let store = open(&place).await;
    let take = |counter: &str, window_start_ms, amount| CounterTake {
        counter: counter.to_owned(),
        window_start_ms,
        window_end_ms: 100,
        amount,
        limit: u64::MAX,
    };
    let all = ["b/day/user:a", "b/day/user:\u{e9}/x", "b/day/key:a", "b/day/user;", "b/day/use", "a/day/user:a"];
    let takes: Vec<CounterTake> = all.iter().map(|name| take(name, 10, 1)).collect();
    assert!(matches!(store.take(&takes).await, Ok(Taken::All(_))));
    // In another window, and given back.
    assert!(matches!(
        store.take(&[take("b/day/user:other", 20, 1), take("b/day/user:back", 10, 1)]).await,
        Ok(Taken::All(_))
    ));
    let back = CounterAmount { counter: "b/day/user:back".to_owned(), window_start_ms: 10, amount: 1 };
    store.give_back(&[back]).await.expect("given back");
    let names = async |window, after| store.names("b/day/user:", window, after).await.expect("names");
    assert_eq!(names(10, "").await, ["b/day/user:a", "b/day/user:\u{e9}/x"]);
    assert_eq!(names(10, "b/day/user:a").await, ["b/day/user:\u{e9}/x"]);
    assert_eq!(names(20, "").await, ["b/day/user:other"]);
    assert_eq!(names(30, "").await, Vec::<String>::new());
    let error = store.names("", 10, "").await.expect_err("refused");
    assert_eq!(error.kind(), AccessStoreErrorKind::Malformed);
}

async fn names_come_in_pages(place: Place) {
    let store = open(&place).await;
    let name = |number: usize| format!("b/user:{number:05}");
    for part in (0..MAX_NAMES + 5).collect::<Vec<_>>().chunks(MAX_COUNTERS) {
        let take = |number: &usize| CounterTake {
            counter: name(*number),
            window_start_ms: 1,
            window_end_ms: 2,
            amount: 1,
            limit: 1,
        };
        assert!(matches!(store.take(&part.iter().map(take).collect::<Vec<_>>()).await, Ok(Taken::All(_))));
    }
    let first = store.names("b/user:", 1, "").await.expect("names");
    assert_eq!((first.len(), first.last()), (MAX_NAMES, Some(&name(MAX_NAMES - 1))));
    let rest = store.names("b/user:", 1, &name(MAX_NAMES - 1)).await.expect("names");
    assert_eq!((rest.len(), rest.first()), (5, Some(&name(MAX_NAMES))));
}

async fn what_is_over_is_pruned_and_nothing_else(place: Place) {
    let store = open(&place).await;
    for start in 0..5 {
        let _ = store.take(&[in_window("a", start * 100, 1, 1)]).await.expect("an answer");
    }
    store.put_key(&key("expired")).await.expect("written");
    store.put_key(&StoredKey { revoked_ms: Some(15), expires_ms: None, ..key("revoked") }).await.expect("written");
    store.put_key(&StoredKey { expires_ms: None, ..key("lives") }).await.expect("written");
    let version = store.keys_since(0).await.expect("read").version;
    let ended = Ended { windows_before_ms: 300, keys_before_ms: 30 };
    assert!(!store.prune(ended).await.expect("pruned"));
    let names = async || {
        let keys = store.keys_since(0).await.expect("read").keys;
        keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["expired", "lives"]);
    let left = sql(&place, &format!("SELECT count(*) FROM {}", table(&place, "counters")));
    assert_eq!(left.as_deref(), Some("3"));
    store.prune(Ended { windows_before_ms: u64::MAX, keys_before_ms: u64::MAX }).await.expect("pruned");
    assert_eq!(names().await, ["lives"]);
    assert_eq!(read(&store, &["a"]).await, [0]);
    // Their versions are not given again, and a name is free again.
    assert_eq!(store.put_key(&key("revoked")).await.expect("written"), version + 1);
}

async fn pruning_goes_in_steps(place: Place) {
    let store = open(&place).await;
    for number in 0..20 {
        let takes: Vec<_> = (0..64).map(|counter| take(&format!("{number}-{counter}"), 1, 1)).collect();
        let _ = store.take(&takes).await.expect("an answer");
    }
    let ended = Ended { windows_before_ms: 101, keys_before_ms: 0 };
    assert!(store.prune(ended).await.expect("pruned"));
    assert!(!store.prune(ended).await.expect("pruned"));
}

async fn a_newer_schema_is_refused_also_by_who_has_it_open(place: Place) {
    let store = open(&place).await;
    store.put_key(&key("ci")).await.expect("written");
    sql(
        &place,
        if place.url().is_some() { "UPDATE access_state SET version = 99" } else { "PRAGMA user_version = 99" },
    );
    let newer = |error: AccessStoreError| {
        assert_eq!(error.kind(), AccessStoreErrorKind::Newer);
        assert!(format!("{error:#}").contains("schema 99"), "{error:#}");
    };
    newer(try_open(&place).await.err().expect("refused"));
    newer(store.keys_since(0).await.expect_err("refused"));
    newer(store.put_key(&key("cd")).await.expect_err("refused"));
    newer(store.take(&[take("a", 1, 1)]).await.expect_err("refused"));
    newer(store.give_back(&[back("a", 1)]).await.expect_err("refused"));
    newer(store.read(&[CounterWindow { counter: "a".into(), window_start_ms: 0 }]).await.expect_err("refused"));
}

async fn a_key_of_a_newer_program_is_refused(place: Place) {
    let store = open(&place).await;
    store.put_key(&key("ci")).await.expect("written");
    sql(&place, &format!("UPDATE {} SET json = replace(json, '\"v\":1', '\"v\":2')", table(&place, "keys")));
    assert_eq!(store.keys_since(0).await.expect_err("refused").kind(), AccessStoreErrorKind::Newer);
}

async fn another_database_is_none_of_keys(place: Place) {
    sql(
        &place,
        match place.url() {
            Some(_) => "CREATE SCHEMA exuvia; CREATE TABLE exuvia.other (x int)",
            None => "CREATE TABLE other (x); PRAGMA application_id = 7",
        },
    );
    let error = try_open(&place).await.err().expect("refused");
    assert_eq!(error.kind(), AccessStoreErrorKind::Malformed);
    assert!(format!("{error:#}").contains("none of Exuvia's"), "{error:#}");
}

async fn several_processes_may_be_the_first(place: Place) {
    let opened: Vec<_> = (0..6)
        .map(|_| match place.url().map(str::to_owned) {
            Some(url) => tokio::spawn(async move { PostgresAccessStore::open(&url).await.map(drop) }),
            None => {
                let file = place.dir().join("deeper/access.db");
                tokio::task::spawn_blocking(move || SqliteAccessStore::open(&file).map(drop))
            }
        })
        .collect();
    for one in opened {
        one.await.expect("no panic").expect("opened");
    }
}

/// Either may be there first.
async fn the_journal_and_the_store_share_a_place(place: Place) {
    let store = open(&place).await;
    store.put_key(&key("ci")).await.expect("written");
    place.fill(1).await;
    let store = open(&place).await;
    assert!(store.key("ci").await.expect("read").is_some());
    assert!(place.verify().await.is_consistent());
}

for_both_stores! {
    a_key_is_read_as_it_was_written_by_every_process,
    changes_are_told_once_and_in_order,
    of_two_changes_of_one_key_the_second_is_refused,
    keys_that_are_written_at_the_same_time_have_versions_of_their_own,
    all_is_taken_or_nothing,
    what_is_given_back_can_be_taken_again,
    windows_are_counted_apart,
    numbers_beyond_the_range_of_a_database_are_counted_up_to_its_end,
    what_cannot_be_counted_is_refused,
    together_processes_take_no_more_than_the_limit,
    counters_are_found_by_how_their_names_begin,
    names_come_in_pages,
    what_is_over_is_pruned_and_nothing_else,
    pruning_goes_in_steps,
    a_newer_schema_is_refused_also_by_who_has_it_open,
    a_key_of_a_newer_program_is_refused,
    another_database_is_none_of_keys,
    several_processes_may_be_the_first,
    the_journal_and_the_store_share_a_place,
}
