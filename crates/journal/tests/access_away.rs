//! A store of keys and budgets whose database goes away.

mod made;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_journal::{
    AccessStore, AccessStoreErrorKind, CounterTake, CounterWindow, PostgresAccessStore, SqliteAccessStore, StoredKey,
    Taken,
};
use exuvia_test_support::postgres::Server;
use made::place::Place;

fn key(name: &str) -> StoredKey {
    StoredKey {
        name: name.into(),
        revision: 0,
        role: "r".into(),
        hash: [7; 32],
        previous: None,
        created_ms: 1,
        rotated_ms: 1,
        expires_ms: None,
        revoked_ms: None,
        labels: [].into(),
        overrides: vec![],
    }
}

fn take() -> [CounterTake; 1] {
    [CounterTake { counter: "a".into(), window_start_ms: 0, window_end_ms: 1, amount: 1, limit: u64::MAX }]
}

async fn value(store: &dyn AccessStore) -> u64 {
    let window = CounterWindow { counter: "a".into(), window_start_ms: 0 };
    store.read(&[window]).await.expect("read")[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_ends_under_load_and_comes_back_has_all_that_was_confirmed() {
    let Some(server) = Server::own() else { return };
    let place = Place::at(&server);
    let store = PostgresAccessStore::open(place.url().expect("a URL")).await.expect("a store");
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, over) = (Arc::clone(&store), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut confirmed, mut unknown) = (0, 0);
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    match store.take(&take()).await {
                        Ok(taken) => confirmed += u64::from(matches!(taken, Taken::All(_))),
                        Err(error) => {
                            assert_eq!(error.kind(), AccessStoreErrorKind::Unavailable, "{error:#}");
                            unknown += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
                (confirmed, unknown)
            })
        })
        .collect();
    let revision = store.put_key(&key("ci")).await.expect("written");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        // In order: what a crash of the server may lose is the last second.
        server.kill("-INT");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        assert!(store.keys_since(0).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        server.back();
        let begun = Instant::now();
        while store.keys_since(0).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(3), "keys are not read again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let (mut confirmed, mut unknown) = (0, 0);
    for task in tasks {
        let (one_confirmed, one_unknown) = task.await.expect("no panic");
        (confirmed, unknown) = (confirmed + one_confirmed, unknown + one_unknown);
    }
    let counted = value(&*store).await;
    assert!(
        (confirmed..=confirmed + unknown).contains(&counted),
        "{counted} counted, {confirmed} confirmed, {unknown} unknown"
    );
    assert!(confirmed > 100, "{confirmed} takes were confirmed");
    assert_eq!(store.key("ci").await.expect("read").expect("kept").revision, revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_up_nobody_for_longer_than_ten_seconds() {
    let Some(server) = Server::own() else { return };
    let place = Place::at(&server);
    let store = PostgresAccessStore::open(place.url().expect("a URL")).await.expect("a store");
    assert!(matches!(store.take(&take()).await.expect("an answer"), Taken::All(_)));
    server.signal_all("-STOP");
    let begun = Instant::now();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.take(&take()).await.expect_err("no answer").kind() })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.expect("no panic"), AccessStoreErrorKind::Unavailable);
    }
    server.signal_all("-CONT");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let begun = Instant::now();
    while store.take(&take()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing is taken again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_in_a_transaction_holds_up_others_for_a_bounded_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("access.db");
    let store = SqliteAccessStore::open(&file).expect("a store");
    let other = rusqlite::Connection::open(&file).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let begun = Instant::now();
    // Keys are read meanwhile.
    assert_eq!(store.keys_since(0).await.expect("read").version, 0);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(store.take(&take()).await.expect_err("locked").kind(), AccessStoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    other.execute_batch("ROLLBACK").expect("free");
    assert_eq!(store.take(&take()).await.expect("an answer"), Taken::All(vec![1]));
}

#[tokio::test]
async fn a_file_that_is_put_in_its_place_is_read_and_a_missing_one_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, aside) = (dir.path().join("access.db"), dir.path().join("aside"));
    let store = SqliteAccessStore::open(&file).expect("a store");
    store.put_key(&key("ci")).await.expect("written");
    std::fs::create_dir(&aside).expect("a folder");
    for entry in std::fs::read_dir(dir.path()).expect("a folder").flatten().filter(|entry| entry.path().is_file()) {
        std::fs::rename(entry.path(), aside.join(entry.file_name())).expect("moved");
    }
    assert_eq!(store.keys_since(0).await.expect_err("missing").kind(), AccessStoreErrorKind::Unavailable);
    assert!(!file.exists(), "an empty store was made in place of the missing one");
    let other = SqliteAccessStore::open(&file).expect("a store");
    assert_eq!(store.keys_since(0).await.expect("read").keys, []);
    other.put_key(&key("cd")).await.expect("written");
    assert_eq!(store.keys_since(0).await.expect("read").keys[0].name, "cd");
}

#[test]
fn only_its_owner_reads_the_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("deeper/data");
    let _store = SqliteAccessStore::open(&folder.join("access.db")).expect("a store");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
    }
}

#[tokio::test]
async fn what_is_in_memory_is_a_store_like_others() {
    let store = SqliteAccessStore::in_memory().expect("a store");
    assert_eq!(store.put_key(&key("ci")).await.expect("written"), 1);
    assert!(store.put_key(&key("ci")).await.is_err());
    assert_eq!(store.take(&take()).await.expect("an answer"), Taken::All(vec![1]));
    assert_eq!((store.keys_since(0).await.expect("read").keys.len(), value(&*store).await), (1, 1));
}
