//! Following the store.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use exuvia_journal::{AccessStore, AccessStoreError, Ended};

use super::Shared;
use super::table::Table;

/// How long the count of a window is kept after its end: runs that began in it may give back what they did not use.
const WINDOWS_KEPT_MS: u64 = 60 * 60 * 1_000;
/// How long a key is kept after it was revoked or expired. Until then no other key can have its name, under which records and kept runs are found.
const KEYS_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1_000;
/// How many steps of pruning are made at once.
const PRUNED_STEPS: usize = 100;

/// Asks the store for changes regularly, for as long as it is polled.
pub(super) async fn follow(shared: Arc<Shared>, store: Arc<dyn AccessStore>) {
    let (mut read_anew, mut failing) = (Instant::now(), None);
    loop {
        tokio::time::sleep(shared.timing.period).await;
        let is_all = read_anew.elapsed() >= shared.timing.read_anew;
        match refresh(&shared, &*store, is_all).await {
            Ok(()) => {
                if failing.take().is_some() {
                    tracing::info!("the store of keys answers again");
                }
            }
            Err(error) => report(&shared, &error, &mut failing),
        }
        if is_all {
            read_anew = Instant::now();
            prune(&*store, (shared.clock)()).await;
        }
    }
}

/// Brings the table up to date.
async fn refresh(shared: &Shared, store: &dyn AccessStore, is_all: bool) -> Result<(), AccessStoreError> {
    let as_of = Instant::now();
    let known = shared.table().version();
    if !is_all {
        let changes = store.keys_since(known).await?;
        if changes.version >= known {
            let is_changed = !changes.keys.is_empty();
            shared.table.write().unwrap_or_else(PoisonError::into_inner).apply(changes, as_of);
            if is_changed {
                shared.changed.send_replace(());
            }
            return Ok(());
        }
        tracing::warn!("the store of keys is older than before, as if it was restored from a backup");
    }
    let table = Table::of(store.keys_since(0).await?, as_of);
    let before = std::mem::replace(&mut *shared.table.write().unwrap_or_else(PoisonError::into_inner), table);
    // Not while others wait.
    drop(before);
    shared.changed.send_replace(());
    Ok(())
}

/// Logs the first failure, and that keys no longer hold.
fn report(shared: &Shared, error: &AccessStoreError, failing: &mut Option<bool>) {
    let (held, is_over) = (shared.timing.held, shared.age(&shared.table()).is_err());
    match (*failing, is_over) {
        (None, _) => {
            let seconds = held.as_secs();
            tracing::warn!(
                error = format!("{error:#}"),
                "the store of keys does not answer; known keys hold for {seconds} s more"
            );
        }
        (Some(false), true) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the store of keys does not answer; no issued key is accepted until it does"
            );
        }
        _ => {}
    }
    *failing = Some(is_over);
}

/// Removes what is over for long. What cannot be removed now is removed later.
async fn prune(store: &dyn AccessStore, now_ms: u64) {
    let ended = Ended {
        windows_before_ms: now_ms.saturating_sub(WINDOWS_KEPT_MS),
        keys_before_ms: now_ms.saturating_sub(KEYS_KEPT_MS),
    };
    for _ in 0..PRUNED_STEPS {
        if !matches!(store.prune(ended).await, Ok(true)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
