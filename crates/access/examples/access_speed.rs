//! What keys and counters cost on this machine: `cargo run --release --example access_speed -- [URL]`.
//! The default is SQLite in a temporary folder. A URL of PostgreSQL is that of an empty database, which `just postgres` makes.
//!
//! What is printed: memory of a key and the time to find one among 1, 1,000 and 100,000; how long wrong keys take, by how much of a right one they have;
//! the time to count a failed login; the time to take from three counters, by one client and by eight.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints measurements")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_access::{FailedLogins, IssuedKeys, Secret, secret_hash};
use exuvia_journal::{AccessStore, CounterTake, PostgresAccessStore, SqliteAccessStore, StoredKey};

fn key(number: u64) -> StoredKey {
    StoredKey {
        name: format!("key-{number}"),
        revision: 0,
        role: format!("role-{}", number % 10),
        hash: secret_hash(&number.to_string()),
        previous: None,
        created_ms: 1,
        rotated_ms: 1,
        expires_ms: Some(u64::MAX),
        revoked_ms: None,
        labels: [("team".to_owned(), format!("team-{}", number % 100))].into(),
        overrides: Vec::new(),
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
}

fn each(times: u32, mut work: impl FnMut(u32)) -> Duration {
    let begun = Instant::now();
    (0..times).for_each(&mut work);
    begun.elapsed() / times
}

async fn keys(count: u64) {
    let store = SqliteAccessStore::in_memory().unwrap();
    for number in 0..count {
        store.put_key(&key(number)).await.unwrap();
    }
    let before = resident_bytes();
    let begun = Instant::now();
    let keys = IssuedKeys::open(store, Arc::new(|| 2)).await.unwrap();
    let opened = begun.elapsed();
    let grown = resident_bytes().saturating_sub(before);
    let hashes: Vec<_> = (0..1_000).map(|number| secret_hash(&(number * 7_919 % count).to_string())).collect();
    let found = each(1_000_000, |turn| drop(keys.find(&hashes[turn as usize % hashes.len()]).unwrap()));
    let name = format!("key-{}", 7_919 % count);
    let stands = each(1_000_000, |_| drop(keys.standing(&name, &hashes[1 % hashes.len()]).unwrap()));
    let per_key = grown / count;
    println!("{count:>7} keys: opened in {opened:.1?}, {per_key} bytes a key, find {found:?}, standing {stands:?}");
}

/// Wrong keys that begin like a right one, and what their hashes have in common with its hash: in turns, so that all meet the same noise.
async fn wrong_keys() {
    const ROUNDS: usize = 20_000;
    let right = Secret::generate().unwrap();
    let store = SqliteAccessStore::in_memory().unwrap();
    store.put_key(&StoredKey { hash: right.hash(), ..key(1) }).await.unwrap();
    let keys = IssuedKeys::open(store, Arc::new(|| 2)).await.unwrap();
    let other = |same: usize| {
        let (kept, rest) = right.expose().split_at(same);
        let rest = rest.chars().map(|c| if c == 'a' { 'b' } else { 'a' });
        kept.chars().chain(rest).collect::<String>()
    };
    let secrets: Vec<(String, String)> =
        [0, 4, 25, 46, 52].map(|same| (format!("{same} of 53 characters"), other(same))).into();
    let mut times = vec![Vec::with_capacity(ROUNDS); secrets.len()];
    for _ in 0..ROUNDS {
        for ((_, secret), times) in secrets.iter().zip(&mut times) {
            let begun = Instant::now();
            assert!(keys.find(&secret_hash(std::hint::black_box(secret))).is_err());
            times.push(begun.elapsed());
        }
    }
    for ((same, _), mut times) in secrets.into_iter().zip(times) {
        times.sort_unstable();
        println!("a wrong key that has the first {same} of a right one: median {:?}", times[ROUNDS / 2]);
    }
}

fn takes(client: usize) -> Vec<CounterTake> {
    let take =
        |counter: String| CounterTake { counter, window_start_ms: 0, window_end_ms: 1, amount: 1, limit: u64::MAX };
    vec![take(format!("key-{client}/runs")), take(format!("key-{client}/fuel")), take("all/cost".to_owned())]
}

async fn counters(store: Arc<dyn AccessStore>) {
    const TAKES: u32 = 2_000;
    let one = takes(0);
    let _ = store.take(&one).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..TAKES {
        let begun = Instant::now();
        let _ = store.take(&one).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    println!("take from three counters: median {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    let begun = Instant::now();
    let clients = (0..8).map(|client| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..TAKES {
                let _ = store.take(&takes(client)).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    println!(
        "by eight clients, one counter in common: {:.0} a second",
        f64::from(8 * TAKES) / begun.elapsed().as_secs_f64()
    );
}

#[tokio::main]
async fn main() {
    for count in [1, 1_000, 100_000] {
        keys(count).await;
    }
    wrong_keys().await;
    let logins = FailedLogins::new();
    let failed = each(1_000_000, |turn| {
        let _ = logins.failed(IpAddr::V4(turn.into()));
    });
    println!("a failed login: {failed:?}");
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn AccessStore> = match std::env::args().nth(1) {
        Some(url) => PostgresAccessStore::open(&url).await.unwrap(),
        None => SqliteAccessStore::open(&dir.path().join("access.db")).unwrap(),
    };
    counters(store).await;
}
